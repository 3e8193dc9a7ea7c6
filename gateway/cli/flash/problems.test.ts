import { expect, it } from "vitest";
import { LinkError } from "../../model/errors.ts";
import { detailOf, diskProblem, inLanguage, problem } from "./problems.ts";

it("says what happened and what to do in Swedish as in English, with the same code, class and detail", () => {
  const english = problem("disk-gone", "writing /dev/sdb at 4096 (ENXIO)");
  const swedish = inLanguage(english, "sv");
  expect(swedish).toMatchObject({ code: "disk-gone", name: "StorageError" });
  expect(swedish).toMatchObject({
    message: "disken drogs ut eller svarar inte längre: writing /dev/sdb at 4096 (ENXIO)",
  });
  expect(swedish).toMatchObject({ hint: expect.stringContaining("sätt i den igen") });
  expect(inLanguage(english, "en")).toBe(english);
});

it("keeps a hint that was given for this one case, and errors that are not ours", () => {
  const own = problem("disk-refused", "/dev/sdb", { hint: "--yes-i-mean sdb" });
  expect(inLanguage(own, "sv")).toMatchObject({ hint: "--yes-i-mean sdb" });
  const other = new LinkError("gone", { code: "disk-gone" });
  expect(inLanguage(other, "sv")).toBe(other);
  expect(detailOf(own)).toBe("/dev/sdb");
  expect(detailOf(other)).toBe("gone");
});

it("leaves errors alone that no kernel made", () => {
  const bug = new TypeError("x");
  expect(diskProblem(bug, "writing")).toBe(bug);
});
