import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { downlinkCommand, events } from "../../../simulators/lorawan/chirpstack-messages.ts";
import { decode as decodeIndependently, encode } from "../../../simulators/lorawan/protobuf.ts";
import { TransientError } from "../../model/errors.ts";
import { chirpstackBridge } from "./chirpstack.ts";
import { readMessage } from "./protobuf.ts";

// The simulator has an encoder of its own, which shares no code with ours.

const devEui = "a81758fffe051d02";
const application = "3f5c1e2a-0b1d-4c3e-9f7a-1234567890ab";
const topic = (type: string) => `application/${application}/device/${devEui}/event/${type}`;

describe("ChirpStack in protobuf", () => {
  const bridge = chirpstackBridge(application, "protobuf");

  it("tells the same as in JSON", () => {
    const bytes = encode(events.up, {
      deduplicationId: "0af2ea9c-9c5f-4b0f-a6c8-3a7e2f0f6c11",
      time: { seconds: 1_772_366_400, nanos: 125_000_000 },
      deviceInfo: { deviceName: "Hallway", devEui, deviceProfileName: "Elsys ERS", tags: { floor: "2" } },
      dr: 5,
      fCnt: 300,
      fPort: 5,
      confirmed: true,
      data: Uint8Array.from([1, 0, 0xd7]),
      object: { temperature: 21.5, list: [1, "a", true, null], nested: { deep: -0.25 } },
      rxInfo: [
        { gatewayId: "a", rssi: -109, snr: -2.5 },
        { gatewayId: "b", rssi: -57, snr: 9.25 },
      ],
    });
    expect(bridge.parse(topic("up"), bytes)).toEqual([
      {
        kind: "uplink",
        uplink: {
          devEui,
          application,
          name: "Hallway",
          time: 1_772_366_400_125,
          fPort: 5,
          fCnt: 300,
          data: Uint8Array.from([1, 0, 0xd7]),
          object: { temperature: 21.5, list: [1, "a", true, null], nested: { deep: -0.25 } },
          dedupId: "0af2ea9c-9c5f-4b0f-a6c8-3a7e2f0f6c11",
          link: { rssi: -57, snr: 9.25, gateway: "b", gateways: 2, dr: 5 },
          hint: { name: "Elsys ERS", id: undefined },
          confirmed: true,
          encrypted: false,
        },
      },
    ]);
  });

  it("reads a zero that was written out as what it is", () => {
    const schema = { 1: ["rssi", "int32"], 2: ["flag", "bool"], 3: ["name", "string"] } as const;
    const bytes = Uint8Array.from([0x08, 0, 0x10, 0, 0x1a, 0]);
    expect(readMessage(schema, bytes)).toEqual({ rssi: 0, flag: false, name: "" });
  });

  it("reads an empty message as an uplink of zeros", () => {
    expect(bridge.parse(topic("up"), new Uint8Array())).toMatchObject([
      { uplink: { fCnt: 0, fPort: 0, data: undefined, time: undefined, link: { gateways: 0 } } },
    ]);
  });

  it("tells status, ack and log", () => {
    expect(
      bridge.parse(topic("status"), encode(events.status, { margin: -7, batteryLevel: 88.5 })),
    ).toMatchObject([{ margin: -7, battery: 88.5 }]);
    expect(
      bridge.parse(topic("ack"), encode(events.ack, { queueItemId: "q", acknowledged: true })),
    ).toMatchObject([{ news: { id: "q" }, acknowledged: true }]);
    const log = encode(events.log, {
      level: "ERROR",
      code: "EXPIRED",
      description: "late",
      context: { queue_item_id: "q" },
    });
    expect(bridge.parse(topic("log"), log)).toMatchObject([
      { level: "error", code: "EXPIRED", text: "late", id: "q" },
    ]);
  });

  it("enqueues what another decoder reads back", () => {
    const expiresAt = 1_772_366_400_125;
    const { payload } = bridge.downlink(
      { devEui },
      { id: "d", fPort: 200, data: Uint8Array.from([0, 255]), confirmed: true, expiresAt },
    );
    const read = decodeIndependently(downlinkCommand, payload);
    expect({ ...read, data: Uint8Array.from(Object(read.data)) }).toEqual({
      id: "d",
      devEui,
      confirmed: true,
      fPort: 200,
      data: Uint8Array.from([0, 255]),
      expiresAt: { seconds: 1_772_366_400, nanos: 125_000_000 },
    });
  });

  it("refuses a message that is cut off anywhere but between fields", () => {
    const whole = encode(events.up, { deduplicationId: "abc", fCnt: 300, data: Uint8Array.from([1, 2, 3]) });
    const read = Array.from({ length: whole.length }, (_, length) => {
      try {
        bridge.parse(topic("up"), whole.subarray(0, length));
        return "read";
      } catch (error) {
        expect(error).toBeInstanceOf(TransientError);
        return "refused";
      }
    });
    expect(read.filter((one) => one === "read")).toHaveLength(3);
  });

  it("refuses nesting and numbers without an end", () => {
    // Value.struct_value (5) of a struct with one entry (1) whose value (2) is such a value, and so on.
    const block = (field: number, bytes: Uint8Array): Uint8Array =>
      Buffer.concat([Uint8Array.of(field * 8 + 2), varint(bytes.length), bytes]);
    const nest = (levels: number): Uint8Array => {
      let struct = new Uint8Array();
      for (let level = 0; level < levels; level++)
        struct = Uint8Array.from(block(1, block(2, block(5, struct))));
      return block(11, struct);
    };
    expect(bridge.parse(topic("up"), nest(5))).toHaveLength(1);
    expect(() => bridge.parse(topic("up"), nest(200))).toThrow(/deeper/);
    expect(() => bridge.parse(topic("up"), Uint8Array.of(0x38, ...Array(12).fill(0x80)))).toThrow(
      TransientError,
    );
    expect(() => bridge.parse(topic("up"), Uint8Array.of(0x3b))).toThrow(/wire type 3/);
  });

  it("never takes a member's name for more than a name", () => {
    const bytes = encode(events.up, { object: JSON.parse('{"__proto__": {"polluted": 1}}') });
    const [event] = bridge.parse(topic("up"), bytes);
    expect(event).toMatchObject({ kind: "uplink" });
    expect(Reflect.get({}, "polluted")).toBeUndefined();
  });

  it("takes thousands of one field, whatever their names (in what time: test/hostile/corpus)", () => {
    const schema = { 1: ["r", { message: {}, repeated: true }], 2: ["m", "map"] } as const;
    const repeated = Buffer.alloc(2 * 19_000, Uint8Array.of(0x0a, 0));
    expect(readMessage(schema, repeated).r).toHaveLength(19_000);
    const entries = Array.from({ length: 6000 }, (_, index) => {
      const key = Buffer.from(`k${index}`);
      return Buffer.from([0x12, key.length + 2, 0x0a, key.length, ...key]);
    });
    const proto = Buffer.from("120b0a095f5f70726f746f5f5f", "hex");
    const { m } = readMessage(schema, Buffer.concat([...entries, proto]));
    expect(Object.keys(Object(m))).toHaveLength(6001);
    expect(Object.getPrototypeOf(m)).toBe(Object.prototype);
  });

  it("never breaks on other bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        try {
          readMessage(
            { 1: ["a", "string"], 2: ["b", "struct"], 3: ["c", "timestamp"], 4: ["d", "map"] },
            bytes,
          );
        } catch (error) {
          expect(error).toBeInstanceOf(TransientError);
        }
      }),
      { numRuns: 1000 },
    );
  });
});

function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128);
  return Uint8Array.from([...bytes, rest]);
}
