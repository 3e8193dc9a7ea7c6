import { hash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseBmap } from "./bmap.ts";
import { RangeSums } from "./image.ts";

const block = 4096;
const sum = "a".repeat(64);

/** A file as bmaptool writes it, with its own checksum right. */
function bmapOf(
  ranges: readonly string[],
  { blocks = 100, mapped = 0, size = 100 * block, version = "2.0", more = "" } = {},
): string {
  const zeros = "0".repeat(64);
  const xml = `<?xml version="1.0" ?>
<!-- ImageSize: <ImageSize> 7 </ImageSize> -->
<bmap version="${version}">
    <ImageSize> ${size} </ImageSize>
    <BlockSize> ${block} </BlockSize>
    <BlocksCount> ${blocks} </BlocksCount>
    <MappedBlocksCount> ${mapped} </MappedBlocksCount>
    <ChecksumType> sha256 </ChecksumType>
    <BmapFileChecksum> ${zeros} </BmapFileChecksum>
    <BlockMap>
${ranges.join("\n")}
    </BlockMap>${more}
</bmap>
`;
  return xml.replace(zeros, hash("sha256", xml, "hex"));
}
const range = (blocks: string) => `        <Range chksum="${sum}"> ${blocks} </Range>`;

describe("a bmap", () => {
  it("says where the content is; the last range ends with the image", () => {
    const bmap = parseBmap(
      bmapOf([range("0-1"), range("7"), range("99")], { mapped: 4, size: 99 * block + 512 }),
    );
    expect(bmap).toEqual({
      imageSize: 99 * block + 512,
      ranges: [
        { start: 0, end: 8192, sha256: sum },
        { start: 7 * block, end: 8 * block, sha256: sum },
        { start: 99 * block, end: 99 * block + 512, sha256: sum },
      ],
    });
  });

  it.each<[string, string]>([
    ["another version", bmapOf([range("0")], { mapped: 1, version: "1.4" })],
    ["overlapping ranges", bmapOf([range("0-5"), range("5")], { mapped: 7 })],
    ["ranges out of order", bmapOf([range("5"), range("0")], { mapped: 2 })],
    ["a range behind the end", bmapOf([range("0-100")], { mapped: 101 })],
    ["a range from back to front", bmapOf([range("5-4")], { mapped: 0 })],
    ["no ranges", bmapOf([])],
    ["a wrong count", bmapOf([range("0")], { mapped: 2 })],
    ["a wrong size", bmapOf([range("0")], { mapped: 1, size: 1 })],
    ["a range without a sum", bmapOf(["<Range> 0 </Range>"], { mapped: 1 })],
    ["a changed byte", bmapOf([range("0")], { mapped: 1 }).replace("7 </", "8 </")],
    ["no XML", "hello"],
  ])("is refused with %s", (_, xml) => {
    expect(() => parseBmap(xml)).toThrow(expect.objectContaining({ code: "bad-bmap" }));
  });

  it("never throws anything but its own error", () => {
    const good = bmapOf([range("0-1"), range("7")], { mapped: 3 });
    fc.assert(
      fc.property(fc.nat(good.length - 1), fc.string({ maxLength: 12 }), fc.nat(20), (at, put, gone) => {
        try {
          parseBmap(good.slice(0, at) + put + good.slice(at + gone));
        } catch (error) {
          expect(error).toMatchObject({ code: "bad-bmap" });
        }
      }),
    );
  });
});

describe("the ranges of an image", () => {
  it("are cut out whole, however the image comes, and one wrong byte is found", () => {
    const image = Buffer.from(Array.from({ length: 5000 }, (_, index) => (index * 31) % 256));
    const ranges = fc
      .uniqueArray(fc.integer({ min: 0, max: 5000 }), { minLength: 2, maxLength: 10 })
      .map((cuts) => cuts.toSorted((a, b) => a - b))
      .map((cuts) =>
        cuts.flatMap((start, index) =>
          index % 2 === 0 && cuts[index + 1] !== undefined ? [{ start, end: cuts[index + 1] ?? 0 }] : [],
        ),
      );
    fc.assert(
      fc.property(
        ranges,
        fc.array(fc.integer({ min: 1, max: 1500 }), { minLength: 1, maxLength: 20 }),
        fc.nat(4999),
        (parts, sizes, wrongAt) => {
          const map = {
            imageSize: image.length,
            ranges: parts.map((one) => ({
              ...one,
              sha256: hash("sha256", image.subarray(one.start, one.end), "hex"),
            })),
          };
          const pass = (bytes: Buffer) => {
            const sums = new RangeSums(map);
            const written = Buffer.alloc(bytes.length);
            for (let at = 0, turn = 0; at < bytes.length; turn++) {
              const chunk = bytes.subarray(at, at + (sizes[turn % sizes.length] ?? 1));
              for (const piece of sums.take(at, chunk)) piece.bytes.copy(written, piece.position);
              at += chunk.length;
            }
            sums.finish();
            return written;
          };
          const written = pass(image);
          const wanted = Buffer.alloc(image.length);
          for (const { start, end } of parts) image.copy(wanted, start, start, end);
          expect(written.equals(wanted)).toBe(true);
          const damaged = Buffer.from(image);
          damaged.writeUInt8(damaged.readUInt8(wrongAt) ^ 1, wrongAt);
          const isContent = parts.some(({ start, end }) => wrongAt >= start && wrongAt < end);
          if (isContent)
            expect(() => pass(damaged)).toThrow(expect.objectContaining({ code: "image-damaged" }));
          else expect(pass(damaged).equals(wanted)).toBe(true);
        },
      ),
    );
  });
});
