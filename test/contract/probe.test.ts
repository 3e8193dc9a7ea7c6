import { describe, expect, it } from "vitest";
import { live } from "../../gateway/cli/profile/live-device.ts";
import { silentLog } from "../../gateway/model/log.ts";
import { mbus } from "../../gateway/southbound/mbus/protocol.ts";
import { nmea } from "../../gateway/southbound/nmea/protocol.ts";
import type { ProbeFinding, Protocol } from "../../gateway/southbound/protocol.ts";
import { sdi12 } from "../../gateway/southbound/sdi12/protocol.ts";
import { serialFrame } from "../../gateway/southbound/serial-frame/protocol.ts";
import { serialLine } from "../../gateway/southbound/serial-line/protocol.ts";
import { type MemoryTransport, memoryPair } from "../../gateway/transport/memory.ts";
import type { Endpoint } from "../../gateway/transport/transport.ts";
import { attachMeters } from "../../simulators/mbus-meter.ts";
import type { Wire } from "../../simulators/wire.ts";
import { VirtualClock } from "../fault/virtual-clock.ts";

interface Asked {
  readonly device?: unknown;
  readonly at?: string;
}

/** What a probe finds on a line, whose far end `attach` plays; or the error that it ends with. */
async function probe(
  protocol: Protocol,
  { device, at }: Asked,
  attach: (wire: Wire, clock: VirtualClock) => unknown,
): Promise<readonly ProbeFinding[] | { readonly code: string }> {
  const clock = new VirtualClock();
  const connection = protocol.connection.parse(protocol.sample?.connection);
  const [near, far] = memoryPair(clock);
  let endpoint: Endpoint | undefined;
  attach(wireOf(far), clock);
  const found: ProbeFinding[] = [];
  let over = false;
  const probing = (async () => {
    const findings = protocol.probe!(
      connection,
      {
        settings: device === undefined ? undefined : protocol.device.parse(device),
        at,
        expected: undefined,
        listenMs: 5000,
      },
      {
        clock,
        random: () => 0.5,
        log: silentLog,
        connect: async (asked) => {
          endpoint = asked;
          return near;
        },
        emit: async () => {},
        signal: new AbortController().signal,
      },
    );
    for await (const finding of findings) found.push(finding);
    return found;
  })()
    .catch((error: { code: string }) => error)
    .finally(() => {
      over = true;
    });
  while (!over) await clock.advance(1000);
  // Whatever it ended with, the line is given back.
  expect(near.lost.aborted).toBe(endpoint !== undefined);
  return probing;
}

function wireOf(far: MemoryTransport): Wire {
  return {
    send: (bytes) => void far.write(bytes).catch(() => {}),
    receive: (receiver) => far.receive(receiver),
  };
}

const nobody = () => {};
const ats = (found: Awaited<ReturnType<typeof probe>>) => {
  if (!Array.isArray(found)) throw new Error(JSON.stringify(found));
  return found.map(({ at }: ProbeFinding) => at);
};

describe("probing M-Bus", () => {
  const meter = (address: number, id: string) => ({
    address,
    id,
    manufacturer: "ABC",
    version: 3,
    medium: 4,
    telegrams: () => [
      // Energy in kWh, a stored volume in litres, its highest power, an unknown VIF, the maker's block.
      [0x04, 0x06, 0x10, 0x27, 0, 0, 0x44, 0x13, 1, 0, 0, 0, 0x12, 0x2b, 5, 0, 0x01, 0x6f, 7, 0x0f, 0xaa],
    ],
  });
  const attach = (wire: Wire, clock: VirtualClock) =>
    attachMeters(wire, [meter(5, "12345678"), meter(17, "12995678")], {
      after: (ms, callback) => clock.timer(ms, callback),
    });

  it("shows each record as a profile would write it, with its key", async () => {
    const found = await probe(mbus as Protocol, { device: { address: 5 } }, attach);
    expect(found).toContainEqual({ at: "mbus: {telegrams: 1}", value: "" });
    expect(found).toContainEqual({
      at: "{header: medium}",
      value: "4",
      note: "4 (heat, measured in the return)",
    });
    expect(found).toContainEqual({ at: "{quantity: energy}", value: "10000000 Wh", note: 'key "04 06"' });
    expect(found).toContainEqual({
      at: "{quantity: volume, storage: 1}",
      value: "0.001 m3",
      note: 'key "44 13"',
    });
    expect(found).toContainEqual({
      at: "{quantity: power, function: maximum}",
      value: "5 W",
      note: 'key "12 2B"',
    });
    expect(found).toContainEqual({ at: '{key: "01 6F"}', value: "7", note: "" });
    expect(found).toContainEqual({
      at: "-",
      value: "aa",
      note: "the maker's own data, which no point can read",
    });
  });

  it("finds who is on the line by both addresses, when nobody says which meter", async () => {
    expect(ats(await probe(mbus as Protocol, {}, attach))).toEqual([
      "{address: 5}",
      "{address: 17}",
      '{secondary: {id: "12345678", manufacturer: ABC, version: 3, medium: 4}}',
      '{secondary: {id: "12995678", manufacturer: ABC, version: 3, medium: 4}}',
    ]);
  });

  it("looks where it is told", async () => {
    expect(ats(await probe(mbus as Protocol, { at: "scan 10..20" }, attach))).toEqual(["{address: 17}"]);
    expect(ats(await probe(mbus as Protocol, { at: "scan 129FFFFF" }, attach))).toHaveLength(1);
    for (const at of ["scan 20..10", "scan 251", "scan zzz", "register 4"])
      expect(await probe(mbus as Protocol, { at }, attach)).toMatchObject({ code: "bad-place" });
  });

  it("says when nobody answers", async () => {
    expect(await probe(mbus as Protocol, { at: "scan 1..3" }, nobody)).toMatchObject({ code: "silent" });
    expect(await probe(mbus as Protocol, { device: { address: 9 } }, attach)).toMatchObject({
      code: "timeout",
    });
  });
});

describe("probing SDI-12", () => {
  const connection = { serial: { port: "/dev/null" } };
  const sensor = (address: string) => (wire: Wire, clock: VirtualClock) =>
    live(
      wire,
      sdi12.simulate!({} as never, {
        given: [
          {
            exchange: [
              { ">": "0I!", "<": "014ACME    PROBE 100123456\r\n" },
              { ">": "0M!", "<": "00022\r\n0\r\n" },
              { ">": "0D0!", "<": "0+1.5-2\r\n" },
              { ">": "0R0!", "<": "0+7\r\n" },
            ],
          },
        ],
        specimen: () => undefined,
        settings: sdi12.device.parse({ address }),
        connection: sdi12.connection.parse(connection),
      }),
      clock,
    );

  it("asks the only sensor of the line for its name and what it measures", async () => {
    const found = await probe(sdi12 as Protocol, {}, sensor("4"));
    expect(found).toContainEqual({ at: '{address: "4"}', value: "", note: "in gateway.yaml" });
    expect(found).toContainEqual({ at: "{identity: model}", value: "PROBE" });
    expect(found).toContainEqual({ at: "{measure: M, value: 1}", value: "+1.5", note: "2 announced" });
    expect(found).toContainEqual({ at: "{measure: M, value: 2}", value: "-2" });
    expect(found).toContainEqual({ at: "{measure: R0, value: 1}", value: "+7", note: "at once" });
    expect(found).toContainEqual({ at: "{measure: V}", value: "", note: "no answer [timeout]" });
  });

  it("tries what it is told, and every address where it is told so", async () => {
    const told = await probe(sdi12 as Protocol, { device: { address: 4 }, at: "R0" }, sensor("4"));
    expect(ats(told).filter((at: string) => at.includes("measure"))).toEqual(["{measure: R0, value: 1}"]);
    expect(await probe(sdi12 as Protocol, { at: "scan" }, sensor("c"))).toEqual([
      { at: '{address: "c"}', value: "ACME PROBE 123456" },
    ]);
    expect(await probe(sdi12 as Protocol, { at: "temperature" }, nobody)).toMatchObject({
      code: "bad-place",
    });
    expect(await probe(sdi12 as Protocol, {}, nobody)).toMatchObject({ code: "silent" });
  });
});

describe("probing those that speak first", () => {
  const says =
    (...words: string[]) =>
    (wire: Wire, clock: VirtualClock) => {
      for (const [index, word] of words.entries())
        clock.timer(200 + 500 * index, () => wire.send(Buffer.from(word, "latin1")));
    };

  it("shows NMEA sentences by field, and unknown ones by number", async () => {
    const found = await probe(
      nmea as Protocol,
      {},
      says("junk$WIMWV,214.8,T,3.6,M,A*2C\r\n", "$PACME,1.5,abc\r\n$WIXDR,C,12.3,C,Air*63\r\n$GPQ*00\r\n"),
    );
    expect(found).toContainEqual({ at: "nmea: {checksum: optional}", value: "" });
    expect(found).toContainEqual({ at: "{sentence: MWV, field: speed_true}", value: "3.6 m/s" });
    expect(found).toContainEqual({ at: "{sentence: PACME, field: 1}", value: "1.5" });
    expect(found).toContainEqual({ at: "{sentence: PACME, field: 2, type: text}", value: "abc" });
    expect(await probe(nmea as Protocol, {}, says("\xff\x00"))).toMatchObject({ code: "not-understood" });
    expect(await probe(nmea as Protocol, {}, nobody)).toMatchObject({ code: "silent" });
  });

  it("asks a polled instrument when it is told how", async () => {
    const answers = (wire: Wire) =>
      wire.receive((bytes) => wire.send(Buffer.concat([bytes, Buffer.from("1.5\r")])));
    const line = await probe(serialLine as Protocol, { at: "R" }, answers);
    expect(ats(line)).toEqual(["serial-line: {terminator: [cr]}", 'match: "R{field1:number}"']);
    const frame = await probe(serialFrame as Protocol, { at: "aa 01 ab" }, answers);
    expect(frame).toContainEqual({ at: "-", value: "aa 01 ab 31 2e 35 0d", note: "7 bytes" });
    for (const protocol of [serialLine, serialFrame]) {
      expect(await probe(protocol as Protocol, {}, nobody)).toMatchObject({ code: "silent" });
      expect(await probe(protocol as Protocol, { at: "\\x" }, nobody)).toMatchObject({ code: "bad-place" });
    }
  });
});
