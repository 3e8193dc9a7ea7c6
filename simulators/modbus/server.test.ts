import { once } from "node:events";
import { connect as connectTo } from "node:net";
import ModbusRTU from "modbus-serial";
import { afterEach, describe, expect, it } from "vitest";
import { openPty } from "../pty.ts";
import type { UnitSettings } from "./device.ts";
import { every, type Fault, times } from "./faults.ts";
import { type ModbusServer, openModbusServer } from "./server.ts";

const units: Record<number, UnitSettings> = {
  1: {
    registers: {
      input: { "0x0000": "4366 3333", 10: 4711 },
      holding: { 100: "0001 0002 0003" },
      coil: { 0: "10110", 8: true },
      discrete: { 3: "01" },
    },
  },
  2: { registers: { input: { 0: "DEAD BEEF" } }, unmapped: "zeros", maxRegisters: 50 },
};

type Master = InstanceType<typeof ModbusRTU.default>;
type Way = "tcp" | "rtu-over-tcp" | "rtu" | "ascii";
const ways: Way[] = ["tcp", "rtu-over-tcp", "rtu", "ascii"];

const opened: AsyncDisposable[] = [];
afterEach(async () => {
  for (const one of opened.splice(0).reverse()) await one[Symbol.asyncDispose]();
});

/** modbus-serial, a master that shares no code with the simulator, on a fresh server. */
async function connect(way: Way): Promise<{ server: ModbusServer; master: Master }> {
  const master = new ModbusRTU.default();
  let server: ModbusServer;
  if (way === "rtu" || way === "ascii") {
    const pty = openPty();
    server = await openModbusServer({ listen: { wire: pty, framing: way }, units });
    opened.push(pty, server);
    if (way === "rtu") await master.connectRTUBuffered(pty.path, { baudRate: 19200 });
    else await master.connectAsciiSerial(pty.path, { baudRate: 19200 });
  } else {
    server = await openModbusServer({
      listen: { tcp: 0, framing: way === "tcp" ? "tcp" : "rtu" },
      units,
    });
    opened.push(server);
    if (way === "tcp") await master.connectTCP("127.0.0.1", { port: server.port });
    // Its "telnet" is plain RTU over TCP; its TcpRTUBuffered speaks MBAP.
    else await master.connectTelnet("127.0.0.1", { port: server.port });
  }
  master.on("error", () => {});
  opened.push({ [Symbol.asyncDispose]: () => new Promise((resolve) => master.close(() => resolve())) });
  master.setTimeout(10_000);
  master.setID(1);
  return { server, master };
}

describe.each(ways)("a unit over %s, asked by modbus-serial", (way) => {
  it("reads all four tables", async () => {
    const { master } = await connect(way);
    expect((await master.readInputRegisters(0, 2)).data).toEqual([0x4366, 0x3333]);
    expect((await master.readHoldingRegisters(100, 3)).data).toEqual([1, 2, 3]);
    expect((await master.readCoils(0, 5)).data.slice(0, 5)).toEqual([true, false, true, true, false]);
    expect((await master.readDiscreteInputs(3, 2)).data.slice(0, 2)).toEqual([false, true]);
  });

  it("takes writes of functions 5, 6, 15 and 16", async () => {
    const { master, server } = await connect(way);
    const { registers } = server.unit(1);
    await master.writeCoil(8, false);
    expect(registers.get("coil", 8)).toBe(0);
    await master.writeRegister(101, 0xabcd);
    expect(registers.get("holding", 101)).toBe(0xabcd);
    await master.writeCoils(0, [false, true, true]);
    expect([0, 1, 2, 3].map((at) => registers.get("coil", at))).toEqual([0, 1, 1, 1]);
    await master.writeRegisters(100, [7, 8, 9]);
    expect((await master.readHoldingRegisters(100, 3)).data).toEqual([7, 8, 9]);
  });

  it("refuses what it does not have, as configured", async () => {
    const { master } = await connect(way);
    await expect(master.readInputRegisters(9, 2)).rejects.toMatchObject({ modbusCode: 2 });
    await expect(master.writeRegister(99, 1)).rejects.toMatchObject({ modbusCode: 2 });
    master.setID(2);
    expect((await master.readInputRegisters(1, 3)).data).toEqual([0xbeef, 0, 0]);
    await expect(master.readInputRegisters(0, 51)).rejects.toMatchObject({ modbusCode: 3 });
  });
});

describe("a unit over TCP", () => {
  it("masks a register with function 22", async () => {
    const { master, server } = await connect("tcp");
    server.unit(1).registers.set("holding", 100, [0x12]);
    await master.maskWriteRegister(100, 0xf2, 0x25);
    // The example of the specification (V1.1b3, 6.16).
    expect(server.unit(1).registers.get("holding", 100)).toBe(0x17);
  });

  it("refuses an unknown function", async () => {
    const { server } = await connect("tcp");
    expect(await exchange(server.port, "0001 0000 0002 01 63", 9)).toBe("00010000000301e301");
  });

  it("goes down and comes up on the same port", async () => {
    await using server = await openModbusServer({ listen: { tcp: 0 }, units });
    const { port } = server;
    const request = "1234 0000 0006 01 04 000a 0001";
    const socket = connectTo(port, "127.0.0.1");
    socket.write(Buffer.from(request.replaceAll(" ", ""), "hex"));
    await once(socket, "data");
    expect(server.connections).toBe(1);
    const reset = once(socket, "error");
    await server.down();
    expect(await reset).toMatchObject([{ code: "ECONNRESET" }]);
    await expect(exchange(port, request, 11)).rejects.toMatchObject({ code: "ECONNREFUSED" });
    await server.up();
    expect(server.port).toBe(port);
    expect(await exchange(port, request, 11)).toBe("1234000000050104021267");
  });
});

describe("scenes and writes", () => {
  it("brings the registers to the present before each answer, and tells of writes", async () => {
    let reads = 0;
    const written: string[] = [];
    await using server = await openModbusServer({
      listen: { tcp: 0 },
      units: {
        5: {
          registers: { input: { 0: 0 }, holding: { 0: 0 } },
          scene: (registers) => registers.setInteger("input", 0, -++reads),
          onWrite: (_, table, address, count) => written.push(`${table} ${address} ${count}`),
        },
      },
    });
    expect(await exchange(server.port, "0001 0000 0006 05 04 0000 0001", 11)).toBe(
      "0001000000050504 02ffff".replaceAll(" ", ""),
    );
    expect(await exchange(server.port, "0002 0000 0006 05 04 0000 0001", 11)).toBe(
      "0002000000050504 02fffe".replaceAll(" ", ""),
    );
    await exchange(server.port, "0003 0000 0006 05 06 0000 0009", 12);
    expect(written).toEqual(["holding 0 1"]);
    expect(server.unit(5).requests).toBe(3);
  });
});

/** What comes back, raw: until `size` bytes are there or the connection ends. */
function exchange(port: number, request: string, size: number): Promise<string> {
  return new Promise((resolve, reject) => {
    let got = Buffer.alloc(0);
    const socket = connectTo(port, "127.0.0.1", () =>
      socket.write(Buffer.from(request.replaceAll(" ", ""), "hex")),
    );
    const done = () => {
      socket.destroy();
      resolve(got.toString("hex"));
    };
    socket.on("data", (chunk) => {
      got = Buffer.concat([got, chunk]);
      if (got.length >= size) done();
    });
    socket.on("end", done);
    socket.on("error", reject);
  });
}

describe("faults on TCP, seen raw", () => {
  const request = "1234 0000 0006 01 04 000a 0001";
  const right = "12340000000501040212 67".replaceAll(" ", "");
  const cases: [Fault, string][] = [
    [{ kind: "crc" }, "12340000000401040212 67"],
    [{ kind: "exception", code: 6 }, "123400000003018406"],
    [{ kind: "half" }, "1234000000"],
    [{ kind: "garbage", bytes: Uint8Array.of(0xaa) }, `aa${right}`],
    [{ kind: "wrong-unit" }, "1234000000050204021267"],
    [{ kind: "wrong-function" }, "1234000000050103021267"],
    [{ kind: "wrong-length" }, "1234000000070104041267abcd"],
    [{ kind: "duplicate" }, right + right],
    [{ kind: "echo" }, request + right],
    [{ kind: "foreign" }, `2468000000050104021267${right}`],
    [{ kind: "dribble", ms: 1 }, right],
    [{ kind: "late", ms: 5 }, right],
  ];
  it.each(cases)("%o", async (fault, expected) => {
    await using server = await openModbusServer({ listen: { tcp: 0 }, units });
    server.unit(1).fault(fault);
    const wanted = expected.replaceAll(" ", "");
    expect(await exchange(server.port, request, wanted.length / 2)).toBe(wanted);
    server.unit(1).fault(undefined);
    expect(await exchange(server.port, request, 11)).toBe(right);
  });

  it("reset", async () => {
    await using server = await openModbusServer({ listen: { tcp: 0 }, units });
    server.unit(1).fault({ kind: "reset" });
    await expect(exchange(server.port, request, 11)).rejects.toMatchObject({ code: "ECONNRESET" });
  });

  it("silence: nothing comes, though the request came", async () => {
    await using server = await openModbusServer({ listen: { tcp: 0 }, units });
    server.unit(1).fault(times(1, { kind: "silence" }));
    // The first request gets no answer; so the first bytes that come belong to the second one.
    const second = "1235000000050104021267";
    expect(await exchange(server.port, `${request} 1235 0000 0006 01 04 000a 0001`, 11)).toBe(second);
    expect(server.unit(1).requests).toBe(2);
  });
});

describe("faults on RTU, seen by modbus-serial", () => {
  it("a CRC error and an exception are errors, then all is well again", async () => {
    const { master, server } = await connect("rtu");
    server.unit(1).fault(times(1, { kind: "crc" }));
    await expect(master.readInputRegisters(10, 1)).rejects.toMatchObject({ message: "CRC error" });
    server.unit(1).fault({ kind: "exception", code: 4 });
    await expect(master.readInputRegisters(10, 1)).rejects.toMatchObject({ modbusCode: 4 });
    server.unit(1).fault(undefined);
    expect((await master.readInputRegisters(10, 1)).data).toEqual([4711]);
  });

  it("silence is a timeout; every second request can be lost", async () => {
    const { master, server } = await connect("rtu");
    master.setTimeout(60);
    server.unit(1).fault(every(2, { kind: "silence" }));
    expect((await master.readInputRegisters(10, 1)).data).toEqual([4711]);
    await expect(master.readInputRegisters(10, 1)).rejects.toMatchObject({
      name: "TransactionTimedOutError",
    });
    master.setTimeout(10_000);
    expect((await master.readInputRegisters(10, 1)).data).toEqual([4711]);
  });

  it("an answer that comes too late is what modbus-serial takes for the next one", async () => {
    const { master, server } = await connect("rtu");
    server.unit(1).registers.set("input", 11, [1234]);
    master.setTimeout(40);
    server.unit(1).fault(times(1, { kind: "late", ms: 80 }));
    await expect(master.readInputRegisters(10, 1)).rejects.toMatchObject({
      name: "TransactionTimedOutError",
    });
    server.unit(1).fault({ kind: "silence" });
    master.setTimeout(10_000);
    // Asked for register 11, which is 1234 and silent: got the late answer of register 10.
    expect((await master.readInputRegisters(11, 1)).data).toEqual([4711]);
  });
});
