import { describe, expect, it } from "vitest";
import { nmeaSentence } from "../../../simulators/nmea.ts";
import { tell } from "./decode.ts";
import { addressSchema } from "./schema.ts";
import { parseSentence } from "./sentence.ts";

// Sentences that no golden set has, by the fields of IEC 61162-1.

function told(body: string, address: Record<string, unknown>): unknown {
  const sentence = parseSentence(Buffer.from(nmeaSentence(body), "latin1"), true);
  if (typeof sentence === "string") throw new Error(sentence);
  const found = tell(sentence, addressSchema.parse(address));
  return found && "raw" in found ? found.raw : found?.problem;
}

describe("sentences", () => {
  it.each<[string, string, string, unknown]>([
    ["SDDBS,12.3,f,3.75,M,2.05,F", "DBS", "depth", 3.75],
    ["SDDBK,9.8,f,3.00,M,1.6,F", "DBK", "depth_by_feet", 2.98704],
    ["HCHDM,238.5,M", "HDM", "heading_magnetic", 238.5],
    ["IIVWR,030.0,R,12.0,N,06.2,M,22.2,K", "VWR", "angle_relative", 30],
    ["IIVWR,030.0,L,12.0,N,06.2,M,22.2,K", "VWR", "angle_relative", 330],
    ["IIVWR,000.0,L,12.0,N,06.2,M,22.2,K", "VWR", "angle_relative", 0],
    ["IIVWR,030.0,X,12.0,N,,M,22.2,K", "VWR", "angle_relative", "config-error"],
    ["IIVWR,030.0,R,12.0,N,,M,22.2,K", "VWR", "speed_relative", "sentinel"],
    ["GPGST,172814.0,0.006,0.023,0.020,273.6,0.023,0.020,0.031", "GST", "error_altitude", 0.031],
    // Without a fix receivers send empty fields, a bare time, or a mode N.
    ["GPGGA,,,,,,0,00,99.99,,,,,,", "GGA", "latitude", "sentinel"],
    ["GPGGA,,,,,,0,00,99.99,,,,,,", "GGA", "quality", 0],
    ["GNRMC,,V,,,,,,,,,,N,V", "RMC", "speed", "sentinel"],
    ["GLRMC,120000,A,5919.76,N,01804.11,E,10,90,010126,,,A", "RMC", "unix", 1_767_268_800],
    ["BDGLL,5919.76,N,01804.11,E,120000,A", "GLL", "time", 43_200],
    ["GAZDA,235959.50,31,12,2025,00,00", "ZDA", "unix", 1_767_225_599.5],
    ["GPRMC,120000,A,5919.76,N,01804.11,E,10,90,310226,,,A", "RMC", "unix", "sentinel"],
    ["GPRMC,120000,A,5960.00,N,01804.11,E,10,90,010126,,,A", "RMC", "latitude", "config-error"],
  ])("%s: %s %s is %j", (body, sentence, field, value) => {
    expect(told(body, { sentence, field })).toBe(value);
  });

  it("may be named with their talker, and are then of this talker alone", () => {
    const address = { sentence: "GNRMC", field: "time" };
    const body = "RMC,010203,A,5919.76,N,01804.11,E,10,90,010126,,,A";
    expect(told(`GN${body}`, address)).toBe(3723);
    expect(told(`GP${body}`, address)).toBeUndefined();
    expect(() => addressSchema.parse({ sentence: "GNRMC", field: "speeed" })).toThrow(/no field/);
  });

  it.each([
    ["$GPHDT,86.2,T*00", "bad-checksum"],
    ["$GPHDT,86.2,T*2", "bad-checksum"],
    ["$GPHDT,86.2,T", "no-checksum"],
    ["$GPHDT,86\x01,T*2A", "bad-sentence"],
    ["GPHDT,86.2,T*2A", "bad-sentence"],
  ])("such as %j are %s", (text, problem) => {
    expect(parseSentence(Buffer.from(text, "latin1"), true)).toBe(problem);
  });

  it("of a ship's transponder and of makers are read as far as anybody numbers their fields", () => {
    const ship = nmeaSentence("AIVDM,1,1,,B,177KQJ5000G?tO`K>RA1wUbN0TKH,0").replace("$", "!");
    expect(parseSentence(Buffer.from(ship), true)).toMatchObject({ talker: "AI", type: "VDM" });
    expect(told("PGRME,15.0,M,45.0,M,25.0,M", { sentence: "PGRME", field: 1 })).toBe(15);
    expect(told("PUBX,00,120000.00,4717.11,N", { sentence: "PUBX", field: 1, type: "text" })).toBe("00");
  });
});
