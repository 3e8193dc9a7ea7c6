import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { issuersOf } from "../gateway/cli/acl.ts";
import { aclOf } from "../gateway/cli/acl-mosquitto.ts";
import { oneBroker } from "../gateway/cli/brokers.ts";
import { catalogueOf } from "../gateway/cli/catalogue-graph.ts";
import { categoryWords, quantityWords } from "../gateway/cli/catalogue-words.ts";
import { runCli } from "../gateway/cli/index.ts";
import { prefixes, type Resource, toJsonLd, toTurtle } from "../gateway/cli/rdf.ts";
import { registerOf } from "../gateway/cli/register.ts";
import { describedSensors, distance, duplicatesIn, type Sensor, sensorsOf } from "../gateway/cli/sensors.ts";
import type { GatewayConfig } from "../gateway/config/config.ts";
import { loadConfig } from "../gateway/config/load.ts";
import { unitOf } from "../gateway/model/units.ts";
import { northbounds } from "../gateway/northbound/index.ts";
import { categories } from "../gateway/profiles/category.ts";
import { loadProfiles } from "../gateway/profiles/library.ts";
import { encodeDescription } from "../gateway/telemetry/description.ts";
import { cells, goodProfile, peopleProfile } from "./fake-protocol.ts";

// Documents that are made of a gateway's configuration: the data register, the catalogue of open data,
// the broker's access rules, and which sensors are there twice.

const profiles = loadProfiles(
  ["device-profiles"],
  {
    list: () => ["acme/meter.yaml", "acme/people.yaml", "acme/plain.yaml"],
    read: (path) => {
      if (path.endsWith("people.yaml")) return peopleProfile;
      return path.endsWith("plain.yaml")
        ? goodProfile
            .replace("acme/meter", "acme/plain")
            .replace("energy-meter", "weather-station")
            .replace("    personal: true\n", "")
        : goodProfile;
    },
  },
  [cells],
  new Set(["acme/meter", "acme/people", "acme/plain"]),
);

const text = `gateway: {id: gw-1, pen: 61234, title: {en: Library, sv: Bibliotek}, position: {lat: 59.3, lon: 18.1}}
connections: {line-1: {protocol: cells, host: 10.0.0.7}}
audiences: {care: {title: {en: Care department, sv: Omsorgen}, personal: true, maxAge: 7d, maxBytes: 5MB}}
devices:
  counter-1:
    profile: acme/people
    connection: line-1
    unit: 1
    audience: care
    audiences: {power: open}
    owner: Care department
    purpose: Staffing
    legalBasis: public-task
    sharedWith: [care, Region Stockholm]
    position: {lat: 59.3431, lon: 18.0545}
    privacy:
      total: {hourly: {to: open, steps: [{aggregate: increase, over: 1h}, {kThreshold: 5}]}}
      badge: drop
  meter-1: {profile: acme/meter, connection: line-1, unit: 2, audiences: {voltage: open, temperature: open, energy: open}}
  roof-1: {profile: acme/plain, connection: line-1, unit: 3, audiences: {voltage: open}, position: {lat: 59.31, lon: 18.11}}
  roof-2: {profile: acme/plain, connection: line-1, unit: 4, audiences: {voltage: open}}
northbound:
  city: {type: mqtt, url: mqtts://broker.example.org, username: box-1}
catalogue:
  base: https://data.example.org/open/
  publisher: {name: 'City "of" Stockholm'}
  contact: {name: Open data, email: open@example.org}
  spatial: http://sws.geonames.org/2673730/
`;

async function load(written: string): Promise<GatewayConfig> {
  const { config, diagnostics } = await loadConfig(written, "gateway.yaml", {
    protocols: [cells],
    northbounds,
    profiles,
    env: {},
    readFile: () => "",
  });
  expect(diagnostics.filter(({ severity }) => severity === "error")).toEqual([]);
  return config!;
}
const config = await load(text);

describe("the data register", async () => {
  const register = registerOf(config, "en");
  const [counter, meter] = register.devices;
  const pointOf = (name: string) => counter!.points.find(({ point }) => point === name);

  it("has every point, with what it is for and how long it is kept", async () => {
    expect(counter).toMatchObject({
      owner: "Care department",
      purpose: "Staffing",
      legalBasis: "public-task",
      legalBasisText: "task in the public interest (GDPR art. 6.1 e)",
      sharedWith: ["Care department", "Region Stockholm"],
    });
    expect(pointOf("people")).toMatchObject({
      personal: "yes",
      audience: "care",
      forWhom: "care (Care department)",
      often: "every 1s",
      kept: "until delivered, at most 7d, 5MB per receiver; no local history",
      goes: ["city (broker.example.org)"],
    });
    expect(pointOf("total_hourly")).toMatchObject({
      personal: "made",
      forWhom: "open (everybody)",
      often: "every 1h",
      steps: "increase over 1h, withheld below 5",
    });
    expect(pointOf("badge")).toMatchObject({ forWhom: "nobody: stays in the gateway", goes: [] });
    expect(pointOf("power")).toMatchObject({ personal: "no", missing: [] });
    expect(meter!.points.map(({ point }) => point)).toContain("door");
  });

  it("is in Swedish when asked", async () => {
    const swedish = registerOf(config, "sv").devices[0]!;
    expect(swedish.sharedWith).toEqual(["Omsorgen", "Region Stockholm"]);
    expect(swedish.legalBasisText).toContain("uppgift av allmänt intresse");
    expect(swedish.points[0]).toMatchObject({
      what: "Personer",
      forWhom: "care (Omsorgen)",
      often: "var 1s",
    });
  });

  it("names personal points without purpose or legal basis, dropped and derived ones too", async () => {
    expect(register.complete).toBe(false);
    expect(meter!.points.filter(({ missing }) => missing.length > 0)).toMatchObject([
      { point: "door", missing: ["purpose", "legalBasis"] },
    ]);
    const silent = await load(text.replace("    purpose: Staffing\n", ""));
    const missing = registerOf(silent, "en").devices[0]!.points.filter((one) => one.missing.length > 0);
    expect(missing.map(({ point }) => point)).toEqual([
      "people",
      "total",
      "badge",
      "flags",
      "latitude",
      "longitude",
      "passing",
      "total_hourly",
    ]);
    const said = await load(text.replace("unit: 2,", "unit: 2, purpose: Billing, legalBasis: contract,"));
    expect(registerOf(said, "en").complete).toBe(true);
  });

  it("shows the local history where there is one", async () => {
    const kept = registerOf(Object.assign({}, config, { history: { maxAgeMs: 7 * 86_400_000 } }), "en");
    expect(kept.devices[0]!.points[0]!.kept).toContain("local history 7d");
  });
});

describe("the register on the command line", async () => {
  const folder = mkdtempSync(join(tmpdir(), "stadsnod-register-"));
  mkdirSync(join(folder, "device-profiles/acme"), { recursive: true });
  const profile = `profile: acme/p1
version: 1.0.0
title: {en: P1, sv: P1}
manufacturer: Acme
models: [P1]
category: presence
sources: [{document: Acme P1 map, pages: 3}]
status: draft
protocol: modbus
modbus: {addressing: protocol, order: ABCD}
points:
  present: {title: {en: "In, now | here"}, at: {input: 2}, unit: count, personal: true}
examples:
  - {given: {input: {2: "0007"}}, expect: {present: 7}}
`;
  writeFileSync(join(folder, "device-profiles/acme/p1.yaml"), profile);
  writeFileSync(
    join(folder, "gateway.yaml"),
    `gateway: {id: gw-1, pen: 61234}
connections: {line: {protocol: modbus, tcp: {host: 192.0.2.1}}}
devices:
  p-1: {profile: acme/p1, connection: line, unit: 1, purpose: "=HYPERLINK(1), \\"x\\""}
northbound: {city: {type: mqtt, url: mqtt://broker.example.org}}
`,
  );
  const run = async (...args: string[]) => {
    let out = "";
    const code = await runCli(args, {
      cwd: folder,
      env: {},
      signal: new AbortController().signal,
      onReload: () => {},
      out: (written) => {
        out += written;
      },
      err: (written) => {
        out += written;
      },
      columns: undefined,
      rows: undefined,
    });
    return { code, out };
  };

  it("fails with --strict when it is incomplete, and says what is missing", async () => {
    expect((await run("data-register")).code).toBe(0);
    const { code, out } = await run("data-register", "--strict", "--language", "sv");
    expect(code).toBe(1);
    expect(out).toContain("OFULLSTÄNDIGT");
    expect(out).toContain("- p-1/present: Rättslig grund");
  });

  it("writes Markdown, CSV without formulas, and JSON", async () => {
    const markdown = (await run("data-register", "--format", "markdown")).out;
    expect(markdown).toContain("| present | In, now \\| here | count |");
    const csv = (await run("data-register", "--format", "csv")).out;
    expect(csv).toContain(`"'=HYPERLINK(1), ""x"""`);
    expect(csv.split("\r\n")).toHaveLength(3);
    const json = JSON.parse((await run("data-register", "--format", "json")).out);
    expect(json).toMatchObject({ gateway: "gw-1", complete: false, devices: [{ device: "p-1" }] });
    rmSync(folder, { recursive: true, force: true });
  });
});

describe("the catalogue", async () => {
  const resources = catalogueOf([config]);
  const ofType = (type: string) => resources.filter((one) => one.type === type);
  const objects = ({ properties }: Resource, predicate: string) =>
    properties.filter(([name]) => name === predicate).flatMap(([, ...terms]) => terms);

  // DCAT-AP-SE 3.0.1: properties that the national portal requires.
  it.each([
    [
      "dcat:Catalog",
      ["dcterms:title", "dcterms:description", "dcterms:publisher", "dcterms:license", "dcat:dataset"],
    ],
    [
      "dcat:Dataset",
      ["dcterms:title", "dcterms:description", "dcterms:publisher", "dcat:contactPoint", "dcat:distribution"],
    ],
    ["dcat:Distribution", ["dcat:accessURL", "dcterms:license"]],
    ["foaf:Agent", ["foaf:name", "dcterms:type"]],
    ["vcard:Organization", ["vcard:fn", "vcard:hasEmail"]],
  ])("has what DCAT-AP-SE requires of %s", async (type, required) => {
    const found = ofType(type);
    expect(found.length).toBeGreaterThan(0);
    for (const one of found)
      for (const predicate of required)
        expect(objects(one, predicate).length, `${one.id} ${predicate}`).toBeGreaterThan(0);
  });

  it("refers only to what it describes", async () => {
    const ids = new Set(resources.map(({ id }) => id));
    for (const one of resources)
      for (const predicate of ["dcterms:publisher", "dcat:contactPoint", "dcat:dataset", "dcat:distribution"])
        for (const term of objects(one, predicate))
          expect(ids).toContain("iri" in term ? term.iri : undefined);
    expect(ids.size).toBe(resources.length);
  });

  it("has one dataset per category and quantity, of open points alone", async () => {
    const names = ofType("dcat:Dataset").map(({ id }) => id!.split("/").at(-1));
    expect(names.sort()).toEqual([
      "energy-meter-energy",
      "energy-meter-temperature",
      "energy-meter-voltage",
      "presence-count",
      "presence-power",
      "weather-station-voltage",
    ]);
    const all = toTurtle(resources) + toJsonLd(resources);
    expect(all).not.toMatch(/59\.3431|18\.0545|telemetry\/care|badge|Staffing/);
  });

  it("never has a personal point, whatever is configured open", async () => {
    await fc.assert(
      fc.asyncProperty(fc.subarray(["power", "people_sum"]), fc.boolean(), async (open, dropped) => {
        const audiences = open.map((name) => `${name}: open`).join(", ");
        const written = text
          .replace("audiences: {power: open}", `audiences: {${audiences}}`)
          .replace("badge: drop", dropped ? "people: drop" : "badge: drop");
        const described = toJsonLd(catalogueOf([await load(written)]));
        const { devices } = await load(written);
        for (const point of devices[0]!.profile.points.filter(({ personal }) => personal))
          expect(described).not.toContain(`"${point.title?.en ?? point.name}`);
      }),
      { numRuns: 8 },
    );
  });

  it("says place, resolution, language, format and licence", async () => {
    const voltage = ofType("dcat:Dataset").find(({ id }) => id?.endsWith("weather-station-voltage"))!;
    expect(objects(voltage, "dcat:temporalResolution")).toEqual([{ text: "PT1S", datatype: "xsd:duration" }]);
    expect(objects(voltage, "dcterms:spatial")).toMatchObject([
      { iri: "http://sws.geonames.org/2673730/" },
      { node: { type: "dcterms:Location" } },
    ]);
    // Of a device with personal points, only what is said of the whole catalogue.
    const metered = ofType("dcat:Dataset").find(({ id }) => id?.endsWith("energy-meter-voltage"))!;
    expect(objects(metered, "dcterms:spatial")).toHaveLength(1);
    expect(objects(voltage, "dcterms:language")).toHaveLength(2);
    const [distribution] = ofType("dcat:Distribution");
    expect(objects(distribution!, "dcat:accessURL")).toEqual([
      { iri: "mqtts://broker.example.org/stadsnod/v1/gw-1/telemetry/open" },
    ]);
    expect(objects(distribution!, "dcat:mediaType")).toEqual([
      { iri: "https://www.iana.org/assignments/media-types/application/senml+cbor" },
    ]);
    expect(objects(distribution!, "dcterms:license")).toEqual([
      { iri: "http://creativecommons.org/publicdomain/zero/1.0/" },
    ]);
  });

  it("is JSON-LD and Turtle of the same statements", async () => {
    const json: { "@context": object; "@graph": Record<string, unknown>[] } = JSON.parse(toJsonLd(resources));
    expect(json["@context"]).toEqual(prefixes);
    const turtle = toTurtle(resources);
    expect(json["@graph"].map((one) => one["@id"])).toEqual(resources.map(({ id }) => id));
    for (const { id } of resources) expect(turtle).toContain(`\n<${id}> a `);
    expect(turtle).toContain('foaf:name "City \\"of\\" Stockholm"');
    expect(turtle).toContain(
      '"POLYGON((18.1 59.3, 18.11 59.3, 18.11 59.31, 18.1 59.31, 18.1 59.3))"^^geosparql:wktLiteral',
    );
    // Every statement ends, and no prefix is missing.
    for (const [, prefix] of turtle.matchAll(/(?:^|\s)([a-z]+):[A-Za-z]/gm))
      if (!["https", "http", "mqtts", "mailto"].includes(prefix!))
        expect(Object.keys(prefixes)).toContain(prefix);
  });

  it("escapes whatever stands in a title", async () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (title) => {
        const one: Resource = { id: `urn:x:${title}`, properties: [["dcterms:title", { text: title }]] };
        const turtle = toTurtle([one])
          .split("\n")
          .slice(Object.keys(prefixes).length + 1);
        expect(turtle.join("\n")).toMatch(/^<[^<>"{}|\\^`\s]*> dcterms:title "(?:[^"\\\n\r]|\\.)*" \.\n$/u);
        expect(JSON.parse(toJsonLd([one]))["@graph"][0]["dcterms:title"]["@value"]).toBe(title);
      }),
    );
  });

  it("asks for what a portal must know", async () => {
    const bare = await load(text.slice(0, text.indexOf("catalogue:")));
    expect(() => catalogueOf([bare])).toThrow(expect.objectContaining({ code: "catalogue-incomplete" }));
  });

  it("knows every category, and only quantities that there are", async () => {
    expect(Object.keys(categoryWords)).toEqual(Object.keys(categories));
    const quantities = new Set(
      [
        "m",
        "kg",
        "s",
        "A",
        "Hz",
        "rad",
        "deg",
        "Pa",
        "J",
        "W",
        "V",
        "Cel",
        "lx",
        "m2",
        "m3",
        "m/s",
        "m/s2",
        "m3/s",
        "W/m2",
        "pH",
        "dB",
        "count",
        "/",
        "%RH",
        "%EL",
        "1/s",
        "S/m",
        "VA",
        "var",
        "VAs",
        "vars",
        "kg/m3",
        "NTU",
        "lat",
        "lon",
      ].map((unit) => unitOf(unit)?.quantity),
    );
    for (const quantity of Object.keys(quantityWords))
      if (quantity !== "state") expect(quantities).toContain(quantity);
  });
});

describe("access rules", async () => {
  const broker = oneBroker(config, undefined);

  it("take issuers as the configuration has them, as a map or a mapping, and nobody without", async () => {
    expect(issuersOf(config)).toEqual(new Map());
    const issuers = { lights: { devices: ["meter-*"], points: ["*"] } };
    const wanted = new Map([["lights", ["meter-*"]]]);
    expect(issuersOf({ commands: { issuers } })).toEqual(wanted);
    expect(issuersOf({ commands: { issuers: new Map(Object.entries(issuers)) } })).toEqual(wanted);
    expect(aclOf(config, broker, new Map(), {})).toContain("# Nobody may command");
  });

  it("grant no rights to devices that cannot be written, and never a pattern", async () => {
    const rules = aclOf(config, broker, new Map([["lights", ["*"]]]), {});
    expect(rules).not.toContain("/command/meter-1");
    expect(rules).not.toMatch(/^pattern/m);
    expect(rules).toContain("user box-1\ntopic write stadsnod/v1/gw-1/telemetry/#");
  });

  it("ask which broker when there are several", async () => {
    const two = await load(
      text.replace("northbound:\n", "northbound:\n  spare: {type: mqtt, url: mqtt://other.example.org}\n"),
    );
    expect(() => oneBroker(two, undefined)).toThrow(expect.objectContaining({ code: "unknown-northbound" }));
    expect(oneBroker(two, "spare").url).toBe("mqtt://other.example.org");
  });
});

describe("doubled sensors", async () => {
  const sensor = (gateway: string, metres: number, change: Partial<Sensor> = {}): Sensor => ({
    gateway,
    device: "d",
    point: "temperature",
    category: "climate",
    quantity: "temperature",
    position: { lat: 59.3 + metres / 111_195, lon: 18.1 },
    ...change,
  });

  it("are those of other gateways that measure the same nearby", async () => {
    const all = [
      sensor("a", 0),
      sensor("b", 40, { point: "air_temperature" }),
      sensor("c", 60),
      sensor("a", 5),
      sensor("d", 10, { quantity: "relative-humidity" }),
      sensor("e", 10, { point: "flow_temperature", category: "heat-meter" }),
      sensor("f", 20, { point: "battery_temperature" }),
    ];
    const found = duplicatesIn(all, 50).map(({ one, other, metres }) => [
      one.gateway,
      other.gateway,
      Math.round(metres),
    ]);
    expect(found).toEqual([
      ["b", "c", 20],
      ["a", "b", 35],
      ["a", "b", 40],
    ]);
    expect(duplicatesIn(all, 15)).toEqual([]);
  });

  it("are found as by looking at every pair", async () => {
    const place = fc.record({
      gateway: fc.constantFrom("a", "b", "c"),
      lat: fc.double({ min: 59.3, max: 59.301, noNaN: true }),
      lon: fc.double({ min: 18, max: 18.002, noNaN: true }),
    });
    fc.assert(
      fc.property(fc.array(place, { maxLength: 25 }), (places) => {
        const sensors = places.map(({ gateway, lat, lon }) => sensor(gateway, 0, { position: { lat, lon } }));
        const pairs = sensors.flatMap((one, index) =>
          sensors
            .slice(index + 1)
            .filter((other) => other.gateway !== one.gateway && distance(one.position, other.position) <= 50),
        );
        expect(duplicatesIn(sensors, 50)).toHaveLength(pairs.length);
      }),
    );
  });

  it("measures distances on the Earth", async () => {
    // Stockholm to Gothenburg, and one degree of the equator.
    expect(distance({ lat: 59.3293, lon: 18.0686 }, { lat: 57.7089, lon: 11.9746 }) / 1000).toBeCloseTo(
      397.8,
      -1,
    );
    expect(distance({ lat: 0, lon: 179.5 }, { lat: 0, lon: -179.5 })).toBeCloseTo(111_195, -1);
  });

  it("come from gateway.yaml and from published descriptions alike", async () => {
    const [, meter] = config.devices;
    const device = { ...meter!, position: { lat: 59.3, lon: 18.1 } };
    const written = sensorsOf({ ...config, devices: [device] }).sensors;
    const bytes = encodeDescription(
      {
        ...device,
        profile: { ...device.profile, points: device.profile.points.filter(({ personal }) => !personal) },
      },
      (unit) => unitOf(unit),
      "stadsnod/v1/gw-1",
    );
    const described = describedSensors(JSON.parse(new TextDecoder().decode(bytes)))!.sensors;
    expect(described.map(({ point, quantity }) => [point, quantity])).toEqual(
      written
        .filter(({ point }) => point !== "door")
        .flatMap(({ point, quantity }) =>
          point === "alarms"
            ? [
                ["alarms/overvoltage", quantity],
                ["alarms/phase_missing", quantity],
              ]
            : [[point, quantity]],
        ),
    );
    expect(described[0]).toMatchObject({ gateway: "gw-1", device: "meter-1", category: "energy-meter" });
    // A device whose description says no place is counted, not guessed.
    const counter = encodeDescription(config.devices[0]!, (unit) => unitOf(unit), "stadsnod/v1/gw-1");
    expect(describedSensors([JSON.parse(new TextDecoder().decode(counter))])).toEqual({
      sensors: [],
      without: 1,
    });
    expect(describedSensors({ hello: 1 })).toBeUndefined();
  });
});
