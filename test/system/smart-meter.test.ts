import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { ReadingJson } from "../../gateway/model/json.ts";
import { attachP1Meter, p1Scene } from "../../simulators/p1-meter.ts";
import { openPty } from "../../simulators/pty.ts";
import { seededRandom } from "../../simulators/scenes/nature.ts";
import { ask, newFolder, root, startDaemon } from "./daemon.ts";
import { writeProfiles } from "./field.ts";

const id = "swedish-grid/p1-meter";
/** The shipped profile, but the meter is missed after a second instead of a minute. */
const profile = readFileSync(join(root, "device-profiles", `${id}.yaml`), "utf8").replace(
  "codec: p1",
  "codec: p1, silentAfter: 1s",
);

describe("a smart meter on a serial port", () => {
  it("is heard unasked, missed while its telegrams are damaged, and heard again", async () => {
    const folder = newFolder();
    const link = join(folder, "ttyP1");
    writeProfiles(folder, { [id]: profile });
    await using daemon = await startDaemon({
      folder,
      yaml: `gateway: {id: gw-test, pen: 32474}
profiles: [device-profiles]
audiences: {owner: {personal: true}}
connections: {h1: {protocol: smart-meter, serial: {port: ${link}}}}
devices: {meter: {profile: ${id}, connection: h1, audience: owner}}
poll: {fast: 200ms, normal: 200ms, slow: 200ms}
storage: {folder: store}
`,
    });
    await daemon.until(({ devices }) => devices[0]?.state === "unavailable");
    await using pty = openPty({ link });
    const scene = p1Scene({ now: () => Date.now(), random: seededRandom(7) }, 20_000);
    let damaged = false;
    using _meter = attachP1Meter(pty, {
      everyMs: 100,
      state: () => ({ ...scene(), energyImport: 12_345.678 }),
      distort: (telegram) => (damaged ? telegram.replace("12345.678", "92345.678") : telegram),
    });
    const state = (wanted: string) => daemon.until(({ devices }) => devices[0]?.state === wanted);
    const latest = async () =>
      (await ask<ReadingJson[]>(daemon.socket, "GET", "/v1/latest?device=meter")).body;
    const energy = async () => (await latest()).find(({ point }) => point === "energy_import");
    const everything = async () => {
      const { body } = await ask<ReadingJson[]>(daemon.socket, "POST", "/v1/read", '{"device": "meter"}');
      return body;
    };

    await state("available");
    const readings = await everything();
    expect(readings).toHaveLength(27);
    expect(readings.filter(({ quality }) => quality !== "good")).toEqual([]);
    expect(readings).toContainEqual(
      expect.objectContaining({ point: "energy_import", value: 12_345.678, unit: "kWh", quality: "good" }),
    );

    damaged = true;
    await state("unavailable");
    expect(await energy()).toMatchObject({ quality: "comm-error" });
    expect((await energy())?.value).toBeUndefined();
    await daemon.logged(({ msg, code }) => msg === "the device is not available" && code === "silent");

    damaged = false;
    await state("available");
    expect((await everything()).find(({ point }) => point === "energy_import")).toMatchObject({
      value: 12_345.678,
      quality: "good",
    });
    expect((await daemon.end("SIGTERM")).code).toBe(0);
  });
});
