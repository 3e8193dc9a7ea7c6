import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { scanSecondary } from "./scan.ts";
import { encodeSelect, matches } from "./secondary.ts";
import type { SecondaryAddress } from "./settings.ts";

type Meter = Required<SecondaryAddress>;

/** A line of meters: one that matches is heard, several are noise. */
function lineOf(meters: readonly Meter[]) {
  return async (address: SecondaryAddress) => {
    const selected = meters.filter((meter) => matches(address, meter));
    const [one, another] = selected;
    if (!one) return "nobody";
    return another ? "several" : one;
  };
}

const meter = (id: string, version = 1): Meter => ({ id, manufacturer: "STN", version, medium: 7 });
const ids = (meters: readonly SecondaryAddress[]) => meters.map(({ id }) => id).toSorted();

describe("scanSecondary", () => {
  it("asks once when nobody is there, and once when one is", async () => {
    expect(await scanSecondary(lineOf([]))).toEqual({ found: [], unresolved: [], asked: 1 });
    expect(await scanSecondary(lineOf([meter("00000001")]))).toEqual({
      found: [meter("00000001")],
      unresolved: [],
      asked: 1,
    });
  });

  it("tells five meters apart", async () => {
    const numbers = ["12345678", "12345679", "12990001", "80000000", "80000123"];
    const { found, unresolved, asked } = await scanSecondary(lineOf(numbers.map((id) => meter(id))));
    expect(ids(found)).toEqual(numbers);
    expect(unresolved).toEqual([]);
    expect(asked).toBe(131);
  });

  it("finds every meter of any line", async () => {
    const lines = fc.uniqueArray(fc.stringMatching(/^[0-9]{8}$/), { maxLength: 40 });
    await fc.assert(
      fc.asyncProperty(lines, async (numbers) => {
        const { found, unresolved } = await scanSecondary(lineOf(numbers.map((id) => meter(id))));
        expect(ids(found)).toEqual(numbers.toSorted());
        expect(unresolved).toEqual([]);
      }),
      { numRuns: 50 },
    );
  });

  it("finds numbers that are none, and says where two meters have the same", async () => {
    expect(ids((await scanSecondary(lineOf([meter("1A000000"), meter("1A000001")]))).found)).toEqual([
      "1A000000",
      "1A000001",
    ]);
    const twins = await scanSecondary(lineOf([meter("12345678", 1), meter("12345678", 2)]));
    expect(twins.found).toEqual([]);
    expect(twins.unresolved).toEqual([{ id: "12345678" }]);
  });

  it("looks only where the mask says, and does not believe who was not asked", async () => {
    const line = lineOf([meter("12000000"), meter("34000000")]);
    expect(ids((await scanSecondary(line, { id: "12FFFFFF" })).found)).toEqual(["12000000"]);
    const liar = async () => meter("99999999");
    expect((await scanSecondary(liar, { id: "1234567F" })).found).toEqual([]);
  });
});

describe("a selection", () => {
  it("names what is given and leaves the rest open", () => {
    const hex = (address: SecondaryAddress) => Buffer.from(encodeSelect(address)).toString("hex");
    expect(hex({ id: "12345678", manufacturer: "STN", version: 1, medium: 4 })).toBe(
      "680b0b6853fd52785634128e4e01049716",
    );
    expect(hex({ id: "FFFFFFFF" })).toBe("680b0b6853fd52ffffffffffffffff9a16");
  });
});
