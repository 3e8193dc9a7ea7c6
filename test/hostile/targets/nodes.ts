import { encodePack } from "../../../gateway/codec/senml-encode.ts";
import { openSeries } from "../../../nodes/aggregate/series.ts";
import { ClientError } from "../../../nodes/client/client-error.ts";
import { EventParser } from "../../../nodes/client/event-parser.ts";
import { unpack } from "../../../nodes/senml/compression.ts";
import { decodePack } from "../../../nodes/senml/pack.ts";
import { latin, ready, type Target, type TargetSource, utf8, Violation } from "../target.ts";
import { changedOften, jsonOf } from "../tree.ts";
import { cborBombs, cborNoise } from "./cbor.ts";

// Messages as flows make them, and what the gateway's place at the other end of a stream could say.

/** What nodes make of messages. Loaded by name: Node-RED's types bring those of browsers, which the rest does without. */
interface MessageReaders {
  numericInputOf(
    message: object,
    by: typeof clock,
  ): { readonly value: number | undefined; readonly time: number; readonly unit: string | undefined };
  valueText(value: unknown, unit?: string): string;
  parseTopic(topic: unknown): unknown;
  wantedCommand(
    of: typeof def,
    message: object,
    id: string,
  ): { readonly device: unknown; readonly point: unknown };
  windowOf(message: object, minutes: number, by: typeof clock): unknown;
}

async function messageReaders(): Promise<MessageReaders> {
  const names = ["logic/input", "status", "message", "command/wanted", "read/window"];
  const files = names.map((name) => new URL(`../../../nodes/${name}.ts`, import.meta.url).href);
  const modules: object[] = await Promise.all(files.map((file) => import(file)));
  return Object.assign({}, ...modules);
}

const clock = {
  now: () => 1_790_000_000_000,
  monotonic: () => 1000,
  timer: () => ({ [Symbol.dispose]() {} }),
  random: () => 0.5,
};

const message = {
  _msgid: "m",
  topic: "lamp-1/level",
  payload: 23.5,
  reading: {
    device: "lamp-1",
    point: "level",
    quality: "good",
    value: 23.5,
    unit: "%",
    time: "2026-03-04T05:06:07.000Z",
  },
  from: "2026-03-04T05:06:07Z",
  to: 1_790_000_000_000,
  reason: "by hand",
  release: false,
};
const def = {
  gateway: "g",
  device: "",
  point: "",
  valueType: "msg",
  value: "",
  priority: "",
  expiresS: 30,
  reason: "",
  confirm: "message",
  inFlight: 4,
};

async function openMessages(): Promise<Target> {
  const { numericInputOf, valueText, parseTopic, wantedCommand, windowOf } = await messageReaders();
  /** A payload that is no number is refused so; any other TypeError is none of ours. */
  const inputIn = (given: object) => {
    try {
      return numericInputOf(given, clock);
    } catch (error) {
      if (error instanceof TypeError && error.message.startsWith("msg.payload must be")) return undefined;
      throw error;
    }
  };
  return {
    name: "node-message",
    share: 5,
    seeds: [jsonOf(message), jsonOf({ payload: "on" }), jsonOf({ topic: "a/b", payload: { deep: [1] } })],
    words: ['"payload":', '"topic":', '"reading":', "1e999", "null", '"time":"', "/"],
    make: (random) => jsonOf(changedOften(message, random)),
    take(input) {
      let given: unknown;
      try {
        given = JSON.parse(Buffer.from(input).toString("utf8"));
      } catch {
        return;
      }
      if (typeof given !== "object" || given === null) return;
      const told = { _msgid: "m", ...given };
      const read = inputIn(told);
      valueText(Reflect.get(told, "payload"), read?.unit);
      parseTopic(Reflect.get(told, "topic"));
      if (read?.value !== undefined) {
        const series = openSeries({
          of: { kind: "mean" },
          kind: "tumbling",
          lengthMs: 60_000,
          at: undefined,
          bridgeMs: 1000,
          everyMs: 0,
        });
        for (const time of [0, read.time, read.time + 1e12, clock.now()])
          if (series.take({ time, value: read.value }).length > 20)
            throw new Violation("windows without end");
      }
      const { device, point } = wantedCommand(def, told, "id-1");
      if (typeof device !== "string" || typeof point !== "string")
        throw new Violation("a command without a place");
      windowOf(told, 10, clock);
    },
    errors: [ClientError],
  };
}

const pack = encodePack({
  header: { gateway: "gw-1", audience: "open", run: "r", seq: 1, seqTo: 1 },
  series: [
    { base: "urn:dev:ops:32473-gw-1:", name: "power", unit: "W", times: [1_790_000_000_000], values: [1.5] },
  ],
});

export const nodeTargets: readonly TargetSource[] = [
  { name: "node-message", share: 5, open: openMessages },
  ready({
    name: "node-senml",
    share: 5,
    seeds: [pack, ...cborBombs],
    make: (random) => cborNoise(random),
    take(input) {
      for (const topic of ["a/112", "a/112-zstd", "a/112-deflate"]) {
        try {
          decodePack(unpack(input, topic), clock.now());
        } catch (error) {
          if (!(error instanceof RangeError) || error.message.includes("call stack")) throw error;
        }
      }
    },
    errors: [],
  }),
  ready({
    name: "event-stream",
    share: 4,
    seeds: [
      utf8('event: reading\ndata: {"a":1}\n\n'),
      utf8("data: 1\ndata: 2\n\n:comment\n\nid: 7\nretry: 1\n\n"),
      latin("data: \xff\xfe\n\n"),
    ],
    words: ["data:", "event:", "\n\n", "\r\n", ":", "\ufeff", "\u2028"],
    take(input) {
      const parser = new EventParser(4096);
      const size = 1 + ((input[0] ?? 0) & 31);
      for (let at = 0; at < input.length; at += size) parser.push(input.subarray(at, at + size));
    },
    errors: [ClientError],
  }),
];
