import { describe, expect, it } from "vitest";
import * as z from "zod";
import { sampleDevice, samplePoint, sampleUnitOf } from "../../test/telemetry/sample.ts";
import { rational } from "../model/decimal.ts";
import type { Device } from "../model/device.ts";
import type { WriteRule } from "../model/write-rule.ts";
import { encodeDescription } from "./description.ts";

// The information model of W3C WoT TD 1.1, as far as a document without actions and events uses it:
// members that must be there (section 5.3), their types, and the values of closed lists.
const text = z.string().min(1);
const texts = z.record(z.string().regex(/^[a-z]{2}$/), text);
const form = z.looseObject({
  href: text,
  op: z.union([
    z.enum(["readproperty", "writeproperty", "observeproperty", "unobserveproperty"]),
    z.array(z.enum(["readproperty", "writeproperty", "observeproperty", "unobserveproperty"])).min(1),
  ]),
  contentType: text,
  response: z.strictObject({ contentType: text }).optional(),
});
const property = z
  .looseObject({
    title: text.optional(),
    titles: texts.optional(),
    type: z.enum(["boolean", "integer", "number", "string", "object", "array", "null"]).optional(),
    unit: text.optional(),
    enum: z.array(z.unknown()).min(1).optional(),
    minimum: z.number().optional(),
    maximum: z.number().optional(),
    multipleOf: z.number().positive().optional(),
    readOnly: z.boolean(),
    writeOnly: z.boolean(),
    observable: z.boolean(),
    forms: z.array(form).min(1),
  })
  .refine(({ readOnly, writeOnly }) => !(readOnly && writeOnly))
  .refine(({ enum: values }) => values === undefined || new Set(values).size === values.length)
  .refine(({ forms, readOnly, writeOnly }) => {
    const ops = new Set(forms.flatMap(({ op }) => op));
    return ops.has("writeproperty") === !readOnly && ops.has("observeproperty") === !writeOnly;
  });
const thing = z
  .looseObject({
    "@context": z.tuple([z.literal("https://www.w3.org/2022/wot/td/v1.1"), z.record(text, z.url())]),
    id: z.string().regex(/^urn:/),
    title: text,
    titles: texts.optional(),
    security: z.union([text, z.array(text).min(1)]),
    securityDefinitions: z.record(
      text,
      z.looseObject({
        scheme: z.enum(["nosec", "auto", "combo", "basic", "digest", "apikey", "bearer", "psk", "oauth2"]),
      }),
    ),
    properties: z.record(text, property),
    links: z.array(z.looseObject({ href: text, rel: text, type: text.optional() })),
  })
  .refine(({ security, securityDefinitions }) =>
    [security].flat().every((name) => name in securityDefinitions),
  )
  // Every prefixed term must be declared.
  .refine((td) => {
    const [, prefixes] = td["@context"];
    return Array.from(JSON.stringify(td).matchAll(/"([a-z]+):[A-Za-z]+":/g), ([, prefix]) => prefix!).every(
      (prefix) => prefix in prefixes,
    );
  });

const write = (change: Partial<WriteRule>): WriteRule => ({
  address: 1,
  rawKind: "integer",
  steps: [],
  confirm: "none",
  ...change,
});
const base = sampleDevice("lamp-1", {
  title: { en: "Lamp 1", sv: "Lampa 1" },
  audience: "lighting",
  position: { lat: 59.3, lon: 18.1, elevation: 30 },
  record: { owner: "Traffic office", sharedWith: [] },
});
const lamp: Device = {
  ...base,
  profile: {
    ...base.profile,
    points: [
      samplePoint("level", {
        unit: "V",
        title: { en: "Level" },
        write: write({ range: [0, 10], step: rational("0.5") }),
      }),
      samplePoint("mode", {
        kind: "state",
        labels: new Map([
          [0, { en: "off" }],
          [1, { en: "on" }],
        ]),
        write: write({ labels: new Map([[1, { en: "on" }]]) }),
      }),
      samplePoint("energy", { unit: "kWh", kind: "counter", write: write({ allowed: [0] }) }),
      samplePoint("flags", { kind: "state", bits: new Map([[0, "fault"]]), write: write({}) }),
      samplePoint("raw", { hidden: true }),
    ],
    commands: [samplePoint("identify", { rawKind: "boolean", write: write({ rawKind: "boolean" }) })],
  },
};
const describeDevice = (device: Device) => {
  const td: unknown = JSON.parse(
    new TextDecoder().decode(encodeDescription(device, sampleUnitOf, "city/v1/gw1")),
  );
  return thing.parse(td);
};

describe("a Thing Description", () => {
  const td = describeDevice(lamp);

  it("has what TD 1.1 asks for", () => {
    expect(td).toMatchObject({
      id: "urn:dev:ops:32473-stadsnod-lamp-1",
      title: "Lamp 1",
      titles: { sv: "Lampa 1" },
      "geo:lat": 59.3,
      "geo:long": 18.1,
      "geo:alt": 30,
      "stadsnod:owner": "Traffic office",
      "stadsnod:profile": { id: "acme/meter", version: "1", hash: "0".repeat(64) },
      links: [{ href: "city/v1/gw1/state", rel: "collection" }],
    });
    expect(Object.keys(td.properties)).toEqual(["level", "mode", "energy", "flags/fault", "identify"]);
  });

  it("says where and how a point is commanded", () => {
    expect(td.properties.level).toMatchObject({
      type: "number",
      readOnly: false,
      "stadsnod:write": { type: "number", unit: "V", minimum: 0, maximum: 10, multipleOf: 0.5 },
    });
    expect(td.properties.level!.forms).toMatchObject([
      { op: ["observeproperty", "unobserveproperty"], "mqv:filter": "city/v1/gw1/telemetry/lighting/#" },
      {
        op: "writeproperty",
        href: "city/v1/gw1/command/lamp-1",
        "mqv:retain": false,
        "stadsnod:result": "city/v1/gw1/result/lamp-1",
      },
    ]);
    expect(td.properties.mode).toMatchObject({
      enum: ["off", "on"],
      "stadsnod:write": { type: "string", enum: ["on"] },
    });
    // Telemetry leaves in J; a command is in the unit of the profile.
    expect(td.properties.energy).toMatchObject({ unit: "J", "stadsnod:write": { unit: "kWh", enum: [0] } });
    expect(td.properties["flags/fault"]).toMatchObject({ readOnly: true });
    expect(td.properties.identify).toMatchObject({ type: "boolean", writeOnly: true, observable: false });
  });

  it("does not say where a device with personal points stands, nor names what is dropped", () => {
    const { points } = lamp.profile;
    const counter = {
      ...lamp,
      profile: { ...lamp.profile, points: [...points, samplePoint("people", { personal: true })] },
      dropped: ["mode"],
    };
    const found = describeDevice(counter);
    expect(JSON.stringify(found)).not.toMatch(/geo:l|59\.3|18\.1/);
    expect(found.properties).not.toHaveProperty("mode");
    expect(found.properties.people).toMatchObject({ "stadsnod:personal": true });
    // Also when only a view of them is told.
    const told = describeDevice({ ...counter, dropped: ["people"] });
    expect(JSON.stringify(told)).not.toContain("geo:lat");
  });

  it("says of a view what it is made from and how", () => {
    const view = {
      ...samplePoint("people_hourly", { pollClass: { everyMs: 3_600_000 } }),
      view: {
        sources: ["people"],
        steps: [{ kind: "aggregate", function: "mean", overMs: 3_600_000, gaps: 0.1 }],
        personal: true,
      } as const,
    };
    const found = describeDevice({ ...lamp, views: [view], audiences: new Map([["people_hourly", "open"]]) });
    expect(found.properties.people_hourly).toMatchObject({
      "stadsnod:audience": "open",
      "stadsnod:madeFrom": ["people"],
      "stadsnod:steps": "mean over 1h",
      "stadsnod:every": "1h",
    });
    expect(found.properties.people_hourly).not.toHaveProperty("stadsnod:personal");
    expect(found).not.toHaveProperty("geo:lat");
  });
});
