import type { Database, SqlStep, SqlValue } from "../store/sqlite.ts";

/** Above this share of its bytes the oldest readings go, until it is below the second. */
const fullShare = 0.95;
const trimmedShare = 0.92;
/** Rows of one series that one statement deletes, and series in one transaction: a slice that a slow card takes in its stride. */
const sliceRows = 500;
const sliceSeries = 200;
/** The oldest thousandth of what is there, and at least so many ms, goes at a time. */
const sliceShare = 1000;
const leastSliceMs = 1000;
/** Free pages handed back to the file system at a time, once they are more than a tenth. */
const vacuumPages = 256;
/** However much there is to delete: the next turn goes on. */
const maxRounds = 200;

export interface TrimBounds {
  readonly maxAgeMs: number;
  readonly maxBytes: number;
  /** Unix ms; undefined while the clock is not trusted: nothing is too old then. */
  readonly now: number | undefined;
}

/** The oldest reading of each series that has any: id, its time, the most ms that this series is kept. */
type Oldest = readonly (readonly [series: number, time: number, maxAgeMs: number])[];

/** Deletes what is too old or too much, the oldest first, in small transactions. Rejects with StorageError. */
export async function trim(database: Database, bounds: TrimBounds): Promise<void> {
  if (bounds.now !== undefined) await trimByAge(database, bounds.now, bounds.maxAgeMs);
  await trimByBytes(database, bounds.maxBytes, fullShare);
  await vacuum(database);
}

/** Makes room now, whatever is used: the file is at its bound. Whether there was anything to delete. */
export async function makeRoom(database: Database, maxBytes: number): Promise<boolean> {
  const before = await usedBytes(database);
  await trimByBytes(database, Math.min(maxBytes, before), 0);
  return (await usedBytes(database)) < before;
}

/** Bytes of pages that hold something. */
export async function usedBytes(database: Database): Promise<number> {
  const [[pages = 0, free = 0, size = 0] = []] = await database.read(
    "SELECT page_count, freelist_count, page_size FROM pragma_page_count, pragma_freelist_count, pragma_page_size",
  );
  return (Number(pages) - Number(free)) * Number(size);
}

async function trimByAge(database: Database, now: number, maxAgeMs: number): Promise<void> {
  for (let round = 0; round < maxRounds; round++) {
    const expired = (await oldest(database)).flatMap(([series, time, ownMaxAge]): [number, number][] => {
      const before = now - Math.min(maxAgeMs, ownMaxAge);
      return time < before ? [[series, before]] : [];
    });
    if (expired.length === 0) return;
    await deleteBefore(database, expired);
  }
}

async function trimByBytes(database: Database, maxBytes: number, above: number): Promise<void> {
  if ((await usedBytes(database)) <= maxBytes * above) return;
  for (let round = 0; round < maxRounds; round++) {
    const series = await oldest(database);
    if (series.length === 0) return;
    const first = series.reduce((least, [, time]) => Math.min(least, time), Number.POSITIVE_INFINITY);
    const [[last = first] = []] = await database.read(
      "SELECT max((SELECT max(time) FROM readings WHERE series = id)) FROM series",
    );
    const before = first + Math.max(leastSliceMs, Math.ceil((Number(last) - first) / sliceShare));
    const touched = series.flatMap(([id, time]): [number, number][] => (time < before ? [[id, before]] : []));
    await deleteBefore(database, touched);
    if ((await usedBytes(database)) <= maxBytes * trimmedShare) return;
  }
}

async function oldest(database: Database): Promise<Oldest> {
  const rows: [number, number, number][] = [];
  for (let after = 0; ; ) {
    const page = await database.read(
      `SELECT id, (SELECT min(time) FROM readings WHERE series = id), max_age FROM series
       WHERE id > ? ORDER BY id LIMIT 1000`,
      [after],
    );
    for (const [id, time, maxAge] of page)
      if (time !== null) rows.push([Number(id), Number(time), Number(maxAge)]);
    if (page.length < 1000) return rows;
    after = Number(page.at(-1)?.[0]);
  }
}

async function deleteBefore(
  database: Database,
  series: readonly (readonly [number, number])[],
): Promise<void> {
  for (let at = 0; at < series.length; at += sliceSeries) {
    const values = series
      .slice(at, at + sliceSeries)
      .flatMap(([id, before]): SqlValue[] => [id, id, before, sliceRows]);
    const step: SqlStep = {
      sql: `DELETE FROM readings WHERE series = ? AND time <=
              (SELECT max(time) FROM (SELECT time FROM readings WHERE series = ? AND time < ? ORDER BY time LIMIT ?))`,
      values,
      width: 4,
    };
    await database.write([step]);
  }
}

async function vacuum(database: Database): Promise<void> {
  const [[pages = 0, free = 0] = []] = await database.read(
    "SELECT page_count, freelist_count FROM pragma_page_count, pragma_freelist_count",
  );
  if (Number(free) * 10 > Number(pages)) await database.read(`PRAGMA incremental_vacuum(${vacuumPages})`);
}
