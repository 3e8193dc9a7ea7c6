import { ConfigError } from "../../model/errors.ts";
import type { Bridge, BridgeEvent, Downlink, DownlinkNews, Link, Message, Sender } from "./bridge.ts";
import {
  bytes,
  type Fields,
  flag,
  number,
  object,
  objects,
  optionalNumber,
  parseJson,
  text,
  texts,
  time,
} from "./fields.ts";

/** By which our own downlinks are known among the correlation ids. */
const mark = "stadsnod:";

/**
 * The Things Stack v3, the MQTT server of an application (thethingsindustries.com/docs, "MQTT Server" and
 * "Data Formats"). QoS 0: what is sent while nobody listens is lost.
 *
 * @param tenant undefined for the open-source build
 */
export function theThingsStackBridge(application: string, tenant: string | undefined): Bridge {
  const user = tenant === undefined ? application : `${application}@${tenant}`;
  const root = `v3/${user}/devices/`;
  const what = ["join", "up", "down/queued", "down/sent", "down/ack", "down/nack", "down/failed"];
  return {
    subscribe: what.map((one) => ({ topic: `${root}+/${one}`, qos: 0 })),
    expires: false,
    parse(topic, payload) {
      if (!topic.startsWith(root)) return [];
      const [deviceId = "", ...rest] = topic.slice(root.length).split("/");
      const read = readers[rest.join("/")];
      if (!read || deviceId === "") return [];
      const event = parseJson(payload);
      // Somebody tries out a decoder in the console: no device said this.
      if (flag(event, "simulated")) return [{ kind: "other", what: "simulated" }];
      const ids = object(event, "end_device_ids");
      const devEui = (text(ids, "dev_eui") ?? "").toLowerCase();
      return read(event, { devEui, deviceId });
    },
    downlink: (to, downlink) => queue(root, "push", to, [downlink]),
    replaceQueue: (to, downlinks) => queue(root, "replace", to, downlinks),
  };
}

type Read = (event: Fields, sender: Sender) => readonly BridgeEvent[];

const readers: Readonly<Record<string, Read>> = {
  up: (event, sender) => {
    const message = object(event, "uplink_message");
    const version = object(message, "version_ids");
    const uplink: BridgeEvent = {
      kind: "uplink",
      uplink: {
        ...sender,
        time: time(message, "received_at") ?? time(event, "received_at"),
        fPort: number(message, "f_port"),
        fCnt: number(message, "f_cnt"),
        data: bytes(message, "frm_payload"),
        object: object(message, "decoded_payload"),
        link: linkOf(message),
        hint: { brand: text(version, "brand_id"), model: text(version, "model_id") },
        confirmed: flag(message, "confirmed"),
        // Only there when the payload key is held by somebody else.
        encrypted: object(message, "app_s_key") !== undefined,
      },
    };
    return [...batteryOf(message, sender), uplink];
  },
  join: (event, sender) => [
    {
      kind: "join",
      sender,
      time: time(object(event, "join_accept"), "received_at") ?? time(event, "received_at"),
    },
  ],
  "down/queued": (event, sender) => [{ kind: "queued", news: newsOf(event, "downlink_queued", sender) }],
  "down/sent": (event, sender) => [{ kind: "sent", news: newsOf(event, "downlink_sent", sender) }],
  "down/ack": (event, sender) => [
    { kind: "ack", news: newsOf(event, "downlink_ack", sender), acknowledged: true },
  ],
  "down/nack": (event, sender) => [
    { kind: "ack", news: newsOf(event, "downlink_nack", sender), acknowledged: false },
  ],
  "down/failed": (event, sender) => {
    const failed = object(event, "downlink_failed");
    const error = object(failed, "error");
    return [
      {
        kind: "failed",
        news: { ...sender, id: idOf(event, object(failed, "downlink")) },
        code: text(error, "name") ?? "failed",
        text: text(error, "message_format") ?? "the network server does not say why",
      },
    ];
  },
};

/** What a device status answer said last rides along with every uplink. */
function batteryOf(message: Fields | undefined, sender: Sender): BridgeEvent[] {
  const last = object(message, "last_battery_percentage");
  if (!last) return [];
  return [
    {
      kind: "status",
      sender,
      time: time(last, "received_at"),
      margin: undefined,
      battery: number(last, "value"),
      externalPower: false,
    },
  ];
}

function linkOf(message: Fields | undefined): Link {
  const receptions = objects(message, "rx_metadata");
  const level = (one: Fields): number => optionalNumber(one, "rssi") ?? Number.NEGATIVE_INFINITY;
  const best = receptions.reduce<Fields | undefined>(
    (found, one) => (found && level(found) >= level(one) ? found : one),
    undefined,
  );
  const rate = object(object(message, "settings"), "data_rate");
  const ids = object(best, "gateway_ids");
  return {
    rssi: optionalNumber(best, "rssi"),
    snr: best && !object(rate, "fsk") ? number(best, "snr") : undefined,
    gateway: text(ids, "gateway_id") ?? text(ids, "eui")?.toLowerCase(),
    gateways: receptions.length,
  };
}

function newsOf(event: Fields, key: string, sender: Sender): DownlinkNews {
  return { ...sender, id: idOf(event, object(event, key)) };
}

/** Ours among the correlation ids of the event and of its downlink. */
function idOf(event: Fields, downlink: Fields | undefined): string | undefined {
  const all = [...texts(downlink, "correlation_ids"), ...texts(event, "correlation_ids")];
  return all.find((one) => one.startsWith(mark))?.slice(mark.length);
}

function queue(root: string, verb: "push" | "replace", to: Sender, downlinks: readonly Downlink[]): Message {
  if (to.deviceId === undefined)
    throw new ConfigError(`the device id of ${to.devEui} is not known`, {
      code: "unknown-device-id",
      hint: "say deviceId: under the device, or wait for its next uplink",
    });
  const body = {
    downlinks: downlinks.map(({ id, fPort, data, confirmed }) => ({
      f_port: fPort,
      frm_payload: Buffer.from(data).toString("base64"),
      confirmed,
      priority: "NORMAL",
      correlation_ids: [`${mark}${id}`],
    })),
  };
  return { topic: `${root}${to.deviceId}/down/${verb}`, payload: Buffer.from(JSON.stringify(body)) };
}
