import { describe, expect, it } from "vitest";
import { type MeterMessage, type MeterValue, objectsByCode } from "./message.ts";
import { addressSchema } from "./schema.ts";
import { parseDlmsTime, parseTelegramTime, timeText } from "./time.ts";
import { powerBetween, symbolOf } from "./units.ts";
import { find } from "./value.ts";

const text = (written: string): MeterValue => {
  const [value = "", unit] = written.split("*");
  return unit === undefined ? { kind: "text", text: value } : { kind: "text", text: value, unit };
};

function look(values: readonly (MeterValue | string)[], at: Record<string, unknown>, complete = true) {
  const message: MeterMessage = {
    ident: "X",
    list: [],
    complete,
    objects: [
      { obis: "1-0:1.8.0", values: values.map((value) => (typeof value === "string" ? text(value) : value)) },
    ],
  };
  const address = addressSchema.parse({ obis: "1-0:1.8.0", ...at });
  const found = find(message, objectsByCode(message), address, { standardTime: 60 });
  return found && "raw" in found ? (found.time === undefined ? found.raw : found) : found?.problem;
}

describe("numbers", () => {
  it.each([
    ["000123.456*kWh", { in: "kWh" }, 123.456],
    ["000123.456*kWh", { in: "Wh" }, 123_456],
    ["00032549.5061662*kWh", { in: "Wh" }, 32_549_506.1662],
    ["123*Wh", { in: "kWh" }, 0.123],
    ["000557.29*W", { in: "kW" }, 0.557_29],
    ["0.1*kVAr", { in: "kvar" }, 0.1],
    ["0.1*kvarh", { in: "varh" }, 100],
    ["-1.5*MW", { in: "kW" }, -1500],
    ["240.860*GJ", { in: "MJ" }, 240_860],
    ["12*dm3", { in: "m3" }, 0.012],
    ["0002", { type: "integer" }, 2],
    ["0002.0", { type: "integer" }, 2],
    ["99999999999999999999", { type: "integer" }, 99_999_999_999_999_999_999n],
    ["7", {}, 7],
  ])("%s is what it says in the unit that is wanted", (written, at, expected) => {
    expect(look([written], at)).toBe(expected);
  });

  it.each([
    ["1*kWh", { in: "kvarh" }, "config-error"],
    ["1*kWh", { in: "kW" }, "config-error"],
    ["1*kWh", { in: "J" }, "config-error"],
    ["1*kWh", {}, "config-error"],
    ["1", { in: "kWh" }, "config-error"],
    ["1*furlong", { in: "m" }, "config-error"],
    ["1,5*kWh", { in: "kWh" }, "config-error"],
    ["1e5*kWh", { in: "kWh" }, "config-error"],
    ["0x10", { type: "integer" }, "config-error"],
    ["1.5", { type: "integer" }, "config-error"],
    ["*kWh", { in: "kWh" }, "sentinel"],
    ["", { type: "integer" }, "sentinel"],
  ])("%s has no value for another unit or no number", (written, at, problem) => {
    expect(look([written], at)).toBe(problem);
  });

  it("of DLMS keep their scaler exactly", () => {
    const number = (digits: number | bigint, power: number, unit?: string): MeterValue => ({
      kind: "number",
      digits,
      power,
      unit,
    });
    expect(look([number(2307, -1, "V")], { in: "V" })).toBe(230.7);
    expect(look([number(3, -1, "V")], { in: "V" })).toBe(0.3);
    expect(look([number(10_049_926, 0, "Wh")], { in: "kWh" })).toBe(10_049.926);
    expect(look([number(2n ** 63n, 3, "Wh")], { type: "integer", in: "Wh" })).toBe(2n ** 63n * 1000n);
    expect(look([number(5, -1)], { type: "integer" })).toBe("config-error");
    expect(look([{ kind: "float", number: 1e-7, power: 3 }], {})).toBe(0.0001);
    expect(look([{ kind: "float", number: Number.NaN, power: 0 }], {})).toBe("sentinel");
    expect(look([{ kind: "nothing" }], {})).toBe("sentinel");
    expect(look([{ kind: "composite", what: "array" }], {})).toBe("config-error");
    expect(look([{ kind: "bytes", bytes: Uint8Array.of(1) }], {})).toBe("config-error");
  });
});

describe("values beside one code", () => {
  it("are told apart by their index; what is missing is a problem unless it may be", () => {
    const peaks = ["2", "x", "200501000000S", "200423192538S", "03.695*kW"];
    expect(look(peaks, { value: 4, in: "kW" })).toBe(3.695);
    expect(look(peaks, { value: 9, in: "kW" })).toBe("config-error");
    expect(look(peaks, { value: 9, in: "kW", optional: true })).toBe("sentinel");
    expect(look(peaks, { obis: "1-0:9.9.9" })).toBe("config-error");
    expect(look(peaks, { obis: "1-0:9.9.9", optional: true })).toBeUndefined();
    expect(look(peaks, { obis: "1-0:9.9.9" }, false)).toBeUndefined();
  });

  it("give the reading its time", () => {
    const gas = { value: 1, time: 0, in: "m3" };
    expect(look(["170102161005W", "0.107*m3"], gas)).toEqual({
      raw: 0.107,
      time: Date.UTC(2017, 0, 2, 15, 10, 5),
    });
    expect(look(["170702161005S", "0.107*m3"], gas)).toEqual({
      raw: 0.107,
      time: Date.UTC(2017, 6, 2, 14, 10, 5),
    });
    expect(look(["170702161005", "0.107*m3"], gas)).toBe("config-error");
    expect(look(["632525252525W", "0.000*m3"], gas)).toBe("sentinel");
  });

  it("may hold the unit", () => {
    const at = { value: 1, unitValue: 0, in: "m3" };
    expect(look(["m3", "1.001"], at)).toBe(1.001);
    expect(look(["kWh", "1.001"], at)).toBe("config-error");
  });

  it("that stand there twice must agree", () => {
    const twice = (second: string) => {
      const message: MeterMessage = {
        ident: "X",
        list: [],
        complete: true,
        objects: ["1*kWh", second].map((value) => ({ obis: "1-0:1.8.0", values: [text(value)] })),
      };
      const address = addressSchema.parse({ obis: "1-0:1.8.0", in: "kWh" });
      return find(message, objectsByCode(message), address, { standardTime: 60 });
    };
    expect(twice("1*kWh")).toEqual({ raw: 1 });
    expect(twice("2*kWh")).toMatchObject({ problem: "config-error" });
  });
});

describe("texts, states and times", () => {
  it("are what the address says", () => {
    expect(look(["4B384547"], { type: "hex-text" })).toBe("K8EG");
    expect(look(["4B38454"], { type: "hex-text" })).toBe("config-error");
    expect(look(["ADC31000"], { type: "hex-text" })).toBe("config-error");
    expect(look([""], { type: "hex-text" })).toBe("");
    expect(look(["ADC31000"], { type: "text" })).toBe("ADC31000");
    expect(look([{ kind: "bytes", bytes: Buffer.from("KFM_001") }], { type: "text" })).toBe("KFM_001");
    expect(look([{ kind: "bytes", bytes: Uint8Array.of(1, 200) }], { type: "text" })).toBe("config-error");
    expect(look([{ kind: "bytes", bytes: Uint8Array.of(1, 200) }], { type: "hex" })).toBe("01c8");
    expect(look(["1"], { type: "boolean" })).toBe(true);
    expect(look(["00"], { type: "boolean" })).toBe(false);
    expect(look(["2"], { type: "boolean" })).toBe("config-error");
    expect(look(["210222161900W"], { type: "time" })).toBe("2021-02-22T15:19:00Z");
    expect(look(["210222161900"], { type: "time" })).toBe("2021-02-22T16:19:00");
    expect(look(["210631161900W"], { type: "time" })).toBe("sentinel");
  });

  it("of DLMS know deviation, open fields and a clock that is wrong", () => {
    const time = (hex: string) => {
      const found = parseDlmsTime(Uint8Array.from(Buffer.from(hex.replace(/ /g, ""), "hex")));
      return found && timeText(found);
    };
    expect(time("07e3 0c 10 01 07 3b 28 ff 8000 ff")).toBe("2019-12-16T07:59:40");
    expect(time("07e5 0b 18 03 00 00 19 ff ffc4 00")).toBe("2021-11-23T23:00:25Z");
    expect(time("07e5 0b 18 03 00 00 19 ff 8000 01")).toBeUndefined();
    expect(time("07e5 0b 18 03 00 00 19 ff 8000 80")).toBe("2021-11-24T00:00:25");
    expect(time("ffff 0b 18 03 00 00 19 ff 8000 00")).toBeUndefined();
    expect(time("07e5 ff 18 03 00 00 19 ff 8000 00")).toBeUndefined();
    expect(time("07e5 0b 18")).toBeUndefined();
    expect(parseTelegramTime("200229120000W", 120)?.ms).toBe(Date.UTC(2020, 1, 29, 10));
    expect(parseTelegramTime("210229120000W", 60)).toBeUndefined();
  });
});

describe("units", () => {
  it("of meters in our symbols", () => {
    expect(["kVArh", "kvarh", "VAr", "kW", "m³", "HZ"].map(symbolOf)).toEqual([
      "kvarh",
      "kvarh",
      "var",
      "kW",
      "m3",
      "Hz",
    ]);
    expect(powerBetween("MW", "mW")).toBe(9);
    expect(powerBetween("mW", "MW")).toBe(-9);
    expect(powerBetween("h", "s")).toBeUndefined();
    expect(powerBetween("degF", "Cel")).toBeUndefined();
  });
});
