import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  decodeHeader,
  decodePayload,
  encodeGroup,
  encodeHeader,
  groupBound,
  headerBytes,
  type LogRecord,
} from "./format.ts";
import { IdRanges } from "./id-ranges.ts";
import type { StoredPack } from "./outbox.ts";
import { type Finding, scanSegment } from "./scan.ts";

const salt = 0x12345678;

function ranges(...list: [number, number][]): IdRanges {
  const result = new IdRanges();
  for (const [from, to] of list) result.add(from, to);
  return result;
}

const example: StoredPack[] = [
  {
    id: 300,
    lane: "live",
    audience: "open",
    run: "r1",
    seq: 41,
    time: { base: "unix", ms: 1_790_000_000_000 },
    bootId: "b1",
    readings: 7,
    bytes: Uint8Array.of(0x81, 0xa1, 0x02, 0x17),
  },
  {
    id: 301,
    lane: "urgent",
    audience: "open",
    run: "r1",
    seq: 42,
    time: { base: "boot", ms: 61_234.5 },
    bootId: "b1",
    readings: 1,
    marks: ["lamp-1 8 ghi", "å"],
    bytes: Uint8Array.of(0x80),
  },
];

function exampleFile(): Buffer {
  const header = encodeHeader({ number: 3, length: 384, salt });
  const state = {
    nextId: 302,
    segments: [{ number: 2, end: 1_000, dead: ranges([290, 291], [293, 293]) }],
    runs: [{ run: "r0", audience: "open", lastSeq: 9 }],
    marks: [
      { audience: "open", mark: "lamp-1 7 abc" },
      { audience: "open", mark: "lamp-2 9 def" },
    ],
  };
  const group = encodeGroup({ salt, group: 1, durable: 0, state, packs: example, acks: ranges([288, 289]) });
  const file = Buffer.alloc(384);
  file.set(header, 0);
  file.set(group.bytes, headerBytes);
  file.set(header, 384 - headerBytes);
  return file;
}

// Any change of these bytes needs a new format version: gateways in the field have files of this one.
const golden = [
  "534e4f5554424f5800020020000000030000018012345678000000009789e978", // header
  "444c8bc07c5820001d0100000000b0ac02427a0c4506c0000001046f70656e02723102623129", // group 1
  "444c63c9dd05800039ae020102e80702a20201020001027230046f70656e0901046f70656e02000c6c616d702d31203720616263000c6c616d702d32203920646566", // state
  "444c4bc027a240000a00000000000781a10217", // pack 300
  "444c07e2ee9040001f01000f0140ede6500000000001020c6c616d702d3120382067686902c3a580", // pack 301
  "444c88ff43a260000401a00201", // ack 288-289
].join("");

/** What format 1 wrote: the same without marks. */
const golden1 = [
  "534e4f5554424f580001002000000003000001001234567800000000528a6f9e", // header
  "444c5baed16620001d01000000007cac02427a0c4506c0000001046f70656e02723102623129", // group 1
  "444ce8b0695f800016ae020102e80702a20201020001027230046f70656e09", // state
  "444c4bc027a240000a00000000000781a10217", // pack 300
  "444c319b6f1940000e0100070140ede650000000000180", // pack 301
  "444c88ff43a260000401a00201", // ack 288-289
].join("");

const records = (findings: Iterable<Finding>): LogRecord[] =>
  [...findings].flatMap((finding) => (finding.kind === "record" ? [finding.record] : []));

const packs = (findings: Iterable<Finding>): StoredPack[] =>
  records(findings).flatMap((record) =>
    record.type === "pack" ? [{ ...record.head, id: record.id, bytes: Uint8Array.from(record.payload) }] : [],
  );

describe("segment format, version 2", () => {
  it("is the golden file, byte for byte", () => {
    const file = exampleFile();
    expect(file.toString("hex", 0, golden.length / 2)).toBe(golden);
    expect(file.subarray(golden.length / 2, 384 - headerBytes).every((byte) => byte === 0)).toBe(true);
    expect(file.subarray(384 - headerBytes).equals(file.subarray(0, headerBytes))).toBe(true);
  });

  it("reads the golden file back", () => {
    const file = Buffer.alloc(384);
    file.write(golden, "hex");
    expect(decodeHeader(file)).toEqual({ number: 3, length: 384, salt });
    expect(records(scanSegment(file, salt)).map(({ type }) => type)).toEqual([
      "group",
      "state",
      "pack",
      "pack",
      "ack",
    ]);
    expect(packs(scanSegment(file, salt))).toEqual(example);
    const state = records(scanSegment(file, salt)).find((record) => record.type === "state");
    expect(state?.state.runs).toEqual([{ run: "r0", audience: "open", lastSeq: 9 }]);
    expect(state?.state.marks).toEqual([
      { audience: "open", mark: "lamp-1 7 abc" },
      { audience: "open", mark: "lamp-2 9 def" },
    ]);
    expect([...state!.state.segments[0]!.dead]).toEqual([
      [290, 291],
      [293, 293],
    ]);
  });

  it("reads what version 1 wrote", () => {
    const file = Buffer.alloc(256);
    file.write(golden1, "hex");
    expect(decodeHeader(file)).toEqual({ number: 3, length: 256, salt });
    expect(packs(scanSegment(file, salt))).toEqual(example.map(({ marks: _, ...pack }) => pack));
    const state = records(scanSegment(file, salt)).find((record) => record.type === "state");
    expect(state?.state).toMatchObject({ runs: [{ run: "r0", audience: "open", lastSeq: 9 }], marks: [] });
  });

  it("tells a newer version, damage and foreign files apart", () => {
    const header = encodeHeader({ number: 3, length: 256, salt });
    const newer = Buffer.from(header);
    newer.writeUInt16BE(3, 8);
    expect(decodeHeader(newer)).toBe("newer");
    for (let at = 0; at < headerBytes; at++) {
      const damaged = Buffer.from(header);
      damaged[at]! ^= 1;
      expect(decodeHeader(damaged) === "newer" || decodeHeader(damaged) === undefined).toBe(true);
    }
    expect(decodeHeader(Buffer.alloc(256))).toBeUndefined();
    expect(decodeHeader(header.subarray(0, 31))).toBeUndefined();
  });

  const text = fc.string({ unit: "grapheme", maxLength: 8 });
  const bare: fc.Arbitrary<StoredPack> = fc.record({
    id: fc.integer({ min: 1, max: 2 ** 48 }),
    lane: fc.constantFrom("live" as const, "urgent" as const),
    audience: text,
    run: text,
    seq: fc.integer({ min: 1, max: 2 ** 40 }),
    time: fc.record({
      base: fc.constantFrom("unix" as const, "boot" as const),
      ms: fc.oneof(fc.integer(), fc.double({ noNaN: true }), fc.maxSafeInteger()),
    }),
    bootId: text,
    readings: fc.nat(),
    bytes: fc.uint8Array({ maxLength: 200 }),
  });
  const pack = fc
    .tuple(bare, fc.option(fc.array(text, { maxLength: 4 }), { nil: undefined }))
    .map(([head, marks]): StoredPack => (marks ? { ...head, marks } : head));
  const group = fc.tuple(
    fc.array(pack, { maxLength: 12 }),
    fc.array(fc.tuple(fc.nat(), fc.nat(50)), { maxLength: 8 }),
  );

  it("gives back every group that it wrote, within the bound it promised", () => {
    fc.assert(
      fc.property(group, fc.integer({ min: 0, max: 2 ** 32 - 1 }), ([written, acked], anySalt) => {
        const acks = ranges(...acked.map(([from, more]): [number, number] => [from, from + more]));
        const { bytes, placed } = encodeGroup({ salt: anySalt, group: 1, durable: 0, packs: written, acks });
        expect(bytes.length).toBeLessThanOrEqual(groupBound({ packs: written, acks, state: undefined }));
        const file = Buffer.concat([Buffer.alloc(headerBytes), bytes]);
        expect(packs(scanSegment(file, anySalt))).toEqual(written.map((each) => ({ ...each })));
        const ack = records(scanSegment(file, anySalt)).find((record) => record.type === "ack");
        expect([...(ack?.ids ?? [])]).toEqual([...acks]);
        for (const [index, { offset, length }] of placed.entries()) {
          const payload = decodePayload(bytes.subarray(offset, offset + length), anySalt, 1);
          expect(payload?.lane).toBe(written[index]!.lane);
          expect(Buffer.compare(payload!.payload, written[index]!.bytes)).toBe(0);
        }
      }),
    );
  });

  it("shows nothing false under any damage, and all that is not damaged of the group", () => {
    const damage = fc.array(fc.tuple(fc.nat(1_000_000), fc.integer({ min: 1, max: 255 })), {
      minLength: 1,
      maxLength: 6,
    });
    fc.assert(
      fc.property(fc.array(pack, { minLength: 1, maxLength: 8 }), damage, (written, changes) => {
        const { bytes, placed } = encodeGroup({
          salt,
          group: 1,
          durable: 0,
          packs: written,
          acks: new IdRanges(),
        });
        const file = Buffer.concat([Buffer.alloc(headerBytes), bytes]);
        const hit = changes.map(([at, change]) => {
          const place = headerBytes + (at % bytes.length);
          file[place]! ^= change;
          return place - headerBytes;
        });
        const headLength = placed[0]!.offset;
        const found = packs(scanSegment(file, salt));
        for (const each of found) expect(written).toContainEqual(each);
        const intact = written.filter((_, index) => {
          const { offset, length } = placed[index]!;
          return hit.every((at) => (at < offset || at >= offset + length) && at >= headLength);
        });
        for (const each of intact) expect(found).toContainEqual(each);
      }),
    );
  });

  it("believes no record of an earlier use of the file", () => {
    const old = encodeGroup({ salt: 1, group: 1, durable: 0, packs: example, acks: ranges([1, 9]) }).bytes;
    const fresh = encodeGroup({
      salt,
      group: 1,
      durable: 0,
      packs: example.slice(0, 1),
      acks: new IdRanges(),
    }).bytes;
    const file = Buffer.concat([Buffer.alloc(headerBytes), fresh, old, old]);
    expect(packs(scanSegment(file, salt))).toEqual(example.slice(0, 1));
  });

  it("survives any bytes at all", () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 600 }),
        fc.integer({ min: 0, max: 2 ** 32 - 1 }),
        (bytes, anySalt) => {
          expect(packs(scanSegment(Buffer.from(bytes), anySalt))).toEqual([]);
          decodeHeader(bytes);
        },
      ),
    );
  });
});
