import type { Random } from "../../../gateway/model/clock.ts";
import type { Bridge } from "../../../gateway/southbound/lorawan/bridge.ts";
import { chirpstackBridge } from "../../../gateway/southbound/lorawan/chirpstack.ts";
import { theThingsStackBridge } from "../../../gateway/southbound/lorawan/the-things-stack.ts";
import { below, gatewayErrors, hex, latin, pick, ready, type TargetSource, utf8 } from "../target.ts";
import { changedOften, jsonOf } from "../tree.ts";

// Events of network servers as they come over MQTT. An input is the topic, a line end, and the payload.

const devEui = "a81758fffe03b123";
const application = "0b1c2d3e-4f50-6172-8394-a5b6c7d8e9f0";
const chirpstackTopic = (type: string) => `application/${application}/device/${devEui}/event/${type}`;
const stackTopic = (what: string) => `v3/city@ttn/devices/hallway/${what}`;

const deviceInfo = {
  applicationId: application,
  deviceProfileName: "Acme L1",
  deviceProfileId: application,
  deviceName: "hallway",
  devEui,
};
const chirpstackEvents: readonly (readonly [string, unknown])[] = [
  [
    "up",
    {
      deduplicationId: application,
      time: "2026-03-04T05:06:07.123456+00:00",
      deviceInfo,
      dr: 3,
      fCnt: 70_000,
      fPort: 5,
      confirmed: true,
      data: "AWcA6wIA",
      object: { temperature: 23.5, list: [{ a: 1 }], text: "on" },
      rxInfo: [
        { gatewayId: "00000000000000aa", rssi: -57, snr: 9.5 },
        { gatewayId: "00000000000000bb", rssi: -101 },
      ],
      txInfo: { modulation: { lora: { bandwidth: 125_000 } } },
    },
  ],
  ["join", { time: "2026-03-04T05:06:07Z", deviceInfo, devAddr: "00189440" }],
  ["status", { deviceInfo, margin: 7, batteryLevel: 88.5, externalPowerSource: false }],
  ["ack", { deviceInfo, queueItemId: application, acknowledged: true, fCntDown: 12 }],
  ["txack", { deviceInfo, queueItemId: application }],
  ["log", { deviceInfo, level: "ERROR", code: "EXPIRED", description: "x", context: { queue_item_id: "q" } }],
  ["location", { deviceInfo, location: { latitude: 59.3 } }],
];
const ids = { device_id: "hallway", dev_eui: devEui.toUpperCase() };
const stackEvents: readonly (readonly [string, unknown])[] = [
  [
    "up",
    {
      end_device_ids: ids,
      correlation_ids: ["a", "stadsnod:1"],
      received_at: "2026-03-04T05:06:07.123456789Z",
      uplink_message: {
        f_port: 5,
        f_cnt: 7,
        frm_payload: "AWcA6wIA",
        decoded_payload: { temperature: 23.5 },
        rx_metadata: [{ gateway_ids: { gateway_id: "roof", eui: "00000000000000AA" }, rssi: -57, snr: 9 }],
        settings: { data_rate: { lora: { spreading_factor: 9 } } },
        last_battery_percentage: { value: 88, received_at: "2026-03-04T05:06:07Z" },
        version_ids: { brand_id: "acme", model_id: "l1" },
      },
    },
  ],
  ["join", { end_device_ids: ids, join_accept: { received_at: "2026-03-04T05:06:07Z" } }],
  ["down/queued", { end_device_ids: ids, downlink_queued: { correlation_ids: ["stadsnod:1"] } }],
  ["down/sent", { end_device_ids: ids, downlink_sent: {} }],
  ["down/ack", { end_device_ids: ids, downlink_ack: { f_cnt: 1 } }],
  ["down/nack", { end_device_ids: ids, downlink_nack: {} }],
  ["down/failed", { end_device_ids: ids, downlink_failed: { error: { name: "n", message_format: "m" } } }],
];

/** Proto3, as much as a test writes: numbers, texts, bytes, messages. */
const varint = (value: number): number[] =>
  value < 128 ? [value] : [(value % 128) + 128, ...varint(Math.floor(value / 128))];
const scalar = (field: number, value: number) => Buffer.from([...varint(field * 8), ...varint(value)]);
const block = (field: number, ...parts: readonly Uint8Array[]) => {
  const content = Buffer.concat(parts);
  return Buffer.concat([Buffer.from([...varint(field * 8 + 2), ...varint(content.length)]), content]);
};
const float = (field: number, bytes: string) =>
  Buffer.concat([Buffer.from(varint(field * 8 + 5)), hex(bytes)]);
const structEntry = (key: string, value: Uint8Array) => block(1, block(1, utf8(key)), block(2, value));
const info = block(3, block(3, utf8(application)), block(6, utf8("Acme L1")), block(7, utf8("hallway")));
const rx = block(12, block(1, utf8("aa")), scalar(6, 300), float(7, "00001841"));

const messages: readonly (readonly [string, readonly Uint8Array[]])[] = [
  [
    "up",
    [
      block(1, utf8(application)),
      block(2, scalar(1, 1_770_000_000), scalar(2, 5)),
      info,
      scalar(6, 3),
      scalar(7, 70_000),
      scalar(8, 5),
      scalar(9, 1),
      block(10, hex("0167 00eb 0200")),
      block(
        11,
        structEntry("t", Buffer.concat([Buffer.from([0x11]), Buffer.alloc(8, 0x40)])),
        structEntry("l", block(6, block(1, block(3, utf8("x"))))),
      ),
      rx,
      rx,
      block(13, block(2, block(3))),
    ],
  ],
  ["join", [info]],
  ["status", [info, scalar(5, 7), float(8, "0000b142")]],
  ["ack", [info, block(4, utf8(application)), scalar(5, 1)]],
  ["txack", [block(3, block(7, utf8("x"))), block(4, utf8(application))]],
  [
    "log",
    [
      scalar(3, 2),
      scalar(4, 11),
      block(5, utf8("x")),
      block(6, block(1, utf8("queue_item_id")), block(2, utf8("q"))),
    ],
  ],
];

/** A field again and again, which a reader that copies what it has at each would not survive. */
function crowd(random: Random): Uint8Array {
  const count = 1 + below(random, 21_000);
  const many = (one: (index: number) => Uint8Array) =>
    Array.from({ length: count }, (_, index) => one(index));
  switch (below(random, 4)) {
    case 0:
      return Buffer.concat(many(() => block(12)));
    case 1:
      return Buffer.concat(many((index) => block(6, block(1, utf8(`k${index}`)), block(2))));
    case 2:
      return block(11, ...many((index) => structEntry(`k${index}`, new Uint8Array())));
    default: {
      let deep: Uint8Array = block(3, utf8("x"));
      for (let left = below(random, 60); left > 0; left--) deep = structEntry("k", block(5, deep));
      return block(11, deep);
    }
  }
}

function withTopic(topic: string, payload: Uint8Array): Uint8Array {
  return Buffer.concat([utf8(topic), latin("\n"), payload]);
}

function taker(bridge: Bridge): (input: Uint8Array) => void {
  return (input) => {
    const end = input.indexOf(0x0a);
    const topic = Buffer.from(input.subarray(0, Math.max(0, end))).toString("utf8");
    for (const event of bridge.parse(topic, input.subarray(end + 1)))
      if (event.kind === "uplink" && event.uplink.devEui !== "" && bridge.replaceQueue)
        bridge.downlink(event.uplink, { id: "1", fPort: 1, data: new Uint8Array(2), confirmed: false });
  };
}

function jsonTarget(
  name: string,
  bridge: Bridge,
  topicOf: (type: string) => string,
  events: readonly (readonly [string, unknown])[],
): TargetSource {
  return ready({
    name,
    share: 5,
    seeds: events.map(([type, event]) => withTopic(topicOf(type), jsonOf(event))),
    words: ["{", "[", '"', ":", "null", "\\u0000", "/event/up", '"rxInfo":[', '"object":{', "1e999", "-0"],
    make: (random) => {
      const [type, event] = pick(random, events);
      return withTopic(topicOf(type), jsonOf(changedOften(event, random)));
    },
    take: taker(bridge),
    errors: gatewayErrors,
  });
}

export const eventTargets: readonly TargetSource[] = [
  jsonTarget("chirpstack-json", chirpstackBridge("+", "json"), chirpstackTopic, chirpstackEvents),
  jsonTarget("the-things-stack", theThingsStackBridge("city", "ttn"), stackTopic, stackEvents),
  ready({
    name: "chirpstack-protobuf",
    share: 8,
    seeds: messages.map(([type, parts]) => withTopic(chirpstackTopic(type), Buffer.concat(parts))),
    words: [
      hex("5a"),
      hex("62 00"),
      hex("32 04 0a 02 61 61"),
      hex("ff ff ff ff ff ff ff ff ff 01"),
      hex("0a"),
    ],
    make: (random) => {
      const [type, parts] = pick(random, messages);
      const some = parts.filter(() => random() < 0.8);
      const more = random() < 0.01 ? [crowd(random)] : [pick(random, parts)];
      return withTopic(chirpstackTopic(type), Buffer.concat([...some, ...more]));
    },
    take: taker(chirpstackBridge("+", "protobuf")),
    errors: gatewayErrors,
  }),
];
