import { resolve } from "node:path";
import * as z from "zod";
import { byteSize } from "../codec/settings.ts";

/** Node-RED beside the gateway: a process of its own, which `stadsnod node-red` looks after. The daemon reads none of this. */
export interface NodeRedConfig {
  readonly enabled: boolean;
  readonly port: number;
  /** The one address that the editor listens on. */
  readonly host: string;
  /** Paths of PEM files; the editor is on HTTPS with them. */
  readonly certificate?: { readonly cert: string; readonly key: string } | undefined;
  /** Of JavaScript's heap; the whole process may take `overheadBytes` more. */
  readonly memoryBytes: number;
  /** Flows, credentials, backups and the generated settings. */
  readonly userDir: string;
  /** Account that Node-RED runs under; the supervisor's own when absent. */
  readonly user?: string | undefined;
  /** Node sets that are not there: `exec`, `file`. */
  readonly excludeNodes: readonly string[];
  /** Flows files that are kept. */
  readonly backups: number;
}

/** What Node-RED takes beside its heap: code, buffers, stacks. */
export const overheadBytes = 256_000_000;

/** What starts programs, touches files or waits for their changes. */
const dangerous = ["exec", "file", "watch"];
const loopback = /^(localhost|127(\.\d{1,3}){3}|::1)$/;
const nodeSet = z.string().regex(/^[A-Za-z0-9][\w-]{0,63}$/, {
  error: "the name of a node set, such as exec, file, httprequest",
});

export const nodeRedSchema = z
  .strictObject({
    enabled: z.boolean().default(false),
    port: z.int().min(1).max(65_535).default(1880),
    host: z.string().min(1).max(253).default("127.0.0.1"),
    cert: z.string().min(1).optional(),
    key: z.string().min(1).optional(),
    memory: byteSize
      .refine((bytes) => bytes >= 128_000_000, { error: "Node-RED needs at least 128MB" })
      .prefault("256MB"),
    userDir: z.string().min(1).default("data/node-red"),
    user: z
      .string()
      .regex(/^[a-z_][a-z0-9_-]{0,31}$/, { error: "the name of an account" })
      .optional(),
    excludeNodes: z.array(nodeSet).max(100).default(dangerous),
    backups: z.int().min(1).max(1000).default(20),
  })
  .refine(({ cert, key }) => (cert === undefined) === (key === undefined), {
    error: '"cert" and "key" belong together: name both PEM files, or none',
  })
  .refine(({ host, cert }) => loopback.test(host) || cert !== undefined, {
    path: ["host"],
    error: "people log in there: beyond this machine it needs `cert` and `key`, or a proxy with TLS in front",
  })
  .prefault({});

/** Paths start at the folder of gateway.yaml. */
export function nodeRedOf(
  { cert, key, memory, userDir, ...rest }: z.output<typeof nodeRedSchema>,
  base: string,
): NodeRedConfig {
  return {
    ...rest,
    certificate:
      cert === undefined || key === undefined
        ? undefined
        : { cert: resolve(base, cert), key: resolve(base, key) },
    memoryBytes: memory,
    userDir: resolve(base, userDir),
  };
}
