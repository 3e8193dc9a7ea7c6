import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { GatewayError, TransientError } from "../../model/errors.ts";
import type { Bridge, BridgeEvent, Downlink } from "./bridge.ts";
import { chirpstackBridge } from "./chirpstack.ts";
import { theThingsStackBridge } from "./the-things-stack.ts";

const application = "3f5c1e2a-0b1d-4c3e-9f7a-1234567890ab";
const devEui = "a81758fffe051d02";
const json = (value: unknown): Uint8Array => Buffer.from(JSON.stringify(value));
const one = (events: readonly BridgeEvent[]): BridgeEvent => {
  expect(events).toHaveLength(1);
  return events[0]!;
};

describe("ChirpStack in JSON", () => {
  const bridge = chirpstackBridge(application, "json");
  const topic = (type: string) => `application/${application}/device/${devEui}/event/${type}`;
  const deviceInfo = {
    tenantId: "52f14cd4-c6f1-4fbd-8f87-4025e1d49242",
    applicationId: application,
    deviceProfileId: "c3b1b0d4-1a1e-4c6f-8f2c-7a6f0d3b1a77",
    deviceProfileName: "Elsys ERS",
    deviceName: "Hallway",
    devEui,
    deviceClassEnabled: "CLASS_A",
    tags: { floor: "2" },
  };

  it("tells an uplink, heard best by the strongest gateway", () => {
    const event = {
      deduplicationId: "0af2ea9c-9c5f-4b0f-a6c8-3a7e2f0f6c11",
      time: "2026-03-01T12:00:00.125+00:00",
      deviceInfo,
      devAddr: "01020304",
      adr: true,
      dr: 5,
      fCnt: 10,
      fPort: 5,
      confirmed: true,
      data: "AQDXAi0=",
      object: { temperature: 21.5 },
      rxInfo: [
        { gatewayId: "0016c001f1500812", uplinkId: 1, rssi: -109, snr: -2.5, crcStatus: "CRC_OK" },
        { gatewayId: "0016c001f1500813", uplinkId: 2, rssi: -57, snr: 9.25, crcStatus: "CRC_OK" },
      ],
      txInfo: { frequency: 868100000, modulation: { lora: { bandwidth: 125000, spreadingFactor: 7 } } },
    };
    expect(bridge.parse(topic("up"), json(event))).toEqual([
      {
        kind: "uplink",
        uplink: {
          devEui,
          application,
          name: "Hallway",
          time: Date.UTC(2026, 2, 1, 12, 0, 0, 125),
          fPort: 5,
          fCnt: 10,
          data: Uint8Array.from([1, 0, 0xd7, 2, 0x2d]),
          object: { temperature: 21.5 },
          dedupId: "0af2ea9c-9c5f-4b0f-a6c8-3a7e2f0f6c11",
          link: { rssi: -57, snr: 9.25, gateway: "0016c001f1500813", gateways: 2, dr: 5 },
          hint: { name: "Elsys ERS", id: "c3b1b0d4-1a1e-4c6f-8f2c-7a6f0d3b1a77" },
          confirmed: true,
          encrypted: false,
        },
      },
    ]);
  });

  it("reads what is left out as 0, false or empty", () => {
    const event = { deviceInfo: { devEui }, rxInfo: [{ gatewayId: "0016c001f1500812", rssi: -80 }] };
    expect(one(bridge.parse(topic("up"), json(event)))).toMatchObject({
      uplink: {
        fCnt: 0,
        fPort: 0,
        confirmed: false,
        data: undefined,
        object: undefined,
        time: undefined,
        dedupId: undefined,
        link: { rssi: -80, snr: 0, gateways: 1, dr: 0 },
      },
    });
  });

  it("has no signal-to-noise ratio of FSK, nor of what no gateway tells", () => {
    const event = {
      rxInfo: [{ gatewayId: "a", rssi: -80 }],
      txInfo: { modulation: { fsk: { datarate: 50000 } } },
    };
    expect(one(bridge.parse(topic("up"), json(event)))).toMatchObject({
      uplink: { link: { snr: undefined } },
    });
    expect(one(bridge.parse(topic("up"), json({})))).toMatchObject({
      uplink: { link: { rssi: undefined, snr: undefined, gateway: undefined, gateways: 0 } },
    });
  });

  it("tells that a payload is encrypted for somebody else", () => {
    const event = { data: "qrs=", joinServerContext: { sessionKeyId: "AQ==" } };
    expect(one(bridge.parse(topic("up"), json(event)))).toMatchObject({ uplink: { encrypted: true } });
  });

  it("reads 64-bit numbers that are texts, and base64 of either alphabet", () => {
    expect(one(bridge.parse(topic("up"), json({ fCnt: "4294967295", data: "-_8=" })))).toMatchObject({
      uplink: { fCnt: 4_294_967_295, data: Uint8Array.from([0xfb, 0xff]) },
    });
  });

  it.each([
    ["join", { time: "2026-03-01T12:00:00Z" }, { kind: "join", time: Date.UTC(2026, 2, 1, 12) }],
    [
      "status",
      { batteryLevel: 88.5, margin: 7 },
      { kind: "status", battery: 88.5, margin: 7, externalPower: false },
    ],
    ["status", {}, { kind: "status", battery: 0, margin: 0, externalPower: false }],
    ["status", { externalPowerSource: true }, { kind: "status", battery: undefined, externalPower: true }],
    [
      "status",
      { batteryLevelUnavailable: true },
      { kind: "status", battery: undefined, externalPower: false },
    ],
    [
      "ack",
      { queueItemId: "q1", acknowledged: true },
      { kind: "ack", news: { id: "q1" }, acknowledged: true },
    ],
    ["ack", { queueItemId: "q1" }, { kind: "ack", news: { id: "q1" }, acknowledged: false }],
    ["txack", { queueItemId: "q1", gatewayId: "g" }, { kind: "sent", news: { id: "q1" } }],
    [
      "log",
      { level: "ERROR", code: "EXPIRED", description: "gone", context: { queue_item_id: "q1" } },
      { kind: "log", level: "error", code: "EXPIRED", text: "gone", id: "q1" },
    ],
    ["log", {}, { kind: "log", level: "info", code: "UNKNOWN", text: "", id: undefined }],
    ["location", { location: { latitude: 59.3 } }, { kind: "other", what: "location" }],
  ])("tells %s %j", (type, event, told) => {
    expect(one(bridge.parse(topic(type), json(event)))).toMatchObject(told);
  });

  it("is not for other topics", () => {
    expect(bridge.parse("application/x/device/1/event/up", json({}))).toEqual([]);
    expect(bridge.parse(`${topic("up")}/more`, json({}))).toEqual([]);
    expect(bridge.parse(`application/${application}/device/${devEui}/command/down`, json({}))).toEqual([]);
  });

  it.each([
    ["no JSON", Buffer.from("{")],
    ["a list", Buffer.from("[]")],
    ["no UTF-8", Buffer.from([0x22, 0xff, 0x22])],
    ["no base64", json({ data: "a b" })],
    ["no number", json({ fCnt: "many" })],
    ["too large", Buffer.alloc(300_000, 0x20)],
  ])("refuses %s", (_, payload) => {
    expect(() => bridge.parse(topic("up"), payload)).toThrow(TransientError);
  });

  it("enqueues a downlink, to the application that the device belongs to", () => {
    const downlink: Downlink = {
      id: "5b0f4d0e-8f4e-4f3e-9d3b-0c5a3b1f2e11",
      fPort: 60,
      data: Uint8Array.from([1, 0x32]),
      confirmed: true,
      expiresAt: Date.UTC(2026, 2, 1, 13),
    };
    const { topic: to, payload } = bridge.downlink({ devEui }, downlink);
    expect(to).toBe(`application/${application}/device/${devEui}/command/down`);
    expect(JSON.parse(Buffer.from(payload).toString())).toEqual({
      id: downlink.id,
      devEui,
      confirmed: true,
      fPort: 60,
      data: "ATI=",
      expiresAt: "2026-03-01T13:00:00.000Z",
    });
    const all = chirpstackBridge("+", "json");
    expect(all.subscribe).toEqual([{ topic: "application/+/device/+/event/+", qos: 1 }]);
    expect(all.downlink({ devEui, application }, downlink).topic).toBe(to);
    expect(() => all.downlink({ devEui }, downlink)).toThrow(/to which application/);
  });
});

describe("The Things Stack", () => {
  const bridge = theThingsStackBridge("city", "ttn");
  const topic = (what: string) => `v3/city@ttn/devices/hallway/${what}`;
  const end_device_ids = {
    device_id: "hallway",
    application_ids: { application_id: "city" },
    dev_eui: "A81758FFFE051D02",
    join_eui: "70B3D57ED0000000",
    dev_addr: "260BABCD",
  };

  it("tells an uplink, with the battery state that rides along", () => {
    const event = {
      end_device_ids,
      correlation_ids: ["gs:uplink:01HX"],
      received_at: "2026-03-01T12:00:01.300111222Z",
      uplink_message: {
        session_key_id: "AWNb",
        f_port: 2,
        f_cnt: 1834,
        frm_payload: "AQDXAi0=",
        decoded_payload: { temperature: 21.5 },
        rx_metadata: [
          { gateway_ids: { gateway_id: "roof", eui: "AA555A0000000101" }, rssi: -68, snr: 9.2 },
          { gateway_ids: { gateway_id: "tower" }, rssi: -90 },
        ],
        settings: { data_rate: { lora: { bandwidth: 125000, spreading_factor: 7 } }, frequency: "868100000" },
        received_at: "2026-03-01T12:00:01.090Z",
        consumed_airtime: "0.061696s",
        version_ids: { brand_id: "elsys", model_id: "ers", firmware_version: "1.0" },
        last_battery_percentage: { f_cnt: 1800, value: 40.5, received_at: "2026-03-01T10:00:00Z" },
      },
    };
    const sender = { devEui, deviceId: "hallway" };
    expect(bridge.parse(topic("up"), json(event))).toEqual([
      {
        kind: "status",
        sender,
        time: Date.UTC(2026, 2, 1, 10),
        margin: undefined,
        battery: 40.5,
        externalPower: false,
      },
      {
        kind: "uplink",
        uplink: {
          ...sender,
          time: Date.UTC(2026, 2, 1, 12, 0, 1, 90),
          fPort: 2,
          fCnt: 1834,
          data: Uint8Array.from([1, 0, 0xd7, 2, 0x2d]),
          object: { temperature: 21.5 },
          link: { rssi: -68, snr: 9.2, gateway: "roof", gateways: 2 },
          hint: { brand: "elsys", model: "ers" },
          confirmed: false,
          encrypted: false,
        },
      },
    ]);
  });

  it("reads what is left out as 0, false or empty", () => {
    expect(one(bridge.parse(topic("up"), json({ uplink_message: {} })))).toMatchObject({
      uplink: { devEui: "", deviceId: "hallway", fCnt: 0, fPort: 0, data: undefined, link: { gateways: 0 } },
    });
  });

  it("takes no uplink that a person simulated", () => {
    const event = { end_device_ids, uplink_message: { f_port: 1, frm_payload: "AQ==" }, simulated: true };
    expect(bridge.parse(topic("up"), json(event))).toEqual([{ kind: "other", what: "simulated" }]);
  });

  const ids = ["as:downlink:01HX", "stadsnod:d1"];
  it.each([
    [
      "join",
      { join_accept: { received_at: "2026-03-01T12:00:00Z" } },
      { kind: "join", time: Date.UTC(2026, 2, 1, 12) },
    ],
    ["down/queued", { downlink_queued: { correlation_ids: ids } }, { kind: "queued", news: { id: "d1" } }],
    ["down/sent", { correlation_ids: ids, downlink_sent: {} }, { kind: "sent", news: { id: "d1" } }],
    [
      "down/ack",
      { downlink_ack: { correlation_ids: ids } },
      { kind: "ack", acknowledged: true, news: { id: "d1" } },
    ],
    ["down/nack", { downlink_nack: { correlation_ids: ids } }, { kind: "ack", acknowledged: false }],
    ["down/nack", { downlink_nack: {} }, { kind: "ack", news: { id: undefined } }],
    [
      "down/failed",
      {
        downlink_failed: {
          downlink: { correlation_ids: ids },
          error: {
            namespace: "pkg/networkserver",
            name: "application_downlink_too_long",
            message_format: "too long",
          },
        },
      },
      { kind: "failed", code: "application_downlink_too_long", text: "too long", news: { id: "d1" } },
    ],
  ])("tells %s", (what, event, told) => {
    expect(one(bridge.parse(topic(what), json({ end_device_ids, ...event })))).toMatchObject(told);
  });

  it("is not for other applications or topics", () => {
    expect(bridge.parse("v3/city/devices/hallway/up", json({}))).toEqual([]);
    expect(bridge.parse(topic("service/data"), json({}))).toEqual([]);
    expect(
      theThingsStackBridge("city", undefined).parse("v3/city/devices/hallway/up", json({})),
    ).toHaveLength(1);
  });

  it("pushes a downlink, and replaces the queue", () => {
    const downlink: Downlink = { id: "d1", fPort: 60, data: Uint8Array.from([1]), confirmed: true };
    const { topic: to, payload } = bridge.downlink({ devEui, deviceId: "hallway" }, downlink);
    expect(to).toBe(topic("down/push"));
    expect(JSON.parse(Buffer.from(payload).toString())).toEqual({
      downlinks: [
        {
          f_port: 60,
          frm_payload: "AQ==",
          confirmed: true,
          priority: "NORMAL",
          correlation_ids: ["stadsnod:d1"],
        },
      ],
    });
    const empty = bridge.replaceQueue?.({ devEui, deviceId: "hallway" }, []);
    expect(empty?.topic).toBe(topic("down/replace"));
    expect(JSON.parse(Buffer.from(empty?.payload ?? []).toString())).toEqual({ downlinks: [] });
    expect(() => bridge.downlink({ devEui }, downlink)).toThrow(/device id/);
  });
});

describe("any bridge", () => {
  const bridges: readonly [string, Bridge, string][] = [
    ["ChirpStack, JSON", chirpstackBridge("+", "json"), `application/a/device/${devEui}/event/`],
    ["ChirpStack, protobuf", chirpstackBridge("+", "protobuf"), `application/a/device/${devEui}/event/`],
    ["The Things Stack", theThingsStackBridge("city", undefined), "v3/city/devices/x/"],
  ];
  const types = ["up", "join", "status", "ack", "txack", "log", "down/ack", "down/failed"];

  it.each(bridges)("understands or refuses whatever comes, and never breaks: %s", (_, bridge, root) => {
    const payload = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc.jsonValue({ maxDepth: 4 }).map((value) => Uint8Array.from(json(value))),
    );
    fc.assert(
      fc.property(fc.constantFrom(...types), payload, (type, bytes) => {
        try {
          bridge.parse(root + type, bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(GatewayError);
        }
      }),
      { numRuns: 500 },
    );
  });
});
