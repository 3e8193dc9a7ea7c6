import { crc16Arc } from "../../../gateway/codec/crc.ts";
import { toHex } from "../../../gateway/codec/hex.ts";
import { gatewayErrors, hex, latin, type Target, type TargetSource } from "../target.ts";
import { examplesOf, type OneExample, replayed } from "./devices.ts";

// What devices say, in place of what the examples of the profiles give. The first two bytes of an input choose
// the example, so that the words of one device also come to another.

type Given = Readonly<Record<string, unknown>>;

interface Way {
  /** The bytes in what an example gives; undefined when it gives none. */
  bytes(given: Given): Uint8Array | undefined;
  given(bytes: Uint8Array, given: Given): Given;
  mend?(bytes: Uint8Array): Uint8Array;
  readonly words: NonNullable<Target["words"]>;
  readonly share: number;
}

const textOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString("latin1");
const isRecord = (value: unknown): value is Given => typeof value === "object" && value !== null;
const gap = "\x1e";

/** Answers of a dialogue, one behind the other. */
function answersOf({ exchange }: Given): string[] | undefined {
  return Array.isArray(exchange)
    ? exchange.map((one: unknown) => (isRecord(one) ? String(one["<"] ?? "") : ""))
    : undefined;
}

function withAnswers(given: Given, answers: readonly string[]): Given {
  const { exchange } = given;
  if (!Array.isArray(exchange)) return given;
  return {
    ...given,
    exchange: exchange.map((one: unknown, index) => ({
      ...(isRecord(one) ? one : {}),
      "<": answers[index] ?? "",
    })),
  };
}

const ways: Readonly<Record<string, Way>> = {
  nmea: {
    share: 4,
    words: ["$GP", "*", ",", ",,,,", "!AI", "\r\n", "$PXYZ", "999999.99", "A", "V", "N"],
    bytes: ({ rx }) =>
      typeof rx === "string" ? latin(rx) : Array.isArray(rx) ? latin(rx.join("\r\n")) : undefined,
    given: (bytes) => ({ rx: textOf(bytes) }),
    mend: (bytes) =>
      latin(
        textOf(bytes)
          .split("\r\n")
          .map((line) => {
            const [, body] = /^[$!]([^*]*)/.exec(line) ?? [];
            if (body === undefined) return line;
            const sum = latin(body).reduce((all, byte) => all ^ byte, 0);
            return `${line[0]}${body}*${sum.toString(16).toUpperCase().padStart(2, "0")}`;
          })
          .join("\r\n"),
      ),
  },
  "smart-meter": {
    share: 4,
    words: [
      "(",
      ")",
      "*kWh",
      "\r\n",
      "1-0:1.8.0(",
      "!",
      "/",
      hex("7e"),
      hex("0f"),
      hex("02 ff"),
      hex("01 84 ff ff ff ff"),
      hex("09 0c"),
    ],
    bytes: ({ rx }) =>
      typeof rx !== "string"
        ? undefined
        : /^[\s0-9a-fA-F]+$/.test(rx)
          ? hex(rx)
          : latin(rx.replace(/\r?\n/g, "\r\n")),
    given: (bytes) => ({ rx: bytes[0] === 0x2f ? textOf(bytes) : toHex(bytes) || "00" }),
    mend: (bytes) => (bytes[0] === 0x2f ? mendedP1(bytes) : bytes),
  },
  mbus: {
    share: 4,
    words: [
      hex("0f"),
      hex("1f"),
      hex("2f"),
      hex("fd"),
      hex("fb"),
      hex("8e ff ff"),
      hex("0d 78 ff"),
      hex("36"),
      hex("6c"),
      hex("fc 03"),
    ],
    bytes: ({ rx }) =>
      Array.isArray(rx) ? hex(String(rx[0])) : typeof rx === "string" ? hex(rx) : undefined,
    given: (bytes) => ({ rx: toHex(bytes) }),
    mend: mendedMbus,
  },
  lorawan: {
    share: 6,
    words: [
      Uint8Array.of(0xff),
      Uint8Array.of(0x00),
      hex("ff ff ff ff"),
      hex("01 75"),
      hex("03 67"),
      hex("20 ce"),
    ],
    bytes: ({ payload }) => (typeof payload === "string" ? hex(payload) : undefined),
    given: (bytes, given) => ({ ...given, payload: toHex(bytes.subarray(0, 255)) }),
  },
  "serial-frame": {
    share: 4,
    words: [hex("aa c0"), hex("f4 f3 f2 f1"), hex("59 59"), hex("c0"), hex("db dc"), hex("ff ff")],
    bytes: ({ rx, exchange }) =>
      typeof rx === "string"
        ? hex(rx)
        : exchange === undefined
          ? undefined
          : hex((answersOf({ exchange }) ?? []).join("")),
    given: (bytes, given) =>
      given.rx === undefined ? withAnswers(given, [toHex(bytes)]) : { ...given, rx: toHex(bytes) },
  },
  "serial-line": {
    share: 4,
    words: ["\r\n", ",", "\x02", "\x03", "R1234", '{"a":', "[[[[", "1e999", "-", "."],
    bytes: (given) =>
      typeof given.rx === "string"
        ? latin(given.rx.replaceAll("\\r", "\r").replaceAll("\\n", "\n"))
        : typeof given.hex === "string"
          ? hex(given.hex)
          : latin((answersOf(given) ?? []).join(gap)),
    given: (bytes, given) =>
      given.exchange === undefined
        ? { hex: toHex(bytes) || "0d" }
        : withAnswers(given, textOf(bytes).split(gap)),
  },
  sdi12: {
    share: 4,
    words: ["+", "-", "0", "+999999999.999999999", "\r\n", "00011", "0D0", gap, "OqZ"],
    bytes: (given) => latin((answersOf(given) ?? []).join(gap)),
    given: (bytes, given) => withAnswers(given, textOf(bytes).split(gap)),
  },
};

function mendedP1(bytes: Uint8Array): Uint8Array {
  const text = textOf(bytes);
  const end = text.lastIndexOf("!");
  if (end < 0) return bytes;
  const body = text.slice(0, end + 1);
  return latin(`${body}${crc16Arc(latin(body)).toString(16).toUpperCase().padStart(4, "0")}\r\n`);
}

function mendedMbus(bytes: Uint8Array): Uint8Array {
  const body = bytes.subarray(4, Math.max(7, Math.min(bytes.length - 2, 259)));
  if (body.length < 3) return bytes;
  const sum = body.reduce((all, byte) => (all + byte) & 0xff, 0);
  return Uint8Array.from([0x68, body.length, body.length, 0x68, ...body, sum, 0x16]);
}

function indexed(index: number, bytes: Uint8Array): Uint8Array {
  return Buffer.concat([Uint8Array.of(index >> 8, index & 0xff), bytes]);
}

async function openReplay(name: string, way: Way): Promise<Target> {
  const examples = await examplesOf(name);
  const usable = examples.flatMap((one): (readonly [OneExample, Given, Uint8Array])[] => {
    const { given } = one.example;
    const bytes = isRecord(given) ? way.bytes(given) : undefined;
    return bytes && bytes.length > 0 && isRecord(given) ? [[one, given, bytes]] : [];
  });
  const { mend } = way;
  return {
    name: `${name}-devices`,
    share: way.share,
    seeds: usable.map(([, , bytes], index) => indexed(index, bytes)),
    words: way.words,
    ...(mend && {
      mend: (input: Uint8Array) => Buffer.concat([input.subarray(0, 2), mend(input.subarray(2))]),
    }),
    async take(input) {
      const index = (((input[0] ?? 0) << 8) | (input[1] ?? 0)) % usable.length;
      const [one, given] = usable[index] ?? [];
      if (one && given) await replayed(one, way.given(input.subarray(2, 2 + 60_000), given));
    },
    errors: gatewayErrors,
  };
}

export const replayTargets: readonly TargetSource[] = Object.entries(ways).map(([name, way]) => ({
  name: `${name}-devices`,
  share: way.share,
  open: () => openReplay(name, way),
}));
