import { spawn } from "node:child_process";
import { mkdtempSync, openSync, readdirSync, readFileSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterEach, describe, expect, it } from "vitest";
import { silentLog } from "../../gateway/model/log.ts";
import { Database } from "../../gateway/store/sqlite.ts";
import { History } from "../../gateway/telemetry/history.ts";
import { good, sampleDevice, samplePoint } from "../telemetry/sample.ts";
import { seeded } from "./random.ts";
import { VirtualClock } from "./virtual-clock.ts";

const start = 1_790_000_000_000;
const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});
function newFile(): string {
  const folder = mkdtempSync(join(tmpdir(), "stadsnod-history-"));
  folders.push(folder);
  return join(folder, "history.sqlite");
}
const open = (file: string, clock = new VirtualClock({ unix: start })) =>
  new History({ clock, log: silentLog, file, maxAgeMs: 86_400_000, maxBytes: 50_000_000, personal: false });

async function numbers(history: History): Promise<number[]> {
  const found: number[] = [];
  for await (const { rows } of history.query({ device: "m1", from: 0, to: start * 2 }))
    found.push(...rows.map(({ value }) => Number(value)));
  return found;
}

/** Kills a writer once it has said `lines` numbers; gives the last that it said. */
async function killed(file: string, batch: number, lines: number): Promise<number> {
  const writer = spawn(
    process.execPath,
    [join(import.meta.dirname, "history-writer.ts"), file, String(batch)],
    {
      stdio: ["ignore", "pipe", "inherit"],
    },
  );
  let last = -1;
  let heard = 0;
  for await (const line of createInterface({ input: writer.stdout })) {
    last = Number(line);
    if (++heard === lines) writer.kill("SIGKILL");
  }
  expect(heard).toBeGreaterThanOrEqual(lines);
  return last;
}

describe("a history whose process is killed", () => {
  it("opens, and misses nothing that was written", { timeout: 120_000 }, async () => {
    const random = seeded(5);
    for (let round = 0; round < 6; round++) {
      const file = newFile();
      const batch = [1, 50, 4000][round % 3] ?? 1;
      const last = await killed(file, batch, 1 + Math.floor(random() * 20));
      await using history = open(file);
      const found = await numbers(history);
      expect(history.status().damaged).toEqual([]);
      // What was said is there; at most one more batch, and that whole.
      expect(found).toEqual(found.map((_, at) => at));
      expect(found.length).toBeGreaterThan(last);
      expect(found.length % batch).toBe(0);
    }
  });
});

describe("a history on a bad disk", () => {
  it("begins anew when pages inside are damaged, and keeps the damaged file", async () => {
    const file = newFile();
    const device = sampleDevice("m1");
    const point = samplePoint("number");
    const record = async (history: History, from: number) => {
      const readings = Array.from({ length: 2000 }, (_, at) =>
        good(device, point, from + at, { base: "unix", ms: start + from + at }),
      );
      history.record(readings);
      await history.flush();
    };
    {
      await using history = open(file);
      await record(history, 0);
    }
    const handle = openSync(file, "r+");
    for (let page = 3; page < 12; page++)
      writeSync(handle, Buffer.alloc(2000, page), 0, 2000, page * 4096 + 100);
    await using history = open(file);
    await record(history, 5000);
    expect(await numbers(history)).toHaveLength(2000);
    expect(history.status()).toMatchObject({ state: "recording", damaged: [`${file}.damaged-1`] });
    expect(readFileSync(`${file}.damaged-1`).length).toBeGreaterThan(12 * 4096);
  });

  it("stops putting databases aside when the disk damages one after the other", async () => {
    const file = newFile();
    for (let number = 1; number <= 4; number++) writeFileSync(`${file}.damaged-${number}`, "damaged");
    writeFileSync(file, "x".repeat(10_000));
    await using history = open(file);
    history.record([good(sampleDevice("m1"), samplePoint("p"), 1, { base: "unix", ms: start })]);
    await history.flush();
    expect(history.status()).toMatchObject({ state: "paused", problem: { code: "disk-damaged" } });
    expect(readdirSync(join(file, ".."))).toHaveLength(5);
  });
});

describe("the database's thread", () => {
  it("is begun again after it died, not at once, and what waited is told", { timeout: 60_000 }, async () => {
    const clock = new VirtualClock({ unix: start });
    await using database = new Database({
      file: newFile(),
      schema: ["CREATE TABLE numbers (number INTEGER)"],
      synchronous: "normal",
      clock,
      log: silentLog,
    });
    await database.write([{ sql: "INSERT INTO numbers VALUES (?)", values: [1, 2, 3], width: 1 }]);
    // More text than the thread's heap may hold.
    const deadly = database.read(
      "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 9000) SELECT hex(randomblob(20000)), x FROM n",
    );
    const behind = database.read("SELECT 1");
    await expect(deadly).rejects.toMatchObject({ code: "store-crashed" });
    await expect(behind).rejects.toMatchObject({ code: "store-crashed" });
    expect(database.status()).toMatchObject({ state: "failed", crashes: 1, waiting: 0 });
    await expect(database.read("SELECT 1")).rejects.toMatchObject({ code: "store-crashed" });
    await clock.advance(1000);
    expect(await database.read("SELECT number FROM numbers")).toEqual([[1], [2], [3]]);
  });

  it("refuses what is too much, rolls back what fails, and bounds what a read gives", async () => {
    await using database = new Database({
      file: newFile(),
      schema: ["CREATE TABLE numbers (number INTEGER UNIQUE)"],
      synchronous: "full",
      clock: new VirtualClock(),
      log: silentLog,
      maxWaiting: 2,
    });
    const insert = (...values: number[]) =>
      database.write([{ sql: "INSERT INTO numbers VALUES (?)", values, width: 1 }]);
    const [, , third] = await Promise.allSettled([insert(1), insert(2), insert(3)]);
    expect(third).toMatchObject({ status: "rejected", reason: { code: "store-busy" } });
    await expect(insert(4, 5, 1)).rejects.toMatchObject({ code: "store-refused" });
    expect(await database.read("SELECT number FROM numbers")).toEqual([[1], [2]]);
    const endless = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT x FROM n";
    await expect(database.read(endless)).rejects.toMatchObject({ code: "store-refused" });
    await database[Symbol.asyncDispose]();
    await expect(insert(6)).rejects.toMatchObject({ code: "store-closed" });
  });

  it("never lets the file grow beyond its bound", async () => {
    const file = newFile();
    await using database = new Database({
      file,
      schema: ["CREATE TABLE blobs (bytes BLOB)"],
      synchronous: "normal",
      maxBytes: 20 * 4096,
      clock: new VirtualClock(),
      log: silentLog,
    });
    const insert = () =>
      database.write([{ sql: "INSERT INTO blobs VALUES (?)", values: [new Uint8Array(3000)] }]);
    const outcomes: PromiseSettledResult<void>[] = [];
    for (let count = 0; count < 40; count++) outcomes.push(...(await Promise.allSettled([insert()])));
    expect(outcomes.at(-1)).toMatchObject({ status: "rejected", reason: { code: "disk-full" } });
    await database.write([{ sql: "DELETE FROM blobs" }]);
    await insert();
    await database[Symbol.asyncDispose]();
    expect(readFileSync(file).length).toBeLessThanOrEqual(20 * 4096);
  });
});
