import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { createServer } from "./http.ts";
import { listenOnSocket } from "./unix-socket.ts";

it("never lets others open the socket, not even before its mode is set", async () => {
  const folder = mkdtempSync(join(tmpdir(), "stadsnod-socket-"));
  const socket = join(folder, "api.sock");
  const server = createServer();
  const seen: number[] = [];
  server.on("listening", () => seen.push(statSync(socket).mode & 0o777));
  const before = process.umask(0);
  try {
    await listenOnSocket(server, socket);
    expect(seen).toEqual([0o660]);
    expect(statSync(socket).mode & 0o777).toBe(0o660);
    expect(process.umask()).toBe(0);
  } finally {
    process.umask(before);
    server.close();
    rmSync(folder, { recursive: true });
  }
});
