import { afterEach, describe, expect, it } from "vitest";
import { qualities } from "../../model/quality.ts";
import { categories } from "../../profiles/category.ts";
import { configurationWords } from "../configuration/configuration.words.ts";
import { adminWords } from "../pages/admin.words.ts";
import { commandWords } from "../pages/commands.words.ts";
import { connectionWords } from "../pages/connections.words.ts";
import { deviceWords } from "../pages/devices.words.ts";
import { logWords } from "../pages/logs.words.ts";
import { overviewWords } from "../pages/overview.words.ts";
import { type Language, language } from "../preferences.ts";
import { identityWords } from "../system/identity.words.ts";
import { updateWords } from "../system/update.words.ts";
import { categoryWords } from "./categories.ts";
import { say, wordOf, words } from "./text.ts";

const dictionaries = {
  categoryWords,
  words,
  adminWords,
  commandWords,
  configurationWords,
  connectionWords,
  deviceWords,
  identityWords,
  logWords,
  overviewWords,
  updateWords,
};

const before = language.value;
afterEach(() => {
  language.value = before;
});

/** Every text with its place; of those with gaps, what they make of marks. */
function texts(value: unknown, place: string): readonly (readonly [string, string])[] {
  if (typeof value === "string") return [[place, value]];
  if (typeof value === "function") return [[place, String(value("§1", "§2", "§3"))]];
  if (value && typeof value === "object")
    return Object.entries(value).flatMap(([key, one]) => texts(one, `${place}.${key}`));
  throw new Error(`${place} is no text`);
}

const allOf = (spoken: Language) => {
  language.value = spoken;
  return new Map(Object.entries(dictionaries).flatMap(([name, one]) => texts(one.value, name)));
};

describe("the words of the page", () => {
  it("has a word for every kind of device that a profile may have, and for the gateway itself", () => {
    expect(Object.keys(categoryWords.value).toSorted()).toEqual(
      ["gateway", ...Object.keys(categories)].toSorted(),
    );
  });

  it("are there in both languages, under the same keys", () => {
    const english = allOf("en");
    const swedish = allOf("sv");
    expect([...swedish.keys()].sort()).toEqual([...english.keys()].sort());
    expect([...english, ...swedish].filter(([, text]) => text.trim() === "")).toEqual([]);
  });

  it("use what they are given, in both languages", () => {
    const english = allOf("en");
    const gaps = (text: string) => ["§1", "§2", "§3"].filter((gap) => text.includes(gap));
    const wrong = [...allOf("sv")].filter(
      ([place, text]) => String(gaps(text)) !== String(gaps(english.get(place) ?? "")),
    );
    expect(wrong.map(([place]) => place)).toEqual([]);
  });

  it("name every quality of a reading", () => {
    for (const quality of qualities) expect(wordOf(words.value.quality, quality)).not.toBe(quality);
  });

  it("fall back on English, and on the name itself", () => {
    language.value = "sv";
    expect(say({ en: "lamp", sv: "lampa" })).toBe("lampa");
    expect(say({ en: "lamp" })).toBe("lamp");
    expect(wordOf({ a: "b" }, "toString")).toBe("toString");
  });
});
