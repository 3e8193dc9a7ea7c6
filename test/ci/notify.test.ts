import { spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { describe, expect, it, onTestFinished } from "vitest";
import { newFolder, startDaemon } from "../system/daemon.ts";

// The built daemon and somebody who listens where a service manager would.

interface Told {
  readonly pid: number;
  readonly lines: readonly string[];
}

async function listen(socket: string) {
  const receiver = spawn("/usr/bin/python3", [join(import.meta.dirname, "notify-receiver.py"), socket], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  onTestFinished(() => void receiver.kill());
  const lines = createInterface({ input: receiver.stdout })[Symbol.asyncIterator]();
  const next = async (): Promise<Told> => {
    const { value, done } = await lines.next();
    if (done) throw new Error("the receiver ended");
    return JSON.parse(value);
  };
  await next();
  return {
    /** The next message that has this line. */
    async told(line: string): Promise<Told> {
      for (;;) {
        const message = await next();
        if (message.lines.includes(line)) return message;
      }
    },
  };
}

const yaml = "gateway: {id: gw-1, pen: 32474}\n";

describe("the daemon under a service manager", () => {
  it.each([
    ["by a socket that is handed over", true],
    ["by systemd-notify", false],
  ])("tells of its life %s", async (_how, handedOver) => {
    const folder = newFolder();
    const socket = join(folder, "notify");
    const manager = await listen(socket);
    await using daemon = await startDaemon({
      folder,
      yaml,
      // Where the socket is handed over there is no systemd-notify to be found.
      env: { NOTIFY_SOCKET: socket, WATCHDOG_USEC: "1000000", ...(handedOver ? { PATH: "/nowhere" } : {}) },
      ...(handedOver
        ? { through: ["/usr/bin/python3", join(import.meta.dirname, "notify-handover.py"), socket] }
        : {}),
    });
    const ready = await manager.told("READY=1");
    expect(ready.lines).toContain("STATUS=devices 0 of 0");
    expect(ready.lines).toContain("WATCHDOG=1");
    if (handedOver) expect(ready.pid).toBe(daemon.pid);
    for (let beats = 0; beats < 3; beats++)
      expect((await manager.told("WATCHDOG=1")).lines).toEqual(["WATCHDOG=1"]);
    daemon.kill("SIGHUP");
    await manager.told("READY=1");
    await daemon.end("SIGTERM");
    await manager.told("STOPPING=1");
  });
});
