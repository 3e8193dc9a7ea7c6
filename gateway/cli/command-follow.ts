import { randomUUID } from "node:crypto";
import type { LocalClient } from "../local/client.ts";
import type { CommandAction, CommandState, Priority } from "../model/command.ts";
import { type CliContext, ExitError, exit } from "./context.ts";

/** A result as the local API tells it. */
export interface ResultJson {
  readonly id: string;
  readonly device: string;
  readonly point: string;
  readonly issuer: string;
  readonly state: CommandState;
  readonly stage?: string;
  readonly code?: string;
  readonly text?: string;
  readonly value?: number | boolean | string;
  readonly before?: number | boolean | string;
  readonly verified?: boolean;
  readonly unchanged?: boolean;
  readonly time?: string;
  readonly bootMs?: number;
  readonly last: boolean;
}

/** What `POST /v1/commands` takes. */
export interface Asked {
  readonly id?: string;
  readonly device: string;
  readonly point: string;
  readonly action?: CommandAction;
  readonly value?: number | boolean | string;
  readonly confirms?: string;
  readonly expiresIn?: string | undefined;
  readonly priority?: Priority | undefined;
  readonly reason?: string | undefined;
}

/** A name that nobody else uses, and that people can type. */
export function newId(): string {
  return `cli-${randomUUID().slice(0, 13)}`;
}

/**
 * Results of one command as they come, until its last word. `begin` is called when none can be missed any more, and
 * gives the present one. Rejects with GatewayError; ends with an abort of `signal`.
 */
export async function* followed(
  daemon: LocalClient,
  { id, device, point }: { readonly id: string; readonly device: string; readonly point: string },
  begin: () => Promise<ResultJson>,
  signal: AbortSignal,
): AsyncGenerator<ResultJson> {
  const over = new AbortController();
  const opened = Promise.withResolvers<void>();
  const query = new URLSearchParams({ device, point });
  const stream = daemon
    .events<ResultJson | number>(
      `/v1/results?${query}`,
      AbortSignal.any([signal, over.signal]),
      opened.resolve,
    )
    [Symbol.asyncIterator]();
  let next = stream.next();
  next.catch(() => {});
  try {
    await Promise.race([opened.promise, next]);
    const told = new Set<string>();
    const isNew = (result: ResultJson) => {
      const key = `${result.state} ${result.stage}`;
      return result.id === id && !told.has(key) && told.add(key);
    };
    const first = await begin();
    if (isNew(first)) yield first;
    if (first.last) return;
    for (let item = await next; !item.done; item = await next) {
      next = stream.next();
      next.catch(() => {});
      const { data } = item.value;
      // What was left out may have been the last word.
      const result = typeof data === "number" ? await daemon.get<ResultJson>(`/v1/commands/${id}`) : data;
      if (isNew(result)) yield result;
      if (result.id === id && result.last) return;
    }
  } finally {
    over.abort();
  }
}

/** Says a result on standard output, or, where it is a failure, on standard error. */
export function tell(context: CliContext, result: ResultJson, json: boolean | undefined, unit = ""): void {
  if (json) context.out(`${JSON.stringify(result)}\n`);
  else if (!result.last || result.state === "succeeded") context.out(`${sentence(result, unit)}\n`);
  else context.err(`stadsnod: ${sentence(result, unit)}${hintOf(result)}\n`);
}

/** Ends the command line with 1 when the last word is not a good one, or never came. */
export function endWith(last: ResultJson | undefined): void {
  if (last?.state !== "succeeded") throw new ExitError(exit.failed);
}

function sentence(result: ResultJson, unit: string): string {
  const { state, stage, code, text, value, before, verified, unchanged, device, point } = result;
  if (state === "accepted") return stage === undefined ? "accepted" : `accepted, ${stage}`;
  if (state === "executing") return stage === undefined ? "executing" : `executing, ${stage}`;
  if (state === "expired") return `${text ?? "its time is over"} [expired]`;
  if (state === "failed") return `${text ?? "it failed"} [${code}]`;
  if (value === undefined) return text === undefined ? "succeeded" : `succeeded: ${text}`;
  const shown = (what: typeof value) => `${what}${unit === "" ? "" : ` ${unit}`}`;
  const beside = [
    unchanged && "nothing was written",
    before !== undefined && !unchanged && `was ${shown(before)}`,
    verified && !unchanged && "read back",
    verified === undefined && !unchanged && "nothing shows it",
  ].filter((one) => one !== false && one !== undefined);
  const is = unchanged ? "is already" : "is";
  return `succeeded: ${point} of ${device} ${is} ${shown(value)} (${beside.join(", ")})`;
}

const hints: Readonly<Record<string, (result: ResultJson) => string>> = {
  expired: () => "give it more time with --expires",
  "expiry-too-long": () => "say a shorter --expires",
  interlock: ({ device }) => `what it needs is told by: stadsnod read ${device}`,
  "no-value": ({ device }) => `see what is missing: stadsnod read ${device}`,
  overridden: ({ device, point }) =>
    `wait, or have it released: stadsnod command release ${device} ${point}; stadsnod command list shows who holds what`,
  rate: () => "the profile spares the device: try again later",
  budget: () => "the profile spares the device's memory: it is not overridden from here",
  "not-armed": () => "stadsnod command list --open shows what waits",
  "confirmation-late": () => "command it anew, and confirm it in time",
  busy: () => "try again in a moment",
  unavailable: () => "stadsnod status tells what is wrong with the device",
  "no-answer": ({ device }) => `check its wiring and power, then look: stadsnod read ${device}`,
  "not-verified": ({ device }) => `see what it says now: stadsnod read ${device}`,
  link: () => "stadsnod status tells what is wrong with the line",
  interrupted: ({ device }) => `nobody knows whether it was carried out: stadsnod read ${device}`,
};

function hintOf(result: ResultJson): string {
  const hint = hints[result.state === "expired" ? "expired" : (result.code ?? "")]?.(result);
  return hint === undefined ? "" : `\nhint: ${hint}`;
}
