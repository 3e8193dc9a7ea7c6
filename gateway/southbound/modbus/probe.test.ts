import { describe, expect, it } from "vitest";
import { interpretations } from "./probe.ts";

const bytes = (hex: string) => new Uint8Array(Buffer.from(hex.replaceAll(" ", ""), "hex"));

describe("what registers may mean", () => {
  it("puts the reading that the display shows first, whatever its order", () => {
    expect(interpretations(bytes("3333 4366"), 230.2)[0]).toMatchObject({
      at: "type: f32, order: CDAB",
      value: "230.2",
      likely: 1,
    });
    expect(interpretations(bytes("0001 e240"), 123456)[0]).toMatchObject({ at: "type: u32, order: ABCD" });
  });

  it("finds a usual scale", () => {
    expect(interpretations(bytes("08fe"), 230.2)[0]).toMatchObject({
      at: "type: u16",
      value: "2302",
      note: "scale: 0.1",
    });
  });

  it("without a display, takes what devices usually hold", () => {
    expect(interpretations(bytes("4366 3333 0000 0000"), undefined)[0]!.at).toBe("type: f32, order: ABCD");
    expect(interpretations(bytes("4142 4331"), undefined).map(({ value }) => value)).toContain('"ABC1"');
  });

  it("says nothing that the bytes cannot be", () => {
    for (const { at } of interpretations(bytes("1234"), undefined))
      expect(at).toMatch(/^type: [us]16$|ascii/);
    expect(interpretations(new Uint8Array(), 5)).toEqual([]);
  });
});
