import { resolve } from "node:path";
import * as z from "zod";

/** The doors of the local API. */
export interface LocalConfig {
  /** Path of the Unix socket of the local API. */
  readonly socket: string;
  /** Undefined: the socket is the only door. */
  readonly https?: HttpsConfig | undefined;
}

export interface HttpsConfig {
  readonly port: number;
  /** All addresses when absent. */
  readonly host?: string | undefined;
  /** Paths of PEM files; without them the gateway makes a certificate of its own. */
  readonly certificate?: { readonly cert: string; readonly key: string } | undefined;
}

const httpsSchema = z
  .strictObject({
    port: z.int().min(1).max(65_535).default(8443),
    host: z.string().min(1).max(253).optional(),
    cert: z.string().min(1).optional(),
    key: z.string().min(1).optional(),
  })
  .refine(({ cert, key }) => (cert === undefined) === (key === undefined), {
    error: '"cert" and "key" belong together: name both PEM files, or none',
  });

export const localSchema = z
  .strictObject({
    socket: z.string().min(1).max(100).default("data/stadsnod.sock"),
    https: httpsSchema.optional(),
  })
  .prefault({});

/** Paths start at the folder of gateway.yaml. */
export function localOf({ socket, https }: z.output<typeof localSchema>, base: string): LocalConfig {
  if (!https) return { socket: resolve(base, socket) };
  const { port, host, cert, key } = https;
  return {
    socket: resolve(base, socket),
    https: {
      port,
      host,
      certificate:
        cert === undefined || key === undefined
          ? undefined
          : { cert: resolve(base, cert), key: resolve(base, key) },
    },
  };
}
