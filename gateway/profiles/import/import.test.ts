import { describe, expect, it } from "vitest";
import { loadProtocols } from "../../southbound/index.ts";
import { loadProfile } from "../load.ts";
import { importEdgex } from "./edgex.ts";
import { importEvcc } from "./evcc.ts";
import { type Imported, pointName, writeImported } from "./imported.ts";
import { importTelegraf } from "./telegraf.ts";

const protocols = await loadProtocols();

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
