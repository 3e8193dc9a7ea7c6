import { type ErrorDetails, LinkError, RefusedError } from "../../model/errors.ts";
import type { BrokerAddress } from "./settings.ts";

// What a broker, its certificate or the network can say, in words that a person can act on.

/** What the messages about TLS name. */
export interface TlsFacts {
  readonly ca?: string | undefined;
  readonly cert?: string | undefined;
  /** The gateway's clock, Unix ms, and whether it can be believed. */
  readonly now: number;
  readonly clockTrusted: boolean;
}

type Saying = readonly [code: string, message: string, hint: string];

const unknownAuthority = new Set([
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
  "UNABLE_TO_GET_ISSUER_CERT",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
  "SELF_SIGNED_CERT_IN_CHAIN",
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "CERT_SIGNATURE_FAILURE",
  "CERT_UNTRUSTED",
  "INVALID_CA",
]);

/** A socket's or TLS library's error as a LinkError. */
export function linkFailure(cause: unknown, { host, port }: BrokerAddress, tls: TlsFacts): LinkError {
  const code = plainCode(textOf(cause, "code") ?? "");
  const at = `${host}:${port}`;
  const own = tls.cert ?? "the gateway's certificate";
  const fail = ([name, message, hint]: Saying) => new LinkError(message, { code: name, hint, cause });

  if (unknownAuthority.has(code))
    return fail([
      "tls-unknown-ca",
      `the certificate of ${at} is not signed by ${tls.ca ? `the CA in ${tls.ca}` : "a CA that this system knows"}`,
      "give as `ca:` the PEM file of the CA that signed the broker's certificate, intermediate CAs included",
    ]);
  switch (code) {
    case "ECONNREFUSED":
      return fail([
        "connection-refused",
        `nothing listens at ${at}`,
        "is the broker running, and is the port right? Usual are 1883 without TLS and 8883 with TLS",
      ]);
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return fail([
        "unknown-host",
        `the name ${host} cannot be resolved`,
        "check the name in `url:` and the gateway's DNS servers",
      ]);
    case "ETIMEDOUT":
    case "EHOSTUNREACH":
    case "ENETUNREACH":
      return fail([
        "unreachable",
        `no way to ${at}`,
        "is the gateway's network up, and does a firewall let it out to this port?",
      ]);
    case "CERT_HAS_EXPIRED":
      return fail([
        "tls-expired",
        `the certificate of ${at} has expired`,
        `renew the broker's certificate; the gateway's clock says ${clockText(tls)}`,
      ]);
    case "CERT_NOT_YET_VALID":
      return fail([
        "tls-not-yet-valid",
        `the certificate of ${at} is not valid yet`,
        `compare its dates with the gateway's clock, which says ${clockText(tls)}`,
      ]);
    case "CERT_REVOKED":
      return fail([
        "tls-revoked",
        `the certificate of ${at} was revoked`,
        "ask the broker's operator: somebody may stand between",
      ]);
    case "ERR_TLS_CERT_ALTNAME_INVALID":
      return fail([
        "tls-wrong-host",
        `the certificate of ${at} is for another host${alternatives(cause)}`,
        `write in \`url:\` a name that the certificate holds, or have it issued for ${host}`,
      ]);
    case "ERR_SSL_WRONG_VERSION_NUMBER":
    case "ERR_SSL_PACKET_LENGTH_TOO_LONG":
    case "ERR_SSL_HTTP_REQUEST":
      return fail([
        "tls-not-spoken",
        `${at} does not speak TLS`,
        "use the broker's TLS port (usually 8883), or mqtt:// where the network is trusted",
      ]);
    case "ALERT_PROTOCOL_VERSION":
    case "ERR_SSL_UNSUPPORTED_PROTOCOL":
      return fail([
        "tls-version",
        `${at} does not speak the TLS version that is asked for`,
        'let the broker speak TLS 1.3, or accept the older one with `tlsMinimum: "1.2"`',
      ]);
    case "ALERT_CERTIFICATE_REQUIRED":
      return fail([
        "tls-client-certificate-missing",
        `${at} asks for a client certificate and got none`,
        "give the gateway's own certificate and key as `cert:` and `key:`",
      ]);
    case "ALERT_UNKNOWN_CA":
      return fail([
        "tls-client-refused",
        `${at} does not know the CA of the gateway's certificate (${own})`,
        "have it signed by the CA that the broker trusts, or add its CA at the broker",
      ]);
    case "ALERT_CERTIFICATE_EXPIRED":
      return fail([
        "tls-client-refused",
        `${at} says that the gateway's certificate (${own}) has expired`,
        "renew it; the new file is read at the next attempt",
      ]);
    case "ALERT_CERTIFICATE_REVOKED":
    case "ALERT_BAD_CERTIFICATE":
    case "ALERT_CERTIFICATE_UNKNOWN":
    case "ALERT_ACCESS_DENIED":
    case "ALERT_DECRYPT_ERROR":
      return fail([
        "tls-client-refused",
        `${at} refuses the gateway's certificate (${own})`,
        "is it the right one, for this broker, and not revoked?",
      ]);
    default: {
      const reason = textOf(cause, "message") ?? "no reason given";
      if (
        code.startsWith("ALERT_") ||
        code.startsWith("ERR_SSL") ||
        code.startsWith("ERR_TLS") ||
        code.startsWith("CERT_")
      )
        return fail([
          "tls-failed",
          `TLS with ${at} failed: ${reason}`,
          `compare with: openssl s_client -connect ${at}`,
        ]);
      return fail([
        "connection-lost",
        `the connection to ${at} broke: ${code || reason}`,
        "it is opened again by itself; look at the network or the broker's log when this repeats",
      ]);
    }
  }
}

/** The broker closed before it answered CONNECT. */
export function closedBeforeAnswer({ host, port, tls }: BrokerAddress, version: 4 | 5): LinkError {
  return new LinkError(`${host}:${port} closed the connection without an answer to CONNECT`, {
    code: "no-answer",
    hint: tls
      ? "the broker's log says why; often it does not accept the gateway's certificate (`cert:`)"
      : version === 5
        ? 'is this an MQTT broker? One that speaks only 3.1.1 is used with `protocol: auto` or "3.1.1"'
        : "is this an MQTT broker, and does it expect TLS on this port (mqtts://)?",
  });
}

/** CONNACK codes: 3.1.1 (MQTT 3.1.1 table 3.1) and 5 (MQTT 5 table 3-1). */
const connackSayings: Readonly<Record<number, Saying>> = {
  1: ["unsupported-protocol", "does not speak this version of MQTT", 'set `protocol: auto` or "3.1.1"'],
  2: ["client-id", "does not accept the client id", "set another `clientId:`"],
  3: ["unavailable", "is not available", "the broker is starting or overloaded; the next attempt follows"],
  4: ["bad-credentials", "does not accept the username or password", "check `username:` and `password:`"],
  5: ["not-authorized", "does not let this gateway in", "check the account and its rights at the broker"],
  128: ["connect-refused", "refuses the connection", "the broker's log says why"],
  129: ["malformed-packet", "calls our CONNECT malformed", 'try `protocol: "3.1.1"` and tell us the broker'],
  130: ["protocol-error", "calls our CONNECT an error", 'try `protocol: "3.1.1"` and tell us the broker'],
  131: ["connect-refused", "refuses the connection", "the broker's log says why"],
  132: ["unsupported-protocol", "does not speak MQTT 5", 'set `protocol: auto` or "3.1.1"'],
  133: ["client-id", "does not accept the client id", "set another `clientId:`"],
  134: ["bad-credentials", "does not accept the username or password", "check `username:` and `password:`"],
  135: ["not-authorized", "does not let this gateway in", "check the account and its rights at the broker"],
  136: ["unavailable", "is not available", "the broker is starting or overloaded; the next attempt follows"],
  137: ["unavailable", "is busy", "the next attempt follows"],
  138: ["banned", "has banned this client", "ask the broker's operator"],
  140: [
    "bad-credentials",
    "does not accept this way to log in",
    "ask the broker's operator which one it wants",
  ],
  144: [
    "bad-topic",
    "does not accept the topic of the last will",
    "check `root:` against the broker's rules",
  ],
  149: ["too-large", "finds our CONNECT too large", "ask the operator to allow packets of a few kB"],
  151: ["quota", "has no room for this client", "raise the broker's limit of clients or rate"],
  153: ["bad-will", "does not accept the last will", "ask the broker's operator to allow it"],
  154: [
    "no-retain",
    "keeps no retained messages",
    "allow retained messages at the broker: `state` needs them",
  ],
  155: [
    "no-qos",
    "does not offer QoS 1",
    "allow QoS 1 at the broker: without it nothing can be accounted for",
  ],
  156: ["moved", "asks to use another server", "write the other server's address in `url:`"],
  157: ["moved", "has moved", "write the new address in `url:`"],
  159: ["rate", "gets too many connections", "the next attempt follows, later"],
};

export function connackFailure(code: number, { host, port }: BrokerAddress, cause?: unknown): LinkError {
  const saying = connackSayings[code];
  if (!saying)
    return new LinkError(`the broker ${host}:${port} refuses the connection (reason ${code})`, {
      code: "connect-refused",
      hint: "the broker's log says why",
      cause,
    });
  const [name, message, hint] = saying;
  return new LinkError(`the broker ${host}:${port} ${message} (reason ${code})`, { code: name, hint, cause });
}

/** Answers to a MQTT 5 CONNECT that call for 3.1.1. */
export function asksForOlder(code: number): boolean {
  return code === 1 || code === 132 || code === 129 || code === 130;
}

/** PUBACK reasons from 0x80 (MQTT 5 table 3-4): the broker will never take it. */
export function pubackRefusal(code: number, topic: string): RefusedError {
  const sayings: Readonly<Record<number, Pick<ErrorDetails, "code" | "hint">>> = {
    135: { code: "not-authorized", hint: `give this gateway the right to publish to ${topic}` },
    144: { code: "bad-topic", hint: "the broker does not accept this topic: check `root:`" },
    149: {
      code: "too-large",
      hint: "make packs smaller (`telemetry.maxBytes`), or raise the broker's limit",
    },
    151: { code: "quota", hint: "raise the broker's quota for this gateway" },
    153: { code: "bad-format", hint: "the broker checks payloads: let it accept application/senml+cbor" },
  };
  const { code: name, hint } = sayings[code] ?? { code: "refused", hint: "the broker's log says why" };
  return new RefusedError(`the broker refused a message to ${topic} (reason ${code})`, { code: name, hint });
}

/** A message that exceeds the maximum packet size that the broker told. */
export function tooLarge(size: number, maximum: number, topic: string): RefusedError {
  return new RefusedError(
    `a message of ${size} bytes to ${topic} exceeds the broker's maximum of ${maximum} bytes`,
    { code: "too-large", hint: "make packs smaller (`telemetry.maxBytes`), or raise the broker's limit" },
  );
}

/** Reasons of a DISCONNECT that the broker sends (MQTT 5 table 3-10). */
export function disconnectFailure(code: number, { host, port }: BrokerAddress): LinkError {
  const sayings: Readonly<Record<number, Saying>> = {
    139: ["unavailable", "is shutting down", "the connection is opened again by itself"],
    141: ["keepalive", "heard nothing for too long", "is the network slow or overloaded?"],
    142: [
      "session-taken-over",
      "has another client with the same client id",
      "each gateway needs an id and `clientId:` of its own",
    ],
    147: ["protocol-error", "got more messages at a time than it allows", "please report this with its name"],
    149: [
      "too-large",
      "got a larger packet than it takes",
      "make packs smaller, or raise the broker's limit",
    ],
    150: ["rate", "finds the message rate too high", "lower `backlog:`, or raise the broker's limit"],
    151: ["quota", "says that a quota is used up", "raise the broker's quota for this gateway"],
    152: ["administrative", "was told by its operator to close the connection", "ask the broker's operator"],
  };
  const [name, message, hint] = sayings[code] ?? [
    "disconnected",
    "closed the connection",
    "the broker's log says why",
  ];
  return new LinkError(`the broker ${host}:${port} ${message} (reason ${code})`, { code: name, hint });
}

/** OpenSSL names the same alert after one version of TLS or another: ERR_SSL_TLSV13_ALERT_X becomes ALERT_X. */
function plainCode(code: string): string {
  return /^ERR_SSL_.*?(ALERT_.*)$/.exec(code)?.[1] ?? code;
}

function clockText({ now, clockTrusted }: TlsFacts): string {
  const date = `${new Date(now).toISOString().slice(0, 16).replace("T", " ")} UTC`;
  return clockTrusted ? date : `${date} and was not synchronised yet`;
}

function alternatives(cause: unknown): string {
  const names = textOf(cause, "reason")?.match(/altnames: (.*)$/)?.[1];
  return names ? ` (${names.replace(/DNS:|IP Address:/g, "")})` : "";
}

function textOf(value: unknown, key: string): string | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const found = Reflect.get(value, key);
  return typeof found === "string" ? found : undefined;
}
