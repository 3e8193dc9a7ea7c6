import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type ChecksumName, checksumNames, checksums, writeChecksum } from "../../codec/checksum.ts";
import { compileHead } from "./compile.ts";
import { HeadDeframer, type LineFrame } from "./deframer.ts";
import { LineDeframer } from "./line-deframer.ts";
import { headSchema } from "./schema.ts";
import { stuff, stuffingOf, unstuff } from "./stuffing.ts";

function headOf(written: unknown) {
  const { compiled, findings } = compileHead(headSchema.parse(written));
  if (!compiled) throw new Error(JSON.stringify(findings));
  return compiled;
}

const bytesOf = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex.replaceAll(" ", ""), "hex"));
const hexOf = (frames: readonly LineFrame[]): string[] =>
  frames.map(({ shape, bytes }) => `${shape.name} ${Buffer.from(bytes).toString("hex")}`);

/** Framings of every sort, and how a sender makes a frame of some payload in them. */
interface Sort {
  readonly head: ReturnType<typeof headOf>;
  make(payload: Uint8Array): Uint8Array;
}

function fixed(name: Exclude<ChecksumName, "none">, more: Record<string, unknown> = {}): Sort {
  const { size } = checksums[name];
  const head = headOf({
    framing: { start: "aa c0", end: "ab", check: { [name]: "2.." }, length: 9 + size, ...more },
    frames: { data: {} },
  });
  return {
    head,
    make: (payload) => {
      const frame = new Uint8Array(9 + size);
      frame.set([0xaa, 0xc0, ...payload.subarray(0, 6)]);
      frame[8 + size] = 0xab;
      writeChecksum(checksums[name], frame, { start: 2, end: 8, at: 8 });
      return more.inverted ? frame.map((byte) => byte ^ 0xff) : frame;
    },
  };
}

const counted: Sort = {
  head: headOf({
    framing: { start: "f4 f3", length: { at: 2, type: "u16le", adds: 6 }, check: { "crc16-modbus": "2.." } },
    frames: { data: {} },
  }),
  make: (payload) => {
    const frame = new Uint8Array(payload.length + 6);
    frame.set([0xf4, 0xf3, payload.length, 0, ...payload]);
    writeChecksum(checksums["crc16-modbus"], frame, {
      start: 2,
      end: frame.length - 2,
      at: frame.length - 2,
    });
    return frame;
  },
};

function stuffed(delimiters: { start?: string; end: string }, how: unknown): Sort {
  const head = headOf({
    framing: {
      ...delimiters,
      escape: how,
      check: { "crc16-x25": `${(delimiters.start ?? "").length / 2}..` },
    },
    frames: { data: {} },
  });
  const start = bytesOf(delimiters.start ?? "");
  const end = bytesOf(delimiters.end);
  const { stuffing } = head;
  return {
    head,
    make: (payload) => {
      const body = new Uint8Array(payload.length + 2);
      body.set(payload);
      writeChecksum(checksums["crc16-x25"], body, { start: 0, end: payload.length, at: payload.length });
      return Uint8Array.from([...start, ...stuff(body, stuffing!), ...end]);
    },
  };
}

const sorts: Readonly<Record<string, Sort>> = {
  ...Object.fromEntries(
    checksumNames.filter((name) => name !== "none").map((name) => [`fixed length, ${name}`, fixed(name)]),
  ),
  "inverted bytes": fixed("sum8", { inverted: true }),
  "a length field": counted,
  SHDLC: stuffed({ start: "7e", end: "7e" }, "shdlc"),
  SLIP: stuffed({ start: "c0", end: "c0" }, "slip"),
  "SLIP without a start": stuffed({ end: "c0" }, "slip"),
  "DLE STX .. DLE ETX": stuffed({ start: "1002", end: "1003" }, { mark: "10", codes: { "10": "10" } }),
};

const payloads = fc.array(
  // Bytes that mean something to some framing come up often.
  fc.array(
    fc.oneof(
      fc.constantFrom(0xaa, 0xc0, 0xab, 0x7e, 0x7d, 0x5e, 0xdb, 0xf4, 0xf3, 0x10, 0x02, 0x03),
      fc.nat(255),
    ),
    {
      minLength: 6,
      maxLength: 24,
    },
  ),
  { minLength: 1, maxLength: 6 },
);
const chunkSizes = fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 20 });

function* chunks(stream: Uint8Array, sizes: readonly number[]): Generator<Uint8Array> {
  for (let at = 0, turn = 0; at < stream.length; turn++) {
    const size = sizes[turn % sizes.length]!;
    yield stream.subarray(at, at + size);
    at += size;
  }
}

describe.each(Object.entries(sorts))("%s", (_, { head, make }) => {
  it("gives back every frame, however the stream is cut", () => {
    fc.assert(
      fc.property(payloads, chunkSizes, (written, sizes) => {
        const frames = written.map((payload) => make(Uint8Array.from(payload)));
        const stream = Buffer.concat(frames);
        const whole = new HeadDeframer(head);
        const found = hexOf(whole.push(stream));
        expect(found.length).toBe(frames.length);
        const pieces = new HeadDeframer(head);
        expect(hexOf([...chunks(stream, sizes)].flatMap((chunk) => pieces.push(chunk)))).toEqual(found);
        expect(pieces.statistics).toEqual(whole.statistics);
        expect(whole.statistics).toMatchObject({ skipped: 0, incomplete: 0 });
        expect(pieces.quiet()).toEqual([]);
      }),
      { numRuns: 80 },
    );
  });

  it("says the same of any bytes at all, however they are cut, and never holds more than it may", () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.oneof(
            fc.uint8Array({ maxLength: 60 }),
            payloads.map(([one]) => make(Uint8Array.from(one!))),
          ),
          {
            maxLength: 12,
          },
        ),
        chunkSizes,
        (parts, sizes) => {
          const stream = Buffer.concat(parts);
          const whole = new HeadDeframer(head);
          const found = hexOf([...whole.push(stream), ...whole.quiet()]);
          const pieces = new HeadDeframer(head);
          const again = [...chunks(stream, sizes)].flatMap((chunk) => pieces.push(chunk));
          expect(hexOf([...again, ...pieces.quiet()])).toEqual(found);
          expect(pieces.statistics).toEqual(whole.statistics);
          const { skipped = 0, frames = 0 } = whole.statistics;
          expect(skipped).toBeLessThanOrEqual(stream.length);
          expect(frames).toBe(found.length);
        },
      ),
      { numRuns: 80 },
    );
  });

  it("finds good frames again after garbage, at the latest when the line is quiet", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), payloads, (garbage, written) => {
        const frames = written.map((payload) => make(Uint8Array.from(payload)));
        const last = frames.at(-1)!;
        const deframer = new HeadDeframer(head);
        const found = deframer.push(garbage);
        // What was cut short before is given up when the line falls quiet.
        found.push(...deframer.quiet());
        const clean = deframer.push(last);
        expect(clean.length).toBe(1);
        const joined = new HeadDeframer(head);
        const stream = Buffer.concat([garbage, ...frames, ...frames, ...frames]);
        const all = [...joined.push(stream), ...joined.quiet()];
        // A false start may, by chance, be a longer frame's; but the good ones at the end are all found.
        expect(hexOf(all).at(-1)).toBe(hexOf(clean)[0]);
      }),
      { numRuns: 80 },
    );
  });

  it("has no other frame after a single flipped bit", () => {
    fc.assert(
      fc.property(payloads, fc.nat(), ([payload], seed) => {
        const good = make(Uint8Array.from(payload!));
        const damaged = good.slice();
        const bit = seed % (8 * damaged.length);
        damaged[bit >> 3] = damaged[bit >> 3]! ^ (1 << (bit & 7));
        const deframer = new HeadDeframer(head);
        const before = hexOf(new HeadDeframer(head).push(good));
        const after = hexOf([...deframer.push(damaged), ...deframer.quiet()]);
        for (const frame of after) expect(before).toContain(frame);
      }),
      // The seed is fixed: a flipped length or delimiter leaves a piece that has a good CRC by itself once in 65536.
      { numRuns: 300, seed: 3 },
    );
  });
});

describe("stuffing", () => {
  it.each([
    ["SHDLC", { mark: "7d", xor: 0x20, also: "11 13" }, [0x7e]],
    ["SLIP", { mark: "db", codes: { dc: "c0", dd: "db" } }, [0xc0]],
  ] as const)("%s leaves no delimiter in what it sends, and loses nothing", (_, how, delimiters) => {
    const stuffing = stuffingOf(how, delimiters);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        const sent = stuff(bytes, stuffing);
        expect([...sent].some((byte) => delimiters.some((one) => one === byte))).toBe(false);
        expect(unstuff(sent, stuffing)).toEqual(bytes);
      }),
    );
    expect(unstuff(Uint8Array.of(1, stuffing.mark), stuffing)).toBeUndefined();
  });

  it("refuses an escape that nobody sends", () => {
    const slip = stuffingOf({ mark: "db", codes: { dc: "c0", dd: "db" } }, [0xc0]);
    expect(unstuff(bytesOf("db 41"), slip)).toBeUndefined();
  });
});

describe("a deframer", () => {
  const two = headOf({
    framing: { end: "ab", check: { sum8: "2..7", at: 8 }, length: 10 },
    frames: { data: { start: "aa c0" }, reply: { start: "aa c5" } },
  });

  it("tells kinds of frames apart on one port", () => {
    const deframer = new HeadDeframer(two);
    const found = deframer.push(
      bytesOf("aac0 010203040506 15 ab aac5 060100000000 07 ab aac6 010203040506 15 ab"),
    );
    expect(found.map(({ shape }) => shape.name)).toEqual(["data", "reply"]);
    expect(deframer.statistics).toMatchObject({ frames: 2, skipped: 10 });
  });

  it("tells kinds apart by what stands inside", () => {
    const head = headOf({
      framing: { start: "55", length: { at: 1, type: "u8", adds: 0 }, check: { xor8: "0.." } },
      frames: { level: { match: { 2: "01" } }, alarm: { match: { 2: "02" } }, other: {} },
    });
    const frame = (...bytes: number[]) => [...bytes, bytes.reduce((all, byte) => all ^ byte, 0)];
    const stream = [frame(0x55, 5, 1, 9), frame(0x55, 5, 2, 9), frame(0x55, 4, 7)].flat();
    expect(new HeadDeframer(head).push(Uint8Array.from(stream)).map(({ shape }) => shape.name)).toEqual([
      "level",
      "alarm",
      "other",
    ]);
  });

  it("looks for the next start inside a frame that was none", () => {
    const deframer = new HeadDeframer(two);
    const good = bytesOf("aac0 010203040506 15 ab");
    // A start, cut off after four bytes by a good frame.
    expect(deframer.push(Uint8Array.from([0xaa, 0xc0, 1, 2, ...good])).length).toBe(1);
    expect(deframer.statistics).toMatchObject({ frames: 1, skipped: 4 });
  });

  it("does not wait for a length that no frame can have", () => {
    const head = headOf({
      framing: { start: "f4", length: { at: 1, type: "u8", adds: 3 }, maxLength: 20, check: { sum8: "1.." } },
      frames: { data: {} },
    });
    const deframer = new HeadDeframer(head);
    expect(hexOf(deframer.push(bytesOf("f4 ff f4 01 07 08")))).toEqual(["data f4010708"]);
    expect(deframer.statistics).toMatchObject({ "bad-length": 1, skipped: 2 });
  });

  it("gives up a frame that is too long for its end", () => {
    const head = headOf({
      framing: { start: "02", end: "03", maxLength: 8, check: { xor8: "1.." } },
      frames: { data: {} },
    });
    const deframer = new HeadDeframer(head);
    expect(hexOf(deframer.push(bytesOf("02 11 11 11 11 11 11 11 11 02 44 44 03")))).toEqual([
      "data 02444403",
    ]);
    expect(deframer.statistics).toMatchObject({ "too-long": 1 });
  });

  it("bounds what it holds of a stuffed frame without an end", () => {
    const { head } = sorts.SHDLC!;
    const deframer = new HeadDeframer(head);
    expect(deframer.push(new Uint8Array(100_000).fill(0x7d).fill(0x7e, 0, 1))).toEqual([]);
    expect(deframer.statistics["too-long"]).toBe(1);
    expect(deframer.statistics.skipped).toBeGreaterThan(99_000);
  });

  it("finds what a false start hid when the line falls quiet", () => {
    const head = headOf({
      framing: { start: "f4", length: { at: 1, type: "u8", adds: 3 }, check: { sum8: "1.." } },
      frames: { data: {} },
    });
    const deframer = new HeadDeframer(head);
    expect(deframer.push(bytesOf("f4 50 f4 01 07 08"))).toEqual([]);
    expect(hexOf(deframer.quiet())).toEqual(["data f4010708"]);
    expect(deframer.statistics).toMatchObject({ frames: 1, incomplete: 1, skipped: 2 });
  });

  it("takes a delimiter that two frames share", () => {
    const { head, make } = sorts.SHDLC!;
    const one = make(bytesOf("010203040506"));
    const deframer = new HeadDeframer(head);
    expect(deframer.push(Uint8Array.from([...one, ...one.subarray(1), ...one])).length).toBe(3);
    expect(deframer.statistics).toMatchObject({ frames: 3, skipped: 0 });
  });
});

describe("a line with several profiles", () => {
  it("finds the frames of each in the same bytes", () => {
    const line = new LineDeframer();
    const a = fixed("sum8");
    line.add(a.head);
    line.add(counted.head);
    expect(line.quietMs).toBe(300);
    const stream = Buffer.concat([
      a.make(bytesOf("010203040506")),
      counted.make(bytesOf("070809")),
      a.make(bytesOf("111213141516")),
    ]);
    const found = line.push(stream);
    expect(found.filter(({ head }) => head === a.head).length).toBe(2);
    expect(found.filter(({ head }) => head === counted.head).length).toBe(1);
    line.keep(new Set([counted.head]));
    expect(line.push(stream).length).toBe(1);
  });
});
