import { once } from "node:events";
import { rmSync, symlinkSync, writeFileSync } from "node:fs";
import { request as httpRequest, type IncomingMessage } from "node:http";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { brotliCompressSync, brotliDecompressSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { type Doors, openDoors } from "./local-doors.ts";

const script = "console.log(1);\n";

async function get(doors: Doors, path: string, headers: Record<string, string> = {}, method = "GET") {
  const asked = httpRequest({ socketPath: doors.socket, path, headers, method }).end();
  const response: IncomingMessage = (await once(asked, "response"))[0];
  return { status: response.statusCode, headers: response.headers, bytes: await buffer(response) };
}

describe("the technician's page", () => {
  it("comes without a login, by both doors, and takes everything from the gateway", async () => {
    await using doors = await openDoors();
    for (const door of ["https", "socket"] as const) {
      const page = await doors.ask({ door, path: "/" });
      expect(page.status).toBe(200);
      expect(page.text).toBe("<!doctype html><title>Stadsnod</title>");
      expect(page.headers).toMatchObject({
        "content-type": "text/html; charset=utf-8",
        "cache-control": "no-cache",
        "x-content-type-options": "nosniff",
      });
      const policy = String(page.headers["content-security-policy"]);
      expect(policy).toContain("default-src 'self'");
      expect(policy).toContain("frame-ancestors 'none'");
      expect(policy).not.toMatch(/unsafe|\*|https?:/);
      const asset = await doors.ask({ door, path: "/assets/main-1a2b3c4d.js" });
      expect([asset.status, asset.text]).toEqual([200, script]);
      expect(asset.headers).toMatchObject({
        "content-type": "text/javascript; charset=utf-8",
        "cache-control": "public, max-age=31536000, immutable",
      });
    }
  });

  it("is sent once, and in its brotli form to who takes it", async () => {
    await using doors = await openDoors();
    writeFileSync(join(doors.page, "assets", "main-1a2b3c4d.js.br"), brotliCompressSync(script));
    const packed = await get(doors, "/assets/main-1a2b3c4d.js", { "accept-encoding": "gzip, br" });
    expect(packed.headers).toMatchObject({ "content-encoding": "br", vary: "accept-encoding" });
    expect(brotliDecompressSync(packed.bytes).toString()).toBe(script);
    const plain = await get(doors, "/assets/main-1a2b3c4d.js", { "accept-encoding": "gzip" });
    expect(plain.headers["content-encoding"]).toBeUndefined();
    expect(plain.bytes.toString()).toBe(script);
    const index = await get(doors, "/");
    const etag = String(index.headers.etag);
    const known = await get(doors, "/", { "if-none-match": etag });
    expect([known.status, known.bytes.length]).toEqual([304, 0]);
    expect((await get(doors, "/", { "if-none-match": 'W/"other"' })).status).toBe(200);
    const head = await get(doors, "/", {}, "HEAD");
    expect([head.status, head.bytes.length]).toEqual([200, 0]);
    expect(head.headers).toMatchObject({ etag, "content-length": String(index.bytes.length) });
    expect((await get(doors, "/assets/main-1a2b3c4d.js", {}, "HEAD")).status).toBe(200);
  });

  it("is nothing but the files that were built", async () => {
    await using doors = await openDoors();
    writeFileSync(join(doors.page, "assets", "secret.key"), "secret");
    writeFileSync(join(doors.page, "outside.js"), "outside");
    symlinkSync("/etc/passwd", join(doors.page, "assets", "passwd"));
    expect((await get(doors, "/assets/main-1a2b3c4d.js")).status).toBe(200);
    writeFileSync(join(doors.page, "assets", "later-00000000.js"), "later");
    for (const path of [
      "/assets/secret.key",
      "/assets/passwd",
      "/assets/later-00000000.js",
      "/assets/outside.js",
      "/assets/../outside.js",
      "/assets/..%2foutside.js",
      "/assets/%2e%2e%2foutside.js",
      "/assets/..%5coutside.js",
      "/assets/%00",
      "/assets/main-1a2b3c4d.js%00",
      "/assets/",
      "/assets//main-1a2b3c4d.js",
      "/assets/__proto__",
      "/index.html",
      "/outside.js",
      `/assets/${"a".repeat(5000)}`,
    ]) {
      const { status, bytes } = await get(doors, path);
      expect([400, 404, 414], path).toContain(status);
      expect(JSON.parse(bytes.toString()).error, path).toBeDefined();
    }
    expect((await get(doors, "/", {}, "POST")).status).toBe(404);
  });

  it("says how to get it where it was not built, or went away", async () => {
    await using doors = await openDoors();
    rmSync(doors.page, { recursive: true });
    const { status, json } = await doors.ask({ path: "/" });
    expect([status, json.error]).toEqual([404, "no-page"]);
    expect(json.hint).toContain("setup.cjs build");
    await using others = await openDoors();
    expect((await others.ask({ path: "/" })).status).toBe(200);
    rmSync(others.page, { recursive: true });
    expect((await others.ask({ path: "/" })).json.error).toBe("not-found");
  });
});
