import { chance, hexDigits, uuid } from "./chance.ts";
import {
  downlinkCommand,
  type EventName,
  events,
  type logCode,
  type logLevel,
} from "./chirpstack-messages.ts";
import type { Command, Dialect, Told } from "./dialect.ts";
import type { EndDevice, NetworkEvent } from "./events.ts";
import { decode, encode, type Message, seconds } from "./protobuf.ts";
import { toJson } from "./protobuf-json.ts";
import { dataRates, type Reception } from "./radio.ts";

// The application interface of ChirpStack v4 over MQTT: integration events and the `down` command.

export interface ChirpStackOptions {
  /** UUID; made from the seed unless given. */
  readonly application?: string | undefined;
  /** `json` (default) or `protobuf`, for events and commands alike. */
  readonly format?: "json" | "protobuf" | undefined;
  /** ChirpStack's own default is 0: then a broker keeps nothing for a client that is away. Here 1 unless given. */
  readonly qos?: 0 | 1 | undefined;
  /** After which a class C device's silence counts as a no. */
  readonly classCTimeoutMs?: number | undefined;
}

const gpsEpochMs = Date.UTC(1980, 0, 6);
const leapSeconds = 18;

/** ChirpStack v4 as an application sees it. */
export function chirpstack(seed: number, options: ChirpStackOptions = {}): Dialect {
  const { format = "json", qos = 1, classCTimeoutMs = 5000 } = options;
  const random = chance(seed, "chirpstack");
  const tenant = uuid(random);
  const application = options.application ?? uuid(random);
  const profiles = new Map<string, string>();
  const profileId = (name: string): string => {
    const found = profiles.get(name) ?? uuid(chance(seed, `profile ${name}`));
    profiles.set(name, found);
    return found;
  };
  const nanos = () => Math.floor(random() * 1e6);
  const moment = (ms: number) => seconds(ms, nanos());
  const told = (name: EventName, device: EndDevice, message: Message): Told => {
    const schema = events[name];
    return {
      topic: `application/${application}/device/${device.settings.devEui}/event/${name}`,
      payload:
        format === "json" ? Buffer.from(JSON.stringify(toJson(schema, message))) : encode(schema, message),
    };
  };
  const deviceInfo = ({ settings }: EndDevice): Message => ({
    tenantId: tenant,
    tenantName: "City of Stockholm",
    applicationId: application,
    applicationName: "city",
    deviceProfileId: profileId(settings.model.profile),
    deviceProfileName: settings.model.profile,
    deviceName: settings.name,
    devEui: settings.devEui,
    deviceClassEnabled: settings.class === "C" ? "CLASS_C" : "CLASS_A",
    tags: { ...settings.tags },
  });
  const rxInfo = (reception: Reception, time: number): Message => {
    const { gateway } = reception;
    return {
      gatewayId: gateway.id,
      uplinkId: reception.uplinkId,
      gwTime: moment(time),
      nsTime: moment(time + 80),
      timeSinceGpsEpoch: seconds(time - gpsEpochMs + leapSeconds * 1000),
      rssi: reception.rssi,
      snr: reception.snr,
      channel: reception.channel,
      rfChain: reception.channel < 3 ? 1 : 0,
      location: {
        latitude: gateway.latitude,
        longitude: gateway.longitude,
        altitude: gateway.altitude,
      },
      context: reception.context,
      metadata: { region_config_id: "eu868", region_common_name: "EU868" },
      crcStatus: "CRC_OK",
    };
  };
  const lora = (dataRate: number, down: boolean): Message => {
    const { spreadingFactor, bandwidth } = dataRates[dataRate] ?? dataRates[0]!;
    return { lora: { bandwidth, spreadingFactor, codeRate: "CR_4_5", polarizationInversion: down } };
  };
  const log = (
    device: EndDevice,
    time: number,
    level: keyof typeof logLevel,
    code: keyof typeof logCode,
    description: string,
    context: Readonly<Record<string, string>>,
  ): Told =>
    told("log", device, {
      time: moment(time),
      deviceInfo: deviceInfo(device),
      level,
      code,
      description,
      context,
    });

  const tell = (event: NetworkEvent): Told | undefined => {
    const { device } = event;
    switch (event.kind) {
      case "join":
        return told("join", device, {
          deduplicationId: event.id,
          time: moment(event.time),
          deviceInfo: deviceInfo(device),
          devAddr: device.devAddr,
          regionConfigId: "eu868",
        });
      case "up": {
        const { record, frame, receptions, frequency, dataRate } = event;
        return told("up", device, {
          deduplicationId: record.deduplicationId,
          time: moment(record.time),
          deviceInfo: deviceInfo(device),
          devAddr: device.devAddr,
          adr: true,
          dr: dataRate,
          fCnt: record.fCnt,
          fPort: record.fPort,
          confirmed: device.settings.confirmed ?? false,
          data: frame?.bytes ?? new Uint8Array(),
          rxInfo: receptions.map((reception) => rxInfo(reception, record.time)),
          txInfo: { frequency, modulation: lora(dataRate, false) },
          regionConfigId: "eu868",
        });
      }
      case "status": {
        const { supply } = event;
        return told("status", device, {
          deduplicationId: event.id,
          time: moment(event.time),
          deviceInfo: deviceInfo(device),
          margin: event.margin,
          externalPowerSource: supply === "external",
          batteryLevelUnavailable: supply === "unavailable",
          // The device says 1..254; the server makes a percentage of it.
          batteryLevel: typeof supply === "number" ? (Math.round(1 + supply * 2.53) / 254) * 100 : 0,
        });
      }
      case "queued":
        return undefined;
      case "sent": {
        const { item, reception, frequency, dataRate, window } = event;
        const timing: Message =
          window === "class-c"
            ? { immediately: {} }
            : { delay: { delay: { seconds: window === "rx1" ? 1 : 2, nanos: 0 } } };
        return told("txack", device, {
          downlinkId: Math.floor(random() * 2 ** 32),
          time: moment(event.time),
          deviceInfo: deviceInfo(device),
          queueItemId: item.id,
          fCntDown: item.fCntDown ?? 0,
          gatewayId: reception.gateway.id,
          txInfo: {
            frequency,
            power: window === "rx1" ? 14 : 27,
            modulation: lora(dataRate, true),
            timing,
            context: reception.context,
          },
        });
      }
      case "ack":
        return told("ack", device, {
          deduplicationId: uuid(random),
          time: moment(event.time),
          deviceInfo: deviceInfo(device),
          queueItemId: event.item.id,
          acknowledged: event.acknowledged,
          fCntDown: event.item.fCntDown ?? 0,
        });
      case "discarded": {
        const { item, time } = event;
        if (event.why === "expired")
          return log(device, time, "ERROR", "EXPIRED", "The downlink has expired and was not sent", {
            queue_item_id: item.id,
          });
        return log(device, time, "ERROR", "DOWNLINK_PAYLOAD_SIZE", "The downlink is too long to be sent", {
          max_payload_size: String(event.maxPayload),
          item_size: String(item.bytes.length),
          queue_item_id: item.id,
        });
      }
      case "gateway-refused":
        return log(device, event.time, "ERROR", "DOWNLINK_GATEWAY", "TOO_LATE", {
          downlink_id: String(Number.parseInt(hexDigits(random, 8), 16)),
        });
      case "counter-reset":
        return log(
          device,
          event.time,
          "WARNING",
          "UPLINK_F_CNT_RESET",
          "The frame counter was reset or rolled over",
          { deduplication_id: event.id },
        );
    }
  };

  const command = (topic: string, payload: Uint8Array): Command => {
    const [, app, , devEui = "", , what] = topic.split("/");
    if (what !== "down") throw new Error(`an unknown command: ${what}`);
    const read = format === "json" ? fromJson(payload) : decode(downlinkCommand, payload);
    if (read.devEui !== devEui)
      throw new Error(`the payload's devEui ${String(read.devEui)} is not the topic's ${devEui}`);
    if (app !== application) throw new Error("the device is not one of this application");
    if (read.object !== undefined) throw new Error("there is no codec that could encode an object");
    const { id = "", fPort = 0, confirmed = false, data = new Uint8Array(), expiresAt } = read;
    if (typeof id !== "string" || !/^$|^[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}$/i.test(id))
      throw new Error(`not a UUID: ${String(id)}`);
    if (typeof fPort !== "number" || fPort < 1 || fPort > 255 || !Number.isInteger(fPort))
      throw new Error(`fPort must be 1..255, not ${String(fPort)}`);
    if (typeof confirmed !== "boolean" || !(data instanceof Uint8Array))
      throw new Error("confirmed or data of another kind");
    return {
      devEui,
      items: [
        {
          id: id === "" ? uuid(random) : id.toLowerCase(),
          fPort,
          bytes: data,
          confirmed,
          expiresAt: expiresAt === undefined ? undefined : unixMs(expiresAt),
          correlationIds: [],
        },
      ],
      replace: false,
    };
  };

  return {
    name: "ChirpStack",
    application,
    qos,
    policy: { countsAtQueue: false, resends: false, classCTimeoutMs },
    commands: ["application/+/device/+/command/+"],
    tell,
    command,
  };
}

/** A DownlinkCommand by the proto3 JSON mapping: both spellings of names, base64 of both alphabets. */
function fromJson(payload: Uint8Array): Message {
  const read: unknown = JSON.parse(Buffer.from(payload).toString("utf8"));
  if (typeof read !== "object" || read === null || Array.isArray(read)) throw new Error("not a JSON object");
  const message: Record<string, Message[string]> = {};
  for (const [key, value] of Object.entries(read)) {
    const name = key.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
    if (value === null || !(name in downlinkCommand)) continue;
    if (name === "data") {
      if (typeof value !== "string" || !/^[A-Za-z0-9+/_-]*={0,2}$/.test(value)) throw new Error("not base64");
      message.data = Uint8Array.from(Buffer.from(value, "base64"));
    } else if (name === "expiresAt") {
      const ms = Date.parse(String(value));
      if (Number.isNaN(ms)) throw new Error(`not a moment: ${String(value)}`);
      message.expiresAt = seconds(ms);
    } else if (name === "fPort") message.fPort = Number(value);
    else message[name] = value;
  }
  return message;
}

function unixMs(value: Message[string]): number {
  if (typeof value === "object" && value !== null && "seconds" in value && "nanos" in value)
    return Number(value.seconds) * 1000 + Number(value.nanos) / 1e6;
  throw new Error("not a moment");
}
