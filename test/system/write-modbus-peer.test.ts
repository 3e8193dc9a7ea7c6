import { type AddressInfo, createServer } from "node:net";
import fc from "fast-check";
import { ServerTCP } from "modbus-serial";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { silentLog } from "../../gateway/model/log.ts";
import type { RawValue } from "../../gateway/model/value.ts";
import { sampleDevice } from "../../gateway/profiles/sample.ts";
import { loadProtocols } from "../../gateway/southbound/index.ts";
import type { Driver } from "../../gateway/southbound/protocol.ts";
import { connectBy } from "../../gateway/transport/connect.ts";
import { realClock } from "../contract/real-clock.ts";
import { loadText } from "../contract/write-benches.ts";

// modbus-serial is the independent peer: what our driver writes, its server must hold.
const protocols = await loadProtocols();
const modbus = protocols.find(({ name }) => name === "modbus")!;
const never = new AbortController().signal;

const profileWith = (functions: string) =>
  loadText(
    `profile: test/peer
version: 1.0.0
title: { en: Peer, sv: Peer }
manufacturer: Test
models: [peer]
category: io-module
sources: [{ document: modbus-serial }]
status: draft
protocol: modbus
modbus: { addressing: protocol, order: ABCD${functions} }
points:
  a: { at: { coil: 0 }, kind: state }
examples: [{ given: { coil: { 0: 1 } }, expect: { a: true } }]
`,
    protocols,
  );
const plain = profileWith("");
const multiple = profileWith(", write: { function: [15, 16] }");
const masked = profileWith(", write: { function: [22] }");

describe("our driver and modbus-serial's server", () => {
  const holding = new Uint16Array(0x10000);
  const coils = new Uint8Array(0x10000);
  let server: ServerTCP;
  let driver: Driver;

  beforeAll(async () => {
    const free = createServer();
    await new Promise<void>((resolve) => free.listen(0, "127.0.0.1", resolve));
    const { port } = free.address() as AddressInfo;
    await new Promise((resolve) => free.close(resolve));
    server = new ServerTCP(
      {
        getHoldingRegister: (address: number) => holding[address] ?? 0,
        getCoil: (address: number) => coils[address] === 1,
        setRegister: (address: number, value: number) => {
          holding[address] = value;
        },
        setCoil: (address: number, value: boolean) => {
          coils[address] = Number(value);
        },
      },
      { host: "127.0.0.1", port, unitID: 1 },
    );
    await new Promise((resolve) => server.on("initialized", resolve));
    driver = await modbus.open(modbus.connection.parse({ tcp: { host: "127.0.0.1", port } }), {
      clock: realClock,
      random: () => 0.5,
      log: silentLog,
      connect: connectBy(realClock),
      emit: async () => {},
      signal: never,
    });
  });
  afterAll(async () => {
    await driver[Symbol.asyncDispose]();
    await new Promise<void>((resolve) => server.close(() => resolve()));
  });

  const write = (profile: typeof plain, at: unknown, raw: RawValue) =>
    driver.write!(
      sampleDevice(modbus, profile, { unit: 1 }),
      { address: modbus.address.parse(at), raw },
      never,
    );

  it.each([
    ["5", plain],
    ["15", multiple],
  ])("agree on coils by function %s", async (_code, profile) => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: 0xffff }), fc.boolean(), async (coil, on) => {
        coils[coil] = Number(!on);
        await write(profile, { coil }, on);
        expect(coils[coil]).toBe(Number(on));
      }),
      { numRuns: 50 },
    );
  });

  it.each([
    ["6", plain],
    ["16", multiple],
  ])("agree on single registers by function %s", async (_code, profile) => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 0, max: 0xffff }),
        fc.integer({ min: 0, max: 0xffff }),
        async (address, value) => {
          await write(profile, { holding: address }, value);
          expect(holding[address]).toBe(value);
        },
      ),
      { numRuns: 50 },
    );
  });

  it("agree on values of several registers by function 16", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 0, max: 0xfffe }),
        fc.integer({ min: 0, max: 0xffff_ffff }),
        async (address, value) => {
          await write(plain, { holding: address, type: "u32" }, value);
          expect((holding[address] ?? 0) * 0x10000 + (holding[address + 1] ?? 0)).toBe(value);
        },
      ),
      { numRuns: 50 },
    );
  });

  it("agree on single bits, read, changed and written back", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 0, max: 0xffff }),
        fc.integer({ min: 0, max: 15 }),
        fc.boolean(),
        fc.integer({ min: 0, max: 0xffff }),
        async (address, bit, on, before) => {
          holding[address] = before;
          await write(plain, { holding: address, bit }, on);
          expect(holding[address]).toBe(on ? before | (1 << bit) : before & ~(1 << bit));
        },
      ),
      { numRuns: 50 },
    );
  });

  it("agree that this server has no function 22: refused by name, and nothing is changed", async () => {
    holding[4] = 0x12;
    await expect(write(masked, { holding: 4, bit: 2 }, true)).rejects.toMatchObject({
      name: "RefusedError",
      code: "exception-1",
    });
    expect(holding[4]).toBe(0x12);
  });
});
