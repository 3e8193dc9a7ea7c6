import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { LineDeframer } from "../../gateway/southbound/line-deframer.ts";
import { tell } from "../../gateway/southbound/nmea/decode.ts";
import { nmeaFraming } from "../../gateway/southbound/nmea/driver.ts";
import { addressSchema } from "../../gateway/southbound/nmea/schema.ts";
import { parseSentence, type Sentence } from "../../gateway/southbound/nmea/sentence.ts";
import { sentenceTypes } from "../../gateway/southbound/nmea/sentences.ts";
import { goldenIsHere, readGolden } from "./golden.ts";

interface Golden {
  readonly sentences: readonly {
    readonly sentence: string;
    readonly checksum_ok: boolean | null;
    readonly talker: string;
    readonly type: string;
    readonly fields: Readonly<Record<string, string | null>>;
    readonly is_valid?: boolean;
    readonly latitude?: number | null;
    readonly longitude?: number | null;
    readonly datetime?: string | null;
  }[];
}

const ascii = (text: string): Uint8Array => Buffer.from(text, "latin1");

function parsed(text: string, required = false): Sentence {
  const sentence = parseSentence(ascii(text), required);
  if (typeof sentence === "string") throw new Error(`${sentence}: ${text}`);
  return sentence;
}

function named(sentence: Sentence, field: string) {
  return tell(sentence, addressSchema.parse({ sentence: sentence.type, field }));
}

describe.skipIf(!goldenIsHere)("golden NMEA 0183 sentences (needs ../shared/golden)", () => {
  const golden = goldenIsHere ? readGolden<Golden>("nmea", "sentences.json").sentences : [];

  it("are here", () => expect(golden.length).toBeGreaterThanOrEqual(36));

  it.each(golden)("reads talker, type and fields of $sentence", (one) => {
    const { sentence: text, talker, type, fields } = one;
    const sentence = parsed(text);
    expect(sentence.talker).toBe(talker);
    expect(sentence.type).toBe(type);
    expect(sentence.checked).toBe(one.checksum_ok !== null);
    // Of a query the other decoder names the talker asked for and the sentence.
    if (sentence.query) return;
    for (const [index, value] of Object.values(fields).entries())
      expect(sentence.fields[index] ?? null, `field ${index + 1}`).toBe(value);
  });

  it.each(golden.filter(({ checksum_ok: ok }) => ok !== true))(
    "refuses $sentence where a checksum is due",
    (one) => {
      expect(parseSentence(ascii(one.sentence), true)).toBe(
        one.checksum_ok === null ? "no-checksum" : "bad-checksum",
      );
    },
  );

  it.each(golden.filter(({ is_valid: valid }) => valid !== undefined))(
    "holds as $is_valid: $sentence",
    (one) => {
      const sentence = parsed(one.sentence);
      expect(sentenceTypes[sentence.type]?.invalid?.(sentence.fields) === undefined).toBe(one.is_valid);
    },
  );

  // The other decoder makes a longitude of a receiver's decimal degrees, as if they were degrees and
  // minutes, and stumbles over the latitude. IEC 61162-1 has leading zeros: neither is a position.
  const notPositions = [
    "$GPGGA,161405.680,37.352387,N,121.953086,W,1,10,0.01,-110.342552,M,0.000000,M,,0000,*4E",
  ];

  it.each(golden.filter(({ sentence }) => notPositions.includes(sentence)))(
    "makes no position of $sentence",
    (one) => {
      const sentence = parsed(one.sentence);
      for (const axis of ["latitude", "longitude"])
        expect(named(sentence, axis)).toMatchObject({ problem: "config-error" });
    },
  );

  it.each(golden.filter(({ sentence, latitude }) => latitude != null && !notPositions.includes(sentence)))(
    "places $sentence",
    (one) => {
      const sentence = parsed(one.sentence);
      for (const axis of ["latitude", "longitude"] as const) {
        const told = named(sentence, axis);
        // Where the sentence does not hold, the other decoder gives its position all the same; we give none.
        if (!one.is_valid) expect(told).toMatchObject({ problem: "sentinel" });
        else expect(told && "raw" in told ? told.raw : told).toBeCloseTo(one[axis] ?? Number.NaN, 12);
      }
    },
  );

  it.each(golden.filter(({ datetime }) => datetime != null))("dates $sentence", (one) => {
    const sentence = parsed(one.sentence);
    const told = named(sentence, "unix");
    if (one.is_valid === false) expect(told).toMatchObject({ problem: "sentinel" });
    else expect(told).toEqual({ raw: Date.parse(one.datetime ?? "") / 1000 });
  });

  const checked = golden.filter(({ checksum_ok: ok }) => ok === true);

  it("never reads another sentence out of one flipped bit", () => {
    for (const { sentence: text } of checked) {
      const right = parsed(text);
      const sent = ascii(`${text}\r\n`);
      for (let bit = 0; bit < 8 * sent.length; bit += 1) {
        const flipped = Uint8Array.from(sent);
        flipped[bit >> 3]! ^= 1 << (bit & 7);
        for (const line of new LineDeframer(nmeaFraming).push(flipped)) {
          const sentence = parseSentence(line, true);
          if (typeof sentence !== "string") expect(sentence, `bit ${bit} of ${text}`).toEqual(right);
        }
      }
    }
  });

  it("finds every sentence between any garbage, however the stream is cut", () => {
    const wanted = checked.map(({ sentence }) => parsed(sentence));
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 700 }),
        fc.uint8Array({ maxLength: 700 }),
        fc.array(fc.integer({ min: 1, max: 80 }), { minLength: 1 }),
        (before, after, sizes) => {
          const stream = Buffer.concat([
            before,
            ...checked.map(({ sentence }) => ascii(`${sentence}\r\n`)),
            after,
          ]);
          const deframer = new LineDeframer(nmeaFraming);
          const found: Sentence[] = [];
          for (let at = 0, turn = 0; at < stream.length; turn += 1) {
            const size = sizes[turn % sizes.length] ?? 1;
            for (const line of deframer.push(stream.subarray(at, at + size))) {
              const sentence = parseSentence(line, true);
              if (typeof sentence !== "string") found.push(sentence);
            }
            at += size;
          }
          expect(found.slice(0, wanted.length)).toEqual(wanted);
        },
      ),
      { numRuns: 100 },
    );
  });
});
