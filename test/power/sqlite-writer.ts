// The reference that negative controls are measured by: rows in SQLite's write-ahead log, promised after each COMMIT.
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { promiser, type WriterOrder } from "./promises.ts";
import { rowOf } from "./sqlite-reference.ts";

const order: WriterOrder = JSON.parse(process.argv[2] ?? "");
const promise = promiser(order);
const database = new DatabaseSync(join(order.folder, "rows.db"));
database.exec(`
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = ${order.flaw === "synchronous-normal" ? "NORMAL" : "FULL"};
  PRAGMA wal_autocheckpoint = 100;
  CREATE TABLE IF NOT EXISTS rows (number INTEGER PRIMARY KEY, body BLOB NOT NULL);
`);
// A row that was stored and not yet promised when the last start was killed is there already.
const insert = database.prepare("INSERT OR REPLACE INTO rows VALUES (?, ?)");
for (let number = order.from; number < order.from + order.rounds; number++) {
  insert.run(number, rowOf(number));
  promise({ kind: "stored", key: String(number) });
}
database.close();
