import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { DeviceProfile } from "../model/device.ts";
import { loadProfile } from "../profiles/load.ts";
import { lorawan } from "../southbound/lorawan/protocol.ts";
import type { Protocol, UnknownDevice } from "../southbound/protocol.ts";
import { heardJob } from "./heard.ts";
import type { JobStep } from "./jobs.ts";

const folder = join(import.meta.dirname, "../../device-profiles");
function profileOf(id: string): DeviceProfile {
  const file = join(folder, `${id}.yaml`);
  const { profile } = loadProfile(readFileSync(file, "utf8"), file, [lorawan as Protocol]);
  if (!profile) throw new Error(`${id} does not load`);
  return profile;
}
const profiles = ["milesight/em400-mud", "bosch/tps110", "nas/ul2020"].map(profileOf);

const bin: UnknownDevice = {
  settings: { devEui: "24e124713b000001" },
  name: "bin at the square",
  model: "milesight/EM400-MUD",
  heard: 3,
  lastHeard: { base: "unix", ms: 0 },
  given: { fPort: 85, payload: "017564 0367f800 04820101 050001" },
};

async function run(heard: readonly UnknownDevice[], signal = new AbortController().signal) {
  const steps: JobStep[] = [];
  const context = { profiles: async () => profiles };
  for await (const step of heardJob(
    { connection: "lorawan", protocol: lorawan as Protocol, heard },
    context,
    signal,
  ))
    steps.push(step);
  return steps;
}

describe("devices that a network server has heard", () => {
  it("are found with the profile that the server's name of the model and the payload speak for", async () => {
    const steps = await run([bin]);
    const found = steps.flatMap(({ finding }) => (finding?.kind === "device" ? [finding] : []));
    expect(found).toMatchObject([
      {
        protocol: "lorawan",
        settings: { devEui: "24e124713b000001" },
        says: "milesight/EM400-MUD, bin at the square",
        profiles: [{ profile: "milesight/em400-mud", by: "identified" }],
      },
    ]);
    expect(found[0]?.profiles[0]?.evidence.length).toBeGreaterThan(0);
    expect(steps.at(-1)?.progress).toMatchObject({ done: 1, total: 1 });
  });

  it("end at once where there are none, and when nobody wants to know any more", async () => {
    expect(await run([])).toMatchObject([{ progress: { done: 0, total: 0 } }]);
    await expect(run([bin], AbortSignal.abort(new Error("enough")))).rejects.toThrow("enough");
  });
});
