import { FormatError } from "../../codec/format-error.ts";
import { ConfigError, TransientError } from "../../model/errors.ts";
import { Exchange } from "../exchange.ts";
import type { ProbeFinding, ProbeInput, SouthboundContext } from "../protocol.ts";
import { Deciphering } from "./dlms/ciphering.ts";
import { layouts } from "./dlms/layout.ts";
import { deframerOf } from "./framing.ts";
import { decodeMessage, keysOf } from "./listener.ts";
import type { MeterMessage, MeterValue } from "./message.ts";
import type { MeterConnection, MeterHead, MeterSettings } from "./settings.ts";

const common = { silentAfter: 60_000, standardTime: 60 };
const p1: MeterHead = { codec: "p1", crc: "optional", ...common };
const dlms = layouts.map((layout): MeterHead & { codec: "dlms" } => ({
  codec: "dlms",
  layout,
  framing: "hdlc",
  ...common,
}));
const framings = [p1, ...(["hdlc", "mbus"] as const).map((framing) => ({ ...dlms[0]!, framing }))];

/** What is heard of a meter in `listenMs`, in the words of a profile: first its head, then every value. */
export async function* probeMeter(
  { endpoint }: MeterConnection,
  { settings, listenMs }: ProbeInput<MeterSettings>,
  context: SouthboundContext,
): AsyncIterable<ProbeFinding> {
  const heard: { readonly bytes: Uint8Array; readonly head: MeterHead }[] = [];
  const deframers = framings.map((head) => ({ head, deframer: deframerOf(head) }));
  const transport = await context.connect(endpoint, context.signal);
  // One stream through all framings: each hears what is its own.
  await using exchange = new Exchange<never>(
    transport,
    {
      statistics: {},
      push(chunk, at) {
        for (const { head, deframer } of deframers)
          for (const bytes of deframer.push(chunk, at)) heard.push({ bytes, head });
        return [];
      },
    },
    context.clock,
  );
  await context.clock.sleep(listenMs, AbortSignal.any([context.signal, exchange.lost]));
  if (heard.length === 0) throw nothing(exchange.statistics["bytes-in"] ?? 0);
  const deciphering = new Deciphering(keysOf(settings ?? {}));
  const seen = new Set<string>();
  for (const { bytes, head } of heard)
    for (const finding of findingsOf(bytes, head, deciphering)) {
      if (seen.has(finding.at)) continue;
      seen.add(finding.at);
      yield finding;
    }
}

function nothing(bytes: number): TransientError {
  return bytes === 0
    ? new TransientError("nothing was heard", {
        code: "silent",
        hint: "a P1 or H1 port speaks only while its data request pin has 5 V; docs/smart-meters.md says more",
      })
    : new TransientError(`${bytes} bytes were heard, but no telegram and no frame`, {
        code: "not-understood",
        hint: "check baud rate and parity; P1 and H1 are inverted and need a cable made for them",
      });
}

function findingsOf(bytes: Uint8Array, head: MeterHead, deciphering: Deciphering): ProbeFinding[] {
  const heads = head.codec === "p1" ? [head] : dlms.map((one) => ({ ...one, framing: head.framing }));
  for (const one of heads) {
    try {
      return [headFinding(one), ...valueFindings(decodeMessage(bytes, one, deciphering))];
    } catch (error) {
      if (error instanceof ConfigError)
        return [{ at: "smart-meter: {codec: dlms}", value: error.message, note: error.hint }];
      if (!(error instanceof FormatError)) throw error;
    }
  }
  return [{ at: "-", value: Buffer.from(bytes).toString("hex"), note: "not understood" }];
}

function headFinding(head: MeterHead): ProbeFinding {
  const words =
    head.codec === "p1" ? "codec: p1" : `codec: dlms, layout: ${head.layout}, framing: ${head.framing}`;
  return { at: `smart-meter: {${words}}`, value: "" };
}

function valueFindings({ ident, objects, list }: MeterMessage): ProbeFinding[] {
  const named = ident === undefined ? [] : [{ at: "{ident: true}", value: ident }];
  const coded = objects.flatMap(({ obis, values }) =>
    values.map((value, index) =>
      finding(`obis: "${obis}"${values.length > 1 ? `, value: ${index}` : ""}`, value),
    ),
  );
  const placed = list.map((value, index) => finding(`list: ${list.length}, index: ${index}`, value));
  return [...named, ...coded, ...placed];
}

function finding(place: string, value: MeterValue): ProbeFinding {
  switch (value.kind) {
    case "text":
      return textFinding(place, value.text, value.unit);
    case "number":
    case "float": {
      const digits = value.kind === "number" ? value.digits : value.number;
      const unit = value.unit === undefined ? "" : `, in: ${value.unit}`;
      const shown = value.power === 0 ? `${digits}` : `${digits} x 10^${value.power}`;
      return { at: `{${place}${unit || ", type: integer"}}`, value: shown };
    }
    case "bytes": {
      const isTime = value.bytes.length === 12;
      const text = Buffer.from(value.bytes).toString("latin1");
      const type = isTime ? "time" : /^[\x20-\x7e]+$/.test(text) ? "text" : "hex";
      return {
        at: `{${place}, type: ${type}}`,
        value: type === "text" ? text : Buffer.from(value.bytes).toString("hex"),
      };
    }
    case "boolean":
      return { at: `{${place}, type: boolean}`, value: String(value.value) };
    case "nothing":
      return { at: `{${place}}`, value: "", note: "the meter says nothing here" };
    case "composite":
      return { at: `{${place}}`, value: "", note: `a ${value.what}` };
  }
}

function textFinding(place: string, text: string, unit: string | undefined): ProbeFinding {
  if (unit !== undefined) return { at: `{${place}, in: ${unit}}`, value: `${text} ${unit}` };
  const type = /^\d{12}[WS]?$/.test(text)
    ? "time"
    : /^\d{1,10}$/.test(text)
      ? "integer"
      : /^([2-7][0-9A-Fa-f]){4,}$/.test(text)
        ? "hex-text"
        : "text";
  return { at: `{${place}, type: ${type}}`, value: text };
}
