import type { DeviceProfile } from "../../model/device.ts";
import { ConfigError } from "../../model/errors.ts";
import { LineDeframer } from "../line-deframer.ts";
import type { SimulatedDevice, SimulationInput } from "../protocol.ts";
import { bytesOf, unescaped } from "./escapes.ts";
import { Line } from "./line.ts";
import { type LinePoint, MessageSet } from "./messages.ts";
import { commandField } from "./pattern.ts";
import { givenSchema } from "./schema.ts";
import type { LineAddress, LineConnection, LineDevice, LineHead } from "./settings.ts";

/** Between two lines of a device that speaks by itself. */
const pauseMs = 1000;
/** Of what is asked, so much is kept while it is no request yet. */
const mostAsked = 256;

/**
 * An instrument that says the lines of the profile's examples: of each message the one in which most
 * points have a value; polled messages as the answer to their request, under the address of the settings.
 */
export function simulateLines(
  profile: DeviceProfile<LineAddress, LineHead>,
  { given, settings }: SimulationInput<LineConnection, LineDevice>,
): SimulatedDevice {
  const head = profile.protocolSettings;
  const address = settings.address ?? head.address;
  const lines = given.flatMap((one) => linesOf(one, head));
  const best = bestLines(lines, new MessageSet(head, head.address ?? address), profile.points);
  const messages = new MessageSet(head, address);
  /** The line as it is under the address of the settings. */
  const addressed = (line: Uint8Array, message: string): Uint8Array => {
    if (messages.decode(new Line(line), message).kind === "message") return line;
    const text = Buffer.from(line).toString("latin1");
    const other = bytesOf(text.replace(head.address ?? "", () => address ?? ""));
    if (messages.decode(new Line(other), message).kind === "message") return other;
    throw new ConfigError(`the profile's examples are of address ${head.address}`, {
      code: "cannot-simulate",
      hint: `their lines have a checksum over it: simulate ${head.address}`,
    });
  };
  const end = endOf(head.framing.terminators);
  const said = (message: string): Uint8Array | undefined => {
    const line = best.get(message);
    return line && Buffer.concat([addressed(line, message), end]);
  };
  const asked = head.messages.flatMap(({ name, request }) => {
    const answer = said(name);
    return request && answer && !commandField(request.send)
      ? [{ request: Buffer.from(messages.request(name)), answer }]
      : [];
  });
  const words = head.messages.flatMap(({ name, request }) => (request ? [] : (said(name) ?? [])));
  let pending: Buffer = Buffer.alloc(0);
  return {
    words,
    everyMs: Math.min(pauseMs, head.silentAfterMs / 3),
    answer(bytes) {
      pending = Buffer.concat([pending, bytes]).subarray(-mostAsked);
      const found = asked.find(({ request }) => pending.includes(request));
      if (!found) return undefined;
      pending = Buffer.alloc(0);
      return found.answer;
    },
  };
}

/** Any of CR and LF usually means both. */
function endOf(terminators: readonly Uint8Array[]): Uint8Array {
  const has = (sign: number) => terminators.some((bytes) => bytes.length === 1 && bytes[0] === sign);
  return has(0x0d) && has(0x0a) ? Uint8Array.of(0x0d, 0x0a) : (terminators[0] ?? new Uint8Array(0));
}

function linesOf(given: unknown, { framing }: LineHead): Uint8Array[] {
  const { rx, hex, exchange } = givenSchema.parse(given);
  const texts = [rx ?? "", ...(exchange ?? []).map((one) => one["<"])];
  const streams = [
    ...texts.map((text) => bytesOf(unescaped(text))),
    Buffer.from((hex ?? "").replace(/\s+/g, ""), "hex"),
  ];
  return streams.flatMap((bytes) => {
    const deframer = new LineDeframer(framing);
    return [...deframer.push(bytes), ...deframer.quiet()];
  });
}

function bestLines(
  lines: readonly Uint8Array[],
  messages: MessageSet,
  points: readonly LinePoint[],
): ReadonlyMap<string, Uint8Array> {
  const best = new Map<string, { readonly line: Uint8Array; readonly values: number }>();
  for (const line of lines) {
    const verdict = messages.decode(new Line(line));
    if (verdict.kind !== "message") continue;
    const { message, at } = verdict.decoded;
    const values = points.filter(
      (point) => point.address.message === message && at(point.address)?.kind === "value",
    ).length;
    if (values > (best.get(message)?.values ?? 0)) best.set(message, { line, values });
  }
  return new Map(Array.from(best, ([message, { line }]) => [message, line]));
}
