import { describe, expect, it } from "vitest";
import { VirtualClock } from "../../test/fault/virtual-clock.ts";
import { createNetwork } from "../lorawan/network.ts";
import { loraCity } from "./lorawan.ts";
import { seededRandom } from "./nature.ts";

const noon = Date.UTC(2026, 3, 14, 11);

async function day(hours: number, seed = 1) {
  const clock = new VirtualClock({ unix: noon });
  const city = loraCity({ now: () => clock.now(), random: seededRandom(seed) });
  const network = createNetwork({
    devices: city.map(({ device }) => device),
    now: () => clock.now(),
    after: (ms, callback) => clock.timer(ms, callback),
    seed,
  });
  network.listen(() => {}, { countsAtQueue: false, resends: false });
  network.start();
  await clock.advance(hours * 3_600_000);
  const said = (id: string) => {
    const { devEui } = city.find((one) => one.id === id)!.device;
    return network.uplinks
      .filter((uplink) => uplink.devEui === devEui)
      .map(({ fPort, payload }) => ({ fPort, bytes: Buffer.from(payload, "hex") }));
  };
  return {
    clock,
    network,
    said,
    device: (id: string) => network.device(city.find((one) => one.id === id)!.device.devEui)!,
  };
}

describe("the LoRaWAN devices of the city", () => {
  it("speak as their makers describe, all day and night", async () => {
    const { said } = await day(30);
    const bins = said("square-bin");
    expect(bins.length).toBeGreaterThan(55);
    for (const { fPort, bytes } of bins) {
      expect(fPort).toBe(85);
      expect(bytes.toString("hex")).toMatch(/^01755b0367.{4}0482.{4}050000$/);
      expect(bytes.readUInt16LE(9)).toBeGreaterThanOrEqual(120);
      expect(bytes.readUInt16LE(9)).toBeLessThanOrEqual(1000);
    }
    const distances = bins.map(({ bytes }) => bytes.readUInt16LE(9));
    // It fills, and is emptied once.
    expect(distances.filter((mm, index) => index > 0 && mm > distances[index - 1]! + 100).length).toBe(1);
    const spaces = said("quay-parking");
    expect(new Set(spaces.map(({ fPort, bytes }) => `${fPort} ${bytes.length}`))).toEqual(
      new Set(["1 1", "2 2"]),
    );
    expect(new Set(spaces.map(({ bytes }) => bytes[0]))).toEqual(new Set([0, 1]));
    for (const { bytes } of said("drain-water")) expect(bytes.toString("hex")).toMatch(/^0175600377.{4}$/);
    const people = said("square-people").map(({ bytes }) => bytes);
    expect(people[0]!.toString("hex")).toMatch(/^02060004a30b00f6b569/);
    const [first, last] = [people[0]!, people.at(-1)!];
    expect(people.slice(1).reduce((sum, bytes) => sum + bytes.readUInt16BE(13), 0)).toBe(
      last.readUInt16BE(18) - first.readUInt16BE(18),
    );
    expect(last.readUInt16BE(18)).toBeGreaterThan(2000);
    for (const { bytes } of said("classroom-air"))
      expect(bytes.toString("hex")).toMatch(/^01.{4}02..04.{4}05..06.{4}070e38$/);
  });

  it("has a lamp that is dimmed by a downlink, answers, and tells its level from then on", async () => {
    const { clock, network, said, device } = await day(1);
    expect(said("park-lamp").at(-1)!.bytes.subarray(-8).toString("hex")).toBe("fe21000002210000");
    network.enqueue(device("park-lamp"), {
      id: "00000000-0000-4000-8000-000000000001",
      fPort: 60,
      bytes: Uint8Array.of(0x01, 0xfe, 35),
      confirmed: true,
      correlationIds: [],
    });
    await clock.advance(10_000);
    const answer = said("park-lamp").at(-1)!;
    expect([answer.fPort, answer.bytes.toString("hex")]).toEqual([60, "01fe23"]);
    await clock.advance(3_600_000);
    const status = said("park-lamp").at(-1)!;
    expect([status.fPort, status.bytes.subarray(-8).toString("hex")]).toEqual([23, "fefd230402fd2304"]);
    expect(status.bytes.readUInt32LE(1) * 1000).toBeGreaterThan(noon);
  });

  it("has a lamp that takes nothing that is not for it", async () => {
    const { clock, network, said, device } = await day(1);
    const before = said("park-lamp").length;
    for (const [fPort, hex] of [
      [50, "01fe23"],
      [60, "01fe65"],
      [60, "02fe23"],
      [60, "01fe"],
      [60, "011223"],
    ] as const)
      network.enqueue(device("park-lamp"), {
        id: "00000000-0000-4000-8000-000000000001",
        fPort,
        bytes: Uint8Array.from(Buffer.from(hex, "hex")),
        confirmed: false,
        correlationIds: [],
      });
    await clock.advance(60_000);
    expect(device("park-lamp").received.length).toBe(5);
    expect(said("park-lamp").length).toBe(before);
  });
});
