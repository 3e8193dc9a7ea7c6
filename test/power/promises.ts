import { openSync, writeSync } from "node:fs";
import { encodeMark, markPosition } from "./mark.ts";

/** What the writer says on its standard output, numbered from 1; a mark on the recorded disk then says that it was said. */
export type Promised = { readonly n: number } & Said;

export type Said =
  /** `append` answered `disk`. */
  | { readonly kind: "stored"; readonly key: string }
  /** The far side has it: about to be acked, and then it may go. */
  | { readonly kind: "delivered"; readonly key: string }
  /** The broker hears its PUBACK: it does not bring this command again. */
  | { readonly kind: "accepted"; readonly id: string }
  /** The first byte goes to the device. */
  | { readonly kind: "begun"; readonly id: string }
  /** The far side hears its last word. */
  | { readonly kind: "told"; readonly id: string; readonly words: string }
  /** The audit log holds this line. */
  | { readonly kind: "audited"; readonly line: number };

/** Everything that had been promised at one moment. */
export interface Promises {
  readonly stored: Set<string>;
  readonly delivered: Set<string>;
  readonly commands: Set<string>;
  readonly told: Map<string, string>;
  auditLine: number;
}

export function noPromises(): Promises {
  return { stored: new Set(), delivered: new Set(), commands: new Set(), told: new Map(), auditLine: 0 };
}

export function note(promises: Promises, said: Said): void {
  if (said.kind === "stored") promises.stored.add(said.key);
  else if (said.kind === "delivered") promises.delivered.add(said.key);
  else if (said.kind === "audited") promises.auditLine = Math.max(promises.auditLine, said.line);
  else {
    promises.commands.add(said.id);
    if (said.kind === "told") promises.told.set(said.id, said.words);
  }
}

/** What a writer is told to do. */
export interface WriterOrder {
  readonly folder: string;
  /** The recorded disk as a file: where marks go. Without one its standard output alone outlives the cut. */
  readonly disk?: string;
  readonly run: string;
  readonly seed: number;
  /** Number of the first promise. */
  readonly from: number;
  readonly rounds: number;
  /** What a negative control does wrong. */
  readonly flaw?: "no-sync" | "synchronous-normal" | undefined;
}

/** How a writer promises: on its standard output, and then by a mark on the recorded disk, so that every cut knows what was said before it. */
export function promiser({ disk, from }: WriterOrder): (said: Said) => void {
  const marks = disk === undefined ? undefined : openSync(disk, "r+");
  let next = from;
  return (said) => {
    const n = next++;
    writeSync(1, `${JSON.stringify({ n, ...said })}\n`);
    if (marks !== undefined) writeSync(marks, encodeMark(n), 0, undefined, markPosition);
  };
}
