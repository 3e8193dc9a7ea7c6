import * as z from "zod";
import { ConfigError } from "../model/errors.ts";

// What a job of the kind `scan`, `line-settings` or `listen` is asked for.

const place = {
  /** Of gateway.yaml. */
  connection: z.string().min(1).max(63).optional(),
  port: z.string().min(1).max(255).optional(),
  host: z.string().min(1).max(253).optional(),
  tcpPort: z.int().min(1).max(65_535).optional(),
  protocol: z.string().min(1).max(63).optional(),
};
const scanSchema = z.strictObject({
  ...place,
  effort: z.enum(["quick", "thorough"]).default("quick"),
  /** Unit ids and addresses: `1-32,100`. */
  addresses: z.string().min(1).max(500).optional(),
});
const lineSettingsSchema = z.strictObject({
  port: z.string().min(1).max(255),
  protocol: place.protocol,
});

const listenSchema = z.strictObject({
  connection: place.connection,
  port: place.port,
  protocol: place.protocol,
  /** How long to listen. */
  seconds: z.number().min(1).max(3600).default(60),
});

export type ListenWhat = z.infer<typeof listenSchema>;
export type ScanWhat = z.infer<typeof scanSchema>;
export type LineSettingsWhat = z.infer<typeof lineSettingsSchema>;

/** Throws ConfigError (`bad-job`). */
export function scanWhat(what: unknown): ScanWhat {
  const found = understood(scanSchema, what);
  const places = [found.connection, found.port, found.host].filter((one) => one !== undefined);
  if (places.length !== 1)
    throw new ConfigError("say where to look: one of connection, port and host", {
      code: "bad-job",
      hint: "a connection of gateway.yaml, a serial port, or the address of a device on the network",
    });
  return found;
}

/** Throws ConfigError (`bad-job`). */
export function lineSettingsWhat(what: unknown): LineSettingsWhat {
  return understood(lineSettingsSchema, what);
}

/** Throws ConfigError (`bad-job`). */
export function listenWhat(what: unknown): ListenWhat {
  const found = understood(listenSchema, what);
  if ((found.connection === undefined) === (found.port === undefined))
    throw new ConfigError("say where to listen: one of connection and port", {
      code: "bad-job",
      hint: "a connection of gateway.yaml, or a serial port",
    });
  return found;
}

function understood<T>(schema: z.ZodType<T>, what: unknown): T {
  const result = schema.safeParse(what);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw new ConfigError([...(issue?.path ?? []), issue?.message].join(": "), { code: "bad-job" });
}
