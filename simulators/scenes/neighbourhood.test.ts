import ModbusRTU from "modbus-serial";
import { SerialPort } from "serialport";
import { describe, expect, it } from "vitest";
import { openNeighbourhood } from "./neighbourhood.ts";

// Read by others' masters: what the chargers, the radars and the rain gauge say is what their makers publish.

const noon = Date.UTC(2026, 3, 14, 11);
const nature = { now: () => noon, random: () => 0.5 };

interface Endpoint {
  readonly port: string | number;
  readonly baud?: number;
}

async function neighbourhood() {
  const quarter = await openNeighbourhood({ nature, radarEveryMs: 20 });
  const line = (id: string): Endpoint => {
    const settings = quarter.connections.find((one) => one.id === id)!.settings;
    return (settings.tcp ?? settings.serial) as unknown as Endpoint;
  };
  return Object.assign(quarter, { line });
}

/** The first text or bytes that satisfy `enough`. */
async function heard(path: string, ask: string, enough: (bytes: Buffer) => boolean): Promise<Buffer> {
  const port = new SerialPort({ path, baudRate: 9600, autoOpen: false });
  await new Promise<void>((resolve, reject) => port.open((error) => (error ? reject(error) : resolve())));
  try {
    return await new Promise<Buffer>((resolve) => {
      let bytes = Buffer.alloc(0);
      port.on("data", (chunk: Buffer) => {
        bytes = Buffer.concat([bytes, chunk]);
        if (enough(bytes)) resolve(bytes);
      });
      if (ask !== "") port.write(ask);
    });
  } finally {
    await new Promise<void>((resolve) => port.close(() => resolve()));
  }
}

describe("the neighbourhood", () => {
  it("has charging points that take what they are allowed", async () => {
    await using quarter = await neighbourhood();
    const master = new ModbusRTU.default();
    await master.connectTCP("127.0.0.1", { port: Number(quarter.line("charger-1").port) });
    try {
      master.setID(255);
      const read = async (address: number) =>
        (await master.readHoldingRegisters(address, 2)).buffer.readUInt32BE();
      expect([1, 3]).toContain(await read(1000));
      // 14:00 at charger 1: a car is there for the first half of every ten minutes.
      expect(await read(1000)).toBe(3);
      expect(await read(1008)).toBeGreaterThan(15_000);
      await master.writeRegister(5004, 6000);
      expect(await read(1008)).toBeLessThanOrEqual(6000);
      expect(await read(1020)).toBeLessThan(3 * 240 * 6000);
      await master.writeRegister(5014, 0);
      expect([await read(1000), await read(1008), await read(1020)]).toEqual([5, 0, 0]);
    } finally {
      await new Promise<void>((resolve) => master.close(() => resolve()));
    }
  });

  it("has radars that report by themselves", async () => {
    await using quarter = await neighbourhood();
    const bytes = await heard(
      String(quarter.line("flat-presence-line").port),
      "",
      ({ length }) => length >= 46,
    );
    const hex = bytes.toString("hex");
    expect(hex).toMatch(/^(f4f3f2f10d0002aa0[023].{16}5500f8f7f6f5)+/);
  });

  it("has a rain gauge that answers a poll", async () => {
    await using quarter = await neighbourhood();
    const bytes = await heard(String(quarter.line("tunnel-rain-line").port), "R\n", (all) =>
      all.includes("\n"),
    );
    expect(bytes.toString("latin1")).toMatch(
      /^Acc \d+\.\d{3} mm, EventAcc \d+\.\d{3} mm, TotalAcc 12\.375 mm, RInt \d+\.\d{3} mmph\r\n$/,
    );
  });
});
