import { execFileSync } from "node:child_process";
import { closeSync, constants, mkdtempSync, openSync, renameSync, rmSync, symlinkSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ReadStream } from "node:tty";
import type { Wire } from "./wire.ts";

/** What node-pty's `open()` really gives; its published types only know `spawn`. */
interface PtyPair {
  readonly _master: ReadStream & { write(bytes: Uint8Array): boolean };
  readonly _slave: ReadStream;
  readonly _pty: string;
}

/** A serial line without hardware: the gateway opens `path`, the simulated device holds the other end. */
export interface Pty extends Wire, AsyncDisposable {
  /** A link that stays the same over unplug and replug, as /dev/serial/by-id does. */
  readonly path: string;
  /** The tty of the moment, e.g. /dev/pts/4; undefined while unplugged. */
  readonly device: string | undefined;
  /** What a pulled USB adapter does: the tty hangs up, link and node vanish. */
  unplug(): void;
  /** Back again, usually under another number, with the same link. */
  replug(): void;
}

/**
 * Opens a pty pair, raw and without echo. Linux only.
 *
 * @param link where the stable path shall lie; by default in a new temporary folder
 */
export function openPty({ link }: { readonly link?: string | undefined } = {}): Pty {
  const folder = link === undefined ? mkdtempSync(join(tmpdir(), "stadsnod-pty-")) : undefined;
  const path = link ?? join(folder ?? "", "tty");
  let receiver: (chunk: Uint8Array) => void = () => {};
  let end: PtyEnd | undefined = plug(path, (chunk) => receiver(chunk));

  const unplug = () => {
    if (!end) return;
    rmSync(path, { force: true });
    end.close();
    end = undefined;
  };
  return {
    path,
    get device() {
      return end?.device;
    },
    send: (bytes) => end?.send(bytes),
    receive: (next) => {
      receiver = next;
    },
    unplug,
    replug: () => {
      end ??= plug(path, (chunk) => receiver(chunk));
    },
    [Symbol.asyncDispose]: async () => {
      unplug();
      if (folder) rmSync(folder, { recursive: true, force: true });
    },
  };
}

interface PtyEnd {
  readonly device: string;
  send(bytes: Uint8Array): void;
  close(): void;
}

function plug(path: string, receive: (chunk: Uint8Array) => void): PtyEnd {
  // Loaded only here, so that everything else of the simulators runs where the add-on does not.
  const { open }: { open(options: { encoding: null }): PtyPair } = createRequire(import.meta.url)(
    "@lydell/node-pty",
  );
  const pair = open({ encoding: null });
  const { _master: master, _slave: slave, _pty: device } = pair;
  // node-pty also reads the slave, which would steal the gateway's bytes. Our own descriptor of it
  // is never read: it only keeps the pair alive while the gateway closes and opens the port again.
  const hold = openSync(device, constants.O_RDWR | constants.O_NOCTTY);
  slave.destroy();
  execFileSync("stty", ["-F", device, "raw", "-echo"]);
  master.on("data", (chunk) => receive(chunk));
  master.on("error", () => {});
  const next = `${path}.next`;
  rmSync(next, { force: true });
  symlinkSync(device, next);
  renameSync(next, path);
  return {
    device,
    send: (bytes) => {
      if (!master.destroyed) master.write(bytes);
    },
    close: () => {
      closeSync(hold);
      master.destroy();
    },
  };
}
