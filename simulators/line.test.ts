import { once } from "node:events";
import ModbusRTU from "modbus-serial";
import { SerialPort } from "serialport";
import { describe, expect, it } from "vitest";
import { characterMs, openPacedLine, silenceMs } from "./line.ts";
import { createModbusUnits } from "./modbus/device.ts";
import { crc16 } from "./modbus/framing.ts";

const units = { 1: { registers: { input: { 0: "0102 0304 0506 0708 090A 0B0C 0D0E 0F10 1112 1314" } } } };

describe("line times", () => {
  it("counts start, data, parity and stop bits", () => {
    expect(characterMs({ baud: 9600 })).toBeCloseTo(10 / 9.6, 9);
    expect(characterMs({ baud: 9600, parity: "even" })).toBeCloseTo(11 / 9.6, 9);
    expect(characterMs({ baud: 1200, dataBits: 7, parity: "odd", stopBits: 2 })).toBeCloseTo(11 / 1.2, 9);
  });

  it("parts frames by 3.5 characters, 1.75 ms above 19200 baud", () => {
    expect(silenceMs({ baud: 9600, parity: "even" })).toBeCloseTo(4.0104, 3);
    expect(silenceMs({ baud: 115_200 })).toBe(1.75);
  });
});

describe("a paced line", () => {
  it("gives every character its time, in both directions", async () => {
    const settings = { baud: 9600, parity: "even" } as const;
    await using line = openPacedLine({ ...settings, record: true });
    createModbusUnits(units).attach(line, "rtu");
    const master = new ModbusRTU.default();
    await master.connectRTUBuffered(line.path, { baudRate: 9600, parity: "even" });
    master.setID(1);
    master.setTimeout(10_000);
    const { data } = await master.readInputRegisters(0, 10);
    expect(data[9]).toBe(0x1314);
    await new Promise<void>((resolve) => master.close(() => resolve()));

    const character = characterMs(settings);
    expect(line.bytes.length).toBe(8 + 25);
    const gaps = line.bytes.slice(1).map(({ at }, index) => at - line.bytes[index]!.at);
    gaps.forEach((gap, index) => {
      // Between request and answer lies the silence that ends the request.
      expect(gap).toBeCloseTo(index === 7 ? silenceMs(settings) + character : character, 6);
    });
    expect(line.bytes.map(({ from }) => from).lastIndexOf("gateway")).toBe(7);
    // 33 characters and one silence, less the first character, which the clock of this count began with.
    const span = line.bytes.at(-1)!.at - line.bytes[0]!.at;
    expect(span).toBeCloseTo(32 * character + silenceMs(settings), 6);
    expect(line.statistics()).toMatchObject({ requests: 1, answers: 1, silenceViolations: 0, collisions: 0 });
  });

  it("sees a request that comes too soon after the answer, and one into the answer", async () => {
    // Slow enough that "at once" holds on a busy machine: 3.5 characters are 117 ms.
    await using line = openPacedLine({ baud: 300 });
    createModbusUnits(units).attach(line, "rtu");
    const port = new SerialPort({ path: line.path, baudRate: 300 });
    await once(port, "open");
    const body = Uint8Array.of(1, 4, 0, 0, 0, 1);
    const crc = crc16(body);
    const request = Buffer.from([...body, crc & 0xff, crc >> 8]);
    // The answer has 7 characters: the second request starts when the last of them is here, the third amid the second answer.
    let got = 0;
    let asked = 1;
    const done = new Promise<void>((resolve) => {
      port.on("data", (chunk: Buffer) => {
        got += chunk.length;
        if ((asked === 1 && got >= 7) || (asked === 2 && got >= 9)) {
          asked++;
          port.write(request);
          if (asked === 3) got = -100;
        }
        if (asked === 3 && got >= -100 + 7) resolve();
      });
    });
    port.write(request);
    await done;
    const { requests, silenceViolations, collisions } = line.statistics();
    expect(requests).toBe(3);
    expect(silenceViolations).toBe(2);
    expect(collisions).toBe(1);
    await new Promise<void>((resolve) => port.close(() => resolve()));
  });
});
