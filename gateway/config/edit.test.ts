import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import type { NewDevice } from "../local/commissioning.ts";
import { countComments, editYaml } from "./edit.ts";
import { addDevice, removeDevice } from "./new-device.ts";

const sample = readFileSync(join(import.meta.dirname, "../../gateway.sample.yaml"), "utf8");

const text = `# A pole
gateway: {id: gw-1}   # its name
connections:
    line: # the cable
        protocol: modbus
        serial: {port: /dev/ttyS0, baud: 9600}

devices:
  # the first
  lamp-1:
    profile: acme/lamp
    connection: line   # always
    unit: 1
    note: |
      two
      lines

  # the second
  lamp-2: {profile: acme/lamp, connection: line, unit: 2} # in one line
log: {level: info}
`;

describe("editYaml", () => {
  it("puts something into a text that says nothing", () => {
    for (const nothing of ["", "~", "null\n", "# a comment\n"]) {
      const edited = editYaml(nothing, [{ path: ["log", "level"], set: "debug" }]);
      expect(parse(edited), nothing).toEqual({ log: { level: "debug" } });
    }
  });

  it("puts a device behind the last, in the style of the others", () => {
    const edited = addDevice(text, {
      id: "meter-1",
      profile: "acme/meter",
      connection: "line",
      settings: { unit: 3 },
      title: "Main: meter",
      place: "Basement",
      position: { lat: 59.3, lon: 18.07 },
    });
    const added = `
  meter-1:
    profile: acme/meter
    connection: line
    unit: 3
    title: "Main: meter"
    place: Basement
    position: {lat: 59.3, lon: 18.07}
`;
    expect(edited).toBe(text.replace("# in one line\n", `# in one line\n${added}`));
    expect(removeDevice(edited, "meter-1").replace("\n\nlog", "\nlog")).toBe(text);
  });

  it("adds a connection with the device, with the indentation of its section", () => {
    const edited = addDevice(text, {
      id: "m",
      profile: "p/q",
      connection: "roof",
      connectionSettings: { protocol: "modbus", tcp: { host: "192.0.2.1", port: 502 } },
      settings: {},
    });
    expect(edited).toContain(
      "baud: 9600}\n    roof:\n      protocol: modbus\n      tcp: {host: 192.0.2.1, port: 502}\n\ndevices:",
    );
    expect(parse(edited).devices.m).toEqual({ profile: "p/q", connection: "roof" });
  });

  it("takes no reference to a secret, which a technician could send anywhere", () => {
    const device = { id: "m", profile: "p/q", connection: "roof", settings: {} };
    // biome-ignore lint/suspicious/noTemplateCurlyInString: references as gateway.yaml writes them
    const reference = "${file:/etc/stadsnod/broker-password}";
    const mqtt = { url: "mqtt://evil.example", username: "u", password: reference };
    const bad: Partial<NewDevice>[] = [
      { connectionSettings: { protocol: "lorawan", server: "chirpstack", mqtt } },
      { connectionSettings: { [reference]: 1 } },
      { settings: { note: reference } },
      { title: reference },
    ];
    for (const more of bad)
      expect(() => addDevice(text, { ...device, ...more })).toThrow(
        expect.objectContaining({ code: "reference-not-taken" }),
      );
    // What a meter's key opens stays here.
    expect(parse(addDevice(text, { ...device, settings: { key: reference } })).devices.m.key).toBe(reference);
  });

  it("takes what it is told of profile and connection, whatever the settings say", () => {
    for (const key of ["profile", "connection", "title", "audience"]) {
      const device = { id: "m", profile: "p/q", connection: "roof", settings: { [key]: "open" } };
      expect(() => addDevice(text, device)).toThrow(expect.objectContaining({ code: "cannot-edit" }));
    }
  });

  it("takes out one device with what is written inside of it, and leaves everything around", () => {
    const without = removeDevice(text, "lamp-1");
    expect(without).toBe(text.replace(/ {2}lamp-1:[\s\S]*?lines\n/, ""));
    expect(removeDevice(without, "lamp-2")).toContain("devices: {}\n  # the first\n\n  # the second\nlog:");
    const again = addDevice(removeDevice(without, "lamp-2"), {
      id: "a",
      profile: "p/q",
      connection: "line",
      settings: {},
    });
    expect(parse(again).devices).toEqual({ a: { profile: "p/q", connection: "line" } });
    expect(countComments(again)).toBe(countComments(text) - 2);
  });

  it.each([
    ["no section at all", "gateway: {id: g}", "gateway: {id: g}\ndevices:\n  a: {}\n"],
    ["a bare section", "devices: # none\nlog: {}\n", "devices: # none\n  a: {}\nlog: {}\n"],
    ["an empty section", "devices: {} # none\nlog: {}\n", "devices: # none\n  a: {}\nlog: {}\n"],
    ["a flow section", "devices: {b: {x: 1}}\n", 'devices: {b: {x: 1}, "a":{}}\n'],
    ["windows lines", "devices:\r\n  b: {}\r\n", "devices:\r\n  b: {}\r\n  a: {}\r\n"],
    ["nothing", "", "devices:\n  a: {}\n"],
    ["a comment", "# nothing yet\n", "# nothing yet\ndevices:\n  a: {}\n"],
  ])("adds to %s", (_what, before, after) => {
    expect(editYaml(before, [{ path: ["devices", "a"], set: {} }])).toBe(after);
  });

  it("changes one scalar where it stands", () => {
    const edited = editYaml(text, [
      { path: ["log", "level"], set: "debug" },
      { path: ["devices", "lamp-1", "unit"], set: 17 },
      { path: ["devices", "lamp-2", "title"], set: "Lamp, by the {door}" },
    ]);
    expect(edited).toBe(
      text
        .replace("level: info", "level: debug")
        .replace("unit: 1\n", "unit: 17\n")
        .replace("unit: 2}", 'unit: 2, "title":"Lamp, by the {door}"}'),
    );
  });

  it("refuses what is there already, what is not there, and what is no YAML", () => {
    const device = { id: "lamp-1", profile: "p", connection: "line", settings: {} };
    expect(() => addDevice(text, device)).toThrow(/already/);
    expect(() => addDevice(text, { ...device, id: "x", connectionSettings: {} })).toThrow(/already/);
    expect(() => removeDevice(text, "lamp-9")).toThrow(/no device/);
    expect(() => editYaml("a: [", [{ path: ["b"], set: 1 }])).toThrow(/gateway\.yaml:1/);
    expect(() => editYaml("a: 1", [{ path: ["a", "b"], set: 1 }])).toThrow(/no mapping/);
  });

  it("changes only what it should in the sample, whichever device is added or removed", () => {
    const ids = Object.keys(parse(sample).devices);
    for (const id of ids) {
      const { devices, ...rest } = parse(sample);
      const { [id]: _, ...others } = devices;
      const edited = parse(removeDevice(sample, id));
      expect(edited).toEqual({ ...rest, devices: others });
      expect(Object.keys(edited)).toEqual(Object.keys(parse(sample)));
    }
  });

  it("is exact for every text: the value differs only there, and no comment is lost", () => {
    const word = fc.constantFrom("a", "b", "c1", "on", "7", "x y", "ö", "#no", "k: v", "'", "- z", "");
    const scalar = fc.oneof(word, fc.integer({ min: -99, max: 99 }), fc.boolean(), fc.constant(null));
    const leaf = fc.oneof(scalar, fc.dictionary(fc.constantFrom("p", "q", "r-1"), scalar, { maxKeys: 3 }));
    const key = fc.constantFrom("d1", "d2", "d3", "d4", "true", "12");
    const layout = fc.record({
      indent: fc.constantFrom("  ", "    ", "   "),
      blank: fc.boolean(),
      comment: fc.boolean(),
      flow: fc.boolean(),
      eol: fc.constantFrom("\n", "\r\n"),
      tail: fc.boolean(),
    });
    const entries = fc.dictionary(key, leaf, { maxKeys: 4 });
    fc.assert(
      fc.property(entries, layout, key, leaf, fc.boolean(), (devices, style, id, value, remove) => {
        const before = written(devices, style);
        const has = Object.hasOwn(parse(before)?.devices ?? {}, id);
        fc.pre(remove ? has : true);
        const edited = editYaml(before, [
          remove ? { path: ["devices", id], remove: true } : { path: ["devices", id], set: value },
        ]);
        const wanted = { ...devices, [id]: value };
        if (remove) delete wanted[id];
        expect(parse(edited)).toEqual({ ...parse(before), devices: wanted });
        if (!remove) expect(countComments(edited)).toBe(countComments(before));
        else expect(countComments(before) - countComments(edited)).toBeLessThanOrEqual(1);
      }),
      { numRuns: 500 },
    );
  });
});

interface Style {
  indent: string;
  blank: boolean;
  comment: boolean;
  flow: boolean;
  eol: string;
  tail: boolean;
}

/** A text by hand, so to speak. */
function written(devices: Record<string, unknown>, style: Style): string {
  const { indent, blank, comment, flow, eol, tail } = style;
  const lines = ["# head", "gateway: {id: g} # name", comment ? "devices: # all" : "devices:"];
  for (const [id, value] of Object.entries(devices)) {
    if (blank) lines.push("");
    if (comment) lines.push(`${indent}# about it`);
    const name = JSON.stringify(id);
    const isMap = typeof value === "object" && value !== null && Object.keys(value).length > 0;
    if (isMap && !flow) {
      lines.push(`${indent}${name}:`);
      for (const [inner, one] of Object.entries(value))
        lines.push(`${indent}${indent}${inner}: ${JSON.stringify(one)}`);
    } else
      lines.push(
        `${indent}${name}: ${value === null ? "" : JSON.stringify(value)}${comment ? " # end" : ""}`,
      );
  }
  if (tail) lines.push("log: {level: info}");
  return lines.join(eol) + (tail ? eol : "");
}
