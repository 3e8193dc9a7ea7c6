import { ConfigError } from "../../model/errors.ts";
import type { Bridge, BridgeEvent, Downlink, Link, Message, Sender } from "./bridge.ts";
import { eventSchemas } from "./chirpstack-schema.ts";
import {
  badEvent,
  bytes,
  type Fields,
  flag,
  maxEventBytes,
  number,
  object,
  objects,
  optionalNumber,
  parseJson,
  text,
  time,
} from "./fields.ts";
import { readMessage } from "./protobuf.ts";
import { writeDownlink } from "./protobuf-write.ts";

const topicShape = /^application\/([^/]+)\/device\/([0-9a-fA-F]{16})\/event\/([a-z]+)$/;

/**
 * ChirpStack v4, the MQTT integration of an application (chirpstack.io/docs, "MQTT integration").
 *
 * @param application its UUID, or `+` for all that the account may see
 */
export function chirpstackBridge(application: string, format: "json" | "protobuf"): Bridge {
  return {
    subscribe: [{ topic: `application/${application}/device/+/event/+`, qos: 1 }],
    expires: true,
    parse(topic, payload) {
      const [, app = "", devEui = "", type = ""] = topicShape.exec(topic) ?? [];
      if (type === "") return [];
      if (payload.length > maxEventBytes) throw badEvent(`an event of ${payload.length} bytes is not read`);
      const schema = eventSchemas[type];
      if (!schema) return [{ kind: "other", what: type }];
      const event = format === "json" ? parseJson(payload) : readMessage(schema, payload);
      const sender: Sender = {
        devEui: devEui.toLowerCase(),
        application: app,
        name: text(object(event, "deviceInfo"), "deviceName"),
      };
      const read = readers[type]?.(event, sender);
      return read ? [read] : [];
    },
    downlink: (to, downlink) => enqueue(to, downlink, application, format),
  };
}

type Read = (event: Fields, sender: Sender) => BridgeEvent;

const readers: Readonly<Record<string, Read>> = {
  up: (event, sender) => {
    const info = object(event, "deviceInfo");
    return {
      kind: "uplink",
      uplink: {
        ...sender,
        time: time(event, "time"),
        fPort: number(event, "fPort"),
        fCnt: number(event, "fCnt"),
        data: bytes(event, "data"),
        object: object(event, "object"),
        dedupId: text(event, "deduplicationId"),
        link: linkOf(event),
        hint: { name: text(info, "deviceProfileName"), id: text(info, "deviceProfileId") },
        confirmed: flag(event, "confirmed"),
        // The payload key is held by somebody else: ChirpStack forwards what it cannot read.
        encrypted: object(event, "joinServerContext") !== undefined,
      },
    };
  },
  join: (event, sender) => ({ kind: "join", sender, time: time(event, "time") }),
  status: (event, sender) => {
    const externalPower = flag(event, "externalPowerSource");
    const unknown = externalPower || flag(event, "batteryLevelUnavailable");
    return {
      kind: "status",
      sender,
      time: time(event, "time"),
      margin: number(event, "margin"),
      battery: unknown ? undefined : number(event, "batteryLevel"),
      externalPower,
    };
  },
  ack: (event, sender) => ({
    kind: "ack",
    news: { ...sender, id: text(event, "queueItemId") },
    acknowledged: flag(event, "acknowledged"),
  }),
  txack: (event, sender) => ({ kind: "sent", news: { ...sender, id: text(event, "queueItemId") } }),
  log: (event, sender) => ({
    kind: "log",
    sender,
    level: (text(event, "level") ?? "INFO").toLowerCase(),
    code: text(event, "code") ?? "UNKNOWN",
    text: text(event, "description") ?? "",
    id: text(object(event, "context"), "queue_item_id"),
  }),
};

function linkOf(event: Fields): Link {
  const receptions = objects(event, "rxInfo");
  const level = (one: Fields): number => optionalNumber(one, "rssi") ?? Number.NEGATIVE_INFINITY;
  const best = receptions.reduce<Fields | undefined>(
    (found, one) => (found && level(found) >= level(one) ? found : one),
    undefined,
  );
  const modulation = object(object(event, "txInfo"), "modulation");
  const lora = !object(modulation, "fsk");
  return {
    rssi: optionalNumber(best, "rssi"),
    snr: best && lora ? number(best, "snr") : undefined,
    gateway: text(best, "gatewayId"),
    gateways: receptions.length,
    dr: number(event, "dr"),
  };
}

function enqueue(
  to: Sender,
  { id, fPort, data, confirmed, expiresAt }: Downlink,
  configured: string,
  format: "json" | "protobuf",
): Message {
  const application = configured === "+" ? to.application : configured;
  if (application === undefined)
    throw new ConfigError(`it is not known to which application ${to.devEui} belongs`, {
      code: "unknown-application",
      hint: "say the application's id under the connection, or wait for the device's next uplink",
    });
  const topic = `application/${application}/device/${to.devEui}/command/down`;
  if (format === "protobuf")
    return { topic, payload: writeDownlink({ id, devEui: to.devEui, confirmed, fPort, data, expiresAt }) };
  const command = {
    id,
    devEui: to.devEui,
    confirmed,
    fPort,
    data: Buffer.from(data).toString("base64"),
    ...(expiresAt === undefined ? {} : { expiresAt: new Date(expiresAt).toISOString() }),
  };
  return { topic, payload: Buffer.from(JSON.stringify(command)) };
}
