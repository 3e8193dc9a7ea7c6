import { alternatives, suggest } from "../../codec/suggest.ts";
import type { DeviceProfile } from "../../model/device.ts";
import type { WriteRule } from "../../model/write-rule.ts";
import { AddressProblem, type ProtocolFinding } from "../protocol.ts";
import { type CompiledHead, type CompiledRequest, compileHead, renderRequest } from "./compile.ts";
import type { FieldKind } from "./fields.ts";
import type { FrameAddress, FrameHead } from "./settings.ts";
import { valueKind } from "./write.ts";

const root = "serial-frame";

/** Frames and requests that cannot be. Pure. */
export function checkFrameHead(head: FrameHead): readonly ProtocolFinding[] {
  return compileHead(head).findings;
}

/** What the schemas of a frame profile cannot see, of one whose head is good. Pure. */
export function checkSerialFrame(
  profile: DeviceProfile<FrameAddress, FrameHead>,
): readonly ProtocolFinding[] {
  const { compiled } = compileHead(profile.protocolSettings);
  if (!compiled) return [];
  return [...names(compiled), ...requests(compiled), ...frames(compiled), ...points(profile, compiled)];
}

/**
 * What the field of an address yields. Throws AddressProblem for a frame, request or field that does not
 * exist. Where the head itself is wrong, `check` says so.
 */
export function fieldKind(address: FrameAddress, head: FrameHead): FieldKind {
  const { compiled } = compileHead(head);
  if (!compiled) return "integer";
  if ("value" in address) return kindWritten(address, compiled);
  const frame = frameOf(address, compiled);
  const kinds = compiled.bodies.get(frame)?.kinds ?? new Map<string, FieldKind>();
  const kind = kinds.get(address.field);
  if (kind) return kind;
  throw new AddressProblem(
    "field",
    `frame "${frame}" has no field "${address.field}"`,
    meant(address.field, [...kinds.keys()]),
  );
}

function kindWritten(address: Extract<FrameAddress, { value: string }>, compiled: CompiledHead): FieldKind {
  const request = requestNamed(address.request, compiled);
  const kind = valueKind(compiled, address);
  if (kind) return kind;
  const { names } = request.template;
  const known = names.filter((one) => one !== "address" && one !== "tag");
  throw new AddressProblem(
    "value",
    `the request "${address.request}" has no {${address.value}:...} to put the value in`,
    meant(address.value, known),
  );
}

/** The kind of frame that an address speaks of. */
function frameOf(address: FrameAddress, compiled: CompiledHead): string {
  const { bodies } = compiled;
  if ("frame" in address) return frameNamed(address.frame, "frame", bodies);
  const { reply } = requestNamed(address.request, compiled).settings;
  if (reply === undefined)
    throw new AddressProblem(
      "request",
      `the request "${address.request}" has no reply to read from`,
      "say reply: <frame> under the request",
    );
  return frameNamed(reply, "request", bodies);
}

function requestNamed(name: string, { requests: known }: CompiledHead): CompiledRequest {
  const request = known.get(name);
  if (request) return request;
  throw new AddressProblem("request", `there is no request "${name}"`, meant(name, [...known.keys()]));
}

function frameNamed(name: string, key: string, bodies: CompiledHead["bodies"]): string {
  if (bodies.has(name)) return name;
  throw new AddressProblem(key, `there is no frame "${name}"`, meant(name, [...bodies.keys()]));
}

function meant(written: string, known: readonly string[]): string | undefined {
  const near = suggest(written, known);
  if (near !== undefined) return `did you mean "${near}"?`;
  return known.length === 0 ? undefined : `there is ${alternatives(known)}`;
}

/** Names of frames and requests that stand elsewhere in the head. */
function names({ head, bodies, requests: known }: CompiledHead): ProtocolFinding[] {
  const findings: ProtocolFinding[] = [];
  const look = (path: readonly (string | number)[], what: "frame" | "request", name: string | undefined) => {
    const all = what === "frame" ? [...bodies.keys()] : [...known.keys()];
    if (name === undefined || all.includes(name)) return;
    const near = suggest(name, all);
    findings.push({
      path: [root, ...path],
      code: `unknown-${what}`,
      message: `there is no ${what} "${name}"`,
      hint: near === undefined ? `there is ${alternatives(all)}` : `did you mean "${near}"?`,
    });
  };
  for (const [name, { reply, refusal }] of Object.entries(head.requests)) {
    look(["requests", name, "reply"], "frame", reply);
    look(["requests", name, "refusal"], "frame", refusal);
  }
  const { session } = head;
  session?.open.forEach((name, index) => {
    look(["session", "open", index], "request", name);
  });
  look(["session", "keepalive", "send"], "request", session?.keepalive?.send);
  look(["session", "reopenOn", "frame"], "frame", session?.reopenOn.frame);
  return findings;
}

function requests(compiled: CompiledHead): ProtocolFinding[] {
  const findings: ProtocolFinding[] = [];
  for (const request of compiled.requests.values()) {
    const { name, template, settings } = request;
    const path = [root, "requests", name];
    const free = template.names.filter(
      (one) => one !== "address" && one !== "tag" && settings.values[one] === undefined,
    );
    for (const one of free)
      findings.push({
        path: [...path, "send"],
        code: "missing-value",
        message: `the request "${name}" has no value for {${one}}`,
        hint: `say it under values: {${one}: ...}`,
      });
    for (const one of Object.keys(settings.values))
      if (!template.names.includes(one))
        findings.push({
          path: [...path, "values", one],
          code: "unused-value",
          message: `the request "${name}" has no {${one}:...} to put this in`,
        });
    if (free.length === 0) findings.push(...rendered(compiled, name, path));
    const reply = compiled.shapes.find((shape) => shape.name === settings.reply);
    if (reply?.tag && !template.names.includes("tag"))
      findings.push({
        path: [...path, "send"],
        code: "missing-tag",
        message: `frame "${reply.name}" repeats a tag that the request "${name}" does not send`,
        hint: "write {tag:u8} where the device expects it",
      });
  }
  return findings;
}

/** Whether the request can be sent at all, and begins and ends as the framing's delimiters want it. */
function rendered(compiled: CompiledHead, name: string, path: readonly string[]): ProtocolFinding[] {
  const request = compiled.requests.get(name);
  if (!request) return [];
  try {
    const { plain } = renderRequest(compiled, request, { address: 1, tag: 0 });
    const { start, end, stuffing } = compiled;
    const begins = Buffer.compare(plain.subarray(0, start.length), start) === 0;
    const ends = Buffer.compare(plain.subarray(plain.length - end.length), end) === 0;
    if (!stuffing || (begins && ends && plain.length >= start.length + end.length)) return [];
    return [
      {
        path: [...path, "send"],
        code: "missing-delimiter",
        message: `the request "${name}" must begin and end with the bytes that delimit stuffed frames`,
      },
    ];
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return [{ path: [...path, "send"], code: "bad-value", message: error.message }];
  }
}

/** Kinds that can never be told from one before them, and kinds that anything could be. */
function frames({ head, shapes, framing }: CompiledHead): ProtocolFinding[] {
  const findings: ProtocolFinding[] = [];
  shapes.forEach((shape, index) => {
    const mine = head.frames[shape.name];
    const twin = shapes.slice(0, index).find((other) => {
      const theirs = head.frames[other.name];
      return (
        Buffer.compare(shape.start, other.start) === 0 &&
        shape.min === other.min &&
        shape.max === other.max &&
        JSON.stringify(mine?.match ?? {}) === JSON.stringify(theirs?.match ?? {})
      );
    });
    if (twin)
      findings.push({
        path: [root, "frames", shape.name],
        code: "same-frame",
        message: `frame "${shape.name}" looks like "${twin.name}": all of them are taken for that one`,
        hint: "tell them apart by start, length or match",
      });
    const check = mine?.check ?? framing.check;
    if (check === "none" && shape.start.length < 2 && shape.end.length === 0)
      findings.push({
        path: [root, "frames", shape.name],
        code: "weak-frame",
        message: `frame "${shape.name}" has no checksum, no end and at most one start byte: noise will pass as data`,
        severity: "warning",
      });
  });
  return findings;
}

function points(profile: DeviceProfile<FrameAddress, FrameHead>, compiled: CompiledHead): ProtocolFinding[] {
  const written = new Set(
    [...profile.points, ...(profile.commands ?? [])].flatMap(({ write }) => writtenRequests(write)),
  );
  return profile.points.flatMap((point): ProtocolFinding[] => {
    const path = ["points", point.name, "at"];
    const { address } = point;
    try {
      fieldKind(address, compiled.head);
      if ("value" in address)
        return [
          {
            path,
            code: "not-readable",
            message: `"${address.value}" is where a value is written: nothing is read there`,
            hint: "say it under write: {at: ...}",
          },
        ];
      if (!("request" in address) || !written.has(address.request)) return [];
      return [
        {
          path,
          code: "read-writes",
          message: `to read "${point.name}" would write: the request "${address.request}" carries a value`,
          hint: "make a request of its own for what is read",
        },
      ];
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      return [{ path: ["points", point.name, "at"], code: "bad-address", message: error.message }];
    }
  });
}

/** The requests that a write rule sends. */
function writtenRequests(rule: WriteRule | undefined): readonly string[] {
  if (!rule) return [];
  const steps = [...rule.steps, ...[...(rule.stepsByValue?.values() ?? [])].flat()];
  const places = [rule.address, ...steps.flatMap((step) => (step.kind === "raw" ? [step.address] : []))];
  return places.flatMap((place) => (carriesValue(place) ? [place.request] : []));
}

function carriesValue(place: unknown): place is Extract<FrameAddress, { value: string }> {
  return typeof place === "object" && place !== null && "value" in place && "request" in place;
}
