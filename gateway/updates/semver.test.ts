import { assert, integer, property, tuple } from "fast-check";
import { describe, expect, it } from "vitest";
import { compareVersions, isSemver } from "./semver.ts";

describe("versions", () => {
  // The example of semver.org, item 11.
  const ordered =
    "1.0.0-alpha 1.0.0-alpha.1 1.0.0-alpha.beta 1.0.0-beta 1.0.0-beta.2 1.0.0-beta.11 1.0.0-rc.1 1.0.0";

  it("are ordered as the standard says", () => {
    const all = ordered.split(" ");
    for (const [index, a] of all.entries())
      for (const [other, b] of all.entries())
        expect(Math.sign(compareVersions(a, b)), `${a} ${b}`).toBe(Math.sign(index - other));
    expect(compareVersions("1.0.0+build.1", "1.0.0+build.2")).toBe(0);
  });

  it("are ordered by numbers, not by letters", () => {
    const part = integer({ min: 0, max: 999_999_999 });
    const version = tuple(part, part, part);
    void assert(
      property(version, version, (a, b) => {
        const first = a.findIndex((number, index) => number !== b[index]);
        const wanted = first < 0 ? 0 : Math.sign(a[first]! - b[first]!);
        expect(Math.sign(compareVersions(a.join("."), b.join(".")))).toBe(wanted);
      }),
    );
  });

  it.each(["", "1", "1.0", "01.0.0", "1.0.0-", "v1.0.0", "1.0.0 ", `1.0.0-${"a".repeat(64)}`])(
    "refuse %o",
    (text) => {
      expect(isSemver(text)).toBe(false);
      expect(() => compareVersions(text, "1.0.0")).toThrow(RangeError);
    },
  );
});
