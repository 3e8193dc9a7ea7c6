import { expect, it } from "vitest";
import { codeWord } from "./code-word.ts";

it.each([
  ["bundle-signature", "signature"],
  ["bundle-damaged", "bundle"],
  ["bundle", "bundle"],
  ["disk-full", undefined],
  ["constructor", undefined],
  ["constructor-x", undefined],
])("the words for %s: %s", (code, words) => {
  expect(codeWord({ bundle: "bundle", "bundle-signature": "signature" }, code)).toBe(words);
});
