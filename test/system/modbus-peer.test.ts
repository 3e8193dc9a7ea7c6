import { type AddressInfo, createServer, type Socket } from "node:net";
import modbusSerial, { ServerTCP } from "modbus-serial";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { LinkError, TransientError } from "../../gateway/model/errors.ts";
import { ascii } from "../../gateway/southbound/modbus/ascii.ts";
import type { Client } from "../../gateway/southbound/modbus/client.ts";
import { LineClient } from "../../gateway/southbound/modbus/line-client.ts";
import type { ReadFunction } from "../../gateway/southbound/modbus/pdu.ts";
import { rtu } from "../../gateway/southbound/modbus/rtu.ts";
import { TcpClient } from "../../gateway/southbound/modbus/tcp-client.ts";
import { connectBy } from "../../gateway/transport/connect.ts";
import { realClock } from "../contract/real-clock.ts";
import { registersOf, rtuAnswer, type SeenRequest, tcpAnswer } from "../fault/modbus-unit.ts";

// modbus-serial is the independent peer: its server answers our client, and where its client is known
// to go wrong (late answers, ids used again, requests at the same time, cut links) ours must not.
const connect = connectBy(realClock);
const never = new AbortController().signal;
const overTcp = { character: 0, silence: 0, slack: 0, floor: 20 };

describe("our client and modbus-serial's server", () => {
  let server: ServerTCP;
  let client: Client;

  beforeAll(async () => {
    const value = (address: number) => (address * 7 + 13) & 0xffff;
    const bit = (address: number) => address % 3 === 0;
    const vector = {
      getInputRegister: (address: number) => value(address),
      getHoldingRegister: (address: number) => value(address + 1),
      getCoil: (address: number) => bit(address),
      getDiscreteInput: (address: number) => bit(address + 1),
    };
    const free = createServer();
    await new Promise<void>((resolve) => free.listen(0, "127.0.0.1", resolve));
    const { port } = free.address() as AddressInfo;
    await new Promise((resolve) => free.close(resolve));
    server = new ServerTCP(vector, { host: "127.0.0.1", port, unitID: 1 });
    await new Promise((resolve) => server.on("initialized", resolve));
    client = new TcpClient(await connect({ kind: "tcp", host: "127.0.0.1", port }, never), 4, realClock);
  });
  afterAll(async () => {
    await client[Symbol.asyncDispose]();
    await new Promise<void>((resolve) => server.close(() => resolve()));
  });

  it("agree on every register and bit", async () => {
    const reads: { code: ReadFunction; start: number; count: number }[] = [];
    for (const code of [1, 2, 3, 4] as const)
      for (const [start, count] of [
        [0, 1],
        [5, 17],
        [100, 125],
        [65_500, 36],
      ] as const)
        reads.push({ code, start, count });
    await Promise.all(
      reads.map(async ({ code, start, count }) => {
        const { pdu } = await client.request(1, { function: code, start, count }, 2000, never);
        for (let index = 0; index < count; index++) {
          const address = start + index + (code === 2 || code === 3 ? 1 : 0);
          if (code <= 2)
            expect(((pdu[2 + (index >> 3)] ?? 0) >> (index & 7)) & 1).toBe(Number(address % 3 === 0));
          else
            expect(((pdu[2 + 2 * index] ?? 0) << 8) | (pdu[3 + 2 * index] ?? 0)).toBe(
              (address * 7 + 13) & 0xffff,
            );
        }
      }),
    );
    expect(client.statistics).toMatchObject({ replies: 16, foreign: 0, bad: 0, timeouts: 0 });
  });
});

/** A unit that answers each request after as long as `lateness` says, RTU frames or Modbus TCP in a TCP stream. */
async function slowUnit(framing: "rtu" | "tcp", lateness: (turn: number) => number) {
  let turn = 0;
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.on("data", (frame) => {
      const head = framing === "tcp" ? 6 : 0;
      const request: SeenRequest = {
        unit: frame[head]!,
        code: frame[head + 1]!,
        start: frame.readUInt16BE(head + 2),
        count: frame.readUInt16BE(head + 4),
        at: 0,
      };
      const reply = framing === "tcp" ? tcpAnswer(frame.readUInt16BE(0), request) : rtuAnswer(request);
      realClock.timer(lateness(turn++), () => socket.write(reply));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    sockets,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

describe("a unit whose answers come after the timeout", () => {
  const timeout = 20;
  // One to five timeouts, some on time.
  const late = [1.3, 1.5, 2.4, 0.05, 4.6, 0.05, 1.2];
  const lateness = (turn: number) => timeout * late[turn % late.length]!;

  it("makes modbus-serial give another register's value", async () => {
    await using unit = await slowUnit("rtu", lateness);
    const peer = new modbusSerial.default();
    await peer.connectTelnet("127.0.0.1", { port: unit.port });
    peer.setID(1);
    peer.setTimeout(timeout);
    let wrong = 0;
    for (let request = 0; request < 20; request++) {
      const start = 1000 * request;
      const data = await peer.readHoldingRegisters(start, 2).then(
        (reply) => reply.data,
        () => undefined,
      );
      if (data && data[0] !== start) wrong++;
    }
    await new Promise<void>((resolve) => peer.close(() => resolve()));
    expect(wrong).toBeGreaterThan(0);
  });

  it.each(["rtu", "tcp"] as const)("never makes ours: %s", async (framing) => {
    await using unit = await slowUnit(framing, lateness);
    const transport = await connect({ kind: "tcp", host: "127.0.0.1", port: unit.port }, never);
    await using client =
      framing === "tcp"
        ? new TcpClient(transport, 1, realClock)
        : new LineClient(transport, rtu, overTcp, realClock);
    let wrong = 0;
    let right = 0;
    for (let request = 0; request < 40; request++) {
      const start = 1000 * request;
      try {
        const { pdu } = await client.request(1, { function: 3, start, count: 2 }, timeout, never);
        if (JSON.stringify([...pdu.subarray(2)]) === JSON.stringify(registersOf(start, 2))) right++;
        else wrong++;
      } catch (error) {
        expect(error).toBeInstanceOf(TransientError);
        await realClock.sleep(5);
      }
    }
    expect(wrong).toBe(0);
    expect(right).toBeGreaterThan(0);
  });
});

describe("a link that is cut or left half open", () => {
  it("settles every request, also without a timeout of ours near", async () => {
    for (const framing of [rtu, ascii, undefined]) {
      await using unit = await slowUnit("tcp", () => 60_000);
      const transport = await connect({ kind: "tcp", host: "127.0.0.1", port: unit.port }, never);
      const client = framing
        ? new LineClient(transport, framing, overTcp, realClock)
        : new TcpClient(transport, 1, realClock);
      const pending = [1, 2].map((start) =>
        client.request(1, { function: 3, start, count: 1 }, 600_000, never).then(
          () => "answered",
          (error) => error,
        ),
      );
      while (unit.sockets.size === 0) await realClock.sleep(1);
      for (const socket of unit.sockets) socket.resetAndDestroy();
      for (const outcome of await Promise.all(pending)) expect(outcome).toBeInstanceOf(LinkError);
      await client[Symbol.asyncDispose]();
    }
  });

  it("closes at once though the peer does not", async () => {
    const server = createServer({ allowHalfOpen: true }, (socket) => {
      socket.on("error", () => {});
      socket.pause();
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    const client = new TcpClient(
      await connect({ kind: "tcp", host: "127.0.0.1", port }, never),
      1,
      realClock,
    );
    const pending = client
      .request(1, { function: 3, start: 0, count: 1 }, 600_000, never)
      .catch((error) => error);
    await client[Symbol.asyncDispose]();
    expect(await pending).toBeInstanceOf(LinkError);
    server.close();
  });
});
