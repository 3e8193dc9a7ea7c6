import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { VirtualClock } from "../../../test/fault/virtual-clock.ts";
import { realClock } from "../../../test/mqtt/real-clock.ts";
import type { Diagnostic } from "../../model/diagnostic.ts";
import { silentLog } from "../../model/log.ts";
import { runExample } from "../../profiles/example.ts";
import { type LoadedProfile, loadProfile } from "../../profiles/load.ts";
import { openSandbox } from "../../sandbox/sandbox.ts";
import type { Protocol } from "../protocol.ts";
import type { Uplink } from "./bridge.ts";
import { decodeUplink } from "./decode.ts";
import { afterWord, Downlinks, type DownlinkWord, queuedState } from "./downlinks.ts";
import { fitOf, profileFit } from "./fits.ts";
import { FrameCounts } from "./frame-counts.ts";
import { Gate } from "./gate.ts";
import { follow, parsePath } from "./path.ts";
import { lorawan } from "./protocol.ts";
import { receptionTime } from "./reception-time.ts";
import { headSchema } from "./schema.ts";
import { Seen } from "./seen.ts";

const protocols: readonly Protocol[] = [lorawan];
const head = (lines: string, points: string, examples = "") => `profile: test/sensor
version: 1.0.0
title: Sensor
manufacturer: Test
models: [S]
category: climate
sources: [{document: made for the tests}]
status: draft
protocol: lorawan
lorawan:
${lines}
points:
${points}
examples:
${examples || "  - {given: {payload: '00'}, expect: {}}"}
`;
const files: Readonly<Record<string, string>> = {
  "device-profiles/test/s.schema.yaml": "fields: [{name: level, type: u8}]",
  "device-profiles/test/s.js": "function decodeUplink(input) { return {data: {level: input.bytes[0]}}; }",
};
const load = (text: string): LoadedProfile =>
  loadProfile(text, "device-profiles/test/sensor.yaml", protocols, {
    ids: [],
    find: () => undefined,
    beside: (profile, name) => {
      const file = `${profile.split("/").slice(0, -1).join("/")}/${name}`;
      const found = files[file];
      if (found === undefined) throw Object.assign(new Error("gone"), { code: "ENOENT" });
      return { file, text: found };
    },
  });
const said = (diagnostics: readonly Diagnostic[]) => diagnostics.map(({ message, line }) => [line, message]);
const context = {
  clock: new VirtualClock(),
  random: () => 0,
  log: silentLog,
  connect: () => Promise.reject(new Error("not used")),
  emit: async () => {},
  signal: new AbortController().signal,
};
async function failures(loaded: LoadedProfile) {
  if (!loaded.profile) throw new Error(JSON.stringify(said(loaded.diagnostics)));
  const results = [];
  for (const example of loaded.examples)
    results.push(...(await runExample(loaded.profile, example, lorawan as Protocol, context)));
  return results.filter(({ passed }) => !passed);
}
const uplink = (data: number[], hint?: Uplink["hint"]): Uplink => ({
  devEui: "a81758fffe051d02",
  time: Date.UTC(2026, 2, 1),
  fPort: 1,
  fCnt: 1,
  data: Uint8Array.from(data),
  link: { gateways: 1 },
  hint,
  confirmed: false,
  encrypted: false,
});

describe("a LoRaWAN profile", () => {
  const payload = `  payload:
    fields:
      - {name: level, type: u8}
      - {name: channels, type: repeat, count: 2, fields: [{name: temp, type: s8}]}`;

  it("reads nested data, link words and what a device says of itself", async () => {
    const points = `  level: {at: {field: level}, unit: mm}
  second: {at: {field: "channels[1].temp"}, unit: Cel}
  rssi: {at: {link: rssi}, unit: dBm}
  battery: {at: {link: battery}, unit: "%"}`;
    const examples = `  - {given: {payload: "0a 05 fb", link: {rssi: -80}, status: {battery: 50}}, expect: {level: 10, second: -5, rssi: -80, battery: 50}}`;
    expect(await failures(load(head(payload, points, examples)))).toEqual([]);
  });

  it("takes a payload file beside it, and its hash follows that file", async () => {
    const text = head(
      "  payloadFile: ./s.schema.yaml",
      "  level: {at: {field: level}, unit: mm}",
      "  - {given: {payload: '0a'}, expect: {level: 10}}",
    );
    const loaded = load(text);
    expect(await failures(loaded)).toEqual([]);
    const other = loadProfile(text, "device-profiles/test/sensor.yaml", protocols, {
      ids: [],
      find: () => undefined,
      beside: () => ({ file: "x", text: "fields: [{name: level, type: u16}]" }),
    });
    expect(other.profile?.hash).not.toBe(loaded.profile?.hash);
  });

  it.each([
    [
      "  payloadFile: ./gone.schema.yaml",
      "./gone.schema.yaml cannot be read: it does not lie beside the profile",
    ],
    ["  payloadFile: ../s.schema.yaml", "a file beside the profile: ./name.yaml"],
    ["  codec: ./s.yaml", "a file beside the profile: ./name.js"],
    ["  payload: {fields: [{name: level, type: u7}]}", "u7"],
    ["  payload: {fields: [{name: other, type: u8}]}", 'the payload layout has no field "level"'],
    ["  class: A", "nothing decodes this device's payload"],
    ["  payload: {fields: []}\n  codec: ./s.js", "one of payload, payloadFile and codec decodes"],
    [
      "  decoder: server\n  history: {list: log, time: at, every: 10m}",
      "a history says one of time, age, every",
    ],
  ])("is refused: %s", (lines, message) => {
    const { diagnostics, profile } = load(head(lines, "  level: {at: {field: level}, unit: mm}"));
    expect(profile).toBeUndefined();
    expect(diagnostics.map((one) => one.message).join("\n")).toContain(message);
  });

  it("points at the very line of a layout that cannot be compiled", () => {
    const { diagnostics } = load(
      head(
        "  payload:\n    fields:\n      - {name: a, type: u8}\n      - {name: b, type: u8, time: sundial}",
        "  a: {at: {field: a}, unit: mm}",
      ),
    );
    expect(diagnostics[0]?.line).toBe(14);
  });

  it("names a file that nobody read", () => {
    const { diagnostics } = loadProfile(
      head("  codec: ./s.js", "  level: {at: {field: level}, unit: mm}"),
      "device-profiles/test/sensor.yaml",
      protocols,
    );
    expect(diagnostics.map(({ code }) => code)).toContain("file-unread");
  });

  it("makes downlinks from its layout: a port of its own, or a named command", async () => {
    const lines = `  payload:
    ports:
      1: {fields: [{name: level, type: u8}]}
      60: {direction: downlink, fields: [{name: mode, type: u8}, {name: dim, type: u8}]}
    downlink_commands:
      reboot: {command_id: 0xfe, fields: [{name: delay, type: u16}]}`;
    const points = `  level: {at: {field: level}, unit: mm}
  dim: {unit: "%", write: {at: {set: dim, port: 60, with: {mode: 1}}, range: [0, 100]}}
  reboot: {unit: s, write: {at: {set: delay, port: 10, command: reboot}, range: [0, 600]}}`;
    const examples = `  - {write: {dim: 50}, exchange: [{">": "01 32"}]}
  - {write: {reboot: 300}, exchange: [{">": "fe 01 2c"}]}`;
    expect(await failures(load(head(lines, points, examples)))).toEqual([]);
  });

  it("takes what the server decoded as the last resort, and counts it", async () => {
    const examples = `  - {given: {object: {level: 7}}, expect: {level: 7}, counters: {server-decoded: 1}}
  - {given: {object: {level: high}}, expect: {level: {quality: config-error}}}`;
    expect(
      await failures(load(head("  decoder: server", "  level: {at: {field: level}, unit: mm}", examples))),
    ).toEqual([]);
  });
});

describe("what decodes", () => {
  const layout = headSchema.parse({ payload: { fields: [{ name: "a", type: "u16" }] }, decoder: "server" });
  const encodeDownlink = async () => ({ errors: ["it cannot"] });
  const script = {
    encodeDownlink,
    decodeUplink: async () => ({ data: { a: 9 }, errors: [], warnings: ["odd"] }),
  };
  const broken = { encodeDownlink, decodeUplink: async () => ({ errors: ["it threw"], warnings: [] }) };
  const codec = headSchema.parse({ codec: { file: "x.js", text: "" } });

  it("is the layout, the script, the server, in this order", async () => {
    expect(await decodeUplink(layout, { ...uplink([1, 2]), object: { a: 7 } }, 0)).toMatchObject({
      by: "layout",
      data: { a: 258 },
    });
    expect(await decodeUplink(layout, { ...uplink([1]), object: { a: 7 } }, 0)).toMatchObject({
      by: "server",
      data: { a: 7 },
    });
    expect(await decodeUplink(codec, uplink([1]), 0, script)).toMatchObject({
      by: "script",
      data: { a: 9 },
      warnings: ["odd"],
    });
    expect(await decodeUplink(codec, uplink([1]), 0, broken)).toEqual({
      kind: "undecoded",
      reasons: ["it threw"],
    });
    expect(await decodeUplink(codec, { ...uplink([]), object: { a: 7 } }, 0)).toEqual({ kind: "empty" });
    expect(await decodeUplink(layout, { ...uplink([1, 2]), encrypted: true }, 0)).toEqual({
      kind: "encrypted",
    });
  });
});

describe("fits", () => {
  const profile = (lines: string) => {
    const found = load(head(lines, "  level: {at: {field: level}, unit: mm, range: [0, 100]}")).profile;
    if (!found) throw new Error("no profile");
    return found as never;
  };
  const own = "  payload: {fields: [{name: level, type: u8}, {name: _end, type: u8}]}";

  it("ranks the named model over one that can read the payload, and that over one that cannot", async () => {
    const named = profile(
      `${own}\n  knownAs: {deviceProfiles: [Acme Level], versionIds: [{brand: acme, model: level}]}`,
    );
    const fits = async (...of: Parameters<typeof fitOf>) => (await fitOf(...of)).fit;
    const read = await fits(profile(own), uplink([50, 0]));
    expect(await fits(named, uplink([50, 0], { name: "acme level" }))).toBe(1);
    expect(await fits(named, uplink([], { brand: "acme", model: "level" }))).toBe(1);
    expect(await fits(named, uplink([50, 0], { brand: "acme", model: "other" }))).toBeGreaterThan(read);
    expect(read).toBeGreaterThan(0);
    expect(await fits(profile(own), uplink([200, 0]))).toBe(0);
    expect(await fits(profile(own), uplink([1]))).toBe(0);
    // The profile is of model S by Test: short names prove nothing.
    expect(await fits(profile(own), uplink([50, 0], { name: "S" }))).toBe(read);
    expect(await fits(profile(own), uplink([50, 0], { name: "Test sensor" }))).toBeGreaterThan(read);
  });

  it("takes an unknown device as it is listed, and shows what the profile makes of it", async () => {
    const heard = { settings: { devEui: "a81758fffe051d02" }, given: { payload: "3200", fPort: 1, fCnt: 9 } };
    const found = await profileFit(profile(own), heard);
    expect(found?.named).toBe(false);
    expect(found?.readings.map(({ name, value }) => [name, value])).toEqual([["level", 50]]);
    expect(await profileFit(profile(own), { ...heard, given: { payload: "x" } })).toBeUndefined();
    const codec = profile("  codec: ./s.js");
    expect((await profileFit(codec, heard))?.fit).toBe(0);
    const sandbox = openSandbox({ clock: realClock });
    expect((await profileFit(codec, heard, sandbox))?.readings).toMatchObject([{ value: 50 }]);
    await sandbox[Symbol.asyncDispose]();
  });
});

describe("frame counters", () => {
  it("in order with some that change places with their neighbour lose nothing; whatever is missing is told once", () => {
    const history = fc.array(fc.constantFrom("sent", "lost", "swapped"), { minLength: 3, maxLength: 60 });
    fc.assert(
      fc.property(history, (what) => {
        const order: number[] = [];
        what.forEach((one, fCnt) => {
          if (one === "lost") return;
          const before = order.at(-1);
          if (one === "swapped" && before === fCnt - 1 && order.length > 1 && what[fCnt - 1] === "sent")
            order.splice(-1, 1, fCnt, fCnt - 1);
          else order.push(fCnt);
        });
        const counts = new FrameCounts();
        let lost = 0;
        for (const fCnt of order) lost += counts.count(fCnt).lost;
        lost += counts.restart();
        const [first = 0] = order;
        const last = Math.max(-1, ...order);
        const missing = what.filter((one, fCnt) => one === "lost" && fCnt > first && fCnt < last).length;
        expect(lost).toBe(order.length === 0 ? 0 : missing);
      }),
    );
  });

  it("take the first two in either order", () => {
    const counts = new FrameCounts();
    expect([1, 0, 2, 3].map((fCnt) => counts.count(fCnt).kind)).toEqual(["next", "late", "next", "next"]);
    expect(counts.restart()).toBe(0);
  });

  it("tell a reset, and give up a long gap at once", () => {
    const counts = new FrameCounts();
    expect(counts.count(5)).toEqual({ lost: 0, kind: "next" });
    expect(counts.count(500)).toEqual({ lost: 494, kind: "next" });
    expect(counts.count(0)).toEqual({ lost: 0, kind: "reset" });
    expect(counts.last).toBe(0);
  });
});

describe("time of reception", () => {
  const unix = Date.UTC(2026, 2, 1);

  it("is the server's where that can be true", () => {
    const clock = new VirtualClock({ unix });
    expect(receptionTime(unix - 86_400_000, clock)).toEqual({
      at: { base: "unix", ms: unix - 86_400_000 },
      ms: unix - 86_400_000,
    });
    expect(receptionTime(unix + 30_000, clock).ms).toBe(unix + 30_000);
    for (const wrong of [undefined, unix + 3_600_000, 86_400_000])
      expect(receptionTime(wrong, clock).ms).toBe(unix);
  });

  it("is not believed from a server on this machine while nobody knows the time", () => {
    const clock = new VirtualClock({ unix, trusted: false });
    expect(receptionTime(unix - 1000, clock).at.base).toBe("boot");
    expect(receptionTime(unix + 86_400_000, clock).at).toEqual({ base: "unix", ms: unix + 86_400_000 });
  });
});

describe("a downlink's state", () => {
  const words: readonly DownlinkWord[] = [
    { kind: "queued" },
    { kind: "sent" },
    { kind: "ack", acknowledged: true },
    { kind: "ack", acknowledged: false },
    { kind: "failed", reason: "x" },
    { kind: "expired", reason: "x" },
  ];
  const stateAfter = (kinds: readonly DownlinkWord[], terms: { confirmed: boolean; resends: boolean }) =>
    kinds.reduce((state, word) => afterWord(state, word, { ...terms, expiresAt: undefined }), queuedState);

  it.each([
    [["sent"], { confirmed: false, resends: false }, { stage: "sent", ended: true }],
    [["sent"], { confirmed: true, resends: false }, { stage: "sent", ended: false }],
    [["sent", "expired"], { confirmed: true, resends: false }, { stage: "sent", ended: false }],
    [["expired"], { confirmed: true, resends: false }, { stage: "expired", ended: true }],
    [["failed"], { confirmed: false, resends: false }, { stage: "failed", ended: true }],
  ])("after %j with %j is %j", (kinds, terms, state) => {
    const told = kinds.flatMap((kind) => words.find((word) => word.kind === kind) ?? []);
    expect(stateAfter(told, terms)).toMatchObject(state);
  });

  it("is acknowledged or not only by the device's word", () => {
    const sent = { kind: "sent" } as const;
    const not = { kind: "ack", acknowledged: false } as const;
    expect(stateAfter([sent, not], { confirmed: true, resends: false })).toMatchObject({
      stage: "failed",
      ended: true,
    });
    expect(stateAfter([sent, not], { confirmed: true, resends: true })).toMatchObject({
      stage: "queued",
      ended: false,
    });
    expect(
      stateAfter([sent, not, sent, { kind: "ack", acknowledged: true }], { confirmed: true, resends: true }),
    ).toEqual({
      stage: "acknowledged",
      ended: true,
    });
  });

  it("never changes after its end, and an acknowledgement is never made up", () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom(...words), { maxLength: 12 }),
        fc.boolean(),
        fc.boolean(),
        (told, confirmed, resends) => {
          let ended: unknown;
          let state = queuedState;
          for (const word of told) {
            state = afterWord(state, word, { confirmed, resends, expiresAt: undefined });
            if (ended) expect(state).toBe(ended);
            if (state.ended) ended ??= state;
          }
          if (state.stage === "acknowledged")
            expect(told.some((word) => word.kind === "ack" && word.acknowledged)).toBe(true);
        },
      ),
    );
  });

  it("is followed by its handle, and the oldest of too many is given up", async () => {
    const downlinks = new Downlinks();
    const make = (id: string) =>
      downlinks.add("lamp", { id, fPort: 1, data: new Uint8Array(), confirmed: true }, false);
    const first = make("0");
    const stages: string[] = [];
    const following = (async () => {
      for await (const { stage } of first.states()) stages.push(stage);
    })();
    expect(downlinks.hear("nobody's", { kind: "sent" })).toBe(false);
    downlinks.hear("0", { kind: "sent" });
    downlinks.hear("0", { kind: "ack", acknowledged: true });
    await following;
    expect(stages).toEqual(["queued", "sent", "acknowledged"]);
    const oldest = make("1");
    for (let id = 2; id <= 1001; id++) make(String(id));
    expect(oldest.state).toMatchObject({ stage: "failed", ended: true });
    expect(downlinks.size).toBe(1000);
  });
});

describe("small parts", () => {
  it("paths lead to own members only", () => {
    const data = { a: [{ b: 1 }, { b: 2 }], "two words": 3 };
    expect(follow(data, parsePath("a[1].b") ?? [])).toBe(2);
    expect(follow(data, parsePath("two words") ?? [])).toBe(3);
    for (const path of ["constructor", "a.length", "toString.name"])
      expect(follow(data, parsePath(path) ?? [])).toBeUndefined();
    for (const path of ["", "a..b", "a[", "a[x]", "__proto__", "a[][]", ".a"])
      expect(parsePath(path)).toBeUndefined();
  });

  it("work is done once per key, forgotten when it failed or is long past", async () => {
    const seen = new Seen(2);
    const failed = Promise.reject(new Error("no"));
    seen.set("a", failed);
    await failed.catch(() => {});
    await Promise.resolve();
    expect(seen.get("a")).toBeUndefined();
    for (const key of ["b", "c", "d"]) seen.set(key, Promise.resolve());
    expect([seen.get("b"), seen.get("d")].map((one) => one !== undefined)).toEqual([false, true]);
  });

  it("a gate lets so many through, the others in order", async () => {
    const gate = new Gate(2);
    const order: number[] = [];
    let running = 0;
    let most = 0;
    await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        gate.run(async () => {
          most = Math.max(most, ++running);
          order.push(index);
          await Promise.resolve();
          running--;
        }),
      ),
    );
    expect(most).toBe(2);
    expect(order).toEqual(Array.from({ length: 20 }, (_, index) => index));
  });
});
