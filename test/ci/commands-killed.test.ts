import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { createModbusActuator } from "../../simulators/actuators/actuator.ts";
import { openCityControl } from "../../simulators/city-control.ts";
import { openModbusServer } from "../../simulators/modbus/server.ts";
import { seeded } from "../fault/random.ts";
import { type Daemon, newFolder, startDaemon } from "../system/daemon.ts";
import { writeProfiles } from "../system/field.ts";
import { words } from "./command-bench.ts";
import { startMosquitto } from "./mosquitto.ts";

// The gateway is killed while commands flow. Every command asks for a value that no other one asks for, so that the
// device's own record tells which was written, and how often.

const gateway = "gw-killed";
const units = [1, 2, 3, 4];
const points = [0, 1, 2, 3];
const kills = Number(process.env.STADSNOD_KILLS ?? 40);
/** A command about every so many milliseconds. */
const everyMs = 15;
/** From the start of a gateway to its end; it takes a good second to be ready. */
const longestLifeMs = 3500;

const profile = `profile: test/board
version: 1.0.0
title: Board of the test
manufacturer: Test
models: [B]
category: io-module
sources: [{document: made for the test}]
status: draft
protocol: modbus
modbus: {addressing: protocol}
points:
${points
  .map(
    (point) =>
      `  p${point}: {at: {holding: ${point}}, unit: count, class: normal, write: {verify: {within: 1s, retries: 0}}}`,
  )
  .join("\n")}
`;

function configuration(broker: string, port: number): string {
  const devices = units.map(
    (unit) => `  board-${unit}: {profile: test/board, connection: field, unit: ${unit}}`,
  );
  return `gateway: {id: ${gateway}, pen: 32474}
profiles: [device-profiles]
connections: {field: {protocol: modbus, tcp: {host: 127.0.0.1, port: ${port}}}}
devices:
${devices.join("\n")}
poll: {normal: 2s}
northbound: {city: {type: mqtt, url: "${broker}"}}
storage: {folder: store, maxBytes: 50MB}
commands: {issuers: {city-control: {devices: ["*"], points: ["*"]}}}
`;
}

describe(`commands while the gateway is killed ${kills} times`, () => {
  it("each gets one last word, and none is written twice", { timeout: 400_000 }, async () => {
    const random = seeded(Number(process.env.STADSNOD_SEED ?? 20_261_122));
    const boards = units.map(() =>
      createModbusActuator({
        registers: { holding: { 0: points.map(() => "0000").join("") } },
        scene: () => {},
      }),
    );
    await using server = await openModbusServer({
      listen: { tcp: 0 },
      units: Object.fromEntries(units.map((unit, index) => [unit, boards[index]!.settings])),
    });
    const broker = await startMosquitto({ port: 0 });
    await using stack = new AsyncDisposableStack();
    stack.defer(() => broker.stop());
    const city = stack.use(await openCityControl({ url: broker.url }));
    const folder = newFolder();
    writeProfiles(folder, { "test/board": profile });
    const yaml = configuration(broker.url, server.port);
    let daemon: Daemon = await startDaemon({ folder, yaml });
    stack.defer(() => daemon[Symbol.asyncDispose]());
    const subscribed = () =>
      broker.log.filter((line) => line.includes(`Received SUBSCRIBE from stadsnod-${gateway}`));
    while (subscribed().length === 0) await sleep(10);

    /** Value of each command, by id. */
    const asked = new Map<string, number>();
    let flowing = true;
    const flow = (async () => {
      for (let value = 1; flowing; value++) {
        const id = `k-${value}`;
        asked.set(id, value);
        const unit = 1 + Math.floor(random() * units.length);
        const point = `p${Math.floor(random() * points.length)}`;
        await city.command(gateway, `board-${unit}`, { id, point, value, expiresIn: 600_000 });
        await sleep(random() * 2 * everyMs);
      }
    })();
    const startedAt = performance.now();
    for (let kill = 0; kill < kills; kill++) {
      await sleep(random() * longestLifeMs);
      await daemon.end("SIGKILL");
      daemon = await startDaemon({ folder, yaml, nowait: true });
    }
    const killingS = (performance.now() - startedAt) / 1000;
    flowing = false;
    await flow;
    // Each message is looked at once: who searches all of them holds up the simulated boards in this process.
    const ended = new Set<unknown>();
    let seen = 0;
    await city.until(() => {
      for (; seen < city.told.length; seen++) {
        const result = city.told[seen]?.result;
        if (result?.last === true) ended.add(result.id);
      }
      return ended.size >= asked.size;
    });

    // A gateway that ends in order has told everything; one more start shows that nothing is left over.
    await daemon.end("SIGTERM");
    daemon = await startDaemon({ folder, yaml });
    await city.command(gateway, "board-1", { id: "end", point: "p0", value: 65_000, expiresIn: 60_000 });
    expect(words(await city.last("end"))).toBe("succeeded 65000 verified");
    await city.publish("stadsnod/replies/end", Buffer.from([0xa0]));
    await city.until(() => city.told.some(({ topic }) => topic === "stadsnod/replies/end"));

    const writes = new Map<number, number>();
    for (const { written } of boards)
      for (const { value } of written) writes.set(value, (writes.get(value) ?? 0) + 1);
    const ends = new Map<string, number>();
    const wrong: string[] = [];
    let lastWords = 0;
    for (const [id, value] of asked) {
      const lasts = city.results(id).filter(({ last }) => last === true);
      lastWords += lasts.length;
      const said = words({ ...lasts[0], value: undefined });
      const times = writes.get(value) ?? 0;
      const kept = `${said}, written ${times === 0 ? "never" : times === 1 ? "once" : `${times} times`}`;
      ends.set(kept, (ends.get(kept) ?? 0) + 1);
      if (new Set(lasts.map((one) => JSON.stringify(one))).size !== 1) wrong.push(`${id} ended in two ways`);
      if (times > 1) wrong.push(`${id} was written ${times} times`);
      if (said.startsWith("succeeded") && times !== 1) wrong.push(`${id} succeeded, written ${times} times`);
      if (/overridden|expired/.test(said) && times !== 0) wrong.push(`${id} was given up, and written`);
    }
    const counted = (pattern: RegExp) => broker.log.filter((line) => pattern.test(line)).length;
    const count = {
      commands: asked.size,
      "sent by the broker": counted(/Sending PUBLISH to stadsnod-gw-killed \(d0/),
      "sent again": counted(/Sending PUBLISH to stadsnod-gw-killed \(d1/),
      acknowledged: counted(/Received PUBACK from stadsnod-gw-killed /),
      "last words": lastWords,
      ...Object.fromEntries(ends),
    };
    console.log(`${kills} kills in ${killingS.toFixed(0)} s`, count);
    expect(wrong).toEqual([]);
    expect(
      [...ends.keys()].filter((said) => !/^(succeeded|failed (overridden|interrupted))/.test(said)),
    ).toEqual([]);
    expect(count.acknowledged).toBeGreaterThanOrEqual(asked.size + 1);
    // Kills that hit nothing would show nothing.
    if (kills >= 20) {
      expect(count["sent again"]).toBeGreaterThan(0);
      expect([...ends.keys()].some((said) => said.includes("interrupted"))).toBe(true);
      expect(count["last words"]).toBeGreaterThan(asked.size);
    }
  });
});
