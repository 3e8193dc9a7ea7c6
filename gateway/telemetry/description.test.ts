import { describe, expect, it } from "vitest";
import { sampleDevice, samplePoint, sampleUnitOf } from "../../test/telemetry/sample.ts";
import { encodeDescription } from "./description.ts";

describe("encodeDescription", () => {
  it("describes every name that the device sends, in the units of the wire", () => {
    const base = sampleDevice("m1", { audiences: new Map([["energy", "billing"]]) });
    const device = {
      ...base,
      profile: {
        ...base.profile,
        title: { en: "Meter", sv: "Mätare" },
        points: [
          samplePoint("energy", {
            unit: "kWh",
            kind: "counter",
            range: [0, 10],
            title: { en: "Energy", sv: "Energi" },
          }),
          samplePoint("flags", {
            kind: "state",
            bits: new Map([
              [0, "door"],
              [1, "lamp"],
            ]),
          }),
          samplePoint("mode", {
            kind: "state",
            labels: new Map([
              [0, { en: "off" }],
              [1, { en: "on" }],
            ]),
          }),
          samplePoint("serial", { kind: "text" }),
        ],
      },
    };
    const td = JSON.parse(new TextDecoder().decode(encodeDescription(device, sampleUnitOf, "city/v1/gw1")));
    expect(td).toMatchObject({
      id: "urn:dev:ops:32473-stadsnod-m1",
      titles: { sv: "Mätare" },
      security: "broker",
      "stadsnod:profile": { id: "acme/meter", version: "1", hash: "0".repeat(64) },
    });
    expect(Object.keys(td.properties)).toEqual(["energy", "flags/door", "flags/lamp", "mode", "serial"]);
    expect(td.properties.energy).toMatchObject({
      title: "Energy",
      type: "number",
      unit: "J",
      minimum: 0,
      maximum: 36_000_000,
      "stadsnod:audience": "billing",
      forms: [{ href: "city/v1/gw1/telemetry/billing/" }],
    });
    expect(td.properties.mode).toMatchObject({
      type: "string",
      enum: ["off", "on"],
      "stadsnod:audience": "open",
    });
    expect(td.properties["flags/door"]).toMatchObject({ type: "boolean" });
    expect(td.properties.serial).not.toHaveProperty("type");
  });
});
