import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { VirtualClock } from "../../test/fault/virtual-clock.ts";
import { good, sampleDevice, samplePoint } from "../../test/telemetry/sample.ts";
import { silentLog } from "../model/log.ts";
import { History } from "./history.ts";
import { answerHistory, type HistoryAnswer, historyQueryOf } from "./history-answer.ts";

const start = 1_790_000_000_000;
let folder: string;
let history: History;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "stadsnod-answer-"));
  history = new History({
    clock: new VirtualClock({ unix: start }),
    log: silentLog,
    file: join(folder, "history.sqlite"),
    maxAgeMs: 86_400_000,
    maxBytes: 100_000_000,
    personal: false,
  });
  const device = sampleDevice("m1");
  const points = ["a", "b", "c"].map((name) => samplePoint(name, { unit: "W" }));
  // The unit of one changes on the way.
  points.push(samplePoint("b", { unit: "kW" }));
  for (const [place, point] of points.entries()) {
    const readings = Array.from({ length: 40 }, (_, at) =>
      good(device, point, place * 1000 + at, { base: "unix", ms: start - 100_000 + at * 777 }),
    );
    history.record(readings);
  }
});
afterAll(async () => {
  await history[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

const rowsOf = ({ series }: HistoryAnswer) =>
  series.flatMap(({ point, unit, rows }) => rows.map((row) => ({ point, unit, ...row })));

describe("answerHistory", () => {
  it.each([
    "",
    "&order=descending",
    "&every=5s&function=max",
    "&every=5s&function=last&order=descending",
    "&point=c&point=b",
  ])("gives the same page by page as at once: %s", async (more) => {
    const whole = await answerHistory(history, new URLSearchParams(`device=m1${more}`), start);
    expect(whole.next).toBeUndefined();
    const paged: ReturnType<typeof rowsOf> = [];
    const asked = new URLSearchParams(`device=m1&limit=7${more}`);
    for (;;) {
      const answer = await answerHistory(history, asked, start);
      const rows = rowsOf(answer);
      expect(rows.length).toBeLessThanOrEqual(7);
      paged.push(...rows);
      if (answer.next === undefined) break;
      asked.set("after", answer.next);
    }
    expect(paged).toEqual(rowsOf(whole));
    expect(paged.length).toBeGreaterThan(20);
  });

  it.each([
    "point=a",
    "device=m1&from=yesterday",
    "device=m1&every=often",
    "device=m1&every=1m&function=median",
    "device=m1&function=max",
    "device=m1&limit=0",
    "device=m1&after=here",
    "device=m1&order=random",
    "device=m1&colour=red",
  ])("refuses %s", (query) => {
    expect(() => historyQueryOf(new URLSearchParams(query), start)).toThrow(
      expect.objectContaining({ code: "bad-query" }),
    );
  });
});
