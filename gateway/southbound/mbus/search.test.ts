import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { attachMeters, type HeatScene, heatMeter, type MbusMeter } from "../../../simulators/mbus-meter.ts";
import { VirtualClock } from "../../../test/fault/virtual-clock.ts";
import { silentLog } from "../../model/log.ts";
import { loadProfile } from "../../profiles/load.ts";
import { memoryPair } from "../../transport/memory.ts";
import type { ScanInput, ScanStep } from "../protocol.ts";
import { mbus } from "./protocol.ts";

const profiles = ["kamstrup/multical-601", "elvaco/cma10", "itron/cyble"].map((id) => {
  const file = resolve(import.meta.dirname, `../../../device-profiles/${id}.yaml`);
  const { profile } = loadProfile(readFileSync(file, "utf8"), file, [mbus]);
  if (!profile) throw new Error(`${id} is no profile`);
  return profile;
});

const scene = (): HeatScene => ({
  energyKwh: 37_351,
  volumeLitres: 561_080,
  powerW: 34_700,
  flowLitresPerHour: 543,
  supplyC: 71.2,
  returnC: 39.8,
  lastMonthKwh: 36_900,
});
const meter = (address: number, id: string, manufacturer = "KAM") =>
  heatMeter({ address, id, manufacturer, version: 8 }, scene);

async function search(metersAt: (baud: number) => readonly MbusMeter[], what: Partial<ScanInput> = {}) {
  const clock = new VirtualClock();
  const connection = mbus.connection.parse({ serial: { port: "/dev/ttyS9" } });
  const input: ScanInput = { profiles, effort: "quick", lines: mbus.lineSettings!(connection), ...what };
  const heard: string[] = [];
  const steps: ScanStep[] = [];
  let ended = false;
  const from = clock.monotonic();
  const scanning = (async () => {
    for await (const step of mbus.scan!(connection, input, {
      clock,
      random: () => 0.5,
      log: silentLog,
      emit: async () => {},
      signal: new AbortController().signal,
      connect: async (endpoint) => {
        const baud = "baud" in endpoint ? endpoint.baud : 2400;
        const [near, far] = memoryPair(clock, { byteMs: 11_000 / baud, endpoint });
        const wire = {
          send: (bytes: Uint8Array) => void far.write(bytes).catch(() => {}),
          receive: (receiver: (chunk: Uint8Array) => void) =>
            far.receive((chunk) => {
              heard.push(Buffer.from(chunk).toString("hex"));
              receiver(chunk);
            }),
        };
        attachMeters(wire, metersAt(baud), { after: (ms, callback) => clock.timer(ms, callback) });
        return near;
      },
    }))
      steps.push(step);
  })().finally(() => {
    ended = true;
  });
  scanning.catch(() => {});
  while (!ended) await clock.advance(1000);
  await scanning;
  const found = steps.filter((step) => "kind" in step && step.kind === "device");
  return { found, steps, heard, tookMs: clock.monotonic() - from, plan: mbus.scanPlan!(connection, input) };
}

describe("search of an M-Bus line", () => {
  it("finds meters by secondary address at their speed, each once, with what they are", async () => {
    const { found, heard, tookMs, plan } = await search((baud) =>
      baud === 9600 ? [meter(5, "12345678"), meter(0, "12349999"), meter(0, "87654321", "ELV")] : [],
    );
    expect(found.map(({ settings }) => settings)).toEqual([
      { secondary: expect.stringMatching(/^12345678 KAM 8 \d+$/) },
      { secondary: expect.stringMatching(/^12349999 KAM 8 \d+$/) },
      { secondary: expect.stringMatching(/^87654321 ELV 8 \d+$/) },
    ]);
    expect(found[0]).toMatchObject({
      connection: { serial: { port: "/dev/ttyS9", baud: 9600 } },
      says: expect.stringContaining("KAM, 12345678, version 8"),
    });
    expect(found[0]?.profiles[0]?.profile).toBe("kamstrup/multical-601");
    expect(tookMs).toBeLessThanOrEqual(plan.worstMs + 1000);
    // SND_NKE 40, REQ_UD2 5B and 7B, and SND_UD of nothing but a selection (CI 52).
    const controls = heard.map((frame) =>
      frame.startsWith("10") ? frame.slice(2, 4) : `${frame.slice(8, 10)} ${frame.slice(12, 14)}`,
    );
    expect([...new Set(controls)].toSorted()).toEqual(["40", "53 52", "5b", "7b"]);
    // What it says is what gateway.yaml takes.
    expect(mbus.device.safeParse(found[0]?.settings).data).toMatchObject({
      secondary: { id: "12345678", manufacturer: "KAM", version: 8 },
    });
  });

  it("ends soon where nobody is", async () => {
    const { found, tookMs, plan } = await search(() => []);
    expect(found).toEqual([]);
    expect(tookMs).toBeLessThan(plan.worstMs);
    expect(tookMs).toBeLessThan(20_000);
  });

  it("asks only the addresses that it is told", async () => {
    const { found } = await search(
      (baud) => (baud === 2400 ? [meter(5, "12345678"), meter(7, "22345678")] : []),
      {
        addresses: "6-8",
      },
    );
    expect(found.map(({ settings }) => settings)).toEqual([{ address: 7 }]);
  });
});
