import { connectAsync } from "mqtt";
import { describe, expect, it } from "vitest";
import { openBroker } from "../../../simulators/broker.ts";
import { connack5, openPeer, puback } from "../../../test/mqtt/broker-peer.ts";
import { never, openMqtt } from "../../../test/mqtt/open-mqtt.ts";
import { realClock } from "../../../test/mqtt/real-clock.ts";
import { StorageError } from "../../model/errors.ts";
import { silentLog } from "../../model/log.ts";
import type { IncomingCommand } from "../northbound.ts";

// Real brokers: test/contract/northbound.contract.ts and test/ci/commands-mosquitto.test.ts.

const textOf = ({ body }: IncomingCommand) => Buffer.from(body).toString();
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setImmediate(resolve));
}

describe("commands that the disk does not take", () => {
  it("are left to the broker, which is asked again after a while; telemetry goes on meanwhile", async () => {
    await using broker = await openBroker({ port: 0 });
    const late: (() => void)[] = [];
    const clock = {
      ...realClock,
      timer(ms: number, callback: () => void) {
        if (ms !== 60_000) return realClock.timer(ms, callback);
        late.push(callback);
        return { [Symbol.dispose]: () => void late.splice(late.indexOf(callback), 1) };
      },
    };
    const errors: string[] = [];
    const log = { ...silentLog, error: (_: object, text: string) => void errors.push(text) };
    let full = true;
    const taken: string[] = [];
    await using northbound = await openMqtt(
      { url: broker.url },
      {
        clock,
        log,
        async onCommand(command) {
          if (full) throw new StorageError("the disk is full", { code: "disk-full" });
          taken.push(textOf(command));
        },
      },
    );
    await until(() => northbound.status().commands?.subscribed === true);
    const city = await connectAsync(broker.url);
    for (const body of ["a", "b"])
      await city.publishAsync("stadsnod/v1/gw1/command/lamp-1", body, { qos: 1 });
    await until(() => northbound.status().commands?.notKept === 2);
    expect(northbound.status()).toMatchObject({ connected: true, commands: { taken: 0 } });
    // Once for both, however often it is tried.
    expect(errors).toEqual(["a command could not be kept: it may come again"]);
    expect(late).toHaveLength(1);
    full = false;
    late[0]?.();
    await until(() => taken.length === 2);
    expect(taken).toEqual(["a", "b"]);
    expect(late).toEqual([]);
    await city.endAsync();
  });
});

describe("answers over MQTT 5", () => {
  const answer = (topic: string) => ({
    device: "lamp-1",
    body: Buffer.from([0xa0]),
    replyTo: { topic, correlation: Uint8Array.of(1, 2, 3) },
  });

  it("go to the results and to the response topic, with the correlation data", async () => {
    await using peer = await openPeer({ connect: () => connack5(0) });
    await using northbound = await openMqtt({ url: peer.url });
    await northbound.connected(never);
    await northbound.answer?.(answer("stadsnod/replies/7"), never);
    expect(
      peer.publishes.map(({ topic, retain, contentType, correlation }) => [
        topic,
        retain,
        contentType,
        correlation?.toString("hex"),
      ]),
    ).toEqual([
      ["stadsnod/v1/gw1/result/lamp-1", false, "application/cbor", "010203"],
      ["stadsnod/replies/7", false, "application/cbor", "010203"],
    ]);
  });

  it("never go where a sender has no business", async () => {
    await using peer = await openPeer({ connect: () => connack5(0) });
    await using northbound = await openMqtt({ url: peer.url });
    await northbound.connected(never);
    for (const topic of [
      "stadsnod/v1/gw1/state",
      "stadsnod/v1/gw2/command/lamp-1",
      "other/replies",
      "stadsnod/#",
    ])
      await northbound.answer?.(answer(topic), never);
    expect(new Set(peer.publishes.map(({ topic }) => topic))).toEqual(
      new Set(["stadsnod/v1/gw1/result/lamp-1"]),
    );
  });

  it("are delivered although the broker refuses the response topic, which is said once", async () => {
    await using peer = await openPeer({
      connect: () => connack5(0),
      publish: ({ id, topic }) => puback(id, topic === "stadsnod/replies/7" ? 135 : 0),
    });
    const warnings: string[] = [];
    const log = { ...silentLog, warn: (_: object, text: string) => void warnings.push(text) };
    await using northbound = await openMqtt({ url: peer.url }, { log });
    await northbound.connected(never);
    for (const _ of [1, 2]) await northbound.answer?.(answer("stadsnod/replies/7"), never);
    expect(warnings).toEqual(["the broker refused a message to stadsnod/replies/7 (reason 135)"]);
  });

  it("reject with RefusedError when the broker takes no results, with the signal's reason when it aborts", async () => {
    await using peer = await openPeer({ connect: () => connack5(0), publish: ({ id }) => puback(id, 135) });
    await using northbound = await openMqtt({ url: peer.url });
    await northbound.connected(never);
    await expect(northbound.answer?.(answer("x"), never)).rejects.toMatchObject({
      name: "RefusedError",
      code: "not-authorized",
    });
    await expect(northbound.answer?.(answer("x"), AbortSignal.abort(new Error("enough")))).rejects.toThrow(
      "enough",
    );
  });
});
