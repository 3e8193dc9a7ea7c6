import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { localPayloads } from "../../gateway/cli/payloads.ts";
import { decoded, encoded } from "../../gateway/local/answers.ts";
import { readingToJson } from "../../gateway/model/json.ts";
import { silentLog } from "../../gateway/model/log.ts";
import { replay } from "../../gateway/profiles/example.ts";
import { loadProfile } from "../../gateway/profiles/load.ts";
import { decodeWord } from "../../gateway/profiles/payload.ts";
import { openSandbox, type Sandbox } from "../../gateway/sandbox/sandbox.ts";
import { loadProtocols } from "../../gateway/southbound/index.ts";
import type { SouthboundContext } from "../../gateway/southbound/protocol.ts";
import { realClock } from "../mqtt/real-clock.ts";
import { newFolder } from "./daemon.ts";
import { type Doors, openDoors, type Told } from "./local-doors.ts";

// POST /v1/decode and /v1/encode, with shipped profiles and one of a stranger with a script.

const shipped = resolve(import.meta.dirname, "../../device-profiles");
const protocols = await loadProtocols();

const stranger = (script: string) => `profile: test/lamp
version: 1.0.0
title: Lamp
manufacturer: Test
models: [L]
category: lighting
sources: [{document: made for the tests}]
status: draft
protocol: lorawan
lorawan: {codec: ./${script}}
points:
  level: {at: {field: level}, unit: "%", write: {at: {set: level, port: 60}, range: [0, 200]}}
examples:
  - {given: {payload: "32", fPort: 2}, expect: {}}
`;
const script = `
function decodeUplink(input) {
  if (input.bytes[0] === 255) for (;;) {}
  return {data: {level: input.bytes[0] + (typeof process === "undefined" ? 0 : 1000)}};
}
function encodeDownlink(input) {
  if (input.data.level > 100) return {errors: ["no lamp is as bright"]};
  return {bytes: [1, input.data.level], fPort: 61};
}`;

let sandbox: Sandbox;
let doors: Doors;
beforeAll(async () => {
  const folder = newFolder();
  mkdirSync(join(folder, "test"));
  writeFileSync(join(folder, "test/lamp.yaml"), stranger("lamp.js"));
  writeFileSync(join(folder, "test/lamp.js"), script);
  sandbox = openSandbox({ clock: realClock });
  const gateway = { clock: realClock, config: { profiles: [folder, shipped] } };
  doors = await openDoors({ surface: { payloads: localPayloads(gateway, sandbox) } });
});
afterAll(async () => {
  await doors[Symbol.asyncDispose]();
  await sandbox[Symbol.asyncDispose]();
});

const post = (path: string, body: object): Promise<Told> =>
  doors.ask({ door: "socket", method: "POST", path, body });

const context = (): SouthboundContext => ({
  clock: realClock,
  random: () => 0.5,
  log: silentLog,
  signal: new AbortController().signal,
  connect: () => Promise.reject(new Error("no wire")),
  emit: async () => {},
  sandbox,
});

interface Given {
  readonly payload?: string;
  readonly fPort?: number;
  readonly rx?: string | readonly string[];
  readonly hex?: string;
  readonly object?: unknown;
  readonly status?: unknown;
  readonly link?: unknown;
}

describe("decodeWord", () => {
  // Of every protocol with payloads the first profiles whose first example gives one word.
  const given = new Map(protocols.filter((one) => one.givenOf).map((one) => [one.name, 0]));
  const found = readdirSync(shipped, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".yaml") && !name.endsWith(".schema.yaml"))
    .toSorted()
    .flatMap((name) => {
      const text = readFileSync(join(shipped, name), "utf8");
      const protocol = /^protocol: (\S+)$/m.exec(text)?.[1] ?? "";
      const known = given.get(protocol);
      if (known === undefined || known >= 3 || /^use:/m.test(text)) return [];
      const loaded = loadProfile(text, name, protocols);
      const example = loaded.examples.find(
        (one) =>
          one.expect.size > 0 &&
          !one.command &&
          !one.profile &&
          !one.device &&
          wordOf(one.given) !== undefined,
      );
      if (!loaded.profile || !example) return [];
      given.set(protocol, known + 1);
      return [{ name, profile: loaded.profile, example }];
    });

  function wordOf(one: unknown): { bytes: Uint8Array; port?: number | undefined } | undefined {
    const { payload, fPort, rx, hex, object, status, link } = one as Given;
    if (object !== undefined || status !== undefined || link !== undefined) return undefined;
    if (typeof (payload ?? hex) === "string")
      return { bytes: Buffer.from(String(payload ?? hex).replaceAll(/\s/g, ""), "hex"), port: fPort };
    if (rx === undefined || (typeof rx === "object" && !rx[0]?.startsWith("$"))) return undefined;
    const text: string = typeof rx === "string" ? rx : rx.join("\r\n");
    if (/^[0-9a-fA-F\s]+$/.test(text)) return { bytes: Buffer.from(text.replaceAll(/\s/g, ""), "hex") };
    const plain = text
      .replaceAll("\\r", "\r")
      .replaceAll("\\n", "\n")
      .replaceAll(/\\x(..)/g, (_all, digits) => String.fromCharCode(Number.parseInt(digits, 16)));
    return { bytes: Buffer.from(plain, "latin1") };
  }

  it("has something to read of every protocol whose devices speak by themselves", () => {
    expect(Object.fromEntries(given)).toMatchObject({ lorawan: 3, mbus: 3, "smart-meter": 3, nmea: 3 });
    expect(given.get("serial-line")).toBeGreaterThan(0);
  });

  it.each(found)("reads what the example of $name gives", async ({ profile, example }) => {
    const protocol = protocols.find(({ name }) => name === profile.protocol)!;
    const readings = await decodeWord(profile, wordOf(example.given)!, protocol, context());
    const got = new Map(readings.map((one) => [one.name, readingToJson(one, realClock)]));
    const wanted = await replay(profile, example, protocol, context());
    expect(wanted.readings.size).toBeGreaterThan(0);
    for (const name of example.expect.keys()) {
      const { value, quality, unit } = readingToJson(wanted.readings.get(name)!, realClock);
      if (wanted.readings.get(name)!.point.hidden) continue;
      expect({ name, ...got.get(name) }).toMatchObject({
        name,
        quality,
        ...(value === undefined ? {} : { value }),
        ...(unit ? { unit } : {}),
      });
    }
  });
});

describe("POST /v1/decode", () => {
  it("reads a payload by a profile that no device has", async () => {
    const { status, json } = await post("/v1/decode", {
      profile: "elsys/ers",
      payload: "01 00E2 02 29",
      fPort: 5,
    });
    expect(status).toBe(200);
    expect(decoded.safeParse(json).error?.issues ?? []).toEqual([]);
    expect(json.readings).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ point: "temperature", value: 22.6, unit: "Cel", quality: "good" }),
        expect.objectContaining({ point: "humidity", value: 41 }),
      ]),
    );
  });

  it("runs a stranger's script in the sandbox, and ends one that does not", async () => {
    const read = (payload: string) => post("/v1/decode", { profile: "test/lamp", payload, fPort: 2 });
    const point = ({ json }: Told) => json.readings.find((one: { point: string }) => one.point === "level");
    expect(point(await read("32"))).toMatchObject({ value: 50, quality: "good" });
    const endless = await read("ff");
    expect([endless.status, endless.json.error]).toEqual([422, "undecoded"]);
    expect(point(await read("33"))).toMatchObject({ value: 51 });
  });

  it.each([
    [{ profile: "no/such", payload: "00" }, 404, "unknown-profile"],
    [{ profile: "../../etc/passwd", payload: "00" }, 404, "unknown-profile"],
    [{ profile: "eastron/sdm630", payload: "00" }, 422, "no-payloads"],
    [{ profile: "elsys/ers", payload: "01 00" }, 422, "undecoded"],
    [{ profile: "elsys/ers", payload: "0" }, 400, "bad-request"],
    [{ profile: "elsys/ers", payload: "zz" }, 400, "bad-request"],
    [{ profile: "elsys/ers", payload: "00".repeat(8193) }, 400, "bad-request"],
    [{ profile: "elsys/ers", payload: "00", fPort: 256 }, 400, "bad-request"],
    [{ profile: "elsys/ers", payload: "00", options: { no: "such" } }, 422, "bad-options"],
  ])("refuses %o", async (body, status, code) => {
    const told = await post("/v1/decode", body);
    expect([told.status, told.json.error]).toEqual([status, code]);
  });

  it("has room for some, and tells the others to wait", async () => {
    const all = await Promise.all(
      Array.from({ length: 60 }, () => post("/v1/decode", { profile: "test/lamp", payload: "10", fPort: 2 })),
    );
    const busy = all.filter(({ status }) => status === 503);
    expect(busy.length).toBeGreaterThan(0);
    for (const one of busy) expect(one.json.error).toBe("too-busy");
    expect(all.filter(({ status }) => status === 200).length + busy.length).toBe(60);
  });
});

describe("POST /v1/encode", () => {
  it("makes the frames of a write, by layout, by script and by protocol", async () => {
    const lamp = await post("/v1/encode", { profile: "test/lamp", point: "level", value: 40 });
    expect(encoded.safeParse(lamp.json).error?.issues ?? []).toEqual([]);
    expect(lamp.json.frames).toMatchObject([{ payload: "0128", fPort: 61 }]);
    const relay = await post("/v1/encode", {
      profile: "generic/relay-board",
      point: "relay_1",
      value: "on",
      settings: { unit: 5 },
    });
    expect([relay.status, relay.json]).toMatchObject([
      200,
      { frames: [{ payload: expect.stringMatching(/^05/) }] },
    ]);
  });

  it.each([
    [{ profile: "test/lamp", point: "level", value: 300 }, 422, "out-of-range"],
    [{ profile: "test/lamp", point: "level", value: 150 }, 422, "cannot-encode"],
    [{ profile: "test/lamp", point: "no", value: 1 }, 422, "unknown-point"],
    [{ profile: "elsys/ers", point: "temperature", value: 1 }, 422, "read-only"],
    [{ profile: "no/such", point: "level", value: 1 }, 404, "unknown-profile"],
    [{ profile: "test/lamp", point: "level", value: "x".repeat(1025) }, 400, "bad-request"],
    [{ profile: "test/lamp", point: "level", value: 1, settings: { devEui: "x" } }, 422, "bad-settings"],
  ])("refuses %o", async (body, status, code) => {
    const told = await post("/v1/encode", body);
    expect([told.status, told.json.error]).toEqual([status, code]);
  });
});
