import { execFileSync } from "node:child_process";
import { type FaultyLine, type FaultyLineOptions, openFaultyLine } from "./faulty-line.ts";
import type { LineSettings } from "./line.ts";
import { openPty } from "./pty.ts";

/** A port that was quiet for so long may have been opened anew. */
const reopenedMs = 30;

export interface FaultyPty extends AsyncDisposable {
  readonly path: string;
  readonly line: FaultyLine;
}

/**
 * A faulty line behind a pty, in real time. How fast the gateway's port is, is asked of the pty. Linux keeps
 * the speed and the stop bits of a pty, but not its parity (drivers/tty/pty.c, pty_set_termios: PARENB is
 * cleared), and says 0 for speeds that have no name: those stay as `settings` says.
 */
export function openFaultyPty(options: Omit<FaultyLineOptions, "now" | "after">): FaultyPty {
  const pty = openPty();
  const line = openFaultyLine({ ...options, now: () => performance.now() });
  let settings: LineSettings = options.settings;
  let lastAt = 0;
  pty.receive((chunk) => {
    const now = performance.now();
    if (now > lastAt + reopenedMs && pty.device !== undefined) {
      const next = { ...settings, ...speedOf(pty.device) };
      if (next.baud !== settings.baud || next.stopBits !== settings.stopBits) line.open(next);
      settings = next;
    }
    lastAt = now;
    line.write(chunk);
  });
  line.receive((chunk) => pty.send(chunk));
  return {
    path: pty.path,
    line,
    [Symbol.asyncDispose]: async () => {
      line[Symbol.dispose]();
      await pty[Symbol.asyncDispose]();
    },
  };
}

function speedOf(device: string): Partial<LineSettings> {
  const text = execFileSync("stty", ["-F", device, "-a"], { encoding: "utf8" });
  const baud = Number(/speed (\d+) baud/.exec(text)?.[1] ?? 0);
  const stopBits = / -cstopb/.test(text) ? 1 : 2;
  return baud > 0 ? { baud, stopBits } : { stopBits };
}
