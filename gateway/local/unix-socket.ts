import { chmod, mkdir, rm, stat } from "node:fs/promises";
import { connect, type Server } from "node:net";
import { dirname } from "node:path";
import { ConfigError } from "../model/errors.ts";

/**
 * Lets a server listen on a Unix socket that its owner and group may open (0660). Rejects with ConfigError:
 * `already-running`, `local-socket` (this path can never be one), `local-disk` (the disk takes no socket now).
 */
export async function listenOnSocket(server: Server, socket: string): Promise<void> {
  await prepare(socket);
  await removeStaleSocket(socket);
  await listen(server, socket);
  await chmod(socket, mode);
}

const mode = 0o660;

function listen(server: Server, socket: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", (cause: NodeJS.ErrnoException) => {
      reject(socketError(socket, cause));
    });
    // `listen` makes the file before it returns: nobody else may open it even for a moment.
    const before = process.umask(0o777 & ~mode);
    try {
      server.listen(socket, resolve);
    } finally {
      process.umask(before);
    }
  });
}

async function prepare(socket: string): Promise<void> {
  try {
    await mkdir(dirname(socket), { recursive: true });
  } catch (cause) {
    throw socketError(socket, cause);
  }
}

const diskCodes = new Set(["EROFS", "ENOSPC", "EDQUOT", "EIO"]);

function socketError(socket: string, cause: unknown): ConfigError {
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : "unknown error";
  const ofDisk = diskCodes.has(code);
  return new ConfigError(`cannot open the local socket ${socket} (${code})`, {
    code: ofDisk ? "local-disk" : "local-socket",
    hint: ofDisk
      ? "set `local: {socket: ...}` to a path in memory, such as /run/stadsnod/stadsnod.sock"
      : Buffer.byteLength(socket) > 107
        ? "a Unix socket's path must be shorter than 108 bytes: set `local: {socket: ...}`"
        : "set `local: {socket: ...}` to a path that this user may write",
    cause,
  });
}

/** A socket file that nobody answers on was left by a crash. */
async function removeStaleSocket(socket: string): Promise<void> {
  const found = await stat(socket).catch(() => undefined);
  if (!found) return;
  if (!found.isSocket()) {
    throw new ConfigError(`${socket} exists and is not a socket`, {
      code: "local-socket",
      hint: "remove it, or set `local: {socket: ...}`",
    });
  }
  const alive = await new Promise<boolean>((resolve) => {
    const probe = connect(socket, () => {
      probe.destroy();
      resolve(true);
    });
    probe.once("error", () => resolve(false));
  });
  if (alive) {
    throw new ConfigError(`another gateway already listens on ${socket}`, {
      code: "already-running",
      hint: "stop it first, or give this one its own `local: {socket: ...}` and `storage: {folder: ...}`",
    });
  }
  await rm(socket, { force: true }).catch((cause: unknown) => {
    throw socketError(socket, cause);
  });
}
