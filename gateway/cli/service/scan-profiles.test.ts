import { resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { ScanProfiles } from "./scan-profiles.ts";

const shipped = resolve(import.meta.dirname, "../../../device-profiles");

describe("the profiles of a scan", () => {
  it("are read without holding up the daemon, each as it is, without what writes", async () => {
    const lists = new ScanProfiles(() => [shipped]);
    const before = performance.eventLoopUtilization();
    const [profiles, same] = await Promise.all([lists.all(), lists.all()]);
    const { active, idle } = performance.eventLoopUtilization(before);
    // Reading them here takes all of the time.
    expect(active).toBeLessThan(idle);
    expect(same).toBe(profiles);
    const modbus = profiles.filter(({ protocol }) => protocol === "modbus");
    expect(modbus.length).toBeGreaterThan(40);
    expect(new Set(profiles.map(({ protocol }) => protocol))).not.toContain("lorawan");
    expect(modbus.some(({ identify = [] }) => identify.length > 0)).toBe(true);
    const handedOver = profiles.filter(({ computed = [] }) => !computed.some(({ formula }) => formula));
    expect(handedOver.some(({ points }) => points.some(({ write }) => write))).toBe(false);
    // Its formula is a function: read here, and whole.
    const computed = modbus.flatMap(({ computed = [] }) => computed);
    expect(computed.some(({ formula }) => typeof formula?.evaluate === "function")).toBe(true);
  });

  it("are not waited for by who has been stopped", async () => {
    const stop = new AbortController();
    const asked = new ScanProfiles(() => [shipped]).all(stop.signal);
    stop.abort(new Error("stopped"));
    await expect(asked).rejects.toThrow("stopped");
  });
});
