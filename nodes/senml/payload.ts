import type { NodeMessage } from "node-red";
import type { ReadingJson } from "../../gateway/model/json.ts";
import type { Client } from "../client/client.ts";
import { ClientError } from "../client/client-error.ts";

// Payloads of devices, by the profiles of a gateway (docs/local-api.md, Payloads).

export interface PayloadSettings {
  readonly gateway: string;
  /** Empty: from `msg.profile`. */
  readonly profile: string;
  /** LoRaWAN's; empty: from `msg.fPort`. */
  readonly fPort: number | string;
  /** Of a payload that comes as a text, or is to be made. */
  readonly coding: "hex" | "base64" | "buffer";
  /** What is written; empty: from `msg.point`. */
  readonly point: string;
}

/** One frame of a write. */
interface Frame {
  readonly payload: string;
  readonly fPort?: number;
  readonly label: string;
}

/** As the gateway bounds it. */
const mostPayload = 8192;

/** What a payload says: a list of readings, with the device's name where `msg.device` has it. Rejects with ClientError. */
export async function decodePayload(settings: PayloadSettings, message: NodeMessage, client: Client) {
  const bytes = bytesOf(message.payload, settings.coding);
  const fPort = portOf(settings, message);
  const { readings } = await client.post<{ readonly readings: readonly Omit<ReadingJson, "device">[] }>(
    "/v1/decode",
    {
      profile: profileOf(settings, message),
      payload: bytes.toString("hex"),
      ...(fPort === undefined ? {} : { fPort }),
    },
  );
  const device = textOf(message, "device");
  const payload = device === undefined ? readings : readings.map((one) => ({ device, ...one }));
  return { count: readings.length, message: { ...message, payload } };
}

/** The frames of a value: the first in `payload`, all of them in `frames`. Rejects with ClientError. */
export async function encodePayload(settings: PayloadSettings, message: NodeMessage, client: Client) {
  const point = settings.point || textOf(message, "point");
  if (!point) throw new ClientError("bad-message", "no point: choose one, or send msg.point");
  const { payload: value } = message;
  if (typeof value !== "number" && typeof value !== "boolean" && typeof value !== "string")
    throw new ClientError("bad-message", "msg.payload must be a number, a text, true or false");
  const found: unknown = Reflect.get(message, "settings");
  const { frames } = await client.post<{ readonly frames: readonly Frame[] }>("/v1/encode", {
    profile: profileOf(settings, message),
    point,
    value,
    ...(typeof found === "object" && found !== null ? { settings: found } : {}),
  });
  const coded = frames.map(({ payload, ...rest }) => ({
    ...rest,
    payload: codedAs(payload, settings.coding),
  }));
  const [first] = coded;
  if (!first) throw new ClientError("cannot-encode", "nothing is sent for this value");
  return { count: frames.length, message: { ...message, ...first, frames: coded } };
}

function bytesOf(given: unknown, coding: PayloadSettings["coding"]): Buffer {
  const bytes =
    given instanceof Uint8Array
      ? Buffer.from(given)
      : typeof given === "string"
        ? fromText(given, coding)
        : undefined;
  if (!bytes || bytes.length === 0)
    throw new ClientError(
      "bad-message",
      `msg.payload must be a Buffer, or a text in ${coding === "base64" ? "base64" : "hex"}`,
    );
  if (bytes.length > mostPayload) throw new ClientError("too-large", `more than ${mostPayload} bytes`);
  return bytes;
}

/** Undefined for a text of another kind: half a payload is none. */
function fromText(text: string, coding: PayloadSettings["coding"]): Buffer | undefined {
  if (text.length > 4 * mostPayload) throw new ClientError("too-large", `more than ${mostPayload} bytes`);
  const digits = text.replaceAll(/\s/g, "");
  if (coding === "base64")
    return /^[A-Za-z0-9+/_-]+={0,2}$/.test(digits) ? Buffer.from(digits, "base64") : undefined;
  return /^([0-9a-fA-F]{2})+$/.test(digits) ? Buffer.from(digits, "hex") : undefined;
}

function codedAs(hex: string, coding: PayloadSettings["coding"]): Buffer | string {
  const bytes = Buffer.from(hex, "hex");
  return coding === "buffer" ? bytes : bytes.toString(coding);
}

function profileOf({ profile }: PayloadSettings, message: NodeMessage): string {
  const named = profile || textOf(message, "profile");
  if (named) return named;
  throw new ClientError("bad-message", "no profile: choose one, or send msg.profile");
}

function portOf({ fPort }: PayloadSettings, message: NodeMessage): number | undefined {
  const told: unknown = String(fPort ?? "").trim() === "" ? Reflect.get(message, "fPort") : Number(fPort);
  if (told === undefined || told === null) return undefined;
  if (typeof told === "number" && Number.isInteger(told) && told >= 0 && told <= 255) return told;
  throw new ClientError("bad-message", "the port (fPort) is a whole number from 0 to 255");
}

function textOf(message: NodeMessage, key: string): string | undefined {
  const value: unknown = Reflect.get(message, key);
  return typeof value === "string" && value !== "" ? value.slice(0, 200) : undefined;
}
