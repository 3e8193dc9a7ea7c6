import type { Endpoint } from "../../transport/transport.ts";
import { characterMs } from "../endpoint.ts";
import type { ReadPlan, ReadRequest } from "../protocol.ts";
import { type LinePoint, type LineUnit, messagesOf, sentText } from "./messages.ts";
import { commandField, flatten, type Step } from "./pattern.ts";
import type { LineAddress, LineConnection, MessageSpec, PolledBy } from "./settings.ts";

/** One message that is asked for. */
export interface LineRequest extends ReadRequest<LineAddress> {
  readonly message: string;
  readonly polled: PolledBy;
}

/** Characters that a value has, where only its type is known. */
const fieldCharacters = 8;
/** A key=value item or JSON member more. */
const jsonCharacters = 100;
/** A line behind a converter is not known to us: taken as 9600 baud, 8N1. */
const hiddenCharacterMs = 10_000 / 9600;

/** One request per polled message; the points of all others are heard. Throws ConfigError (`missing-address`). */
export function planLines(
  connection: LineConnection,
  device: LineUnit,
  points: readonly LinePoint[],
): ReadPlan<LineAddress> {
  messagesOf(device);
  const { messages, turnaroundMs, pauseMs } = device.profile.protocolSettings;
  const address = device.settings.address ?? device.profile.protocolSettings.address;
  const requests: LineRequest[] = [];
  const heard: LinePoint[] = [];
  for (const message of messages) {
    const wanted = points.filter((point) => point.address.message === message.name);
    if (wanted.length === 0 || (message.request && commandField(message.request.send))) continue;
    const { request } = message;
    if (!request) {
      heard.push(...wanted);
      continue;
    }
    const text = sentText(request.send, address);
    const characters = text.length + answerCharacters(message);
    requests.push({
      message: message.name,
      polled: request,
      points: wanted,
      costMs: characters * lineCharacterMs(connection.endpoint) + turnaroundMs + pauseMs,
      label: `${message.name} by ${JSON.stringify(text)}`,
    });
  }
  return { requests, heard };
}

function lineCharacterMs(endpoint: Endpoint): number {
  return endpoint.kind === "tcp" ? hiddenCharacterMs : characterMs(endpoint);
}

/** About how long the line of a message is. */
function answerCharacters({ forms, pairs, json }: MessageSpec): number {
  if (json) return jsonCharacters;
  const items = Array.from(pairs?.items ?? [], ([key, steps]) => key.length + 2 + stepCharacters(steps));
  const longest = Math.max(0, ...forms.map(stepCharacters));
  return longest + items.reduce((sum, one) => sum + one, 0) + 2;
}

function stepCharacters(steps: readonly Step[]): number {
  return flatten(steps).reduce((sum, step) => {
    if (step.kind === "literal") return sum + step.text.length;
    return sum + (step.kind === "field" ? (step.width ?? fieldCharacters) : 1);
  }, 0);
}

/** The loop hands back what `planLines` made. */
export function isLineRequest(request: ReadRequest<LineAddress>): request is LineRequest {
  return "message" in request && "polled" in request;
}
