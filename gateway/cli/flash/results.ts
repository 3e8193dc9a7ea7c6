import { hash } from "node:crypto";
import {
  closeSync,
  constants,
  existsSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  readFileSync,
  writeSync,
} from "node:fs";
import * as z from "zod";
import { problem } from "./problems.ts";

// What a batch has done so far: a line for each step, so that it goes on after a break where it was, and no token is
// given to two gateways. It has no secrets in it.

const lineSchema = z.strictObject({
  at: z.iso.datetime(),
  /** `started`: the token may be on that card, though it does not start. */
  state: z.literal(["started", "done"]),
  row: z.number().int(),
  gateway: z.string(),
  site: z.string().optional(),
  /** Of the token: enough to know it again. */
  token: z.string().optional(),
  card: z.strictObject({ model: z.string(), serial: z.string(), size: z.number() }),
  image: z.string(),
});
export type ResultLine = z.output<typeof lineSchema>;

const maxBytes = 64 * 1024 * 1024;

/** Reads the lines of a result file; none where there is no file. Throws ConfigError. */
export function readResults(path: string): ResultLine[] {
  if (!existsSync(path)) return [];
  const bytes = readFileSync(path);
  if (bytes.length > maxBytes) throw problem("bad-results", `${path} is too large`);
  const lines = bytes.toString("utf8").split("\n");
  const ended = lines.pop();
  return [
    ...lines.map((line, index) => {
      const read = resultOf(line);
      if (!read) throw problem("bad-results", `${path}, line ${index + 1}`);
      return read;
    }),
    // A power cut may have cut off the last one.
    ...(ended ? [resultOf(ended)].filter((one) => one !== undefined) : []),
  ];
}

function resultOf(line: string): ResultLine | undefined {
  try {
    return lineSchema.safeParse(JSON.parse(line)).data;
  } catch {
    return undefined;
  }
}

/** Adds a line, which is on the disk when this returns. For the owner's eyes. */
export function addResult(path: string, line: ResultLine): void {
  const before = existsSync(path) ? readFileSync(path) : Buffer.alloc(0);
  const descriptor = openSync(path, constants.O_WRONLY | constants.O_CREAT, 0o600);
  try {
    // In place of one that was cut off.
    const end = before.lastIndexOf("\n") + 1;
    ftruncateSync(descriptor, end);
    writeSync(descriptor, `${JSON.stringify(line)}\n`, end);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** Tells tokens apart without keeping them. */
export function tokenMark(token: string): string {
  return hash("sha256", `stadsnod flash ${token}`, "hex").slice(0, 24);
}
