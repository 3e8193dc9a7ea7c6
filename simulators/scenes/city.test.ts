import ModbusRTU from "modbus-serial";
import { afterEach, describe, expect, it } from "vitest";
import { openCity } from "./city.ts";

type Master = InstanceType<typeof ModbusRTU.default>;
const masters: Master[] = [];
afterEach(async () => {
  for (const master of masters.splice(0)) await new Promise<void>((resolve) => master.close(() => resolve()));
});

async function tcp(port: number): Promise<Master> {
  const master = new ModbusRTU.default();
  await master.connectTCP("127.0.0.1", { port });
  master.setID(1);
  masters.push(master);
  return master;
}

async function rtu(path: string): Promise<Master> {
  const master = new ModbusRTU.default();
  await master.connectRTUBuffered(path, { baudRate: 9600 });
  master.setTimeout(10_000);
  masters.push(master);
  return master;
}

const float = ({ buffer }: { buffer: Buffer }, index = 0): number => buffer.readFloatBE(index * 4);
const noon = Date.UTC(2026, 8, 21, 11);
const hour = 3_600_000;

describe("the city", () => {
  it("draws power by the hour, and its meters count it", async () => {
    let now = noon;
    await using city = await openCity({ now: () => now });
    const meter = await tcp(city.tcpPorts.substation);
    const powerAtNoon = float(await meter.readInputRegisters(52, 2));
    const energyAtNoon = float(await meter.readInputRegisters(72, 2));
    now += hour;
    const energyLater = float(await meter.readInputRegisters(72, 2));
    const powerLater = float(await meter.readInputRegisters(52, 2));
    expect(energyLater - energyAtNoon).toBeCloseTo(powerLater / 1000, 1);
    now += 13 * hour;
    const powerAtNight = float(await meter.readInputRegisters(52, 2));
    expect(powerAtNight).toBeLessThan(powerAtNoon * 0.75);
    const voltages = await meter.readInputRegisters(0, 6);
    for (const phase of [0, 1, 2]) {
      expect(float(voltages, phase)).toBeGreaterThan(220);
      expect(float(voltages, phase)).toBeLessThan(242);
    }
  });

  it("lights its lamps at dusk, and obeys commands until dawn", async () => {
    let now = noon;
    await using city = await openCity({ now: () => now });
    const pillar = await tcp(city.tcpPorts["feeder-pillar"]);
    expect((await pillar.readCoils(0, 4)).data.slice(0, 4)).toEqual([false, false, false, false]);
    expect((await pillar.readInputRegisters(0, 1)).data).toEqual([0]);
    now += 9 * hour;
    expect((await pillar.readCoils(0, 4)).data.slice(0, 4)).toEqual([true, true, true, true]);
    const [bright] = (await pillar.readInputRegisters(0, 1)).data;
    await pillar.writeRegister(0, 20);
    const [dimmed] = (await pillar.readInputRegisters(0, 1)).data;
    expect(dimmed).toBeLessThan(bright! / 2);
    await pillar.writeCoil(2, false);
    expect((await pillar.readCoils(0, 4)).data.slice(0, 4)).toEqual([true, true, false, true]);
  });

  it("has four devices on one serial line, one of which falls silent now and then", async () => {
    let now = noon;
    await using city = await openCity({ now: () => now });
    const line = await rtu(city.ptyPath);
    line.setID(1);
    expect(float(await line.readInputRegisters(12, 2))).toBeGreaterThan(30);
    line.setID(2);
    const [temperature, humidity] = (await line.readInputRegisters(1, 2)).data;
    expect(temperature).toBeGreaterThan(-200);
    expect(temperature).toBeLessThan(300);
    expect(humidity).toBeGreaterThan(200);
    expect(humidity).toBeLessThanOrEqual(1000);
    line.setID(3);
    expect((await line.readInputRegisters(3, 1)).data[0]).toBeGreaterThan(380);
    line.setID(4);
    expect((await line.readHoldingRegisters(2, 3)).data.slice(0, 2)).toEqual([1, 1]);
    now += 75_000;
    line.setTimeout(50);
    await expect(line.readHoldingRegisters(4, 1)).rejects.toMatchObject({ name: "TransactionTimedOutError" });
    now += 16_000;
    line.setTimeout(10_000);
    expect((await line.readHoldingRegisters(4, 1)).data.length).toBe(1);
  });

  it("names every device it has", async () => {
    await using city = await openCity();
    expect(new Set(city.devices.map(({ id }) => id)).size).toBe(9);
    const lines = new Set(city.connections.map(({ id }) => id));
    for (const { connection } of city.devices) expect(lines).toContain(connection);
    for (const { id } of city.devices) expect(id).toMatch(/^[a-z0-9][a-z0-9-]{0,62}$/);
  });
});
