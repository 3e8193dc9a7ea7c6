import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describe, expect, it } from "vitest";
import { type SoakFigures, soakDays } from "../fault/soak.ts";
import type { SoakSample } from "../soak/soak.ts";
import { judgeSoak } from "../soak/verdict.ts";

setFlagsFromString("--expose-gc");
const gc: unknown = runInNewContext("gc");
function collect(): void {
  if (typeof gc === "function") gc();
}

describe("72 hours of the whole gateway on the virtual clock", () => {
  it("leave heap, timers, queues and disk as they were", { timeout: 900_000 }, async () => {
    const began = process.cpuUsage();
    const figures = await soakDays({ seed: 1, hours: 72, collect });
    const { user, system } = process.cpuUsage(began);
    console.log(`${described(figures)}; ${((user + system) / 1e6).toFixed(0)} s of CPU`);
    expect(figures.troubles).toEqual([]);
    expect(figures.readings).toBeGreaterThan(100_000);
  });

  it("show an object that is kept per quarter of an hour, and a timer", { timeout: 300_000 }, async () => {
    const kept: unknown[] = [];
    const leaking = await soakDays({
      seed: 1,
      hours: 12,
      collect,
      leak: (clock) => {
        kept.push(
          new Uint8Array(10_000),
          clock.timer(1e12, () => {}),
        );
      },
    });
    expect(leaking.troubles).toEqual([
      expect.stringMatching(/^heap: .* more per hour$/),
      expect.stringMatching(/^timers: .* more per hour$/),
    ]);
    expect(kept.length).toBeGreaterThan(40);
  });
});

describe("the judge of a real hour", () => {
  const samples = (of: (minute: number) => Partial<SoakSample>): SoakSample[] =>
    Array.from({ length: 361 }, (_, look) => ({
      ms: look * 10_000,
      rss: 150e6 + 5e6 * Math.sin(look),
      pss: 100e6,
      anonymous: 90e6,
      threads: 12,
      fds: { socket: 6, file: 5 + (look % 2) },
      cpuMs: look * 400,
      disk: { bytes: 8e6, files: 7 },
      historyBytes: 16e6,
      waiting: 0,
      answerMs: 5,
      readings: look * 10_000,
      ...of(look / 6),
    }));
  const judged = (of: (minute: number) => Partial<SoakSample>) =>
    judgeSoak({ samples: samples(of), missing: 0, duplicates: 0, lost: 0 }).troubles.join("; ");

  it("calls flat what is flat", () => {
    expect(judged(() => ({}))).toBe("");
  });

  it.each<[string, RegExp, (minute: number) => Partial<SoakSample>]>([
    ["memory", /^memory: grows/, (minute) => ({ rss: 150e6 + minute * 0.2e6 + 1e6 * Math.sin(minute * 6) })],
    [
      "handles",
      /^open file descriptors/,
      (minute) => ({ fds: { socket: 6, file: 5 + Math.floor(minute / 5) } }),
    ],
    ["threads", /^threads/, (minute) => ({ threads: minute > 40 ? 13 : 12 })],
    ["disk", /^the store takes/, (minute) => ({ disk: { bytes: 8e6 + minute * 4e5, files: 7 } })],
    ["history", /^the local history takes/, (minute) => ({ historyBytes: minute * 1e6 })],
  ])("sees growing %s", (_, what, of) => {
    expect(judged(of)).toMatch(what);
  });
});

function described({ looks, readings, heap, timers, diskBytes, mostFiles }: SoakFigures): string {
  const last = looks.at(-1);
  return `${readings} readings in ${last?.hour} h; heap ${(heap.mean / 1e6).toFixed(1)} MB, ${(heap.slope / 1000).toFixed(2)} ± ${(heap.plusMinus / 1000).toFixed(2)} kB/h; ${last?.timers} timers, ${timers.slope.toFixed(3)} ± ${timers.plusMinus.toFixed(3)} per hour; disk ${(diskBytes.mean / 1e6).toFixed(2)} MB, ${(diskBytes.slope / 1000).toFixed(2)} kB/h, at most ${mostFiles} files`;
}
