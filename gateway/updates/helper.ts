import { lstat } from "node:fs/promises";
import { createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import type { Clock } from "../model/clock.ts";
import { GatewayError, RefusedError } from "../model/errors.ts";
import type { Log } from "../model/log.ts";
import { type HelperRequest, longestRequest, requestSchema } from "./helper-words.ts";
import type { Updater } from "./updater.ts";

export interface HelperOptions {
  readonly updater: Updater;
  /** The one folder whose files may be looked at and installed. */
  readonly folder: string;
  readonly log: Log;
  readonly clock: Clock;
  readonly trial?: Trial;
}

/**
 * Which slot is on trial, kept where a system that hardly starts can read it: whoever guards the machine
 * (stadsnod-trial.service) gives a system up that nobody kept in its time. Both may be called again; both are durable.
 */
export interface Trial {
  begin(slot: string): Promise<void>;
  end(): Promise<void>;
}

/** A request must come at once. */
const patienceMs = 10_000;
const mostConnections = 8;

/**
 * The one program that may call RAUC, as a server: the caller listens with it on a Unix socket that only the
 * gateway's user may open. Whoever can speak to it can at most install what the city has signed. One request at a time.
 */
export function makeHelper({ updater, folder, log, clock, trial }: HelperOptions): Server {
  const guarded = trial ? onTrial(updater, trial) : updater;
  let turn: Promise<unknown> = Promise.resolve();
  const server = createServer({ pauseOnConnect: false }, (socket) => {
    socket.on("error", () => socket.destroy());
    const late = clock.timer(patienceMs, () => socket.destroy());
    socket.once("close", () => late[Symbol.dispose]());
    readLine(socket, (line) => {
      late[Symbol.dispose]();
      // Whoever goes away does not stop what was begun.
      turn = turn.then(() => answer(socket, line, guarded, folder, log)).catch(() => {});
    });
  });
  server.maxConnections = mostConnections;
  return server;
}

/** The trial begins before the slot is written: a power cut at the very end of it starts the new system. */
function onTrial(updater: Updater, trial: Trial): Updater {
  return {
    ...updater,
    async install(bundle, progress) {
      const { slots } = await updater.status();
      const other = slots.find(({ booted }) => !booted);
      if (other) await trial.begin(other.name);
      await updater.install(bundle, progress);
    },
    async markGood() {
      await updater.markGood();
      await trial.end();
    },
    async markBad() {
      await updater.markBad();
      await trial.end();
    },
  };
}

function readLine(socket: Socket, take: (line: string) => void): void {
  let received = Buffer.alloc(0);
  const onData = (piece: Buffer) => {
    received = Buffer.concat([received, piece]);
    const end = received.indexOf(10);
    if (end < 0 && received.length <= longestRequest) return;
    socket.off("data", onData);
    socket.resume();
    if (end < 0 || end > longestRequest) return void socket.destroy();
    take(received.toString("utf8", 0, end));
  };
  socket.on("data", onData);
}

async function answer(
  socket: Socket,
  line: string,
  updater: Updater,
  folder: string,
  log: Log,
): Promise<void> {
  const say = (what: unknown) => socket.writable && socket.write(`${JSON.stringify(what)}\n`);
  try {
    const request = requestOf(line);
    if (request.do !== "status") log.info({ ...request }, "asked");
    const ok = await carryOut(request, updater, folder, (progress) => say({ progress }));
    say({ ok: ok ?? null });
  } catch (error) {
    if (!(error instanceof GatewayError)) log.error({ err: error }, "a request broke: a bug");
    const known = error instanceof GatewayError ? error : undefined;
    const { code, message, hint } = known ?? {
      code: "internal",
      message: "the updater broke",
      hint: undefined,
    };
    log.warn({ code }, message);
    say({
      error: {
        kind: error instanceof RefusedError ? "refused" : "transient",
        code,
        message: message.slice(0, 2000),
        hint: hint?.slice(0, 1000),
      },
    });
  } finally {
    socket.end();
  }
}

function requestOf(line: string): HelperRequest {
  try {
    return requestSchema.parse(JSON.parse(line));
  } catch (cause) {
    throw new RefusedError("this is no request that is known here", { code: "bad-request", cause });
  }
}

async function carryOut(
  request: HelperRequest,
  updater: Updater,
  folder: string,
  progress: (percent: number) => void,
): Promise<unknown> {
  switch (request.do) {
    case "status":
      return await updater.status();
    case "inspect":
      return await updater.inspect(await bundleIn(folder, request.file));
    case "install":
      return await updater.install(await bundleIn(folder, request.file), progress);
    case "mark-good":
      return await updater.markGood();
    case "mark-bad":
      return await updater.markBad();
    case "reboot":
      return await updater.reboot();
  }
}

/** A link could lead to what only root may read. */
async function bundleIn(folder: string, file: string): Promise<string> {
  const path = join(folder, file);
  const found = await lstat(path).catch(() => undefined);
  if (!found?.isFile())
    throw new RefusedError("the bundle is not there", {
      code: "bundle-missing",
      hint: `it must be a file in ${folder}`,
    });
  return path;
}
