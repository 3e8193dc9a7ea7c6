import * as z from "zod";

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

/** One or more topic levels: no wildcards, no empty level, nothing that a broker keeps for itself. */
const root = z
  .string()
  .max(200)
  .regex(/^[^+#$/\0]+(\/[^+#/\0]+)*$/, {
    error: "not a topic: levels divided by /, without + or #, not beginning with $",
  });

const url = z.string().refine((text) => brokerAddress(text) !== undefined, {
  error: "not a broker's address: write mqtt://host[:1883] or mqtts://host[:8883], nothing behind it",
});

const file = z.string().min(1);

export const mqttSettings = z
  .strictObject({
    type: z.literal("mqtt").default("mqtt"),
    url,
    /** Topic levels before `v1`. */
    root: root.default("stadsnod"),
    /** Default `stadsnod-<gateway>`. Must be the gateway's own: a broker ends the older of two. */
    clientId: z.string().min(1).max(256).optional(),
    username: z.string().min(1).optional(),
    password: secretText.optional(),
    /** PEM files. `ca` replaces the system's list; `cert` and `key` are this gateway's own. */
    ca: file.optional(),
    cert: file.optional(),
    key: file.optional(),
    /** Lowest TLS version that is spoken. */
    tlsMinimum: z.enum(["1.2", "1.3"]).default("1.3"),
    compression: z.enum(["zstd", "deflate", "none"]).default("zstd"),
    /** Seconds. The broker may ask for another value (MQTT 5). */
    keepalive: z.int().min(5).max(3600).default(30),
    /** How fast stored packs follow after an outage. Bytes are counted before compression. */
    backlog: z
      .strictObject({
        packsPerSecond: z.number().positive().optional(),
        bytesPerSecond: z.number().positive().default(1_000_000),
      })
      .default({ bytesPerSecond: 1_000_000 }),
    /** `auto`: MQTT 5, or 3.1.1 with a broker that does not speak it. */
    protocol: z.enum(["auto", "5", "3.1.1"]).default("auto"),
  })
  .refine((settings) => (settings.cert === undefined) === (settings.key === undefined), {
    error: "`cert` and `key` belong together",
    path: ["cert"],
  })
  .refine((settings) => settings.password === undefined || settings.username !== undefined, {
    error: "a password needs a username (MQTT 3.1.1 cannot send it alone)",
    path: ["username"],
  })
  .refine((settings) => settings.url.startsWith("mqtts:") || !(settings.ca || settings.cert), {
    error: "`ca`, `cert` and `key` need a url that begins with mqtts://",
    path: ["url"],
  });

export type MqttSettings = z.output<typeof mqttSettings>;

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
