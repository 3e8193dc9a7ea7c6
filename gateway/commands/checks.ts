// A little long: every check in its order, in one place.
import { type Command, type CommandCode, type CommandOrigin, commandId } from "../model/command.ts";
import type { Device, Point } from "../model/device.ts";
import { formatDuration } from "../model/duration.ts";
import type { Reading } from "../model/reading.ts";
import { isRefused, prepareWrite, unacceptable, writtenPoint } from "../model/write.ts";
import type { WriteRule } from "../model/write-rule.ts";
import type { WallTime } from "./codec-seam.ts";
import type { Hold } from "./command-desk.ts";
import { atLeast } from "./holds.ts";
import { foreseen, inputsOf, writesOf } from "./order.ts";
import { type CommandRules, matchesAny } from "./rules.ts";

// A little long: every check in the one place that shows their order. Why a command is not taken: one small
// pure function each. Their order is the list below, and it is part of what issuers see: of several
// reasons they get the first one. Form and signature of bytes come before (codec-seam.ts).

/** A command with what is known of how it came. */
export interface Asked {
  readonly command: Command;
  readonly origin: CommandOrigin;
  /** The broker kept it. */
  readonly retained?: boolean | undefined;
  /** Whom the key that signed it may speak for. */
  readonly issuersOfKey?: readonly string[] | undefined;
}

/** What the desk knows at this moment. */
export interface Circumstances {
  readonly now: WallTime;
  readonly rules: CommandRules;
  device(id: string): Device | undefined;
  latest(device: string, point: string): Reading | undefined;
  /** Of a command with this id by this issuer. */
  known(command: Command): "same" | "other" | undefined;
  hold(device: string, point: string): Hold | undefined;
  /** The command that `confirms` names: whether it waits for that, or did. */
  armed(command: Command): "armed" | "late" | undefined;
  /** Ms until the rate lets one more through; 0 for now. */
  rateWait(command: Command, rate: NonNullable<WriteRule["rate"]>): number;
  /** Physical writes that a point's memory bears yet. */
  budgetLeft(device: string, point: string, budget: NonNullable<WriteRule["budget"]>): number;
  /** Whether no more commands can be kept. */
  readonly busy: boolean;
}

export type Verdict =
  | { readonly refuse: CommandCode; readonly text: string }
  /** The stored result is given again. */
  | { readonly again: true };

export interface Check {
  readonly name: string;
  readonly check: (asked: Asked, desk: Circumstances) => Verdict | undefined;
}

/** An issuer's clock may be ahead of ours by so much. */
export const clockSlackMs = 60_000;
/** Longest life of a command whose point says nothing shorter: as long as ids are remembered. */
export const longestLifeMs = 7 * 86_400_000;
const longestText = 1024;

export const checks: readonly Check[] = [
  { name: "form", check: wellFormed },
  { name: "signature", check: ({ command, issuersOfKey }) => spokenFor(command, issuersOfKey) },
  {
    name: "duplicate",
    check: ({ command }, desk) => (desk.known(command) === "same" ? { again: true } : undefined),
  },
  {
    name: "retained",
    check: ({ retained }) =>
      retained ? refuse("retained", "the broker kept it: publish commands without retain") : undefined,
  },
  {
    name: "id",
    check: ({ command }, desk) =>
      desk.known(command) === "other"
        ? refuse("id-reused", `"${command.id}" stood for another command: give every command its own id`)
        : undefined,
  },
  { name: "clock", check: clockAllows },
  { name: "expiry", check: notExpired },
  { name: "issued", check: notFromTheFuture },
  { name: "issuer", check: mayCommand },
  { name: "device", check: deviceKnown },
  { name: "point", check: pointWritable },
  { name: "life", check: notTooLong },
  { name: "value", check: valueTaken },
  { name: "interlock", check: notLocked },
  { name: "hold", check: notHeld },
  { name: "arming", check: armedFirst },
  { name: "rate", check: withinRate },
  { name: "budget", check: withinBudget },
  {
    name: "busy",
    check: ({ origin }, desk) =>
      desk.busy && origin.kind !== "failsafe"
        ? refuse("busy", "too many commands are kept or under way")
        : undefined,
  },
];

/** The first verdict, or undefined: it is taken. */
export function judge(asked: Asked, desk: Circumstances): (Verdict & { readonly by: string }) | undefined {
  for (const { name, check } of checks) {
    const verdict = check(asked, desk);
    if (verdict) return { ...verdict, by: name };
  }
  return undefined;
}

function refuse(code: CommandCode, text: string): Verdict {
  return { refuse: code, text };
}

/** Where it is found, once the checks before have found it. */
export function targetOf(
  command: Pick<Command, "device" | "point">,
  desk: Pick<Circumstances, "device">,
): { device: Device; point: Point; rule: WriteRule } | undefined {
  const device = desk.device(command.device);
  const point = device && writtenPoint(device.profile, command.point);
  return device && point?.write && { device, point, rule: point.write };
}

function wellFormed({ command }: Asked): Verdict | undefined {
  const { id, issuer, point, device, action, value, confirms, reason, issuedAt, expiry } = command;
  const wrong = (what: string) => refuse("bad-form", what);
  if (!commandId.test(id)) return wrong("an id is 1 to 64 of A-Z a-z 0-9 . _ : -");
  if (issuer.length === 0 || issuer.length > 64) return wrong("an issuer is named by 1 to 64 characters");
  if (device.length === 0 || device.length > 63) return wrong("it names no device");
  if (point.length === 0 || point.length > 200) return wrong("it names no point");
  if ((reason?.length ?? 0) > 200) return wrong("a reason has at most 200 characters");
  if (action === "write" && value === undefined) return wrong("a write needs a value");
  if (action !== "write" && value !== undefined) return wrong(`a ${action} has no value`);
  if ((typeof value === "string" || value instanceof Uint8Array) && value.length > longestText)
    return wrong(`a value has at most ${longestText} characters`);
  if ((action === "confirm") !== (confirms !== undefined))
    return wrong('only a confirm, and every one, names the command that it "confirms"');
  if (confirms !== undefined && !commandId.test(confirms)) return wrong('"confirms" is no id');
  if (issuedAt !== undefined && !isTime(issuedAt)) return wrong('"issuedAt" is no time');
  if ("at" in expiry ? !isTime(expiry.at) : !isTime(expiry.inMs)) return wrong("the expiry is no time");
  return undefined;
}

function isTime(ms: number): boolean {
  return Number.isFinite(ms) && ms >= 0 && ms <= Number.MAX_SAFE_INTEGER;
}

function spokenFor(command: Command, issuersOfKey: readonly string[] | undefined): Verdict | undefined {
  if (!issuersOfKey || issuersOfKey.includes(command.issuer)) return undefined;
  return refuse("not-allowed", `the key does not speak for "${command.issuer}"`);
}

function clockAllows({ command, origin }: Asked, { now, rules }: Circumstances): Verdict | undefined {
  if (now.trusted) return undefined;
  if (origin.kind === "northbound" && rules.untrustedClock === "refuse")
    return refuse(
      "clock-untrusted",
      "the gateway does not know the time yet, and takes nothing until it does",
    );
  if ("at" in command.expiry)
    return refuse(
      "clock-untrusted",
      "the gateway does not know the time yet: say expiresIn instead of expiresAt",
    );
  return undefined;
}

/**
 * With a trusted clock a relative expiry is also counted from `issuedAt` (with some slack): a broker may
 * have kept the message for hours.
 */
function notExpired({ command, issuersOfKey }: Asked, { now }: Circumstances): Verdict | undefined {
  const { expiry, issuedAt } = command;
  // A signature must not be good for ever: once the id is forgotten, nothing else ends it.
  if (issuersOfKey && now.trusted && "inMs" in expiry && issuedAt === undefined)
    return refuse("no-expiry", "a signed command says expiresAt, or issuedAt with its expiresIn");
  const late =
    "at" in expiry
      ? now.unixMs - expiry.at
      : now.trusted && issuedAt !== undefined
        ? now.unixMs - (issuedAt + expiry.inMs + clockSlackMs)
        : -expiry.inMs;
  if (late < 0) return undefined;
  return refuse(
    "expired",
    `it was to be begun ${formatDuration(Math.round(late / 1000) * 1000)} ago at the latest`,
  );
}

function notFromTheFuture({ command }: Asked, { now }: Circumstances): Verdict | undefined {
  if (!now.trusted || command.issuedAt === undefined) return undefined;
  const ahead = command.issuedAt - now.unixMs;
  if (ahead <= clockSlackMs) return undefined;
  return refuse(
    "issued-in-future",
    `it was issued ${formatDuration(Math.round(ahead / 1000) * 1000)} from now`,
  );
}

/** Local users were checked by the local API, schedules and failsafes by whoever wrote gateway.yaml. */
function mayCommand({ command, origin }: Asked, { rules }: Circumstances): Verdict | undefined {
  if (origin.kind !== "northbound") return undefined;
  const { issuer, device, point, priority } = command;
  const rule = rules.issuers.get(issuer);
  if (!rule) return refuse("not-allowed", `"${issuer}" may command nothing here`);
  if (!matchesAny(rule.devices, device) || !matchesAny(rule.points, point))
    return refuse("not-allowed", `"${issuer}" may not command "${point}" of "${device}"`);
  if (!atLeast(rule.priority, priority))
    return refuse("not-allowed", `"${issuer}" may command as ${rule.priority}, not as ${priority}`);
  return undefined;
}

function deviceKnown({ command }: Asked, desk: Circumstances): Verdict | undefined {
  return desk.device(command.device)
    ? undefined
    : refuse("unknown-device", `there is no device "${command.device}"`);
}

function pointWritable({ command }: Asked, desk: Circumstances): Verdict | undefined {
  const { profile } = desk.device(command.device) ?? {};
  if (!profile || targetOf(command, desk)) return undefined;
  const { point } = command;
  const named = ({ name }: { readonly name: string }): boolean => name === point;
  const read = profile.points.some(named) || profile.computed?.some(named) === true;
  return read
    ? refuse("read-only", `"${point}" cannot be written`)
    : refuse("unknown-point", `"${command.device}" has no point "${point}"`);
}

function notTooLong({ command }: Asked, desk: Circumstances): Verdict | undefined {
  const longest = Math.min(longestLifeMs, targetOf(command, desk)?.rule.expiryMs ?? longestLifeMs);
  const { expiry } = command;
  const life = "at" in expiry ? expiry.at - desk.now.unixMs : expiry.inMs;
  if (life <= longest) return undefined;
  return refuse("expiry-too-long", `a command to this point lives ${formatDuration(longest)} at most`);
}

function valueTaken({ command }: Asked, desk: Circumstances): Verdict | undefined {
  const target = targetOf(command, desk);
  if (!target || command.value === undefined) return undefined;
  const { device, point } = target;
  const inputs = inputsOf(device, point, (one, name) => desk.latest(one, name));
  const wrong = unacceptable(point, command.value, inputs);
  return wrong && refuse(wrong.refuse, wrong.detail);
}

/** Early, with the latest values, where all are known; it is looked at again right before the first byte. */
function notLocked({ command }: Asked, desk: Circumstances): Verdict | undefined {
  const target = targetOf(command, desk);
  if (!target || command.value === undefined) return undefined;
  const { device, point } = target;
  const inputs = inputsOf(device, point, (one, name) => desk.latest(one, name));
  if (!inputs) return undefined;
  const prepared = prepareWrite(device.profile, point, command.value, inputs);
  return isRefused(prepared) ? refuse(prepared.refuse, prepared.detail) : undefined;
}

function notHeld({ command, origin }: Asked, desk: Circumstances): Verdict | undefined {
  if (command.action === "confirm" || origin.kind === "failsafe") return undefined;
  const hold = desk.hold(command.device, command.point);
  if (!hold || atLeast(command.priority, hold.priority)) return undefined;
  if (command.action === "release" && hold.issuer === command.issuer) return undefined;
  return refuse("overridden", heldBy(hold));
}

export function heldBy({ issuer, priority, until }: Hold): string {
  const when = until === undefined ? "until it is released" : `until ${new Date(until).toISOString()}`;
  return `"${issuer}" holds it as ${priority} ${when}`;
}

function armedFirst({ command, origin }: Asked, desk: Circumstances): Verdict | undefined {
  if (command.action === "confirm") {
    const found = desk.armed(command);
    if (found === "armed") return undefined;
    return found === "late"
      ? refuse("confirmation-late", `"${command.confirms}" no longer waits for a confirmation`)
      : refuse("not-armed", `no command "${command.confirms}" waits for a confirmation`);
  }
  if (command.action === "write" && origin.kind === "schedule" && needsConfirmation(command, desk))
    return refuse("needs-confirmation", "this point is moved by two steps, and a schedule cannot confirm");
  return undefined;
}

export function needsConfirmation(command: Command, desk: Pick<Circumstances, "device">): boolean {
  return command.action === "write" && targetOf(command, desk)?.rule.confirm === "two-step";
}

function withinRate({ command, origin }: Asked, desk: Circumstances): Verdict | undefined {
  const rate = targetOf(command, desk)?.rule.rate;
  if (!rate || command.action !== "write" || origin.kind === "failsafe") return undefined;
  const wait = desk.rateWait(command, rate);
  if (wait <= 0) return undefined;
  const next = formatDuration(Math.ceil(wait / 1000) * 1000);
  return refuse("rate", `${rate.count} in ${formatDuration(rate.perMs)} at most; the next one in ${next}`);
}

/** A failsafe is counted and not refused: it comes once per loss of the control link. */
function withinBudget({ command, origin }: Asked, desk: Circumstances): Verdict | undefined {
  const target = targetOf(command, desk);
  if (!target || command.value === undefined || origin.kind === "failsafe") return undefined;
  const { device, point } = target;
  const inputs = inputsOf(device, point, (one, name) => desk.latest(one, name));
  const writes = writesOf(device, point, foreseen(device, point, command.value, inputs));
  for (const [name, count] of writes) {
    const budget = writtenPoint(device.profile, name)?.write?.budget;
    if (!budget || desk.budgetLeft(device.id, name, budget) >= count) continue;
    return refuse("budget", `the memory of "${name}" bears no more writes ${budgetWords(budget)}`);
  }
  return undefined;
}

function budgetWords({ perDay, lifetime }: NonNullable<WriteRule["budget"]>): string {
  const words = [perDay !== undefined && `${perDay} a day`, lifetime !== undefined && `${lifetime} for life`];
  return `(${words.filter((one) => one !== false).join(", ")})`;
}
