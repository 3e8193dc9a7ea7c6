import { encodeCbor } from "../../../gateway/codec/cbor.ts";
import { decodeCbor } from "../../../gateway/codec/cbor-check.ts";
import { FormatError } from "../../../gateway/codec/format-error.ts";
import { decodePack } from "../../../gateway/codec/senml-decode.ts";
import { encodePack } from "../../../gateway/codec/senml-encode.ts";
import type { Pack } from "../../../gateway/codec/senml-pack.ts";
import { mergePacks, setBaseTime } from "../../../gateway/codec/senml-rebuild.ts";
import type { Random } from "../../../gateway/model/clock.ts";
import { below, hex, pick, ready, type TargetSource, Violation } from "../target.ts";

const limits = { maxBytes: 65_536, maxDepth: 16, maxItems: 10_000 };

/** Well-formed or nearly so: heads with arguments of every width, lengths that are right or not. */
export function cborNoise(random: Random, depth = 0): Uint8Array {
  const major = below(random, 8);
  const short = below(random, 32);
  const size = short < 24 ? 0 : short < 28 ? 2 ** (short - 24) : 0;
  const head = Buffer.from([
    (major << 5) | (random() < 0.9 ? short % 26 : short),
    ...Array.from({ length: short % 26 < 24 ? 0 : size }, () => (random() < 0.7 ? 0 : below(random, 256))),
  ]);
  const count = Math.min(short, 23);
  if (major === 2 || major === 3)
    return Buffer.concat([head, Buffer.alloc(random() < 0.95 ? count : below(random, 30), 0x61)]);
  if ((major === 4 || major === 5 || major === 6) && depth < 20) {
    const items = major === 4 ? count % 5 : major === 5 ? 2 * (count % 4) : 1;
    const first = Buffer.from(head);
    if (short < 24 && major !== 6) first[0] = (major << 5) | (major === 4 ? items : items / 2);
    return Buffer.concat([first, ...Array.from({ length: items }, () => cborNoise(random, depth + 1))]);
  }
  return head;
}

/** Deep, wide, long: each announces or holds more than is allowed. */
export const cborBombs: readonly Uint8Array[] = [
  Buffer.alloc(60_000, 0x81),
  Buffer.concat([Buffer.alloc(60_000, 0xa1)]),
  Buffer.alloc(60_000, 0xc1),
  hex("9b ff ff ff ff ff ff ff ff"),
  hex("bb 7f ff ff ff ff ff ff ff"),
  hex("5b ff ff ff ff ff ff ff ff 00"),
  hex("7a ff ff ff ff 61"),
  hex("c2 5a 00 01 00 00"),
  hex("9f 9f 9f 9f ff ff ff ff"),
  Buffer.concat([hex("99 ff ff"), Buffer.alloc(65_000)]),
  Buffer.concat([hex("b9 40 00"), Buffer.alloc(32_768)]),
];

const pack = (seq: number, boot?: string): Pack => ({
  header: { gateway: "gw-1", audience: "restricted", run: "0badc0de", seq, seqTo: seq, boot },
  time: 1_790_000_000_000,
  series: [
    {
      base: "urn:dev:ops:32473-gw-1:",
      name: "power",
      unit: "W",
      times: [1_790_000_000_000, 1_790_000_001_000],
      values: [0, -12.5],
    },
    { base: "urn:dev:ops:32473-gw-1:", name: "name", times: [1_790_000_000_500], values: ["å"] },
    {
      base: "urn:dev:ops:32473-gw-2:",
      name: "raw",
      times: [1_790_000_000_500],
      values: [Uint8Array.of(1, 2)],
    },
    { base: "urn:dev:ops:32473-gw-2:", name: "on", times: [1_790_000_000_500], values: [true] },
  ],
});
const packs = [pack(1), pack(2), pack(3, "boot-1")].map((one) => encodePack(one));

export const cborTargets: readonly TargetSource[] = [
  ready({
    name: "cbor",
    share: 20,
    seeds: [
      ...cborBombs,
      encodeCbor({ a: [1, -1, 1.5, "x", null, true], b: new Map([[1, 2n ** 63n]]), c: Uint8Array.of(1) }),
      ...packs,
    ],
    words: [hex("9f"), hex("ff"), hex("bb 00 00 00 00"), hex("c2"), hex("f8 20"), hex("a2 01"), hex("61 ff")],
    make: (random) => cborNoise(random),
    take(input) {
      decodeCbor(input, limits);
      if (Object.hasOwn(Object.prototype, "polluted")) throw new Violation("a prototype was written to");
    },
    errors: [FormatError],
  }),
  ready({
    name: "senml",
    share: 8,
    seeds: packs,
    words: [
      hex("21"),
      hex("22"),
      hex("23"),
      hex("02"),
      hex("fb 7f f0 00 00 00 00 00 00"),
      hex("f9 7e 00"),
      hex("65 62 6f 6f 74 5f"),
    ],
    make: (random) => {
      // Fields of any kind under the labels that mean something.
      const record = () =>
        new Map(
          Array.from({ length: below(random, 6) }, () => [
            pick(random, [
              -6,
              -5,
              -4,
              -3,
              -2,
              -1,
              0,
              1,
              2,
              3,
              4,
              5,
              6,
              7,
              8,
              "gw",
              "seq",
              "gap",
              "boot_",
              "x_",
            ] as const),
            pick(random, ["a", 1.5, -1, 1e308, Number.NaN, 2n ** 64n - 1n, null, true, [1], "power", 10]),
          ]),
        );
      return encodeCbor(Array.from({ length: below(random, 5) }, record));
    },
    take(input) {
      for (const { time, value } of decodePack(input).records)
        if (!Number.isFinite(time) || (typeof value === "number" && !Number.isFinite(value)))
          throw new Violation("a number of a pack is none");
      for (const one of [
        () => setBaseTime(input, 1_790_000_000_000, true),
        () => mergePacks([packs[0] ?? input, input]),
      ])
        one();
    },
    errors: [FormatError],
  }),
];
