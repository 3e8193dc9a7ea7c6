import { connect } from "node:net";
import { createInterface } from "node:readline";
import { LinkError, RefusedError, TransientError } from "../model/errors.ts";
import { factsAnswer, type HelperRequest, lineSchema, longestAnswer, statusAnswer } from "./helper-words.ts";
import type { Updater } from "./updater.ts";

/** The updater behind a Unix socket. A bundle is the name of a file in the folder of bundles. */
export function remoteUpdater(socket: string): Updater {
  const ask = (request: HelperRequest, progress?: (percent: number) => void) =>
    exchange(socket, request, progress);
  const nothing = async (work: Promise<unknown>) => void (await work);
  return {
    status: async () => statusAnswer.parse(await ask({ do: "status" })),
    inspect: async (file) => factsAnswer.parse(await ask({ do: "inspect", file })),
    install: (file, progress) => nothing(ask({ do: "install", file }, progress)),
    markGood: () => nothing(ask({ do: "mark-good" })),
    markBad: () => nothing(ask({ do: "mark-bad" })),
    reboot: () => nothing(ask({ do: "reboot" })),
  };
}

async function exchange(
  path: string,
  request: HelperRequest,
  progress?: (percent: number) => void,
): Promise<unknown> {
  const socket = connect(path);
  const { promise: failed, reject } = Promise.withResolvers<never>();
  failed.catch(() => {});
  socket.once("error", (cause: NodeJS.ErrnoException) => reject(noAnswer(path, cause)));
  socket.write(`${JSON.stringify(request)}\n`);
  try {
    return await Promise.race([answerOf(socket, path, progress), failed]);
  } finally {
    socket.destroy();
  }
}

async function answerOf(
  socket: ReturnType<typeof connect>,
  path: string,
  progress?: (percent: number) => void,
): Promise<unknown> {
  let bytes = 0;
  socket.on("data", (piece) => {
    bytes += piece.length;
    if (bytes > longestAnswer) socket.destroy();
  });
  const lines = createInterface({ input: socket });
  lines.on("error", () => {});
  for await (const line of lines) {
    const said = lineSchema.safeParse(parsed(line)).data;
    if (!said) break;
    if ("progress" in said) progress?.(said.progress);
    else if ("error" in said) {
      const { kind, code, message, hint } = said.error;
      throw new (kind === "refused" ? RefusedError : TransientError)(message, { code, hint });
    } else return said.ok;
  }
  throw noAnswer(path);
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

function noAnswer(path: string, cause?: unknown): LinkError {
  return new LinkError(`no updater answers on ${path}`, {
    code: "no-updater",
    hint: "on our image: systemctl status stadsnod-update; elsewhere there is none, and whoever installed the gateway updates it",
    cause,
  });
}
