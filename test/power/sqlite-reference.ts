import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { Inspection, Problem } from "./inspect.ts";
import type { Promises } from "./promises.ts";

export function rowOf(number: number): Buffer {
  return Buffer.alloc(200, number & 0xff);
}

/** As `inspectStores`, for what `sqlite-writer.ts` writes. */
export function inspectDatabase(folder: string, promises: Promises): Inspection {
  const problems: Problem[] = [];
  if (promises.stored.size === 0) return { problems, packs: 0, commands: 0 };
  const database = new DatabaseSync(join(folder, "rows.db"));
  try {
    const found = new Set<string>();
    const verdict = Object.values(database.prepare("PRAGMA integrity_check(1)").get() ?? {})[0];
    if (verdict !== "ok") problems.push({ kind: "corrupt", text: String(verdict) });
    // Its making may be lost as well.
    if (database.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'rows'").get())
      for (const { number, body } of database.prepare("SELECT number, body FROM rows").iterate()) {
        found.add(String(number));
        if (!(body instanceof Uint8Array) || Buffer.compare(body, rowOf(Number(number))) !== 0)
          problems.push({ kind: "corrupt", text: `row ${number}` });
      }
    for (const key of promises.stored)
      if (!found.has(key)) problems.push({ kind: "lost", text: `row ${key}` });
  } finally {
    database.close();
  }
  return { problems, packs: promises.stored.size, commands: 0 };
}
