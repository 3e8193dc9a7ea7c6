import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import { VirtualClock } from "../../test/fault/virtual-clock.ts";
import { bad, good, sampleDevice, samplePoint } from "../../test/telemetry/sample.ts";
import type { Log } from "../model/log.ts";
import { silentLog } from "../model/log.ts";
import { type Quality, qualities } from "../model/quality.ts";
import type { Reading } from "../model/reading.ts";
import type { Value } from "../model/value.ts";
import { History, type HistoryOptions } from "./history.ts";
import { type HistoryPage, type HistoryQuery, type HistoryRow, historyFunctions } from "./history-query.ts";

const start = 1_790_000_000_000;
const day = 86_400_000;
const device = sampleDevice("m1");
const power = samplePoint("power", { unit: "W" });
const state = samplePoint("state");
const unix = (ms: number) => ({ base: "unix", ms: start + ms }) as const;

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});
function newFile(): string {
  const folder = mkdtempSync(join(tmpdir(), "stadsnod-history-"));
  folders.push(folder);
  return join(folder, "history.sqlite");
}

function heard(): { log: Log; said: string[] } {
  const said: string[] = [];
  const log: Log = {
    ...silentLog,
    info: (_fields, text) => void said.push(text),
    warn: (_fields, text) => void said.push(text),
    error: (_fields, text) => void said.push(text),
  };
  return { log, said };
}

function open(options: Partial<HistoryOptions> = {}): History {
  return new History({
    clock: new VirtualClock({ unix: start + day }),
    log: silentLog,
    file: newFile(),
    maxAgeMs: 7 * day,
    maxBytes: 200_000_000,
    personal: false,
    ...options,
  });
}

async function pages(history: History, query: Partial<HistoryQuery> = {}): Promise<HistoryPage[]> {
  const found: HistoryPage[] = [];
  for await (const page of history.query({ device: "m1", from: 0, to: start + 100 * day, ...query })) {
    found.push(page);
  }
  return found;
}
const rowsOf = async (history: History, query?: Partial<HistoryQuery>): Promise<HistoryRow[]> =>
  (await pages(history, query)).flatMap(({ rows }) => rows);

describe("History", () => {
  it("gives back every kind of value and every quality as it was, in order of time", async () => {
    await using history = open();
    const values: Value[] = [
      0,
      -1,
      21.5,
      2 ** 53,
      1e300,
      true,
      false,
      12345678901234567890n,
      "12",
      "öppen",
      "",
    ];
    const readings = values.map((value, at) => good(device, state, value, unix(at)));
    const others = qualities.slice(1).map((quality, at) => bad(device, state, quality, unix(100 + at)));
    const bytes = good(device, state, Uint8Array.of(1, 2, 255), unix(200));
    history.record([...others, bytes, ...readings]);
    expect(await rowsOf(history)).toEqual([
      ...values.map((value, at) => ({ time: start + at, quality: "good", value })),
      ...qualities.slice(1).map((quality, at) => ({ time: start + 100 + at, quality })),
      { time: start + 200, quality: "good", value: Uint8Array.of(1, 2, 255) },
    ]);
    expect(history.status()).toMatchObject({ state: "recording", recorded: 17, dropped: 0, waiting: 0 });
  });

  it("starts no thread before the first use", async () => {
    const file = newFile();
    await using history = open({ file });
    expect(history.status().state).toBe("unused");
    expect(readdirSync(join(file, ".."))).toEqual([]);
  });

  it("writes once a second, all that came in between", async () => {
    const clock = new VirtualClock({ unix: start });
    await using history = open({ clock });
    history.record([good(device, power, 1, unix(0))]);
    history.record([good(device, power, 2, unix(1))]);
    expect(history.status()).toMatchObject({ waiting: 2, recorded: 0 });
    await clock.advance(1000);
    await history.flush();
    expect(history.status()).toMatchObject({ waiting: 0, recorded: 2 });
  });

  it("keeps personal points only where that is wanted, and forgets them when it no longer is", async () => {
    const file = newFile();
    const person = samplePoint("person", { personal: true });
    // A view whose steps do not suffice, for an audience that may see personal data.
    const view = { sources: ["person"], steps: [{ kind: "round", to: 5 }], personal: true } as const;
    const rounded = samplePoint("person_rounded", { view });
    const readings = [
      good(device, person, 1, unix(0)),
      good(device, power, 2, unix(0)),
      good(device, rounded, 5, unix(0)),
    ];
    {
      await using history = open({ file });
      history.record(readings);
      expect((await pages(history)).map(({ point }) => point)).toEqual(["power"]);
    }
    {
      await using history = open({ file, personal: true });
      history.record(readings);
      expect((await pages(history)).map(({ point }) => point)).toEqual(["person", "person_rounded", "power"]);
    }
    await using history = open({ file });
    expect((await pages(history)).map(({ point }) => point)).toEqual(["power"]);
    await expect(pages(history, { points: ["person"] })).rejects.toMatchObject({ code: "unknown-point" });
  });

  it("holds readings without a time until the clock is trusted, and counts those that waited in vain", async () => {
    const clock = new VirtualClock({ trusted: false, unix: 0, monotonic: 60_000 });
    await using history = open({ clock });
    const many = Array.from({ length: 20_003 }, (_, at) => good(device, power, at, { base: "boot", ms: at }));
    history.record(many);
    expect(history.status()).toMatchObject({ untimed: 20_000, dropped: 3, waiting: 0 });
    clock.trust(start);
    expect(history.status()).toMatchObject({ untimed: 0, waiting: 20_000 });
    const [first] = await rowsOf(history, { limit: 1 });
    expect(first).toEqual({ time: start - 60_000 + 3, quality: "good", value: 3 });
  });

  it("shows and keeps nothing older than its bound, nor than that of an audience", async () => {
    const clock = new VirtualClock({ unix: start });
    const file = newFile();
    const secret = sampleDevice("m2", { audience: "staff" });
    await using history = open({
      clock,
      file,
      audienceMaxAgeMs: (audience) => (audience === "staff" ? day : undefined),
    });
    for (const hours of [1, 30, 24 * 8]) {
      const time = unix(-hours * 3_600_000);
      history.record([good(device, power, hours, time), good(secret, power, hours, time)]);
    }
    expect((await rowsOf(history)).map(({ value }) => value)).toEqual([30, 1]);
    expect((await rowsOf(history, { device: "m2" })).map(({ value }) => value)).toEqual([1]);
    // Not only hidden.
    await history[Symbol.asyncDispose]();
    const database = new DatabaseSync(file, { readOnly: true });
    expect(database.prepare("SELECT count(*) AS rows FROM readings").get()).toEqual({ rows: 3 });
    database.close();
  });

  it("is never larger than its bound: the oldest readings make room, and it goes on recording", async () => {
    const clock = new VirtualClock({ unix: start });
    const { log, said } = heard();
    const file = newFile();
    const maxBytes = 400_000;
    await using history = open({ clock, file, log, maxBytes });
    for (let batch = 0; batch < 40; batch++) {
      const readings = Array.from({ length: 1000 }, (_, at) =>
        good(device, power, batch * 1000 + at + 0.5, unix(batch * 60_000 + at)),
      );
      history.record(readings);
      await history.flush();
      await clock.advance(60_000);
      expect(history.status()).toMatchObject({ state: "recording", dropped: 0 });
      expect(statSync(file).size).toBeLessThanOrEqual(maxBytes);
    }
    const kept = (await rowsOf(history)).map(({ value }) => Number(value));
    // An unbroken run up to the newest, and nearly as many as there is room for.
    expect(kept.at(-1)).toBe(39_999.5);
    expect(kept).toEqual(kept.map((_, at) => 40_000 - kept.length + at + 0.5));
    expect(kept.length).toBeGreaterThan(10_000);
    expect(said).toEqual([]);
  });

  it("pauses when not even that helps, says so once, and goes on by itself", async () => {
    const clock = new VirtualClock({ unix: start });
    const { log, said } = heard();
    const file = newFile();
    {
      await using history = open({ clock, file, log });
      history.record([good(device, power, 1, unix(0))]);
    }
    // Another program holds the database: what SQLite can be refused without root.
    const other = new DatabaseSync(file);
    await using history = open({ clock, file, log });
    other.exec("BEGIN EXCLUSIVE");
    history.record([good(device, power, 2, unix(1))]);
    await history.flush();
    expect(history.status()).toMatchObject({ state: "paused", problem: { code: "disk-busy" }, waiting: 1 });
    history.record([good(device, power, 3, unix(2))]);
    await history.flush();
    expect(said).toHaveLength(1);
    other.exec("ROLLBACK");
    other.close();
    await clock.advance(1000);
    await history.flush();
    expect(history.status()).toMatchObject({ state: "recording", waiting: 0, dropped: 0 });
    expect(said).toEqual([expect.stringMatching(/^the history pauses/), "the history goes on"]);
    expect((await rowsOf(history)).map(({ value }) => value)).toEqual([1, 2, 3]);
  });

  it("puts a damaged database aside and begins a new one", async () => {
    const file = newFile();
    const { log, said } = heard();
    writeFileSync(file, Buffer.alloc(10_000, "no database at all. "));
    await using history = open({ file, log });
    history.record([good(device, power, 1, unix(0))]);
    expect(await rowsOf(history)).toHaveLength(1);
    expect(history.status()).toMatchObject({ state: "recording", damaged: [`${file}.damaged-1`] });
    expect(said).toHaveLength(1);
    expect(statSync(`${file}.damaged-1`).size).toBe(10_000);
  });

  it("leaves a database of a newer version alone", async () => {
    const file = newFile();
    const newer = new DatabaseSync(file);
    newer.exec("CREATE TABLE later (x); PRAGMA user_version = 99");
    newer.close();
    await using history = open({ file });
    await expect(pages(history)).rejects.toMatchObject({ code: "newer-format" });
    expect(readdirSync(join(file, ".."))).toContain("history.sqlite");
  });

  it.each([
    [{ from: Number.NaN }, "bad-query"],
    [{ bucketMs: 0 }, "bad-query"],
    [{ bucketMs: 1.5 }, "bad-query"],
    [{ limit: 0 }, "bad-query"],
    [{ points: ["nothing"] }, "unknown-point"],
    [{ device: "nobody" }, "unknown-point"],
  ])("refuses %j", async (query, code) => {
    await using history = open();
    history.record([good(device, power, 1, unix(0))]);
    await expect(pages(history, query)).rejects.toMatchObject({ code });
  });
});

// --- Against a model that is slow and plainly right.

interface Kept {
  readonly point: string;
  readonly unit: string;
  readonly time: number;
  readonly quality: Quality;
  readonly value?: Value;
}

const points = [power, state, samplePoint("power", { unit: "kW" })];

const someReading = fc
  .record({
    point: fc.constantFrom(...points),
    time: fc.integer({ min: 0, max: 5_000 }),
    content: fc.oneof(
      fc.constantFrom(...qualities.slice(1)).map((quality) => ({ quality })),
      fc
        .oneof(
          fc.integer({ min: -1000, max: 1000 }),
          fc.double({ min: -1e6, max: 1e6, noNaN: true }),
          fc.boolean(),
        )
        .map((value) => ({ quality: "good" as const, value })),
      fc.string({ maxLength: 5 }).map((value) => ({ quality: "good" as const, value })),
      fc.bigInt({ min: 2n ** 60n, max: 2n ** 64n }).map((value) => ({ quality: "good" as const, value })),
    ),
  })
  .map(
    ({ point, time, content }): Reading => ({
      device,
      point,
      name: point.name,
      time: unix(time),
      ...content,
    }),
  );

const someQuery = fc.record(
  {
    points: fc.constantFrom<readonly string[]>([], ["power"], ["state"], ["state", "power"]),
    from: fc.integer({ min: -100, max: 5_100 }).map((ms) => start + ms),
    to: fc.integer({ min: -100, max: 5_100 }).map((ms) => start + ms),
    bucketMs: fc.constantFrom(undefined, 1, 7, 100, 1000, 60_000),
    function: fc.constantFrom(undefined, ...historyFunctions),
    order: fc.constantFrom(undefined, "ascending" as const, "descending" as const),
    limit: fc.constantFrom(undefined, 1, 3, 1000),
  },
  { requiredKeys: ["points", "from", "to"] },
);

type NamedRow = HistoryRow & { point: string };

function model(readings: readonly Reading[], query: Omit<HistoryQuery, "device">): NamedRow[] {
  const bySeries = new Map<string, Map<number, Kept>>();
  for (const { name, point, time, quality, value } of readings) {
    const key = `${name} ${point.unit}`;
    const series = bySeries.get(key) ?? new Map<number, Kept>();
    const rest = value === undefined ? {} : { value };
    series.set(time.ms, { point: name, unit: point.unit ?? "", time: time.ms, quality, ...rest });
    bySeries.set(key, series);
  }
  const all = Array.from(bySeries.values(), (series) =>
    [...series.values()].toSorted((a, b) => a.time - b.time),
  );
  const names = query.points?.length ? query.points : [...new Set(all.map(([one]) => one!.point))].toSorted();
  const rows = names.flatMap((name) =>
    all
      .filter(([one]) => one!.point === name)
      .flatMap((series): NamedRow[] => {
        const wanted = series.filter(({ time }) => time >= query.from && time < query.to);
        const shown =
          query.bucketMs === undefined
            ? wanted.map(({ unit: _, ...row }) => row)
            : bucketsOf(wanted, query.bucketMs, query.function ?? "mean");
        return query.order === "descending" ? shown.toReversed() : shown;
      }),
  );
  return rows.slice(0, query.limit);
}

function bucketsOf(series: readonly Kept[], bucketMs: number, how: string): NamedRow[] {
  const starts = [...new Set(series.map(({ time }) => Math.floor(time / bucketMs) * bucketMs))];
  return starts.map((time) => {
    const inside = series.filter((one) => one.time >= time && one.time < time + bucketMs);
    const last = inside.at(-1)!;
    const head = { point: last.point, time };
    if (how === "last") {
      const { quality, value } = last;
      return { ...head, count: inside.length, quality, ...(value === undefined ? {} : { value }) };
    }
    const goods = inside.filter(({ quality }) => quality === "good");
    if (how === "count") return { ...head, count: goods.length, quality: "good", value: goods.length };
    const numbers = goods.flatMap(({ value }) => (typeof value === "string" ? [] : [Number(value)]));
    if (numbers.length === 0) {
      return { ...head, count: 0, quality: last.quality === "good" ? "config-error" : last.quality };
    }
    const sum = numbers.reduce((a, b) => a + b, 0);
    const value =
      how === "mean" ? sum / numbers.length : how === "min" ? Math.min(...numbers) : Math.max(...numbers);
    return { ...head, count: numbers.length, quality: "good", value };
  });
}

describe("a query", () => {
  it("gives what a plain list would give", { timeout: 120_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(someReading, { minLength: 1, maxLength: 60 }),
        fc.array(someQuery, { minLength: 1, maxLength: 8 }),
        async (readings, queries) => {
          await using history = open();
          history.record(readings);
          for (const query of queries) {
            const known = query.points.every((point) => readings.some(({ name }) => name === point));
            if (!known) continue;
            const found = await pages(history, query);
            const rows = found.flatMap(({ point, rows }) => rows.map((row) => ({ point, ...row })));
            const expected = model(readings, query);
            expect(rows.map(({ value, ...row }) => [row, typeof value])).toEqual(
              expected.map(({ value, ...row }) => [row, typeof value]),
            );
            for (const [at, { value }] of rows.entries()) {
              const wanted = expected[at]?.value;
              if (typeof value === "number" && query.bucketMs !== undefined)
                expect(Math.abs(value - Number(wanted))).toBeLessThanOrEqual(
                  1e-9 * Math.max(1, Math.abs(value)),
                );
              else expect(value).toEqual(wanted);
            }
          }
        },
      ),
      { numRuns: 60 },
    );
  });

  it("goes through many pages without a row too many or too few", async () => {
    await using history = open();
    const readings = Array.from({ length: 3_001 }, (_, at) => good(device, power, at, unix(at * 1000)));
    history.record(readings);
    for (const order of ["ascending", "descending"] as const) {
      const rows = await rowsOf(history, { order });
      expect(rows.map(({ value }) => value).toSorted((a, b) => Number(a) - Number(b))).toEqual(
        readings.map(({ value }) => value),
      );
      const hours = await rowsOf(history, { order, bucketMs: 60_000, function: "count" });
      expect(hours.reduce((sum, { count = 0 }) => sum + count, 0)).toBe(3_001);
      expect(new Set(hours.map(({ time }) => time)).size).toBe(hours.length);
    }
  });
});
