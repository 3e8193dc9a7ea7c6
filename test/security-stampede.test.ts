import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { expect, it } from "vitest";
import type { Clock } from "../gateway/model/clock.ts";
import { openMqtt } from "./mqtt/open-mqtt.ts";
import { realClock } from "./mqtt/real-clock.ts";

/** Where nobody listens. */
async function deadPort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** The pauses that a gateway makes before it tries again, ms. */
async function pausesOf(count: number, random: () => number): Promise<number[]> {
  const pauses: number[] = [];
  const enough = Promise.withResolvers<void>();
  const clock: Clock = {
    ...realClock,
    sleep: async (ms) => {
      pauses.push(ms);
      if (pauses.length === count) enough.resolve();
      // The last one never ends.
      if (pauses.length >= count) await new Promise(() => {});
    },
  };
  const ended = new AbortController();
  const url = `mqtt://127.0.0.1:${await deadPort()}`;
  await openMqtt({ type: "mqtt", url }, { clock, random, signal: ended.signal });
  await enough.promise;
  ended.abort();
  return pauses;
}

it("a gateway that cannot reach its broker waits twice as long each time, up to a minute", async () => {
  expect(await pausesOf(8, () => 0.5)).toEqual([1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000]);
});

it("a thousand gateways that lost their broker at one moment do not come back at one moment", async () => {
  let state = 1;
  // Numerical Recipes' generator: the same every time.
  const random = () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
  const firsts = (await Promise.all(Array.from({ length: 50 }, () => pausesOf(6, random)))).map(
    (pauses) => pauses.at(-1) ?? 0,
  );
  // Of any six seconds of that minute none gets more than a third of them.
  for (let from = 0; from < 60_000; from += 1000)
    expect(firsts.filter((at) => at >= from && at < from + 6000).length).toBeLessThan(17);
});
