import { type DeviceProfile, type Point, readablePoints } from "../model/device.ts";
import { GatewayError } from "../model/errors.ts";
import { pointNameOf } from "../model/formula.ts";
import type { Value } from "../model/value.ts";
import { isRefused, type PreparedStep, prepareWrite, type Refusal, writtenPoint } from "../model/write.ts";
import type { Protocol, WriteFrame } from "../southbound/protocol.ts";
import { sampleDevice } from "./sample.ts";

// Examples with `write`: the command is prepared as the command desk would, and its frames are
// compared with the ones that the example shows.

/** A value that is written, and what must come of it. */
export interface ExampleCommand {
  readonly point: string;
  readonly value: Value;
  readonly refuse?: Refusal | undefined;
  /** Frames as they go out and come in: hex, or text where it is not hex. */
  readonly exchange: readonly Exchanged[];
}

interface Exchanged {
  readonly ">": string;
  readonly "<"?: string | undefined;
}

export interface ExampleResult {
  /** The reading's name; empty when the example failed as a whole. */
  readonly point: string;
  readonly passed: boolean;
  readonly expected: string;
  readonly got: string;
}

/** Points whose values the formulas of a command look at. */
export function neededPoints(profile: DeviceProfile, { point: name }: ExampleCommand): Point[] {
  const { write, scaleSource } = writtenPoint(profile, name) ?? {};
  const needs = [...(write?.interlock?.needs ?? []), ...(write?.value?.needs ?? [])].map(pointNameOf);
  const all = scaleSource ? [...needs, scaleSource.point] : needs;
  return readablePoints(profile).filter((point) => all.includes(point.name));
}

/** Prepares and encodes a command; `settings` are those of the example's device. */
export function runCommand(
  profile: DeviceProfile,
  { point: name, value, refuse, exchange }: ExampleCommand,
  protocol: Protocol,
  inputs: ReadonlyMap<string, Value>,
  settings: unknown,
): ExampleResult {
  const result = (passed: boolean, got: string, expected = refuse ?? "these frames"): ExampleResult => ({
    point: name,
    passed,
    expected,
    got,
  });
  const point = writtenPoint(profile, name);
  if (!point) return result(false, "no such point");
  const prepared = prepareWrite(profile, point, value, inputs);
  if (isRefused(prepared))
    return result(
      prepared.refuse === refuse,
      refuse === prepared.refuse ? refuse : `${prepared.refuse}: ${prepared.detail}`,
    );
  const encode = encoderOf(protocol, profile, settings);
  if (!encode) {
    return refuse === undefined
      ? result(false, `frames of ${protocol.name} cannot be compared yet`)
      : result(false, `written: ${describeSteps(prepared.steps)}`);
  }
  try {
    const wrong = compareFrames(prepared.steps, encode, refuse === undefined ? exchange : undefined);
    if (refuse !== undefined) return result(false, `written: ${describeSteps(prepared.steps)}`);
    return wrong ? result(false, wrong.got, wrong.expected) : result(true, "these frames");
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    return result(error.code === refuse, `${error.code}: ${error.message}`);
  }
}

type Encode = (step: Exclude<PreparedStep, { waitMs: number }>) => WriteFrame;

function encoderOf(protocol: Protocol, profile: DeviceProfile, settings: unknown): Encode | undefined {
  if (!protocol.encodeWrite) return undefined;
  const device = sampleDevice(protocol, profile, settings);
  return ({ address, raw }) => {
    const frame = protocol.encodeWrite?.(device, address, raw);
    if (!frame) throw new RangeError("a protocol that encodes once encodes always");
    return frame;
  };
}

/** The first difference; undefined when the exchange is what would go over the line. Without `exchange` frames are only encoded. */
function compareFrames(
  steps: readonly PreparedStep[],
  encode: Encode,
  exchange: readonly Exchanged[] | undefined,
): { expected: string; got: string } | undefined {
  const left = exchange ? [...exchange] : [];
  for (const step of steps) {
    if ("waitMs" in step) continue;
    let frame: WriteFrame | "done" = encode(step);
    if (!exchange) continue;
    while (frame !== "done") {
      const next = left.shift();
      const sent = hex(frame.bytes);
      if (!next) return { expected: "no more frames", got: `${sent} (${frame.label})` };
      if (hex(bytesOf(next[">"])) !== sent) return { expected: next[">"], got: `${sent} (${frame.label})` };
      if (frame.unanswered) break;
      if (next["<"] === undefined) return { expected: `an answer to ${frame.label}`, got: "none" };
      const answered: WriteFrame | "done" | undefined = frame.answered(bytesOf(next["<"]));
      if (answered === undefined) return { expected: `an answer to ${frame.label}`, got: next["<"] };
      frame = answered;
    }
  }
  const [more] = left;
  return more && { expected: more[">"], got: "no more frames" };
}

function describeSteps(steps: readonly PreparedStep[]): string {
  return steps
    .map((step) =>
      "waitMs" in step ? `wait ${step.waitMs} ms` : `${step.point ?? "raw"} = ${String(step.raw)}`,
    )
    .join(", ");
}

function bytesOf(text: string): Uint8Array {
  const digits = text.replaceAll(/\s/g, "");
  return /^([0-9a-fA-F]{2})+$/.test(digits) ? Buffer.from(digits, "hex") : new TextEncoder().encode(text);
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes)
    .toString("hex")
    .toUpperCase()
    .replaceAll(/(..)(?=.)/g, "$1 ");
}
