import { checksumNames, checksums, verifyChecksum } from "../../codec/checksum.ts";
import type { ProbeFinding } from "../protocol.ts";
import { pairs } from "./record.ts";
import type { Escape } from "./settings.ts";
import { stuffingOf, unstuff } from "./stuffing.ts";
import { wireNumber } from "./wire-number.ts";

/** Frames that were cut out of what was heard, by guess. */
export interface CutFrames {
  readonly frames: readonly Uint8Array[];
  /** Word of `escape:` under which they were stuffed, and are no longer. */
  readonly stuffed?: string | undefined;
}

const shortestFrame = 3;
const longestPeriod = 128;
const mostFrames = 200;

/** Delimiters that stand nowhere else in a frame, and how they are kept out of it. */
const delimiters: readonly { readonly byte: number; readonly word: string; readonly escape: Escape }[] = [
  { byte: 0x7e, word: "{mark: 7d, xor: 32}", escape: { mark: "7d", xor: 0x20 } },
  { byte: 0xc0, word: "slip", escape: { mark: "db", codes: { dc: "c0", dd: "db" } } },
];

/** Cuts bursts into frames: at delimiters, at pauses, or where what is constant comes again. Pure. */
export function cutFrames(bursts: readonly Uint8Array[]): CutFrames {
  for (const { byte, word, escape: how } of delimiters) {
    if (!bursts.every((burst) => burst[0] === byte && burst.at(-1) === byte && burst.length > shortestFrame))
      continue;
    const stuffing = stuffingOf(how, [byte]);
    const bodies = bursts.flatMap((burst) => split(burst, byte)).map((body) => unstuff(body, stuffing));
    const frames = bodies.flatMap((body) => (body ? [Uint8Array.of(byte, ...body, byte)] : []));
    if (frames.length === bodies.length) return { frames: frames.slice(0, mostFrames), stuffed: word };
  }
  const parted = bursts.filter(({ length }) => length >= shortestFrame);
  if (parted.length > 1 && commonStart(parted) > 0) return { frames: halved(parted).slice(0, mostFrames) };
  return { frames: periodic(Buffer.concat(bursts)) ?? parted };
}

function split(burst: Uint8Array, delimiter: number): Uint8Array[] {
  const parts: Uint8Array[] = [];
  let from = 0;
  for (let at = 0; at <= burst.length; at++) {
    if (at < burst.length && burst[at] !== delimiter) continue;
    if (at > from) parts.push(burst.subarray(from, at));
    from = at + 1;
  }
  return parts;
}

/** Bursts of several frames in one go, where all of them are as long as the shortest. */
function halved(bursts: readonly Uint8Array[]): readonly Uint8Array[] {
  const size = Math.min(...bursts.map(({ length }) => length));
  const start = commonStart(bursts);
  const pieces = bursts.flatMap((burst) =>
    Array.from({ length: Math.floor(burst.length / size) }, (_, index) =>
      burst.subarray(index * size, (index + 1) * size),
    ),
  );
  const whole = bursts.every(({ length }) => length % size === 0) && commonStart(pieces) === start;
  return whole ? pieces : bursts;
}

/** A stream without pauses: the period after which most bytes come again. */
function periodic(stream: Uint8Array): readonly Uint8Array[] | undefined {
  let best: { size: number; first: number; constant: number } | undefined;
  for (let size = shortestFrame; size <= Math.min(longestPeriod, Math.floor(stream.length / 3)); size++) {
    const constant = Array.from({ length: size }, (_, place) => isConstant(stream, place, size));
    const count = constant.filter(Boolean).length;
    // Twice the period has twice the constant bytes: a share counts.
    if (count > 0 && count / size > (best ? best.constant / best.size : 0))
      best = { size, first: longestRun(constant), constant: count };
  }
  if (!best) return undefined;
  const frames: Uint8Array[] = [];
  for (let at = best.first; at + best.size <= stream.length && frames.length < mostFrames; at += best.size)
    frames.push(stream.subarray(at, at + best.size));
  return frames;
}

function isConstant(stream: Uint8Array, place: number, size: number): boolean {
  for (let at = place + size; at < stream.length; at += size) if (stream[at] !== stream[place]) return false;
  return true;
}

/** Where the longest run of constant places begins; the end is followed by the beginning. */
function longestRun(constant: readonly boolean[]): number {
  let best = { first: 0, length: 0 };
  for (let first = 0; first < constant.length; first++) {
    let length = 0;
    while (length < constant.length && constant[(first + length) % constant.length]) length++;
    if (length > best.length) best = { first, length };
  }
  return best.first;
}

/** What frames have in common: start, end, length, and which checksum fits where. Pure. */
export function* frameFindings({ frames, stuffed }: CutFrames): Generator<ProbeFinding> {
  const distinct = [...new Map(frames.map((frame) => [pairs(frame), frame])).values()];
  const [first] = distinct;
  if (!first || first.length < shortestFrame) return;
  // Of one frame alone nobody knows what changes.
  const start = distinct.length > 1 ? Math.min(8, commonStart(distinct)) : Math.min(2, first.length);
  const shortest = Math.min(...distinct.map(({ length }) => length));
  const end = distinct.length > 1 ? Math.min(4, commonEnd(distinct), shortest - start) : 0;
  const parts = [
    `start: "${pairs(first.subarray(0, start))}"`,
    ...(end > 0 ? [`end: "${pairs(first.subarray(first.length - end))}"`] : []),
    ...(stuffed === undefined ? [] : [`escape: ${stuffed}`]),
    ...lengthParts(distinct),
  ];
  const counted = `${frames.length} frames, ${distinct.length} of them different`;
  yield {
    at: `framing: {${parts.join(", ")}}`,
    value: pairs(first),
    note: distinct.length > 1 ? `${counted}; ${changing(distinct, shortest)}` : `${counted}: a guess`,
  };
  yield* checkFindings(distinct, end);
}

function changing(frames: readonly Uint8Array[], shortest: number): string {
  const places: number[] = [];
  for (let place = 0; place < shortest; place++)
    if (frames.some((frame) => frame[place] !== frames[0]?.[place])) places.push(place);
  return `bytes that change: ${places.join(" ")}`;
}

function lengthParts(frames: readonly Uint8Array[]): string[] {
  const sizes = new Set(frames.map(({ length }) => length));
  if (sizes.size === 1) return [`length: ${frames[0]?.length}`];
  const shortest = Math.min(...sizes);
  for (const type of ["u8", "u16be", "u16le"]) {
    const number = wireNumber(type);
    if (!number) continue;
    for (let at = 0; at + number.size <= shortest; at++) {
      const adds = new Set(frames.map((frame) => frame.length - Number(number.read(frame, at))));
      const [add = 0] = adds;
      if (adds.size === 1 && Math.abs(add) <= 16)
        return [`length: {at: ${at}, type: ${type}${add === 0 ? "" : `, adds: ${add}`}}`];
    }
  }
  return [];
}

/** Places before the end, and first bytes, that are tried. */
const mostEnds = 5;
const mostFirsts = 8;
const mostChecks = 6;

interface Fit {
  readonly text: string;
  readonly size: number;
  /** Whether it stands right before the bytes that all frames end with. */
  readonly beforeEnd: boolean;
  readonly first: number;
}

function* checkFindings(frames: readonly Uint8Array[], end: number): Generator<ProbeFinding> {
  const fits: Fit[] = [];
  const shortest = Math.min(...frames.map(({ length }) => length));
  const tried = new Map<number, number>();
  for (const name of checksumNames) {
    const checksum = checksums[name];
    // The same sum as complement.
    if (checksum.size === 0 || name === "lrc") continue;
    const orders = checksum.size === 1 ? [undefined] : (["big", "little"] as const);
    for (const order of orders)
      for (let after = 0; after < mostEnds; after++)
        for (let first = 0; first < Math.min(mostFirsts, shortest - after - checksum.size); first++) {
          tried.set(checksum.size, (tried.get(checksum.size) ?? 0) + 1);
          const holds = frames.every((frame) => {
            const at = frame.length - after - checksum.size;
            return verifyChecksum(checksum, frame, { start: first, end: at, at, order });
          });
          if (!holds) continue;
          const other = order !== undefined && order !== checksum.order ? `, order: ${order}` : "";
          const text = `check: {${name}: ${first}.., at: ${-after - checksum.size}${other}}`;
          fits.push({ text, size: checksum.size, beforeEnd: after === end, first });
        }
  }
  if (fits.length === 0)
    yield { at: "check: none", value: "", note: "no checksum of the menu fits all frames", likely: 0.2 };
  const rank = ({ size, beforeEnd }: Fit) => 2 * size + (beforeEnd ? 1 : 0);
  for (const { text, size } of fits
    .toSorted((a, b) => rank(b) - rank(a) || a.first - b.first)
    .slice(0, mostChecks)) {
    // How many of those that were tried would fit by chance.
    const chance = (tried.get(size) ?? 0) / 256 ** (size * frames.length);
    const likely = 1 / (1 + chance) / (1 + (fits.length - 1) / 10);
    yield { at: text, value: "", likely, note: `fits ${frames.length} different frames` };
  }
}

function commonStart(frames: readonly Uint8Array[]): number {
  const [first, ...others] = frames;
  let count = 0;
  while (first && count < first.length && others.every((frame) => frame[count] === first[count])) count++;
  return count;
}

function commonEnd(frames: readonly Uint8Array[]): number {
  const [first, ...others] = frames;
  let count = 0;
  while (
    first &&
    count < first.length &&
    others.every((frame) => frame.at(-1 - count) === first.at(-1 - count))
  )
    count++;
  return count;
}
