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
  .map((point) => `  p${point}: {at: {holding: ${point}}, unit: count, class: normal, write: {verify: {within: 1s, retries: 0}}}`)
  .join("\n")}
`;

function configuration(broker: string, port: number): string {
  const devices = units.map((unit) => `  board-${unit}: {profile: test/board, connection: field, unit: ${unit}}`);
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
    const subscribed = () => broker.log.filter((line) => line.includes(`Received SUBSCRIBE from stadsnod-${gateway}`));
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
    await city.until(() => [...asked.keys()].every((id) => city.results(id).some(({ last }) => last === true)));
    // What is still on its way to the broker would be another last word: the gateway says when there is none.
    await daemon.answers();
    const { end } = await import("./drained.ts").then(() => ({ end: true })).catch(() => ({ end: false }));
    expect(end).toBe(false);
  });
});
