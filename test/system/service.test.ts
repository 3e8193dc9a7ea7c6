import { once } from "node:events";
import { type IncomingMessage, request } from "node:http";
import { createInterface } from "node:readline";
import { describe, expect, it } from "vitest";
import * as answers from "../../gateway/local/answers.ts";
import type { Alarm, FrameSeen, MachineFacts, ProfileSummary } from "../../gateway/local/commissioning.ts";
import type { ConnectionStatus } from "../../gateway/southbound/status.ts";
import { ask, newFolder, startDaemon } from "./daemon.ts";
import { configuration, meterProfile, openMeters, writeProfiles } from "./field.ts";

async function daemonOn(port: number) {
  const folder = newFolder();
  writeProfiles(folder, { "test/meter": meterProfile });
  const daemon = await startDaemon({ folder, yaml: configuration({ port, devices: { "meter-1": {} } }) });
  await daemon.until(({ devices }) => devices.every(({ state }) => state === "available"));
  return daemon;
}

describe("the service of a running gateway", () => {
  it("shows what goes over the wire, and how long answers took", async () => {
    await using meters = await openMeters([1]);
    await using daemon = await daemonOn(meters.port);
    const asked = request({ socketPath: daemon.socket, path: "/v1/frames/roof" }).end();
    asked.on("error", () => {});
    const response: IncomingMessage = (await once(asked, "response"))[0];
    const lines = createInterface({ input: response });
    // We leave in the middle of it.
    for (const part of [response, lines]) part.on("error", () => {});
    const frames: FrameSeen[] = [];
    for await (const line of lines) {
      if (line.startsWith("data: [")) frames.push(...answers.frames.parse(JSON.parse(line.slice(6))));
      if (frames.length >= 8) break;
    }
    asked.destroy();
    // MBAP, unit 1, read holding registers 0 to 6; and 7 registers that begin with 230.5 V.
    expect(frames.find(({ direction }) => direction === "sent")?.hex).toMatch(/^....00000006010300000007$/);
    expect(frames.find(({ direction }) => direction === "received")?.hex).toMatch(
      /^....0000001101030e43668000ffca/,
    );
    const { body } = await ask<ConnectionStatus[]>(daemon.socket, "GET", "/v1/connections");
    const { replies, errors } = body[0]!;
    expect(replies.counts).toHaveLength(replies.bounds.length + 1);
    expect(replies.counts.reduce((sum, count) => sum + count)).toBeGreaterThanOrEqual(1);
    expect(errors).toEqual({});
  });

  it("has an alarm while its meter is away, and none before and after", async () => {
    const meters = await openMeters([1]);
    await using daemon = await daemonOn(meters.port);
    const alarms = async () =>
      answers.alarms
        .parse((await ask<Alarm[]>(daemon.socket, "GET", "/v1/alarms")).body)
        // Of the machine that the tests run on nothing is known.
        .filter(({ id }) => !id.startsWith("machine "));
    expect(await alarms()).toEqual([]);
    await meters[Symbol.asyncDispose]();
    await daemon.until(({ connections }) => connections.some(({ state }) => state === "waiting"));
    await expect.poll(alarms, { timeout: 20_000 }).toMatchObject([
      {
        id: "connection roof down",
        severity: "major",
        since: expect.stringMatching(/^20/),
        connection: "roof",
      },
    ]);
  });

  it("knows its machine and its profiles", async () => {
    await using meters = await openMeters([1]);
    await using daemon = await daemonOn(meters.port);
    const machine = await ask<MachineFacts>(daemon.socket, "GET", "/v1/machine");
    expect(answers.machine.parse(machine.body)).toMatchObject({ node: process.version });
    expect(machine.body.disk.totalMB).toBeGreaterThan(0);
    const profiles = await ask<ProfileSummary[]>(daemon.socket, "GET", "/v1/profiles");
    expect(answers.profiles.parse(profiles.body)).toMatchObject([
      {
        id: "test/meter",
        protocol: "modbus",
        points: [{ name: "voltage", unit: "V", writable: false }, {}, {}, {}, {}],
      },
    ]);
    expect(await ask(daemon.socket, "GET", "/v1/frames/nowhere")).toMatchObject({
      status: 404,
      body: { error: "unknown-connection" },
    });
    expect(await ask(daemon.socket, "GET", "/v1/jobs")).toMatchObject({ status: 200, body: [] });
  });
});
