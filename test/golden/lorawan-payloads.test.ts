import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { compilePayload, readSchemaText, type Vector } from "../../gateway/codec/payload/index.ts";
import { Approximate } from "../../gateway/codec/payload/vectors.ts";
import { one, zero } from "../../gateway/model/decimal.ts";
import type { Device, Point } from "../../gateway/model/device.ts";
import { silentLog } from "../../gateway/model/log.ts";
import { lorawan } from "../../gateway/southbound/lorawan/protocol.ts";
import type { PointResult, Protocol } from "../../gateway/southbound/protocol.ts";
import { VirtualClock } from "../fault/virtual-clock.ts";
import { goldenIsHere, goldenPath } from "./golden.ts";

// The published vectors once more, now as uplinks of LoRaWAN devices whose profile names the schema.
const files = goldenIsHere
  ? readdirSync(goldenPath("payload-schema"), { recursive: true, encoding: "utf8" })
      .filter((file) => file.endsWith(".yaml"))
      .sort()
  : [];

const protocol: Protocol = lorawan;

type Leaf = readonly [path: string, value: unknown];

function leaves(value: unknown, path = ""): Leaf[] {
  if (value instanceof Approximate) return [[path, value.value]];
  if (Array.isArray(value)) return value.flatMap((item, index) => leaves(item, `${path}[${index}]`));
  if (!(value instanceof Map)) return [[path, value]];
  return Array.from(value).flatMap(([key, item]) =>
    leaves(item, path === "" ? String(key) : `${path}.${key}`),
  );
}

function deviceOf(text: string, paths: readonly string[]): Device {
  const points = paths.map(
    (field): Point => ({
      name: field,
      address: lorawan.address.parse({ field }),
      scale: one,
      offset: zero,
      kind: "gauge",
      pollClass: "normal",
      absent: [],
      personal: false,
    }),
  );
  return {
    id: "golden",
    connection: "lns",
    profile: {
      id: "golden/device",
      version: "1.0.0",
      title: { en: "Golden" },
      manufacturer: "Golden",
      models: ["G"],
      category: "climate",
      status: "draft",
      protocol: "lorawan",
      protocolSettings: lorawan.head.parse({ payloadFile: { file: "golden.yaml", text } }),
      points,
      hash: "",
    },
    settings: lorawan.device.parse({ devEui: "a81758fffe051d02" }),
    urn: "urn:dev:mac:a81758fffe051d02:",
    audience: "open",
    audiences: new Map(),
    poll: { fast: 1000, normal: 10_000, slow: 60_000 },
  };
}

async function hear(device: Device, { payload, port }: Vector): Promise<Map<string, PointResult>> {
  const found = new Map<string, PointResult>();
  const given = {
    payload: Buffer.from(payload).toString("hex"),
    ...(port === undefined ? {} : { fPort: port }),
  };
  await using driver = await protocol.replay(given, {
    clock: new VirtualClock(),
    random: () => 0,
    log: silentLog,
    connect: () => Promise.reject(new Error("not used")),
    emit: async (_device, results) => {
      for (const result of results) found.set(result.point.name, result);
    },
    signal: new AbortController().signal,
  });
  await driver.listen?.([device]);
  return found;
}

function agrees(expected: unknown, result: PointResult | undefined): boolean {
  if (!result || !("raw" in result)) return false;
  if (typeof expected === "string") return String(result.raw) === expected;
  return Math.abs(Number(result.raw) - Number(expected)) <= 0.001;
}

describe.skipIf(!goldenIsHere)("golden payload schemas as LoRaWAN uplinks (needs ../shared/golden)", () => {
  it.each(files)("every vector of %s becomes readings", async (file) => {
    const text = readFileSync(goldenPath("payload-schema", file), "utf8");
    const payload = compilePayload(readSchemaText(text));
    for (const vector of payload.vectors) {
      // What the network adds is not part of a payload.
      if (vector.kind !== "decode" || vector.metadata) continue;
      const all = leaves(vector.expected).filter(([, value]) => value !== undefined && value !== null);
      // A value that the schema calls out of range is none, whether or not the vector says so.
      const { quality = {} } = payload.decode(
        vector.payload,
        vector.port === undefined ? {} : { port: vector.port },
      );
      const bad = new Set(Object.entries(quality).flatMap(([path, word]) => (word === "good" ? [] : [path])));
      const wanted = all.filter(([path]) => !path.startsWith("_quality."));
      const found = await hear(
        deviceOf(
          text,
          wanted.map(([path]) => path),
        ),
        vector,
      );
      for (const [path, value] of wanted) {
        const result = found.get(path);
        if (bad.has(path))
          expect([vector.name, path, result]).toMatchObject([
            vector.name,
            path,
            { problem: expect.any(String) },
          ]);
        else
          expect([vector.name, path, value, agrees(value, result)]).toEqual([vector.name, path, value, true]);
      }
    }
  });

  it("is all of them but those that need the network's own data", () => {
    const decode = files
      .flatMap(
        (file) =>
          compilePayload(readSchemaText(readFileSync(goldenPath("payload-schema", file), "utf8"))).vectors,
      )
      .filter(({ kind }) => kind === "decode");
    expect(decode).toHaveLength(111);
    expect(decode.filter(({ metadata }) => metadata)).toHaveLength(0);
  });
});
