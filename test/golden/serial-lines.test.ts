import { readdirSync } from "node:fs";
import { join, resolve } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { RawValue } from "../../gateway/model/value.ts";
import { LineDeframer } from "../../gateway/southbound/line-deframer.ts";
import { type LineUnit, resultsOf } from "../../gateway/southbound/serial-line/messages.ts";
import { Roster } from "../../gateway/southbound/serial-line/roster.ts";
import { goldenIsHere, readGolden } from "./golden.ts";
import { lineUnit } from "./line-unit.ts";

// Lines that twelve instruments on a ship really sent, with what another decoder read from them. The
// profiles are beside this file. The two sides name things alike: `PortRelWindDir` is `port_rel_wind_dir`,
// with the message before it where several messages have a field of one name.

interface Sample {
  readonly line: string;
  readonly message_type: string | null;
  readonly expected: Readonly<Record<string, number | string>>;
}
interface Instrument {
  readonly samples: readonly Sample[];
}

const folder = resolve(import.meta.dirname, "serial-lines");
const instruments = readdirSync(folder).map((name) => name.replace(".yaml", ""));

interface Read {
  readonly lines: readonly Readonly<Record<string, RawValue>>[];
  readonly counters: Readonly<Record<string, number>>;
}

/** What a device says in these chunks: one record of values per line. */
function hear(unit: LineUnit, chunks: readonly Uint8Array[]): Read {
  const deframer = new LineDeframer(unit.profile.protocolSettings.framing);
  const roster = new Roster([unit]);
  const counters = { unmatched: 0, "bad-checksum": 0, "bad-character": 0 };
  const lines = chunks
    .flatMap((chunk) => deframer.push(chunk))
    .flatMap((bytes) => roster.hear(bytes, counters))
    .map(({ decoded, points }) =>
      Object.fromEntries(
        resultsOf(decoded, points, { base: "unix", ms: 0 }).flatMap((result) =>
          "raw" in result ? [[result.point.name, result.raw]] : [],
        ),
      ),
    );
  return { lines, counters: { ...counters, ...deframer.statistics } };
}

const snake = (name: string): string => name.replaceAll(/([a-z0-9])([A-Z])/g, "$1_$2").toLowerCase();
const wire = (line: string): Uint8Array => Buffer.from(`${line}\r\n`, "latin1");

describe.skipIf(!goldenIsHere)("golden serial lines (needs ../shared/golden)", () => {
  const golden = (name: string) =>
    goldenIsHere ? readGolden<Instrument>("serial-lines", `${name}.json`).samples : [];

  it("has a profile of each of the twelve instruments", () => {
    expect(instruments).toHaveLength(12);
  });

  describe.each(instruments)("%s", (name) => {
    const samples = golden(name);
    const unit = lineUnit(join(folder, `${name}.yaml`));
    const stream = Buffer.concat(samples.map(({ line }) => wire(line)));
    const whole = hear(unit, [stream]);

    it("is read as the other decoder read it, line by line", () => {
      expect(samples.length).toBeGreaterThanOrEqual(30);
      expect(whole.counters).toMatchObject({ unmatched: 0, "bad-checksum": 0, "too-long": 0, skipped: 0 });
      expect(whole.lines).toHaveLength(samples.length);
      for (const [index, { line, message_type: type, expected }] of samples.entries()) {
        const values = whole.lines[index] ?? {};
        for (const [field, value] of Object.entries(expected)) {
          const plain = snake(field);
          const got = values[plain] ?? values[`${String(type).toLowerCase()}_${plain}`];
          if (typeof value === "number") expect(got, `${field} of ${line}`).toBeCloseTo(value, 9);
          else expect(got, `${field} of ${line}`).toBe(value);
        }
      }
    });

    it("is read alike however the stream is cut into chunks", () => {
      fc.assert(
        fc.property(fc.array(fc.integer({ min: 1, max: 90 }), { minLength: 1 }), (sizes) => {
          expect(hear(unit, cut(stream, sizes))).toEqual(whole);
        }),
        { numRuns: 25 },
      );
    });

    it("is read between any garbage that ends", () => {
      fc.assert(
        fc.property(
          fc.uint8Array({ maxLength: 1500 }),
          fc.uint8Array({ maxLength: 1500 }),
          (before, after) => {
            const end = Uint8Array.of(0x0d, 0x0a);
            const noisy = hear(unit, [Buffer.concat([before, end, stream, after, end])]);
            const first = noisy.lines.findIndex((_, index) =>
              whole.lines.every((line, offset) => same(line, noisy.lines[index + offset])),
            );
            expect(first).toBeGreaterThanOrEqual(0);
          },
        ),
        { numRuns: 50 },
      );
    });

    it("never gives another value for a checksummed line with one flipped bit", () => {
      const { messages } = unit.profile.protocolSettings;
      const checksummed = samples.filter(
        ({ message_type: type }) =>
          messages.find((one) => one.name === String(type).toLowerCase() || messages.length === 1)?.checksum,
      );
      expect(checksummed.length > 0).toBe(messages.some(({ checksum }) => checksum));
      for (const { line } of checksummed) {
        const sent = wire(line);
        const right = hear(unit, [sent]).lines[0];
        for (let bit = 0; bit < 8 * sent.length; bit += 1) {
          const flipped = Uint8Array.from(sent);
          flipped[bit >> 3]! ^= 1 << (bit & 7);
          for (const values of hear(unit, [flipped]).lines)
            if (!same(values, right)) expect(values, `bit ${bit} of ${line}`).toEqual(right);
        }
      }
    });
  });
});

function cut(bytes: Uint8Array, sizes: readonly number[]): Uint8Array[] {
  const chunks: Uint8Array[] = [];
  for (let at = 0, turn = 0; at < bytes.length; turn += 1) {
    const size = sizes[turn % sizes.length] ?? 1;
    chunks.push(bytes.subarray(at, at + size));
    at += size;
  }
  return chunks;
}

function same(a: object | undefined, b: object | undefined): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
