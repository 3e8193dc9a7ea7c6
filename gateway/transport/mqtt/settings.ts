import * as z from "zod";

// What gateway.yaml says about a broker, the same words wherever one is named.

/** A secret by reference (`reveal()` opens it), or its plain text. */
export type SecretText = string | { reveal(): string };

export function reveal(secret: SecretText): string {
  return typeof secret === "string" ? secret : secret.reveal();
}

const secretText = z.custom<SecretText>(
  (value) =>
    typeof value === "string" ||
    (typeof value === "object" && value !== null && "reveal" in value && typeof value.reveal === "function"),
  { error: "not a password: name it by reference" },
);

const url = z.string().refine((text) => brokerAddress(text) !== undefined, {
  error: "not a broker's address: write mqtt://host[:1883] or mqtts://host[:8883], nothing behind it",
});

const file = z.string().min(1);

/** Where a broker is and who we are there, for a strict object of one's own. `brokerRules` belongs to it. */
export const brokerFields = {
  url,
  clientId: z.string().min(1).max(256).optional(),
  username: z.string().min(1).optional(),
  password: secretText.optional(),
  /** PEM files. `ca` replaces the system's list; `cert` and `key` are this gateway's own. */
  ca: file.optional(),
  cert: file.optional(),
  key: file.optional(),
  /** Lowest TLS version that is spoken. */
  tlsMinimum: z.enum(["1.2", "1.3"]).default("1.3"),
  /** Seconds. The broker may ask for another value (MQTT 5). */
  keepalive: z.int().min(5).max(3600).default(30),
  /** `auto`: MQTT 5, or 3.1.1 with a broker that does not speak it. */
  protocol: z.enum(["auto", "5", "3.1.1"]).default("auto"),
};

/** PEM files and the lowest version, for TLS. */
export interface TlsSettings {
  readonly ca?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
  readonly tlsMinimum: "1.2" | "1.3";
}

/** What `brokerFields` give. */
export interface BrokerSettings extends TlsSettings {
  readonly url: string;
  readonly clientId?: string | undefined;
  readonly username?: string | undefined;
  readonly password?: SecretText | undefined;
  readonly keepalive: number;
  readonly protocol: "auto" | "5" | "3.1.1";
}

/** What the fields cannot see one by one. */
export function brokerRules(settings: BrokerSettings, context: z.core.$RefinementCtx): void {
  const refuse = (path: string, message: string): void =>
    context.addIssue({ code: "custom", path: [path], message });
  if ((settings.cert === undefined) !== (settings.key === undefined))
    refuse("cert", "`cert` and `key` belong together");
  if (settings.password !== undefined && settings.username === undefined)
    refuse("username", "a password needs a username (MQTT 3.1.1 cannot send it alone)");
  if (!settings.url.startsWith("mqtts:") && (settings.ca || settings.cert))
    refuse("url", "`ca`, `cert` and `key` need a url that begins with mqtts://");
}

export interface BrokerAddress {
  readonly tls: boolean;
  readonly host: string;
  readonly port: number;
}

/** Where a broker's URL leads, or undefined when it is none. Names and passwords in the URL are not taken. */
export function brokerAddress(text: string): BrokerAddress | undefined {
  const parsed = URL.parse(text);
  if (!parsed || !["mqtt:", "mqtts:"].includes(parsed.protocol) || parsed.hostname === "") return undefined;
  if (parsed.username || parsed.password || parsed.search || parsed.hash) return undefined;
  if (parsed.pathname !== "" && parsed.pathname !== "/") return undefined;
  const tls = parsed.protocol === "mqtts:";
  return {
    tls,
    host: parsed.hostname.replace(/^\[(.*)\]$/, "$1"),
    port: parsed.port === "" ? (tls ? 8883 : 1883) : Number(parsed.port),
  };
}
