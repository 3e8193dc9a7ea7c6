import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { goldenIsHere, goldenPath } from "../../../test/golden/golden.ts";
import { compilePayload, readSchemaText } from "../../codec/payload/index.ts";
import { parseYaml } from "../../codec/yaml.ts";
import { loadProtocols } from "../../southbound/index.ts";
import { loadProfile } from "../load.ts";
import { importEdgex } from "./edgex.ts";
import { importEvcc } from "./evcc.ts";
import { type Imported, pointName, writeImported } from "./imported.ts";
import { importPayloadSchema } from "./payload-schema.ts";
import { importSunspec } from "./sunspec.ts";
import { importTelegraf } from "./telegraf.ts";

const protocols = await loadProtocols();
const modbus = protocols.find(({ name }) => name === "modbus")!;
const takes = (at: unknown) => modbus.address.safeParse(at).success;

/** The written profile, which must pass its check. */
function loaded(imported: Imported) {
  const { text, leftOut } = writeImported(imported, {
    id: "acme/m1",
    category: "controller",
    source: "a file",
  });
  const { profile, diagnostics } = loadProfile(text, "device-profiles/acme/m1.yaml", protocols);
  expect(diagnostics.filter(({ severity }) => severity === "error")).toEqual([]);
  return {
    leftOut,
    points: Object.fromEntries(
      profile!.points.map(({ name, address, unit, scale, kind }) => [name, { address, unit, scale, kind }]),
    ),
    text,
  };
}

describe("profiles out of EdgeX profiles", () => {
  const { points, leftOut, text } = loaded(
    importEdgex(`name: Boiler
manufacturer: Acme
model: B1
deviceResources:
  - name: FlowTemperature
    description: Flow
    attributes: {primaryTable: INPUT_REGISTERS, startingAddress: 3, rawType: Int16}
    properties: {valueType: Float32, readWrite: R, scale: 0.1, units: °C}
  - name: Alarm
    attributes: {primaryTable: HOLDING_REGISTERS, startingAddress: 10.10}
    properties: {valueType: Bool, readWrite: R}
  - name: Pump
    attributes: {primaryTable: COILS, startingAddress: 0}
    properties: {valueType: Bool, readWrite: RW}
  - name: Energy
    attributes: {primaryTable: HOLDING_REGISTERS, startingAddress: 20, isWordSwap: true}
    properties: {valueType: Uint32, readWrite: R}
  - name: Serial
    attributes: {primaryTable: HOLDING_REGISTERS, startingAddress: 40, stringRegisterSize: 8}
    properties: {valueType: String, readWrite: R}
  - name: Reset
    attributes: {primaryTable: COILS, startingAddress: 9}
    properties: {valueType: Bool, readWrite: W}
  - name: Odd
    attributes: {primaryTable: HOLDING_REGISTERS, startingAddress: 50}
    properties: {valueType: Decimal9, readWrite: R}
deviceCommands:
  - name: all
    resourceOperations: [{deviceResource: Pump, mappings: {"true": ON, "false": OFF}}]
`),
  );

  it("carries over tables, types, bits, scales, units and texts", () => {
    expect(points.flow_temperature).toMatchObject({
      address: { table: "input", number: 3, type: "s16" },
      unit: "Cel",
      scale: { numerator: 1n, denominator: 10n },
    });
    expect(points.alarm).toMatchObject({ address: { number: 10, bit: 10, type: "bool" }, kind: "state" });
    expect(points.pump).toMatchObject({ address: { table: "coil", number: 0 } });
    expect(points.energy).toMatchObject({ address: { type: "u32", order: "CDAB" } });
    expect(points.serial).toMatchObject({ address: { type: "ascii", length: 16 }, kind: "text" });
    expect(Object.keys(points)).toHaveLength(5);
  });

  it("takes the labels from the commands", () => {
    expect(text).toMatch(/values: \{ "true": ON, "false": OFF \}/);
  });

  it("names what it could not", () => {
    expect(leftOut).toEqual(
      expect.arrayContaining([
        "Reset: is only written (coil 9)",
        'Odd: the type "Decimal9" is not known',
        'pump can be written: add "write:" when that is wanted',
        'energy has no unit; "count" stands for it',
      ]),
    );
  });
});

describe("profiles out of evcc templates", () => {
  const { points, leftOut } = loaded(
    importEvcc(`template: acme-hybrid
products:
  - brand: Acme
    description: {generic: Hybrid}
params:
  - name: usage
    choice: [grid, pv]
render: |
  type: custom
  {{- if eq .usage "grid" }}
  power:
    source: modbus
    {{- include "modbus" . | indent 2 }}
    register:
      address: 13009
      type: input
      decode: int32s
    scale: -1
  energy:
    source: modbus
    register: {address: 13036, type: input, decode: uint32nan}
    scale: 0.1
  {{- end }}
  {{- if eq .usage "battery" }}
  soc:
    source: modbus
    register: {address: 13022, type: holding, decode: int16}
  batterymode:
    source: switch
    switch:
      - case: 1
        set:
          source: modbus
          register: {address: 13049, type: writesingle, encoding: uint16}
  strange:
    source: modbus
    register: {address: 1, type: input, decode: bcd99}
  {{- end }}
`),
  );

  it("carries over registers, types, word order, scales, what evcc means by them, and its NaN", () => {
    expect(points.power).toMatchObject({
      address: { table: "input", number: 13009, type: "s32", order: "CDAB" },
      unit: "W",
      scale: { numerator: -1n, denominator: 1n },
    });
    expect(points.energy).toMatchObject({ address: { type: "u32" }, unit: "kWh", kind: "counter" });
    expect(points.soc).toMatchObject({ address: { table: "holding", type: "s16" } });
  });

  it("names what the template decides, and what is written", () => {
    const notes = leftOut.join("\n");
    expect(notes).toContain('the template decides "if eq .usage "grid"" when it is rendered');
    expect(notes).toContain("writes holding 13049 (uint16)");
    expect(notes).toContain('the encoding "bcd99" of input 1 is not known');
  });

  it("refuses a template without registers", () => {
    expect(() => importEvcc("template: x\nrender: |\n  type: shelly\n")).toThrow("no Modbus register");
  });
});

describe("profiles out of Telegraf configurations", () => {
  const { points, leftOut } = loaded(
    importTelegraf(`[[inputs.modbus]]
  name = "Pump station"
  slave_id = 1
  controller = "tcp://localhost:502"
  discrete_inputs = [{ name = "Door", address = [2] }]
  holding_registers = [
    { name = "Level", byte_order = "AB", data_type = "FIXED", scale = 0.01, address = [0] },
    { name = "Flow", byte_order = "CDAB", data_type = "FLOAT32-IEEE", scale = 1.0, address = [4, 5] },
  ]
[[inputs.modbus]]
  slave_id = 1
  configuration_type = "request"
  [[inputs.modbus.request]]
    byte_order = "ABCD"
    register = "input"
    fields = [
      { address = 100, name = "energy", type = "UINT64", scale = 0.1 },
      { address = 110, name = "skip", type = "INT16", omit = true },
      { address = 111, name = "half", type = "UINT8H" },
      { address = 112, name = "odd", type = "TIME" },
    ]
`),
  );

  it("carries over both styles", () => {
    expect(points.door).toMatchObject({ address: { table: "discrete", number: 2 } });
    expect(points.level).toMatchObject({
      address: { table: "holding", number: 0, type: "s16" },
      scale: { numerator: 1n, denominator: 100n },
    });
    expect(points.flow).toMatchObject({ address: { type: "f32", order: "CDAB" } });
    expect(points.energy).toMatchObject({ address: { table: "input", number: 100, type: "u64" } });
    expect(points.half).toMatchObject({ address: { type: "u8", byte: "high" } });
    expect(points.skip).toBeUndefined();
    expect(leftOut).toContain('odd: the type "TIME" is not known');
  });

  it("says where TOML is wrong, and when there is nothing", () => {
    expect(() => importTelegraf("[[inputs.modbus]\n")).toThrow("not TOML");
    expect(() => importTelegraf("[agent]\n")).toThrow("no field");
  });
});

describe("names of imported points", () => {
  it("are legal and different, whatever they were", () => {
    const taken = new Set<string>();
    expect(
      ["Spänning L1", "SpänningL1", "1st floor", "Ångström °C", "", "CO₂-halt"].map((text) =>
        pointName(text, taken),
      ),
    ).toEqual(["spanning_l1", "spanning_l1_2", "point_1st_floor", "angstrom_c", "point", "co2_halt"]);
  });
});

describe("profiles out of SunSpec model definitions", () => {
  const point = (name: string, type: string, size: number, more: object = {}) => ({
    name,
    type,
    size,
    ...more,
  });
  const definition = (id: number, points: object[], groups: object[] = []) =>
    JSON.stringify({
      id,
      group: {
        label: "A model",
        points: [point("ID", "uint16", 1, { value: id }), point("L", "uint16", 1), ...points],
        groups,
      },
    });

  it("names the points of a model that is in the table", () => {
    const { points, text } = loaded(
      importSunspec(
        definition(103, [
          point("W", "int16", 1, { sf: "W_SF", units: "W", label: "Watts" }),
          point("W_SF", "sunssf", 1),
          point("TmpCab", "int16", 1, { units: "C" }),
          point("WH", "acc32", 2, { units: "Wh" }),
          point("St", "enum16", 1, {
            symbols: [
              { name: "OFF", value: 1, label: "Off" },
              { name: "MPPT", value: 4 },
            ],
          }),
          point("Evt1", "bitfield32", 2, {
            symbols: [
              { name: "GROUND_FAULT", value: 0 },
              { name: "SUM", value: 31 },
            ],
          }),
        ]),
        takes,
      ),
    );
    expect(points.w).toMatchObject({ unit: "W", kind: "gauge" });
    expect(points.w!.address).toMatchObject({ sunspec: { model: 103, name: "W" } });
    expect(points.tmp_cab).toMatchObject({ unit: "Cel" });
    expect(points.wh).toMatchObject({ unit: "Wh", kind: "counter" });
    expect(text).toContain("{ sunspec: { model: 103, point: W } }");
    expect(text).toContain("title: Watts");
    expect(text).toContain('values: { "1": Off, "4": MPPT }');
    expect(text).toContain('bits: { "0": ground_fault }');
  });

  it("says where the points of another model lie, and with which power of ten", () => {
    const { points, text, leftOut } = loaded(
      importSunspec(
        definition(
          64_001,
          [
            point("Nam", "string", 8, { static: "S" }),
            point("Flow", "uint16", 1, { sf: "Flow_SF", units: "l/min" }),
            point("Tmp", "int16", 1, { sf: -1, units: "C", access: "RW" }),
            point("Flow_SF", "sunssf", 1),
            point("IP", "ipaddr", 2),
          ],
          [{ name: "pump", count: 0, points: [point("Hz", "uint16", 1, { units: "Hz" })] }],
        ),
        takes,
      ),
    );
    expect(text).toContain("{ sunspec: { model: 64001, offset: 2, type: string, length: 8 } }");
    expect(text).toContain("{ sunspec: { model: 64001, offset: 10, type: uint16, scale: 12 } }");
    expect(text).toContain("{ sunspec: { model: 64001, offset: 15, type: uint16 } }");
    expect(text).toContain("class: once");
    expect(points.tmp!.scale).toEqual({ numerator: 1n, denominator: 10n });
    expect(leftOut).toEqual([
      "IP: nothing here reads a ipaddr at this place",
      "pump repeats: its first is here, copy it with another index for the others",
      'tmp can be written: add "write:" when that is wanted',
    ]);
  });

  it("refuses what is no model", () => {
    expect(() => importSunspec("{", takes)).toThrow(expect.objectContaining({ code: "syntax" }));
    expect(() => importSunspec("{}", takes)).toThrow(expect.objectContaining({ code: "nothing-to-import" }));
    expect(() => importSunspec(definition(103, []), takes)).toThrow("no point that can be read");
  });

  const folder = goldenPath("sunspec", "models");
  const models = goldenIsHere ? readdirSync(folder).toSorted() : [];
  describe.skipIf(!goldenIsHere)("golden (needs ../shared/golden)", () => {
    it("has all models", () => expect(models).toHaveLength(19));
    it.each(models)("imports %s whole", (file) => {
      const text = readFileSync(join(folder, file), "utf8");
      const { points, leftOut } = loaded(importSunspec(text, takes));
      const wanted = [...text.matchAll(/"type": "(\w+)"/g)].filter(
        ([, type]) => type !== "sunssf" && type !== "pad" && type !== "group" && type !== "sync",
      );
      // All but where the model begins.
      expect(Object.keys(points).length).toBe(wanted.length - 2);
      expect(leftOut.filter((note) => note.includes("nothing here reads"))).toEqual([]);
    });
  });
});

describe("profiles out of payload schemas", () => {
  const schema = `name: acme_probe
endian: big
fields:
  - {name: temperature, type: s16, div: 10, unit: "°C", description: Air, resolution: 0.1}
  - {name: humidity, type: u8, unit: "%", valid_range: [0, 100]}
  - {name: state, type: enum, base: u8, values: {0: idle, 1: busy}}
  - name: radio
    type: object
    fields: [{name: gain, type: u8}]
test_vectors:
  - {name: a day, payload: "00D7 2D 01 05", fPort: 3, expected: {temperature: 21.5, humidity: 45, state: busy}}
`;

  // The protocol is not here yet: what can be looked at is the text.
  it("have the layout, its outputs as points and its vectors as examples", () => {
    const { text, leftOut } = writeImported(importPayloadSchema(schema), {
      id: "acme/probe",
      category: "controller",
      source: "a file",
    });
    expect(text).toContain(`protocol: lorawan
lorawan:
  payload:
    name: acme_probe
    endian: big
    fields:
      - {name: temperature,`);
    expect(text).not.toContain("test_vectors");
    expect(text).toContain(`  temperature:
    title: Air
    at: { field: temperature }
    unit: Cel
    resolution: 0.1
  humidity:
    title: humidity
    at: { field: humidity }
    unit: "%RH"
    range: [ 0, 100 ]
  state:
    title: state
    at: { field: state }
    kind: text
`);
    expect(text).toContain("at: { field: radio.gain }");
    expect(text).toContain(`examples:
  - name: a day
    given: { payload: 00 d7 2d 01 05, fPort: 3 }
    expect: { temperature: 21.5, humidity: 45, state: busy, radio_gain: 5 }
`);
    expect(leftOut).toEqual(['radio_gain has no unit; "count" stands for it']);
  });

  it("refuse what names nothing, and what is no schema", () => {
    const bare = "name: x\nfields: [{type: u8}]\n";
    expect(() => importPayloadSchema(bare)).toThrow();
    expect(() => importPayloadSchema("- 1\n")).toThrow(
      expect.objectContaining({ code: "bad-payload-schema" }),
    );
  });

  const folder = goldenPath("payload-schema");
  const files = goldenIsHere
    ? readdirSync(folder, { recursive: true, encoding: "utf8" })
        .filter((file) => /^[a-z].*\.yaml$/.test(file))
        .toSorted()
    : [];
  describe.skipIf(!goldenIsHere)("golden (needs ../shared/golden)", () => {
    it("has all devices", () => expect(files).toHaveLength(19));
    it.each(files)("makes a profile of %s that is YAML, and keeps its layout", (file) => {
      const text = readFileSync(join(folder, file), "utf8");
      const imported = importPayloadSchema(text);
      const written = writeImported(imported, { id: "acme/m1", category: "controller", source: file }).text;
      const { document, diagnostics } = parseYaml(written, "acme/m1.yaml");
      expect(diagnostics).toEqual([]);
      const value = document!.value as { lorawan: { payload: unknown }; examples?: unknown[] };
      const layout = compilePayload(value.lorawan.payload);
      const original = compilePayload(readSchemaText(text));
      expect(layout.fields()).toEqual(original.fields());
      for (const vector of original.vectors) {
        const options = vector.port === undefined ? {} : { port: vector.port };
        expect(layout.decode(vector.payload, options)).toEqual(original.decode(vector.payload, options));
      }
      expect(imported.points.length).toBeGreaterThan(0);
    });
  });
});

describe("registers out of an evcc.yaml", () => {
  it("are named after the meter that they stand under", () => {
    const { points } = loaded(
      importEvcc(`meters:
  - name: grid
    type: custom
    power:
      source: modbus
      uri: 192.0.2.2:502
      id: 1
      register: {address: 5082, type: input, decode: int32s}
      scale: -1
    currents:
      - {source: modbus, register: {address: 10, type: holding, decode: uint16}, scale: 0.1}
      - {source: modbus, register: {address: 11, type: holding, decode: uint16}, scale: 0.1}
`),
    );
    expect(Object.keys(points)).toEqual(["grid_power", "grid_currents", "grid_currents_2"]);
    expect(points.grid_power).toMatchObject({ unit: "W", scale: { numerator: -1n, denominator: 1n } });
  });

  it("may stand alone", () => {
    const { points } = loaded(
      importEvcc("source: modbus\nregister: {address: 7, type: holding, decode: float32}\n"),
    );
    expect(Object.keys(points)).toEqual(["value"]);
    const list = loaded(importEvcc("- source: modbus\n  register: {address: 7, type: coil}\n"));
    expect(list.points.value).toMatchObject({ kind: "state" });
  });
});
