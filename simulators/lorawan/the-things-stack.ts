import { chance, hexDigits, ulid, uuid } from "./chance.ts";
import type { Command, Dialect, Told } from "./dialect.ts";
import type { QueueItem } from "./downlink-queue.ts";
import type { EndDevice, NetworkEvent } from "./events.ts";
import { seconds } from "./protobuf.ts";
import { rfc3339 } from "./protobuf-json.ts";
import { airtimeMs, dataRates, type Reception } from "./radio.ts";

// The application interface of The Things Stack v3 over MQTT (3.1.1, QoS 0): JSON in, JSON out.

export interface TheThingsStackOptions {
  readonly application?: string | undefined;
  /** Without one the topics are those of the open-source build. */
  readonly tenant?: string | undefined;
}

type Fields = Readonly<Record<string, unknown>>;

const priorities = ["LOWEST", "LOW", "BELOW_NORMAL", "NORMAL", "ABOVE_NORMAL", "HIGH", "HIGHEST"];
const joinEui = "70B3D57ED0000001";

/** The id of a device in The Things Stack, made from its name. */
export function deviceId(name: string): string {
  return name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-|-$/g, "");
}

/** The Things Stack v3 as an application sees it. */
export function theThingsStack(seed: number, options: TheThingsStackOptions = {}): Dialect {
  const { application = "city", tenant } = options;
  const uid = tenant === undefined ? application : `${application}@${tenant}`;
  const random = chance(seed, "the-things-stack");
  const stamp = (ms: number) => rfc3339(seconds(ms, Math.floor(random() * 1e6)), "Z");
  const sessionKey = ({ settings, session }: EndDevice) =>
    Buffer.from(hexDigits(chance(seed, `key ${settings.devEui} ${session}`), 32), "hex").toString("base64");
  const batteries = new Map<EndDevice, { f_cnt: number; value: number; received_at: string }>();
  const lastCount = new Map<EndDevice, number>();

  const told = (device: EndDevice, topic: string, fields: Fields): Told => {
    const { settings, devAddr } = device;
    return {
      topic: `v3/${uid}/devices/${deviceId(settings.name)}/${topic}`,
      payload: Buffer.from(
        JSON.stringify({
          end_device_ids: {
            device_id: deviceId(settings.name),
            application_ids: { application_id: application },
            dev_eui: settings.devEui.toUpperCase(),
            join_eui: joinEui,
            ...present({ dev_addr: devAddr.toUpperCase() }),
          },
          ...fields,
        }),
      ),
    };
  };
  const downlink = (device: EndDevice, item: QueueItem): Fields =>
    present({
      session_key_id: sessionKey(device),
      f_port: item.fPort,
      f_cnt: item.fCntDown,
      frm_payload: Buffer.from(item.bytes).toString("base64"),
      confirmed: item.confirmed,
      priority: item.priority,
      correlation_ids: item.correlationIds,
    });
  const rxMetadata = (reception: Reception, time: number): Fields => {
    const { gateway } = reception;
    const timestamp = Buffer.from(reception.context).readUInt32BE(0);
    return present({
      gateway_ids: { gateway_id: `eui-${gateway.id}`, eui: gateway.id.toUpperCase() },
      time: stamp(time),
      timestamp,
      rssi: reception.rssi,
      channel_rssi: reception.rssi,
      snr: reception.snr,
      location: {
        latitude: gateway.latitude,
        longitude: gateway.longitude,
        altitude: gateway.altitude,
        source: "SOURCE_REGISTRY",
      },
      uplink_token: Buffer.from(`${gateway.id} ${timestamp}`).toString("base64"),
      channel_index: reception.channel,
      received_at: stamp(time + 60),
    });
  };
  const up = (event: Extract<NetworkEvent, { kind: "up" }>): Told => {
    const { device, record, frame, receptions, frequency, dataRate } = event;
    const { settings } = device;
    const { spreadingFactor, bandwidth } = dataRates[dataRate] ?? dataRates[0]!;
    const bytes = frame?.bytes ?? new Uint8Array();
    const { brand, model, firmware } = settings.model;
    lastCount.set(device, record.fCnt);
    return told(device, "up", {
      correlation_ids: [`gs:uplink:${ulid(random, record.time)}`],
      received_at: stamp(record.time + 300),
      uplink_message: present({
        session_key_id: sessionKey(device),
        f_port: record.fPort,
        f_cnt: record.fCnt,
        frm_payload: Buffer.from(bytes).toString("base64"),
        rx_metadata: receptions.map((reception) => rxMetadata(reception, record.time)),
        settings: {
          data_rate: { lora: { bandwidth, spreading_factor: spreadingFactor, coding_rate: "4/5" } },
          frequency: String(frequency),
          timestamp: Buffer.from(receptions[0]?.context ?? new Uint8Array(4)).readUInt32BE(0),
          time: stamp(record.time),
        },
        received_at: stamp(record.time + 90),
        confirmed: settings.confirmed,
        consumed_airtime: `${(airtimeMs(dataRate, bytes.length) / 1000).toFixed(6)}s`,
        version_ids:
          brand === undefined
            ? undefined
            : present({
                brand_id: brand,
                model_id: model,
                firmware_version: firmware,
                band_id: "EU_863_870",
              }),
        network_ids: { net_id: "000013", ns_id: "EC656E0000000001", tenant_id: tenant ?? "default" },
        last_battery_percentage: batteries.get(device),
      }),
    });
  };

  const tell = (event: NetworkEvent): Told | undefined => {
    const { device } = event;
    switch (event.kind) {
      case "join":
        return told(device, "join", {
          correlation_ids: [`gs:uplink:${ulid(random, event.time)}`],
          received_at: stamp(event.time + 200),
          join_accept: { session_key_id: sessionKey(device), received_at: stamp(event.time + 90) },
        });
      case "up":
        return up(event);
      case "status":
        // Not an event of its own: it rides along with later uplinks.
        if (typeof event.supply === "number")
          batteries.set(device, {
            f_cnt: lastCount.get(device) ?? 0,
            value: Math.fround((Math.round(1 + event.supply * 2.53) / 254) * 100),
            received_at: stamp(event.time + 90),
          });
        return undefined;
      case "queued":
      case "sent": {
        const { kind, item, time } = event;
        return told(device, `down/${kind}`, {
          correlation_ids: item.correlationIds,
          received_at: stamp(time),
          [`downlink_${kind}`]: downlink(device, item),
        });
      }
      case "ack": {
        const kind = event.acknowledged ? "ack" : "nack";
        return told(device, `down/${kind}`, {
          correlation_ids: event.item.correlationIds,
          received_at: stamp(event.time + 100),
          [`downlink_${kind}`]: downlink(device, event.item),
        });
      }
      case "discarded":
        return told(device, "down/failed", {
          correlation_ids: event.item.correlationIds,
          received_at: stamp(event.time),
          downlink_failed: {
            downlink: downlink(device, event.item),
            error: {
              namespace: "pkg/networkserver",
              name: "application_downlink_too_long",
              message_format: "application downlink payload length `{length}` exceeds maximum '{max}'",
              attributes: { length: event.item.bytes.length, max: event.maxPayload },
              correlation_id: hexDigits(random, 32),
              code: 3,
            },
          },
        });
      // Its own trouble, which applications are not told.
      case "gateway-refused":
      case "counter-reset":
        return undefined;
    }
  };

  const command = (topic: string, payload: Uint8Array, time: number): Command => {
    const [, , , id = "", , verb] = topic.split("/");
    if (verb !== "push" && verb !== "replace") throw new Error(`an unknown operation: down/${verb}`);
    const read: unknown = JSON.parse(Buffer.from(payload).toString("utf8"));
    const downlinks = field(read, "downlinks") ?? [];
    if (!Array.isArray(downlinks)) throw new Error("downlinks is not a list");
    return {
      deviceId: id,
      replace: verb === "replace",
      items: downlinks.map((one: unknown): QueueItem => queueItem(one, ulid(random, time), uuid(random))),
    };
  };

  return {
    name: "The Things Stack",
    application: uid,
    qos: 0,
    policy: { countsAtQueue: true, resends: true },
    commands: [`v3/${uid}/devices/+/down/push`, `v3/${uid}/devices/+/down/replace`],
    tell,
    command,
  };
}

function queueItem(read: unknown, mark: string, id: string): QueueItem {
  const fPort = field(read, "f_port");
  if (typeof fPort !== "number" || !Number.isInteger(fPort) || fPort < 1 || fPort > 233)
    throw new Error(`f_port must be 1..233, not ${String(fPort)}`);
  if (field(read, "decoded_payload") !== undefined && field(read, "frm_payload") === undefined)
    throw new Error("there is no formatter that could encode decoded_payload");
  const data = field(read, "frm_payload") ?? "";
  if (typeof data !== "string" || !/^[A-Za-z0-9+/]*={0,2}$/.test(data) || data.length % 4 !== 0)
    throw new Error("frm_payload is not base64");
  const priority = field(read, "priority") ?? "LOWEST";
  if (typeof priority !== "string" || !priorities.includes(priority))
    throw new Error(`no such priority: ${String(priority)}`);
  const given = field(read, "correlation_ids") ?? [];
  if (!Array.isArray(given) || !given.every((one: unknown) => typeof one === "string" && one.length <= 100))
    throw new Error("correlation_ids is not a list of short texts");
  return {
    id,
    fPort,
    bytes: Uint8Array.from(Buffer.from(data, "base64")),
    confirmed: field(read, "confirmed") === true,
    priority: priority === "LOWEST" ? undefined : priority,
    correlationIds: [...given.map(String), `as:downlink:${mark}`],
  };
}

function field(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null ? Reflect.get(value, name) : undefined;
}

/** Without what is empty, 0 or false: The Things Stack leaves it out. */
function present(fields: Fields): Fields {
  return Object.fromEntries(
    Object.entries(fields).filter(
      ([, value]) => Boolean(value) && !(Array.isArray(value) && value.length === 0),
    ),
  );
}
