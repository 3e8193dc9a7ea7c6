import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { expect, it } from "vitest";
import { databaseWorkerFile } from "./sqlite.ts";

it("has its thread's entry beside the program", () => {
  expect(databaseWorkerFile("file:///opt/stadsnod/dist/chunk-ABC123.js").href).toBe(
    "file:///opt/stadsnod/dist/sqlite-worker.js",
  );
  expect(databaseWorkerFile(import.meta.url).href).toBe(new URL("./sqlite-worker.ts", import.meta.url).href);
  expect(existsSync(resolve(import.meta.dirname, "../../dist/sqlite-worker.js"))).toBe(true);
});
