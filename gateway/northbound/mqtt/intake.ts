import type { IPublishPacket } from "mqtt";
import type { ReplyTo } from "../../model/command.ts";
import { type IncomingCommand, longestCommand } from "../northbound.ts";

/** Topics of one gateway. */
export interface Places {
  /** Topic levels before `v1`. */
  readonly root: string;
  /** `{root}/v1/{gateway}` */
  readonly base: string;
}

/** As in gateway.yaml. */
const deviceId = /^[a-z0-9][a-z0-9-]{0,62}$/;
const mostProperties = 16;
const longestProperty = 256;
const longestTopic = 256;
const longestCorrelation = 64;

/** The filter that all commands for a gateway match. */
export function commandFilter({ base }: Places): string {
  return `${base}/command/+`;
}

/** A message as a command, or undefined when its topic is none of ours: a subscription of earlier days. */
export function incomingCommand(packet: IPublishPacket, places: Places): IncomingCommand | undefined {
  const prefix = `${places.base}/command/`;
  if (!packet.topic.startsWith(prefix)) return undefined;
  const device = packet.topic.slice(prefix.length);
  if (!deviceId.test(device)) return undefined;
  const payload = typeof packet.payload === "string" ? Buffer.from(packet.payload) : packet.payload;
  const { contentType, userProperties, responseTopic, correlationData, messageExpiryInterval } =
    packet.properties ?? {};
  return {
    device,
    // A copy: the slice of a large packet would keep all of it.
    body: Uint8Array.from(payload.subarray(0, longestCommand)),
    oversize: payload.length > longestCommand ? true : undefined,
    retained: packet.retain,
    contentType: contentType?.slice(0, longestProperty),
    properties: plainProperties(userProperties),
    expiresInMs: messageExpiryInterval === undefined ? undefined : messageExpiryInterval * 1000,
    replyTo: replyTo(places, responseTopic, correlationData),
  };
}

/** A name that comes twice says nothing, so it is left out; what is too long or too much as well. */
function plainProperties(
  given: Readonly<Record<string, string | string[] | undefined>> | undefined,
): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const [name, value] of Object.entries(given ?? {})) {
    if (found.size === mostProperties) break;
    if (typeof value !== "string" || name.length > longestProperty || value.length > longestProperty)
      continue;
    found.set(name, value);
  }
  return found;
}

function replyTo(
  places: Places,
  responseTopic: string | undefined,
  correlationData: Uint8Array | undefined,
): ReplyTo | undefined {
  const topic = replyTopic(places, responseTopic);
  // Cut correlation data would find another question, or none.
  const correlation =
    correlationData && correlationData.length <= longestCorrelation
      ? Uint8Array.from(correlationData)
      : undefined;
  return topic === undefined && correlation === undefined ? undefined : { topic, correlation };
}

/**
 * The response topic, if answers may go there: below `{root}/`, and there not among the topics of
 * gateways except for this one's results. A gateway has rights at the broker that the sender of a command
 * need not have. Would it publish wherever it is told to, the sender could have it overwrite a retained
 * `state`, feed another gateway with commands, or reach systems that share the broker.
 */
export function replyTopic({ root, base }: Places, topic: string | undefined): string | undefined {
  if (topic === undefined || topic.length > longestTopic || /[+#\0]/.test(topic)) return undefined;
  if (!topic.startsWith(`${root}/`)) return undefined;
  return topic.startsWith(`${root}/v1/`) && !topic.startsWith(`${base}/result/`) ? undefined : topic;
}
