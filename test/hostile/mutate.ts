import type { Random } from "../../gateway/model/clock.ts";
import { below, pick, type Target, utf8 } from "./target.ts";

/** No input is longer, but for the few that are made long on purpose. */
const longest = 8192;
const veryLong = 400_000;

/** Numbers at which readers trip: ends of every width, signs, zero. */
const edges = [0, 1, 2, 0x10, 0x7e, 0x7f, 0x80, 0x81, 0xfd, 0xfe, 0xff] as const;

/** Texts at which readers trip, whatever they read. */
const awkward = [
  "",
  "0",
  "-0",
  "-1",
  "1e999",
  "-1e-999",
  "9007199254740993",
  "18446744073709551616",
  "99999999999999999999999999999999999999",
  "NaN",
  "Infinity",
  "0x10",
  "null",
  "true",
  "__proto__",
  "constructor",
  "toString",
  "../../../etc/passwd",
  "%00",
  "%2e%2e%2f",
  "\u0000",
  "\ud800",
  "\u202e",
  "\ufeff",
  "ＡＢＣ",
  "é",
  "[[[[[[[[[[[[[[[[",
  "{{{{{{{{{{{{{{{{",
  '"',
  "\\",
  "\r\n",
  "2026-13-45T99:99:99Z",
  "+275760-09-13T00:00:00.001Z",
].map(utf8);

type Mutation = (input: Uint8Array, random: Random, target: Target) => Uint8Array;

function cut(input: Uint8Array, from: number, to: number, middle: Uint8Array): Uint8Array {
  return Buffer.concat([input.subarray(0, from), middle, input.subarray(to)]);
}

/** A place in the input, and one behind it, both more often near. */
function stretch(input: Uint8Array, random: Random): readonly [number, number] {
  const from = below(random, input.length + 1);
  const length = random() < 0.8 ? below(random, 9) : below(random, input.length + 1);
  return [from, Math.min(input.length, from + length)];
}

function changed(input: Uint8Array, at: number, byte: number): Uint8Array {
  const copy = Uint8Array.from(input);
  if (copy.length > 0) copy[at % copy.length] = byte;
  return copy;
}

/** Mostly short, seldom as long as a reader may be given. */
function count(random: Random): number {
  return Math.floor(2 ** (random() * (random() < 0.02 ? 15 : 6)));
}

const mutations: readonly Mutation[] = [
  (input, random) => {
    const at = below(random, input.length);
    return changed(input, at, (input[at] ?? 0) ^ (1 << below(random, 8)));
  },
  (input, random) => changed(input, below(random, input.length), below(random, 256)),
  (input, random) => changed(input, below(random, input.length), pick(random, edges)),
  // One more, one less: lengths, counts, digits.
  (input, random) => {
    const at = below(random, input.length);
    return changed(input, at, (input[at] ?? 0) + (random() < 0.5 ? 1 : 255));
  },
  // A wide number at one of its ends.
  (input, random) => {
    const copy = Uint8Array.from(input);
    const from = below(random, copy.length);
    copy.fill(random() < 0.5 ? 0xff : 0x00, from, from + 2 ** (1 + below(random, 3)));
    return copy;
  },
  (input, random) => input.slice(0, below(random, input.length + 1)),
  (input, random) => input.slice(below(random, input.length + 1)),
  (input, random) => cut(input, ...stretch(input, random), new Uint8Array()),
  (input, random) => {
    const [from, to] = stretch(input, random);
    const again = Buffer.alloc(Math.min(longest, (to - from) * count(random)), input.subarray(from, to));
    return cut(input, to, to, to > from ? again : new Uint8Array());
  },
  // The one part where the other was.
  (input, random) => cut(input, ...stretch(input, random), input.subarray(...stretch(input, random))),
  (input, random, { seeds }) => {
    const other = pick(random, seeds);
    return cut(input, ...stretch(input, random), other.subarray(...stretch(other, random)));
  },
  (input, random, { seeds }) => {
    const other = pick(random, seeds);
    return Buffer.concat([
      input.subarray(0, below(random, input.length + 1)),
      other.subarray(below(random, other.length)),
    ]);
  },
  (input, random, { words = awkward }) => {
    const word = pick(random, words);
    const bytes = typeof word === "string" ? utf8(word) : word;
    const [from, to] = stretch(input, random);
    return cut(input, from, random() < 0.5 ? from : to, Buffer.concat(Array(count(random)).fill(bytes)));
  },
  (input, random) => cut(input, ...stretch(input, random), pick(random, awkward)),
  // A number of a text becomes another.
  (input, random) => {
    const at = Array.from(input.keys()).filter((index) => isDigit(input[index]));
    if (at.length === 0) return input;
    const from = pick(random, at);
    let to = from;
    while (isDigit(input[to])) to += 1;
    return cut(input, from, to, utf8(numberText(random)));
  },
  (input, random) => cut(input, ...stretch(input, random), noise(random, below(random, 16))),
];

/** A part of it so often that it fills what any reader takes, and more. */
function bomb(input: Uint8Array, random: Random): Uint8Array {
  const [from, to] = stretch(input, random);
  if (to <= from) return input;
  return cut(input, from, to, Buffer.alloc(below(random, veryLong), input.subarray(from, to)));
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= 0x30 && byte <= 0x39;
}

function numberText(random: Random): string {
  const digits = Array.from({ length: count(random) }, () => below(random, 10)).join("");
  return random() < 0.5
    ? digits
    : `${random() < 0.5 ? "-" : ""}${digits}${pick(random, ["e9", "e-9", ".5", "e400", "."])}`;
}

function noise(random: Random, length: number): Uint8Array {
  return Uint8Array.from({ length }, () => below(random, 256));
}

/** Bytes out of what means something to the reader and nothing else. */
function wordNoise(random: Random, words: readonly (string | Uint8Array)[]): Uint8Array {
  return Buffer.concat(
    Array.from({ length: 1 + below(random, 40) }, () => {
      const word = random() < 0.8 ? pick(random, words) : noise(random, 1);
      return typeof word === "string" ? utf8(word) : word;
    }),
  );
}

/** An input for a target: a good one that was changed, or noise. */
export function inputFor(target: Target, random: Random): Uint8Array {
  const kind = random();
  let input: Uint8Array;
  if (kind < 0.03) input = noise(random, count(random));
  else if (kind < 0.08) input = wordNoise(random, target.words ?? awkward);
  else {
    input = target.make && random() < 0.5 ? target.make(random) : pick(random, target.seeds);
    for (let left = below(random, 5); left > 0; left--) {
      input = pick(random, mutations)(input, random, target);
      if (input.length > longest) input = input.subarray(0, longest);
    }
    if (random() < 0.001) input = bomb(input, random);
  }
  return target.mend && random() < 0.5 ? target.mend(input, random) : input;
}
