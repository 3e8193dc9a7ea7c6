import { readFileSync } from "node:fs";
import { decode as cborgDecode } from "cborg";
import { describe, expect, it } from "vitest";
import { encodeCbor } from "../../gateway/codec/cbor.ts";
import { checkCbor } from "../../gateway/codec/cbor-check.ts";
import { decodePack, encodePack, mergePacks, type Pack, setBaseTime } from "../../gateway/codec/senml.ts";
import { qualities } from "../../gateway/model/quality.ts";
import { encodeOffline, encodeState, type GatewayState } from "../../gateway/telemetry/state.ts";
import { decodeTelemetry } from "./ten-lines.ts";

interface Vectors {
  readonly packs: readonly { name: string; hex: string; pack: Pack; records: readonly unknown[] }[];
  readonly rebuilt: readonly {
    name: string;
    hex: string;
    from: readonly string[];
    unixMs?: number;
    estimated?: boolean;
  }[];
  readonly bodies: readonly {
    name: string;
    hex: string;
    input?: GatewayState;
    offline?: Parameters<typeof encodeOffline>;
    value?: Record<string, string | number>;
  }[];
}

const vectors: Vectors = JSON.parse(
  readFileSync(new URL("../golden/telemetry-vectors.json", import.meta.url), "utf8"),
  // Bytes are written {"hex": "01ff"} where a value may stand.
  (_, value) => (isBytes(value) ? Uint8Array.from(Buffer.from(value.hex, "hex")) : value),
);

function isBytes(value: unknown): value is { hex: string } {
  return typeof value === "object" && value !== null && "hex" in value && Object.keys(value).length === 1;
}

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");
const bytesOf = (text: string) => Uint8Array.from(Buffer.from(text, "hex"));
const strict = { rejectDuplicateMapKeys: true, strict: true };
const plainRecords = (bytes: Uint8Array) =>
  decodePack(bytes).records.map(({ name, unit, value, time }) => ({ name, unit, value, time }));

describe("golden packs", () => {
  it.each(vectors.packs)("$name: encodes to these bytes", ({ pack, hex: expected }) => {
    expect(hex(encodePack(pack))).toBe(expected);
  });

  it.each(vectors.packs)("$name: decodes to these records", (vector) => {
    const decoded = decodePack(bytesOf(vector.hex), { bootRelative: true });
    expect(decoded.header).toEqual(vector.pack.header);
    expect(decoded.gaps).toEqual(vector.pack.gaps ?? []);
    expect(decoded.records).toEqual(vector.records);
  });

  it.each(vectors.packs)("$name: means the same to a foreign library and ten lines of code", (vector) => {
    const foreign = () => [...decodeTelemetry(bytesOf(vector.hex))];
    if (vector.pack.header.boot !== undefined) {
      expect(foreign).toThrow(/boot_/);
      return;
    }
    const told = vector.pack.gaps?.map(({ reason, time }) => ({
      name: `${vector.pack.header.gateway}:gap`,
      unit: undefined,
      value: reason,
      time,
    }));
    expect(foreign()).toEqual([...(told ?? []), ...plainRecords(bytesOf(vector.hex))]);
  });
});

describe("golden packs, rebuilt", () => {
  it.each(vectors.rebuilt)("$name", ({ from, unixMs, estimated, hex: expected }) => {
    const sources = from.map((name) => bytesOf(vectors.packs.find((pack) => pack.name === name)!.hex));
    const rebuilt = unixMs === undefined ? mergePacks(sources) : setBaseTime(sources[0]!, unixMs, estimated);
    expect(hex(rebuilt)).toBe(expected);
    expect([...decodeTelemetry(rebuilt)]).toEqual(plainRecords(rebuilt));
  });
});

describe("golden bodies", () => {
  it.each(vectors.bodies)("$name", ({ hex: expected, input, offline, value }) => {
    const bytes = input ? encodeState(input) : offline ? encodeOffline(...offline) : encodeCbor(value!);
    expect(hex(bytes)).toBe(expected);
    checkCbor(bytes, { maxBytes: 4096, maxDepth: 3, maxItems: 200 });
    const foreign = cborgDecode(bytes, strict);
    if (value) expect(foreign).toEqual(value);
    else expect(foreign).toMatchObject({ state: input ? "online" : "offline", gw: "gw-1", run: "k3Xq9aBz" });
  });

  it("state says what a consumer needs for its account", () => {
    const body = vectors.bodies.find(({ name }) => name === "state-online")!;
    expect(cborgDecode(bytesOf(body.hex), strict)).toEqual({
      state: "online",
      gw: "gw-1",
      run: "k3Xq9aBz",
      version: "0.1.0",
      time: 1790000000123,
      clock: "trusted",
      outbox: { packs: 2, bytes: 3456, readings: 200, oldest: 5000, disk: "ok", volatile: 0, quarantined: 0 },
      devices: {
        meter1: { state: "available", since: 1789999990000 },
        "sensor-2": { state: "unavailable", since: 1789999995000, why: "timeout" },
        "lamp-3": { state: "unknown" },
      },
      seq: { open: 12 },
      previous: [{ run: "aaaaaaaa", aud: "open", seq: 5 }],
    });
  });
});

describe("docs/telemetry.md", () => {
  const page = readFileSync(new URL("../../docs/telemetry.md", import.meta.url), "utf8");

  it("prints the decoder that these tests run", () => {
    const source = readFileSync(new URL("ten-lines.ts", import.meta.url), "utf8");
    expect(page).toContain(source.slice(source.indexOf("import")).trimEnd());
  });

  it("names every quality, every reason of a gap and every key of the bodies", () => {
    const words = [
      ...qualities.filter((word) => word !== "good"),
      "disk-full",
      "expired",
      "disk-failed",
      "damaged",
      "refused",
    ];
    const keys = vectors.bodies.flatMap(({ hex: text }) => Object.keys(cborgDecode(bytesOf(text), strict)));
    for (const word of new Set([...words, ...keys])) expect(page, word).toContain(`\`${word}\``);
  });
});
