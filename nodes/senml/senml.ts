import type { Node, NodeAPI, NodeDef, NodeMessage } from "node-red";
import { codeOf, describeError } from "../client/client-error.ts";
import { clockOf } from "../clock.ts";
import { linkOf } from "../gateway/gateway-node.ts";
import { failedStatus, goodStatus, noGatewayStatus, StatusLine } from "../status.ts";
import { mostBytes, unpack } from "./compression.ts";
import { decodePack, encodePack, type WrittenReading } from "./pack.ts";
import { decodePayload, encodePayload, type PayloadSettings } from "./payload.ts";

interface SenmlDef extends NodeDef, PayloadSettings {
  readonly direction: "decode" | "encode" | "decode-payload" | "encode-payload";
  readonly base: string;
}

/** A slow gateway must not let messages pile up here. */
const mostInFlight = 20;

/** SenML packs in CBOR to readings, payloads of devices to readings by the gateway's profiles, and both back. */
export default function register(RED: NodeAPI): void {
  const clock = clockOf(RED);

  function Senml(this: Node, def: SenmlDef): void {
    RED.nodes.createNode(this, def);
    const status = new StatusLine(this, clock);
    if (def.direction === "decode" || def.direction === "encode")
      packs(this, status, def.direction === "encode" ? encoded : decoded, def.base);
    else payloads(this, status, def);
    this.on("close", () => status[Symbol.dispose]());
  }

  function packs(node: Node, status: StatusLine, convert: typeof decoded, base: string): void {
    node.on("input", (message, send, done) => {
      try {
        const made = convert(message, base, clock.now());
        status.show(goodStatus(String(made.count)));
        send(made.message);
        done();
      } catch (error) {
        status.show(failedStatus("state.refused"));
        done(error instanceof Error ? error : new Error(String(error)));
      }
    });
  }

  function payloads(node: Node, status: StatusLine, def: SenmlDef): void {
    const link = linkOf(RED, def.gateway);
    if (!link) status.show(noGatewayStatus);
    const convert = def.direction === "encode-payload" ? encodePayload : decodePayload;
    let inFlight = 0;
    node.on("input", (message, send, done) => {
      if (!link) return done(new Error("no gateway is chosen"));
      if (inFlight >= mostInFlight) {
        status.show(failedStatus("status.busy"));
        return done(new Error(`${mostInFlight} payloads are at the gateway already: this one was left out`));
      }
      inFlight++;
      convert(def, message, link.client)
        .then((made) => {
          status.show(goodStatus(String(made.count)));
          send(made.message);
          done();
        })
        .catch((error: unknown) => {
          status.show(failedStatus(`failed.${codeOf(error)}`));
          done(new Error(describeError(error), { cause: error }));
        })
        .finally(() => {
          inFlight--;
        });
    });
  }

  RED.nodes.registerType("stadsnod-senml", Senml);
}

interface Converted {
  readonly count: number;
  readonly message: NodeMessage;
}

function decoded(message: NodeMessage, _base: string, now: number): Converted {
  const { payload, topic = "" } = message;
  if (!(payload instanceof Uint8Array))
    throw new TypeError("msg.payload must be a Buffer: a SenML pack in CBOR");
  const { readings, header, gaps } = decodePack(unpack(payload, topic), now);
  return { count: readings.length, message: { ...message, payload: readings, senml: { ...header, gaps } } };
}

function encoded(message: NodeMessage, base: string, now: number): Converted {
  const given = Array.isArray(message.payload) ? message.payload : [readingOf(message)];
  if (given.length === 0) throw new TypeError("msg.payload has no reading");
  const bytes = encodePack(
    given.map((one) => written(one, now)),
    base || "",
  );
  if (bytes.length > mostBytes) throw new RangeError(`more than ${mostBytes} bytes`);
  return { count: given.length, message: { ...message, payload: Buffer.from(bytes) } };
}

/** One message of ours: the reading with the payload as its value. */
function readingOf(message: NodeMessage): unknown {
  const reading: unknown = Reflect.get(message, "reading");
  const { payload } = message;
  if (typeof reading === "object" && reading !== null) return { ...reading, value: payload };
  if (typeof payload === "object" && payload !== null && !(payload instanceof Uint8Array)) return payload;
  return { name: message.topic, value: payload };
}

function written(given: unknown, now: number): WrittenReading {
  const text = (key: string): string | undefined => {
    const value: unknown = Reflect.get(Object(given), key);
    return typeof value === "string" && value !== "" ? value : undefined;
  };
  const [value, suffix] = writtenValue(given, text("quality"));
  const [device, ...names] = [text("device"), text("name"), text("point")];
  const [name, point] = names.map((one) => one && `${one}${suffix}`);
  if (name === undefined && (device === undefined || point === undefined))
    throw new TypeError("a reading needs name, or device and point");
  if (!isValue(value)) throw new TypeError(`${name ?? `${device}/${point}`} has no value`);
  return {
    name,
    device,
    point,
    value,
    unit: text("unit"),
    time: timeOf(Reflect.get(Object(given), "time"), now),
  };
}

/** What is written of a reading, and what its name ends in: a reading without a value is its quality, as in packs of the gateway. */
function writtenValue(given: unknown, quality: string | undefined): [value: unknown, suffix: string] {
  const value: unknown = Reflect.get(Object(given), "value");
  return value === undefined && quality !== undefined && quality !== "good"
    ? [quality, "/quality"]
    : [value, ""];
}

function isValue(value: unknown): value is WrittenReading["value"] {
  if (typeof value === "number") return Number.isFinite(value);
  return typeof value === "boolean" || typeof value === "string" || value instanceof Uint8Array;
}

function timeOf(time: unknown, now: number): number {
  const ms = typeof time === "string" ? Date.parse(time) : typeof time === "number" ? time : now;
  if (Number.isFinite(ms)) return ms;
  throw new TypeError(`no time: ${String(time)}`);
}
