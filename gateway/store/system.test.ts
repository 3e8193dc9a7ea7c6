import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { openSystem } from "./system.ts";

const folder = mkdtempSync(join(tmpdir(), "stadsnod-system-"));
afterAll(() => rmSync(folder, { recursive: true }));
const at = (name: string) => join(folder, name);
const system = openSystem();

it("reads files whole or up to a bound, also those of /proc that have no size", async () => {
  writeFileSync(at("long"), "x".repeat(200_000));
  expect(await system.read(at("long"))).toHaveLength(65_536);
  expect(await system.read(at("long"), 300_000)).toHaveLength(200_000);
  expect(await system.read("/proc/self/status")).toMatch(/^Name:/);
});

it("has nothing to say of what is not there, or is no file", async () => {
  expect(await system.read(at("none"))).toBeUndefined();
  expect(await system.read(folder)).toBeUndefined();
  // A device would be waited for.
  expect(await system.read("/dev/zero")).toBeUndefined();
  expect(await system.list(at("none"))).toEqual([]);
  expect(await system.stat(at("none"))).toBeUndefined();
  expect(await system.realpath(at("none"))).toBeUndefined();
  expect(await system.space(at("none"))).toBeUndefined();
  expect(await system.may(at("none"), "read")).toBe(false);
});

it("tells files, folders, links, devices and sockets apart", async () => {
  mkdirSync(at("folder"));
  writeFileSync(at("folder/file"), "hello", { mode: 0o640 });
  symlinkSync("folder/file", at("link"));
  expect(await system.stat(at("link"))).toMatchObject({ kind: "file", size: 5, mode: 0o640 });
  expect(await system.readlink(at("link"))).toBe("folder/file");
  expect(await system.realpath(at("link"))).toBe(await system.realpath(at("folder/file")));
  expect(await system.readlink(at("folder"))).toBeUndefined();
  expect(await system.list(folder)).toEqual(expect.arrayContaining(["folder", "link"]));
  expect((await system.stat("/dev/null"))?.kind).toBe("device");
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(at("socket"), resolve));
  expect((await system.stat(at("socket")))?.kind).toBe("socket");
  await new Promise((resolve) => server.close(resolve));
});

it("knows how much room there is", async () => {
  const space = await system.space(folder);
  expect(space?.totalBytes).toBeGreaterThan(0);
  expect(space?.freeBytes).toBeLessThanOrEqual(space?.totalBytes ?? 0);
});

it("runs programs that only look, and refuses to run them otherwise", async () => {
  await expect(system.run("systemctl", ["restart", "stadsnod"])).rejects.toThrow(RangeError);
  await expect(system.run("journalctl", ["--vacuum-size=1"])).rejects.toThrow(RangeError);
  // Not on every machine, but nowhere does it reject.
  const ran = await system.run("systemctl", ["is-active", "no-such-unit.service; touch x"]);
  if (ran) expect(ran.code).not.toBe(0);
});
