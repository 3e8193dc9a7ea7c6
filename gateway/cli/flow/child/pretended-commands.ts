import { parseDuration } from "../../../model/duration.ts";
import type { PointGiven } from "../scenario.ts";
import { Refusal } from "./pretended-http.ts";
import type { VirtualTime } from "./virtual-time.ts";

// The command desk of the pretended gateway: a command is carried out at once, or refused.

export type JsonValue = number | boolean | string;

/** A command that a flow gave. */
export interface CommandGiven {
  readonly id: string;
  readonly device: string;
  readonly point: string;
  readonly action: string;
  readonly value?: JsonValue;
  readonly priority?: string;
  readonly confirms?: string;
}

export interface Result extends Record<string, unknown> {
  readonly id: string;
}

/** How long a command of two steps waits for its confirmation, unless it expires before. */
const armingMs = 60_000;
/** What commands are about. */
export interface PretendedField {
  has(device: string): boolean;
  point(device: string, point: string): PointGiven | undefined;
  latest(device: string, point: string): JsonValue | undefined;
  /** A flow gave it. */
  given(command: CommandGiven): void;
  /** The device does it. */
  take(write: { readonly device: string; readonly point: string; readonly value: JsonValue }): void;
  say(result: Result): void;
}

export class PretendedCommands {
  readonly results = new Map<string, Result>();
  readonly #time: VirtualTime;
  readonly #field: PretendedField;
  readonly #failing = new Map<string, string>();
  /** Commands that wait for their confirmation, by id. */
  readonly #armed = new Map<string, { readonly command: CommandGiven; readonly timer: Disposable }>();
  #made = 0;

  constructor(time: VirtualTime, field: PretendedField) {
    this.#time = time;
    this.#field = field;
  }

  /** Commands to this point fail from now on; `none`: no longer. */
  fail(device: string, point: string, code: string): void {
    if (code === "none") this.#failing.delete(`${device}/${point}`);
    else this.#failing.set(`${device}/${point}`, code);
  }

  /** Throws Refusal. */
  submit(body: Record<string, unknown>, dry: boolean): unknown {
    const { device, point, value, priority, confirms } = body;
    const action = body.action ?? "write";
    if (typeof device !== "string" || typeof point !== "string" || typeof action !== "string")
      throw new Refusal(400, "bad-request", "a command needs device and point");
    const known = this.#field.point(device, point);
    if (!known)
      throw new Refusal(
        404,
        this.#field.has(device) ? "unknown-point" : "unknown-device",
        `no ${device}/${point} in this scenario`,
      );
    const command: CommandGiven = {
      id: typeof body.id === "string" ? body.id : `simulated-${++this.#made}`,
      device,
      point,
      action,
      ...(isValue(value) ? { value } : {}),
      ...(typeof priority === "string" ? { priority } : {}),
      ...(typeof confirms === "string" ? { confirms } : {}),
    };
    const armed = action === "confirm" ? this.#armed.get(command.confirms ?? "") : undefined;
    const code = this.#failing.get(`${device}/${point}`) ?? refusalOf(command, known, armed !== undefined);
    if (dry) return { accepted: code === undefined, result: this.#result(command, { code }) };
    this.#field.given(command);
    if (code !== undefined) return this.#word(this.#result(command, { code }));
    if (armed) {
      armed.timer[Symbol.dispose]();
      this.#armed.delete(armed.command.id);
      this.#carryOut(armed.command);
    } else if (action === "write" && known.write?.confirm === "two-step")
      return this.#arm(command, lifeMs(body.expiresIn));
    return this.#carryOut(command);
  }

  #arm(command: CommandGiven, life: number): Result {
    const timer = this.#time.clock.timer(Math.min(armingMs, life), () => {
      this.#armed.delete(command.id);
      const text = "nobody confirmed it in time";
      this.#word({ ...this.#result(command, {}), state: "expired", text });
    });
    this.#armed.set(command.id, { command, timer });
    return this.#word({ ...this.#result(command, {}), state: "accepted", stage: "armed", last: false });
  }

  #carryOut(command: CommandGiven): Result {
    const { device, point, action, value } = command;
    const result = this.#word(this.#result(command, {}));
    if (action === "write" && value !== undefined) this.#field.take({ device, point, value });
    return result;
  }

  /** The last word on a command, as it would be now. */
  #result({ id, device, point, value }: CommandGiven, { code }: { code?: string | undefined }): Result {
    const before = this.#field.latest(device, point);
    return {
      id,
      device,
      point,
      issuer: "token:node-red",
      ...(code === undefined
        ? { state: "succeeded", verified: true, unchanged: before === value }
        : { state: "failed", code, text: `the simulated gateway refuses: ${code}` }),
      ...(value === undefined ? {} : { value }),
      ...(before === undefined ? {} : { before }),
      time: new Date(this.#time.now()).toISOString(),
      last: true,
    };
  }

  #word(result: Result): Result {
    this.results.set(result.id, result);
    this.#field.say(result);
    return result;
  }
}

/** Throws Refusal. */
function lifeMs(expiresIn: unknown): number {
  if (typeof expiresIn !== "string") return Number.POSITIVE_INFINITY;
  try {
    return parseDuration(expiresIn);
  } catch (error) {
    throw new Refusal(400, "bad-request", error instanceof Error ? error.message : String(error));
  }
}

/** Why a command is not taken. */
function refusalOf({ action, value }: CommandGiven, known: PointGiven, isArmed: boolean): string | undefined {
  if (action === "write") return unacceptable(known, value);
  return action === "confirm" && !isArmed ? "not-armed" : undefined;
}

/** Why a point does not take a value. */
function unacceptable({ write }: PointGiven, value: JsonValue | undefined): string | undefined {
  if (!write) return "read-only";
  if (write.allowed && (value === undefined || !write.allowed.includes(value))) return "unknown-value";
  const [low, high] = write.range ?? [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
  return write.range && (typeof value !== "number" || value < low || value > high)
    ? "out-of-range"
    : undefined;
}

export function isValue(value: unknown): value is JsonValue {
  return typeof value === "number" || typeof value === "boolean" || typeof value === "string";
}
