import type { MqttClient } from "mqtt";
import type { After } from "../wire.ts";
import type { Told } from "./dialect.ts";

// Captures of what a network server published: one event per line, `{"topic": "...", "payload": {...}}`
// for JSON or `{"topic": "...", "hex": "..."}` for other bytes. These make the same of a real server:
//   mosquitto_sub -t 'application/#' -F '{"topic":"%t","payload":%p}'
//   mosquitto_sub -t 'application/#' -F '{"topic":"%t","hex":"%x"}'

export function captureLine({ topic, payload }: Told): string {
  const text = Buffer.from(payload).toString("utf8");
  return text.startsWith("{")
    ? `{"topic":${JSON.stringify(topic)},"payload":${text}}\n`
    : `{"topic":${JSON.stringify(topic)},"hex":"${Buffer.from(payload).toString("hex")}"}\n`;
}

/** The messages of a capture. Throws, with the line's number, for a line that is none. */
export function readCapture(text: string): Told[] {
  return text.split("\n").flatMap((line, index) => (line.trim() === "" ? [] : [readLine(line, index + 1)]));
}

function readLine(line: string, number: number): Told {
  const wrong = (why: string) => new Error(`line ${number} of the capture: ${why}`);
  let read: unknown;
  try {
    read = JSON.parse(line);
  } catch {
    throw wrong("not JSON");
  }
  const key = (name: string): unknown =>
    typeof read === "object" && read !== null ? Reflect.get(read, name) : undefined;
  const topic = key("topic");
  if (typeof topic !== "string" || topic === "") throw wrong("no topic");
  const hex = key("hex");
  if (typeof hex === "string") {
    if (!/^([0-9a-f]{2})*$/i.test(hex)) throw wrong("not hex");
    return { topic, payload: Uint8Array.from(Buffer.from(hex, "hex")) };
  }
  const payload = key("payload");
  if (payload === undefined) throw wrong("neither payload nor hex");
  return { topic, payload: Buffer.from(JSON.stringify(payload)) };
}

export interface ReplayOptions {
  readonly qos?: 0 | 1 | undefined;
  /** Milliseconds between two messages; all at once unless given. */
  readonly spacing?: { readonly ms: number; readonly after: After } | undefined;
}

/** Publishes a capture again, in its order. Resolves when the broker has all of it (QoS 1). */
export async function replay(
  client: MqttClient,
  capture: readonly Told[],
  { qos = 1, spacing }: ReplayOptions = {},
): Promise<void> {
  const sent: Promise<unknown>[] = [];
  for (const [index, { topic, payload }] of capture.entries()) {
    if (spacing && index > 0) await new Promise<void>((resolve) => spacing.after(spacing.ms, resolve));
    sent.push(client.publishAsync(topic, Buffer.from(payload), { qos }));
  }
  await Promise.all(sent);
}
