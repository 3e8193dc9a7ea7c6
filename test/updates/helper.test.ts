import { once } from "node:events";
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { assert, asyncProperty, oneof, string, uint8Array } from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { silentLog } from "../../gateway/model/log.ts";
import { makeHelper } from "../../gateway/updates/helper.ts";
import { remoteUpdater } from "../../gateway/updates/remote-updater.ts";
import { VirtualClock } from "../fault/virtual-clock.ts";
import { FakeMachine } from "./fake-updater.ts";
import { updaterContract } from "./updater.contract.ts";

async function openBench() {
  const folder = mkdtempSync(join(tmpdir(), "stadsnod-updater-"));
  const machine = new FakeMachine();
  const path = join(folder, "good.raucb");
  writeFileSync(path, "a bundle");
  machine.bundles.set(path, { version: "2.0.0", behaviour: "works" });
  const server = makeHelper({
    updater: machine.updater(),
    folder,
    log: silentLog,
    clock: new VirtualClock(),
  });
  const socket = join(folder, "updater.sock");
  server.listen(socket);
  await once(server, "listening");
  return {
    machine,
    folder,
    socket,
    updater: remoteUpdater(socket),
    bundle: "good.raucb",
    missing: "missing.raucb",
    installs: true,
    async [Symbol.asyncDispose]() {
      await new Promise((resolve) => server.close(resolve));
      rmSync(folder, { recursive: true });
    },
  };
}

updaterContract("over the socket", openBench);

describe("the trial of a new system", () => {
  it("begins before its slot is written, and ends when it is kept or given up", async () => {
    const folder = mkdtempSync(join(tmpdir(), "stadsnod-updater-"));
    const machine = new FakeMachine();
    writeFileSync(join(folder, "good.raucb"), "a bundle");
    machine.bundles.set(join(folder, "good.raucb"), { version: "2.0.0", behaviour: "works" });
    const told: string[] = [];
    const trial = {
      begin: async (slot: string) => void told.push(`${slot} after ${machine.installs.length} installs`),
      end: async () => void told.push("end"),
    };
    const server = makeHelper({
      updater: machine.updater(),
      folder,
      log: silentLog,
      clock: new VirtualClock(),
      trial,
    });
    const socket = join(folder, "updater.sock");
    server.listen(socket);
    await once(server, "listening");
    try {
      const updater = remoteUpdater(socket);
      await updater.install("good.raucb", () => {});
      expect(told).toEqual(["B after 0 installs"]);
      await updater.markGood();
      await updater.markBad();
      expect(told.slice(1)).toEqual(["end", "end"]);
    } finally {
      await new Promise((resolve) => server.close(resolve));
      rmSync(folder, { recursive: true });
    }
  });
});

describe("the program that may call RAUC", () => {
  let bench: Awaited<ReturnType<typeof openBench>>;
  beforeAll(async () => {
    bench = await openBench();
  });
  afterAll(() => bench[Symbol.asyncDispose]());

  async function say(bytes: Uint8Array | string): Promise<string> {
    const socket = connect(bench.socket);
    socket.on("error", () => {});
    let said = "";
    socket.on("data", (piece) => {
      said += piece;
    });
    socket.write(bytes);
    await once(socket, "close");
    return said;
  }

  it.each([
    ["another program", { do: "run", program: "sh" }],
    ["a path", { do: "install", file: "../../etc/shadow" }],
    ["a path below the folder", { do: "install", file: "a/b.raucb" }],
    ["an absolute path", { do: "inspect", file: "/etc/shadow" }],
    ["an argument of its own", { do: "install", file: "--conf=x" }],
    ["a hidden file", { do: "install", file: ".x" }],
    ["more than was asked for", { do: "reboot", force: true }],
    ["no object", "reboot"],
  ])("does not take %s", async (_, request) => {
    expect(JSON.parse(await say(`${JSON.stringify(request)}\n`))).toMatchObject({
      error: { kind: "refused", code: "bad-request" },
    });
    expect(bench.machine.rebooting).toBe(false);
  });

  it("does not follow links out of its folder", async () => {
    const link = join(bench.folder, "link.raucb");
    symlinkSync(join(bench.folder, bench.bundle), link);
    // Whoever followed it would find a good bundle.
    bench.machine.bundles.set(link, { version: "2.0.0", behaviour: "works" });
    await expect(bench.updater.inspect("link.raucb")).rejects.toMatchObject({ code: "bundle-missing" });
  });

  it("hangs up on who sends a line without an end", async () => {
    expect(await say("x".repeat(5000))).toBe("");
  });

  it("outlives whatever comes (property)", async () => {
    await assert(
      asyncProperty(oneof(string(), uint8Array({ maxLength: 600 })), async (bytes) => {
        const said = await say(Buffer.concat([Buffer.from(bytes), Buffer.from("\n")]));
        if (said !== "") expect(JSON.parse(said)).toHaveProperty("error");
      }),
      { numRuns: 100 },
    );
    expect((await bench.updater.status()).booted).toBe("A");
  });

  it("is missed with a word about what to do", async () => {
    await expect(remoteUpdater(join(bench.folder, "nobody.sock")).status()).rejects.toMatchObject({
      code: "no-updater",
    });
  });
});
