import { describe, expect, it } from "vitest";
import { p1Telegram } from "../../../simulators/p1-meter.ts";
import { VirtualClock } from "../../../test/fault/virtual-clock.ts";
import { crc16Arc, crc16X25 } from "../../codec/crc.ts";
import { silentLog } from "../../model/log.ts";
import { runExample } from "../../profiles/example.ts";
import { loadProfile } from "../../profiles/load.ts";
import { newProfile } from "../../profiles/skeleton.ts";
import { memoryPair } from "../../transport/memory.ts";
import type { ProbeFinding } from "../protocol.ts";
import { decodeTelegram } from "./p1/telegram.ts";
import { smartMeter } from "./protocol.ts";
import { recordMeter } from "./record.ts";

const telegram = p1Telegram({
  time: Date.UTC(2026, 0, 5, 11),
  energyImport: 12.5,
  energyExport: 0,
  reactiveImport: 1,
  reactiveExport: 0,
  power: [1, 2, 3],
  reactive: [0, 0, 0],
  voltage: [230, 231, 232],
});

async function probe(bytes: Uint8Array): Promise<ProbeFinding[] | { code: string }> {
  const clock = new VirtualClock();
  const connection = smartMeter.connection.parse({ serial: { port: "/dev/ttyS9" } });
  const [near, far] = memoryPair(clock, { endpoint: connection.endpoint });
  const found: ProbeFinding[] = [];
  const probing = (async () => {
    const findings = smartMeter.probe!(
      connection,
      { settings: smartMeter.device.parse({}), at: undefined, expected: undefined, listenMs: 15_000 },
      {
        clock,
        random: () => 0.5,
        log: silentLog,
        connect: async () => near,
        emit: async () => {},
        signal: new AbortController().signal,
      },
    );
    for await (const finding of findings) found.push(finding);
    return found;
  })().catch((error: { code: string }) => error);
  await clock.advance(100);
  if (bytes.length > 0) {
    const written = far.write(bytes);
    await clock.advance(10);
    await written;
  }
  await clock.advance(20_000);
  return probing;
}

describe("the tools of smart meters", () => {
  it("probe says what a telegram holds, as a profile would write it", async () => {
    const found = await probe(Buffer.from(telegram + telegram));
    expect(found).toHaveLength(29);
    expect(found).toContainEqual({ at: "smart-meter: {codec: p1}", value: "" });
    expect(found).toContainEqual({ at: "{ident: true}", value: "SIM5STADSNOD" });
    expect(found).toContainEqual({ at: '{obis: "1-0:1.8.0", in: kWh}', value: "00000012.500 kWh" });
    expect(found).toContainEqual({ at: '{obis: "0-0:1.0.0", type: time}', value: "260105120000W" });
  });

  it("probe finds out the layout of a push", async () => {
    const content = Buffer.from("e6e7000f40000000000202090741424331323334060000157e", "hex");
    const word = (bytes: readonly number[]) => {
      const crc = crc16X25(Uint8Array.from(bytes));
      return [crc & 0xff, crc >> 8];
    };
    const head = [0xa0, 5 + 2 + content.length + 2, 0x03, 0x21, 0x13];
    const body = [...head, ...word(head), ...content];
    const found = await probe(Uint8Array.from([0x7e, ...body, ...word(body), 0x7e]));
    expect(found).toEqual([
      { at: "smart-meter: {codec: dlms, layout: list, framing: hdlc}", value: "" },
      { at: "{ident: true}", value: "ABC1234" },
      { at: "{list: 2, index: 0, type: text}", value: "ABC1234" },
      { at: "{list: 2, index: 1, type: integer}", value: "5502" },
    ]);
  });

  it("probe says why nothing was heard", async () => {
    expect(await probe(new Uint8Array())).toMatchObject({ code: "silent" });
    expect(await probe(Buffer.from("noise"))).toMatchObject({ code: "not-understood" });
  });

  it("record keeps the last telegram, without the number of the meter", () => {
    const secret = telegram.replace("1-0:1.8.0", "0-0:96.1.1(4B384547)\r\n1-0:1.8.0");
    const turn = { sent: new Uint8Array(), received: Buffer.from(`junk${telegram}`) };
    expect(recordMeter([turn]).rx.replace(/\n/g, "\r\n")).toBe(telegram.trimEnd());
    const bare = secret.replace(/!.*/, "!");
    const { rx } = recordMeter([{ sent: new Uint8Array(), received: Buffer.from(bare) }]);
    expect(rx).toContain("\n0-0:96.1.1(30303030)\n1-0:1.8.0(00000012.500*kWh)\n");
    expect(recordMeter([{ sent: new Uint8Array(), received: Uint8Array.of(0x7e, 0xa0) }])).toEqual({
      rx: "7ea0",
    });
  });

  it("record gives a masked telegram its own checksum", () => {
    const plain = telegram.slice(0, telegram.indexOf("!") + 1);
    const body = plain.replace("1-0:1.8.0", "0-0:96.1.1(4B384547)\r\n1-0:1.8.0");
    const crc = crc16Arc(Buffer.from(body)).toString(16).toUpperCase().padStart(4, "0");
    const { rx } = recordMeter([{ sent: new Uint8Array(), received: Buffer.from(`${body}${crc}\r\n`) }]);
    expect(rx).not.toContain("4B384547");
    expect(decodeTelegram(rx.replace(/\n/g, "\r\n"), { crc: "required" }).objects).toHaveLength(28);
  });

  it("a new profile is right, and its example passes", async () => {
    const text = newProfile(
      {
        id: "acme/meter",
        title: "Meter",
        manufacturer: "Acme",
        models: ["M1"],
        category: "energy-meter",
        source: "Manual",
      },
      { ...smartMeter, skeleton: smartMeter.skeleton! },
    );
    const { profile, examples, diagnostics } = loadProfile(text, "device-profiles/acme/meter.yaml", [
      smartMeter,
    ]);
    expect(diagnostics).toEqual([]);
    const results = await runExample(profile!, examples[0]!, smartMeter, {
      clock: new VirtualClock(),
      random: () => 0.5,
      log: silentLog,
      connect: async () => {
        throw new Error("an example has no line");
      },
      emit: async () => {},
      signal: new AbortController().signal,
    });
    expect(results.map(({ point, passed }) => [point, passed])).toEqual([
      ["energy_import", true],
      ["voltage_l1", true],
    ]);
  });

  it("simulate says what the examples give, often enough not to be missed", () => {
    const profile = { protocolSettings: smartMeter.head.parse({ codec: "p1", silentAfter: "9s" }) };
    const device = smartMeter.simulate!(profile as never, {
      given: [{ rx: telegram.trimEnd().replace(/\r\n/g, "\n") }],
      specimen: () => undefined,
      settings: smartMeter.device.parse({}),
      connection: smartMeter.connection.parse({ serial: { port: "/dev/null" } }),
    });
    expect(device.everyMs).toBe(3000);
    expect(device.words?.map((word) => Buffer.from(word).toString())).toEqual([telegram]);
  });
});
