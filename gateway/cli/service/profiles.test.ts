import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { gunzipSync } from "node:zlib";
import { afterAll, describe, expect, it } from "vitest";
import { profiles as answer } from "../../local/answers.ts";
import type { ProfileList } from "../../local/commissioning.ts";
import { ProfileLists } from "./profiles.ts";

const shipped = resolve(import.meta.dirname, "../../../device-profiles");
const own = mkdtempSync(join(tmpdir(), "stadsnod-profiles-"));
afterAll(() => rmSync(own, { recursive: true }));

const lamp = (title: string) => `profile: city/lamp
version: 1.0.0
title: {en: ${title}, sv: ${title}}
manufacturer: City
models: [L]
category: lighting
sources: [{document: made for the tests}]
status: draft
protocol: modbus
modbus: {addressing: protocol}
points:
  level: {at: {holding: 0}, unit: "%", range: [0, 100], write: {range: [0, 100]}}
`;
const unpack = (list: ProfileList | undefined) =>
  answer.parse(JSON.parse(gunzipSync(list?.gzip ?? new Uint8Array()).toString()));

describe("the list of profiles", () => {
  it("has every profile of all folders, the city's own ahead, and changes with them only", async () => {
    mkdirSync(join(own, "city"));
    writeFileSync(join(own, "city/lamp.yaml"), lamp("First"));
    const lists = new ProfileLists(() => [own, shipped]);
    const [first, same] = await Promise.all([lists.list(), lists.list()]);
    expect(same).toBe(first);
    const all = unpack(first);
    expect(all.length).toBeGreaterThan(100);
    expect(all.map(({ id }) => id)).toEqual(all.map(({ id }) => id).toSorted());
    expect(all.find(({ id }) => id === "city/lamp")).toEqual({
      id: "city/lamp",
      version: "1.0.0",
      title: { en: "First", sv: "First" },
      manufacturer: "City",
      models: ["L"],
      category: "lighting",
      status: "draft",
      protocol: "modbus",
      points: [{ name: "level", unit: "%", writable: true }],
      options: [],
    });
    expect(await lists.list()).toBe(first);
    expect(await lists.list(first?.tag)).toBeUndefined();
    writeFileSync(join(own, "city/lamp.yaml"), lamp("Second title"));
    const second = await lists.list(first?.tag);
    expect(second?.tag).not.toBe(first?.tag);
    expect(unpack(second).find(({ id }) => id === "city/lamp")?.title.en).toBe("Second title");
  });

  it("is empty where there is no folder", async () => {
    expect(unpack(await new ProfileLists(() => ["/nowhere/at/all"]).list())).toEqual([]);
  });
});
