import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { expect, it } from "vitest";

// The technician's page goes over a phone's connection to a box on a pole: all of it, also what is loaded late.
const folder = resolve(import.meta.dirname, "../dist/web");
const most = 150_000;

it("keeps the whole page below 150 kB compressed", () => {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.(html|js|css)$/.test(entry.name))
    .map((entry) => {
      const bytes = readFileSync(join(entry.parentPath, entry.name));
      return {
        name: entry.name,
        gzip: gzipSync(bytes, { level: 9 }).length,
        brotli: brotliCompressSync(bytes).length,
      };
    });
  const sum = (by: "gzip" | "brotli") => files.reduce((all, file) => all + file[by], 0);
  const kB = (bytes: number) => `${(bytes / 1000).toFixed(1)} kB`;
  console.log(
    [
      ...files.map(({ name, gzip, brotli }) => `${name}: ${kB(gzip)} gzip, ${kB(brotli)} brotli`),
      `the page: ${kB(sum("gzip"))} gzip, ${kB(sum("brotli"))} brotli`,
    ].join("\n"),
  );
  expect(files.length).toBeGreaterThan(2);
  expect(sum("gzip")).toBeLessThan(most);
});
