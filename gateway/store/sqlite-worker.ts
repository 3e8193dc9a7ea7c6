// Entry of the database's thread: one database, one request at a time. The only file that knows node:sqlite.
import { existsSync, mkdirSync, renameSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { parentPort, workerData } from "node:worker_threads";
import {
  type DatabaseFile,
  maxDamaged,
  maxRows,
  type SqlStep,
  type SqlValue,
  type WorkerAnswer,
  type WorkerFailure,
  type WorkerRequest,
} from "./sqlite-messages.ts";

const pageBytes = 4096;
/** Kept small: history is written in order, and people look at it seldom. */
const cacheKiB = 512;
const walPages = 256;
/** How long another program may hold the database, ms: people look into it with tools of their own. */
const busyMs = 1000;
const maxStatements = 32;

/** Primary result codes (sqlite.org/rescode.html) as the codes of StorageError. */
const codes: ReadonlyMap<number, string> = new Map([
  [5, "disk-busy"],
  [6, "disk-busy"],
  [8, "disk-read-only"],
  [10, "disk-io"],
  [11, "disk-damaged"],
  [13, "disk-full"],
  [14, "disk-missing"],
  [26, "disk-damaged"],
]);

/** A refusal of ours, with its code. */
class Failure extends Error {
  readonly code: string;
  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

const port = parentPort;
if (!port) throw new Error("this file runs only as a worker thread");
const settings: DatabaseFile = workerData;
const answer = (one: WorkerAnswer): void => port.postMessage(one);
const statements = new Map<string, StatementSync>();

let database: DatabaseSync | undefined;
try {
  const opened = openOrReplace();
  database = opened.database;
  answer({ id: 0, damaged: opened.damaged });
} catch (error) {
  answer({ id: 0, error: failureOf(error) });
}

port.on("message", (request: WorkerRequest) => {
  try {
    answer({ id: request.id, rows: perform(request) });
  } catch (error) {
    answer({ id: request.id, error: failureOf(error) });
  }
});

function perform(request: WorkerRequest): SqlValue[][] | undefined {
  if (!database) throw new Error("the database is not open");
  switch (request.kind) {
    case "write":
      return write(database, request.steps);
    case "read":
      return read(database, request.sql, request.values);
    case "close":
      statements.clear();
      database.close();
      database = undefined;
  }
}

function write(on: DatabaseSync, steps: readonly SqlStep[]): undefined {
  on.exec("BEGIN IMMEDIATE");
  try {
    for (const { sql, values = [], width = values.length } of steps) {
      const statement = prepared(on, sql);
      if (values.length === 0) statement.run();
      for (let at = 0; at < values.length; at += width) {
        statement.run(...values.slice(at, at + width).map(bound));
      }
    }
    on.exec("COMMIT");
  } catch (error) {
    // Some failures have rolled back by themselves.
    if (on.isTransaction) on.exec("ROLLBACK");
    throw error;
  }
}

function read(on: DatabaseSync, sql: string, values: readonly SqlValue[]): SqlValue[][] {
  const statement = prepared(on, sql);
  statement.setReturnArrays(true);
  const rows: SqlValue[][] = [];
  for (const row of statement.iterate(...values.map(bound))) {
    if (rows.length === maxRows) throw new Error(`more than ${maxRows} rows: ${sql}`);
    if (!Array.isArray(row)) throw new Error("rows are arrays");
    rows.push(row);
  }
  return rows;
}

function prepared(on: DatabaseSync, sql: string): StatementSync {
  const known = statements.get(sql);
  if (known) return known;
  if (statements.size >= maxStatements) statements.clear();
  const statement = on.prepare(sql);
  statements.set(sql, statement);
  return statement;
}

/** A number would be stored as a float of 9 bytes; a whole one of up to 127 takes 2 as an integer. */
function bound(value: SqlValue): SqlValue | bigint {
  return typeof value === "number" && Number.isSafeInteger(value) && !Object.is(value, -0)
    ? BigInt(value)
    : value;
}

function openOrReplace(): { database: DatabaseSync; damaged?: string } {
  mkdirSync(dirname(settings.file), { recursive: true });
  try {
    return { database: open() };
  } catch (error) {
    if (failureOf(error).code !== "disk-damaged") throw error;
  }
  const damaged = moveAside();
  return { database: open(), damaged };
}

/** @throws when it cannot be opened, or is damaged */
function open(): DatabaseSync {
  const opened = new DatabaseSync(settings.file, { timeout: busyMs });
  try {
    // Before all others. To a database that is there the second would write, and it may be damaged.
    if (single(opened, "PRAGMA page_count") === 0)
      opened.exec(`PRAGMA page_size = ${pageBytes}; PRAGMA auto_vacuum = INCREMENTAL`);
    opened.exec(`
      PRAGMA journal_mode = WAL;
      PRAGMA synchronous = ${settings.synchronous === "full" ? "FULL" : "NORMAL"};
      PRAGMA cache_size = -${cacheKiB};
      PRAGMA wal_autocheckpoint = ${walPages};
      PRAGMA journal_size_limit = ${walPages * pageBytes};
      PRAGMA trusted_schema = OFF;
    `);
    const check = single(opened, "PRAGMA quick_check(1)");
    if (check !== "ok") throw new Failure("disk-damaged", String(check));
    migrate(opened);
    if (settings.maxBytes !== undefined) {
      opened.exec(`PRAGMA max_page_count = ${Math.max(16, Math.floor(settings.maxBytes / pageBytes))}`);
    }
    return opened;
  } catch (error) {
    opened.close();
    throw error;
  }
}

function migrate(opened: DatabaseSync): void {
  const version = Number(single(opened, "PRAGMA user_version"));
  if (version > settings.schema.length) {
    throw new Failure("newer-format", `${settings.file} was written by a newer version (format ${version})`);
  }
  for (const [place, change] of settings.schema.entries()) {
    if (place >= version) opened.exec(`BEGIN; ${change}; PRAGMA user_version = ${place + 1}; COMMIT`);
  }
}

function single(opened: DatabaseSync, sql: string): unknown {
  return Object.values(opened.prepare(sql).get() ?? {})[0];
}

/** Never deleted: somebody may still get readings out of it. */
function moveAside(): string {
  for (let number = 1; number <= maxDamaged; number++) {
    const aside = `${settings.file}.damaged-${number}`;
    if (existsSync(aside)) continue;
    // What belongs to it first: after a power cut in between, the damaged one is still found and moved.
    for (const part of ["-wal", "-shm", ""]) {
      if (existsSync(settings.file + part)) renameSync(settings.file + part, aside + part);
    }
    return aside;
  }
  throw new Failure("disk-damaged", `${settings.file} is damaged, and so are ${maxDamaged} before it`);
}

function failureOf(error: unknown): WorkerFailure {
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof Failure) return { code: error.code, message };
  if (!(error instanceof Error)) return { message };
  if ("errcode" in error && typeof error.errcode === "number") {
    return { code: codes.get(error.errcode & 0xff), message };
  }
  // Of the file system, before SQLite was asked.
  const system: Record<string, string> = {
    ENOSPC: "disk-full",
    EDQUOT: "disk-full",
    EROFS: "disk-read-only",
    EACCES: "disk-read-only",
    EPERM: "disk-read-only",
    ENOTDIR: "disk-missing",
    EIO: "disk-io",
  };
  return { code: "code" in error ? system[String(error.code)] : undefined, message };
}
