import type { Node, NodeAPI, NodeDef, NodeMessage } from "node-red";
import { clockOf } from "../clock.ts";
import { failedStatus, goodStatus, StatusLine } from "../status.ts";
import { mostBytes, unpack } from "./compression.ts";
import { decodePack, encodePack, type WrittenReading } from "./pack.ts";

interface SenmlDef extends NodeDef {
  direction: "decode" | "encode";
  base: string;
}

/** SenML packs in CBOR to readings, and back. */
export default function register(RED: NodeAPI): void {
  const clock = clockOf(RED);

  function Senml(this: Node, def: SenmlDef): void {
    RED.nodes.createNode(this, def);
    const status = new StatusLine(this, clock);
    const convert = def.direction === "encode" ? encoded : decoded;
    this.on("input", (message, send, done) => {
      try {
        const made = convert(message, def.base, clock.now());
        status.show(goodStatus(String(made.count)));
        send(made.message);
        done();
      } catch (error) {
        status.show(failedStatus("state.refused"));
        done(error instanceof Error ? error : new Error(String(error)));
      }
    });
    this.on("close", () => status[Symbol.dispose]());
  }

  RED.nodes.registerType("stadsnod-senml", Senml);
}

function decoded(message: NodeMessage, _base: string, now: number) {
  const { payload, topic = "" } = message;
  if (!(payload instanceof Uint8Array))
    throw new TypeError("msg.payload must be a Buffer: a SenML pack in CBOR");
  const { readings, header, gaps } = decodePack(unpack(payload, topic), now);
  return { count: readings.length, message: { ...message, payload: readings, senml: { ...header, gaps } } };
}

function encoded(message: NodeMessage, base: string, now: number) {
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
  const value: unknown = Reflect.get(Object(given), "value");
  const [name, device, point] = [text("name"), text("device"), text("point")];
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

function isValue(value: unknown): value is WrittenReading["value"] {
  if (typeof value === "number") return Number.isFinite(value);
  return typeof value === "boolean" || typeof value === "string" || value instanceof Uint8Array;
}

function timeOf(time: unknown, now: number): number {
  const ms = typeof time === "string" ? Date.parse(time) : typeof time === "number" ? time : now;
  if (Number.isFinite(ms)) return ms;
  throw new TypeError(`no time: ${String(time)}`);
}
