import { createInterface } from "node:readline/promises";
import { type Command, Option } from "commander";
import { suggest } from "../codec/suggest.ts";
import type { LocalClient } from "../local/client.ts";
import { type Priority, priorities } from "../model/command.ts";
import { formatDuration, parseDuration } from "../model/duration.ts";
import { ConfigError } from "../model/errors.ts";
import { type Asked, endWith, followed, newId, type ResultJson, tell } from "./command-follow.ts";
import { type CliContext, ExitError, exit } from "./context.ts";
import { command, daemonOf, socketOption } from "./daemon.ts";
import { type PointJson, pointToWrite, takenBy, valueTyped } from "./write-value.ts";

interface Options {
  readonly socket?: string;
  readonly expires: string;
  readonly priority?: Priority;
  readonly reason?: string;
  readonly dryRun?: boolean;
  readonly confirm?: boolean;
  readonly json?: boolean;
}

export function writeCommand(context: CliContext): Command {
  return command("write", "write a point of a device and wait for what becomes of it", [
    "stadsnod write lamp-1 level 80",
    "stadsnod write relays-1 relay_2 on --reason 'test of the fountain'",
    "stadsnod write door-1 lock unlocked --confirm",
    "stadsnod write pump-1 run on --dry-run",
  ])
    .argument("<device>", "device id of gateway.yaml")
    .argument("<point>", "point to write")
    .argument("<value>", "a number (80, or 80 %), a label of the profile, on or off")
    .addOption(socketOption())
    .option("--expires <duration>", "it is not begun later than this", "30s")
    .addOption(priorityOption())
    .option("--reason <text>", "why, for the audit log")
    .option("--dry-run", "say whether it would be accepted, and write nothing")
    .option("--confirm", "confirm a two-step command at once")
    .option("--json", "every result as JSON, one per line")
    .action(async (device: string, point: string, typed: string, options: Options) => {
      const daemon = await daemonOf(context, options);
      const target = pointToWrite(device, await pointsOf(daemon, device), point);
      const { expires, priority, reason } = options;
      checkExpiry(target, expires);
      const value = valueTyped(target, typed);
      const asked = { id: newId(), device, point, value, expiresIn: expires, priority, reason };
      if (options.dryRun) return await dryRun(context, daemon, asked, target, options.json);
      await new Write(context, daemon, asked, target, options).run();
    });
}

export function priorityOption(): Option {
  return new Option("--priority <class>", "weaker ones are refused while a point is held")
    .choices([...priorities])
    .default(undefined, "operator");
}

/** Throws ConfigError `unknown-device`, with what was meant. */
async function pointsOf(daemon: LocalClient, device: string): Promise<readonly PointJson[]> {
  try {
    const { points } = await daemon.get<{ points: PointJson[] }>(`/v1/devices/${encodeURIComponent(device)}`);
    return points;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const names = (await daemon.get<{ id: string }[]>("/v1/devices")).map(({ id }) => id);
    const near = suggest(device, names);
    throw new ConfigError(`there is no device "${device}"`, {
      code: "unknown-device",
      hint: near === undefined ? "stadsnod status lists the devices" : `did you mean "${near}"?`,
      cause: error,
    });
  }
}

function checkExpiry({ name, write }: PointJson, expires: string): void {
  let ms: number;
  try {
    ms = parseDuration(expires);
  } catch (cause) {
    throw new ConfigError(`not a duration: "${expires}"`, {
      code: "bad-option",
      hint: "write 30s or 5m",
      cause,
    });
  }
  if (ms <= (write?.longestMs ?? Number.POSITIVE_INFINITY)) return;
  throw new ConfigError(`a command to ${name} lives ${formatDuration(write?.longestMs ?? 0)} at most`, {
    code: "expiry-too-long",
    hint: "say a shorter --expires",
  });
}

async function dryRun(
  context: CliContext,
  daemon: LocalClient,
  asked: Asked,
  target: PointJson,
  json: boolean | undefined,
): Promise<void> {
  const answer = await daemon.post<{ accepted: boolean; result?: ResultJson }>(
    "/v1/commands?dry-run=true",
    asked,
  );
  if (json) context.out(`${JSON.stringify(answer)}\n`);
  else if (answer.accepted) context.out("it would be accepted\n");
  else if (answer.result) tellRefusal(context, answer.result, target);
  if (!answer.accepted) throw new ExitError(exit.failed);
}

/** A value that is not taken: what would be. */
function tellRefusal(context: CliContext, result: ResultJson, target: PointJson): void {
  const ofValue = ["wrong-type", "unknown-value", "out-of-range", "off-step", "does-not-fit"];
  if (ofValue.includes(result.code ?? ""))
    context.err(`stadsnod: ${result.text} [${result.code}]\nhint: ${takenBy(target)}\n`);
  else tell(context, result, false, target.unit);
}

/** One write, from the first word to the last. */
class Write {
  readonly #context: CliContext;
  readonly #daemon: LocalClient;
  readonly #asked: Asked & { readonly id: string };
  readonly #target: PointJson;
  readonly #options: Options;

  constructor(
    context: CliContext,
    daemon: LocalClient,
    asked: Asked & { readonly id: string },
    target: PointJson,
    options: Options,
  ) {
    this.#context = context;
    this.#daemon = daemon;
    this.#asked = asked;
    this.#target = target;
    this.#options = options;
  }

  async run(): Promise<void> {
    const { json } = this.#options;
    const ended = new AbortController();
    const signal = AbortSignal.any([this.#context.signal, ended.signal]);
    const begin = () => this.#daemon.post<ResultJson>("/v1/commands", this.#asked);
    let last: ResultJson | undefined;
    try {
      for await (const result of followed(this.#daemon, this.#asked, begin, signal)) {
        if (result.last && result.state !== "succeeded" && !json)
          tellRefusal(this.#context, result, this.#target);
        else tell(this.#context, result, json, this.#target.unit);
        last = result;
        if (result.stage === "armed") this.#armed(ended);
      }
      ended.signal.throwIfAborted();
    } finally {
      if (last?.last === false)
        this.#context.err(`it goes on without us: stadsnod command show ${this.#asked.id}\n`);
      ended.abort();
    }
    endWith(last);
  }

  /** Confirms, asks whether to, or says how; `ended` aborts when it is over, and is aborted for a no. */
  #armed(ended: AbortController): void {
    const { confirm, json } = this.#options;
    const { id, device, point, value } = this.#asked;
    if (confirm) {
      this.#confirm().catch((error: unknown) => ended.abort(error));
      return;
    }
    const how = `stadsnod command confirm ${id}`;
    const { input, columns } = this.#context;
    if (json || input === undefined || columns === undefined) {
      this.#context.err(`it waits for its confirmation: ${how}\n`);
      return;
    }
    this.#context.out(`Carry out ${point} = ${value} of ${device}? [y/N] `);
    const lines = createInterface({ input, output: undefined, terminal: false });
    lines
      .question("", { signal: AbortSignal.any([this.#context.signal, ended.signal]) })
      .then(async (answer) => {
        if (/^\s*(?:y|yes|j|ja)\s*$/i.test(answer)) return await this.#confirm();
        this.#context.out("not confirmed: it is given up when its time is over\n");
        ended.abort(new ExitError(exit.failed));
      })
      .catch((error: unknown) => ended.abort(error))
      .finally(() => lines.close());
  }

  async #confirm(): Promise<void> {
    const { id, device, point } = this.#asked;
    const { priority } = this.#options;
    const asked: Asked = { device, point, action: "confirm", confirms: id, priority };
    const result = await this.#daemon.post<ResultJson>("/v1/commands", asked);
    if (result.state !== "succeeded") tell(this.#context, result, this.#options.json);
  }
}
