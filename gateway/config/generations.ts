import { createHash } from "node:crypto";
import * as z from "zod";
import type { Clock } from "../model/clock.ts";
import { ConfigError } from "../model/errors.ts";
import type { Disk } from "../store/disk.ts";
import { readDocument, readText, replaceDocument, replaceText } from "../store/documents.ts";

/** Texts that are kept; the oldest go. */
export const maxGenerations = 50;
const maxTextBytes = 1024 * 1024;
const index = "generations.json";

const keptSchema = z.object({
  number: z.int().min(1),
  at: z.string(),
  by: z.string(),
  note: z.string().optional(),
  hash: z.string(),
});
const indexSchema = z.object({
  kept: z.array(keptSchema).max(maxGenerations + 1),
  pending: z.int().optional(),
});

/** One text that was gateway.yaml, without the text. */
export type KeptGeneration = Readonly<z.output<typeof keptSchema>>;

/** SHA-256 of a text, hex. */
export function hashText(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

/**
 * The texts that were gateway.yaml, in a folder of their own (whose files others should not read). What is to
 * become the next one is written down before gateway.yaml is touched: whatever a power cut leaves there is known.
 */
export class Generations {
  readonly #disk: Disk;
  readonly #clock: Clock;
  #kept: readonly KeptGeneration[];
  #pending: number | undefined;

  constructor(disk: Disk, clock: Clock, { kept, pending }: z.output<typeof indexSchema>) {
    this.#disk = disk;
    this.#clock = clock;
    this.#kept = kept;
    this.#pending = pending;
  }

  /** The oldest first; without one that is still to be applied. */
  list(): readonly KeptGeneration[] {
    return this.#kept.filter(({ number }) => number !== this.#pending);
  }

  /** Rejects with ConfigError (`unknown-generation`), StorageError. */
  async text(number: number): Promise<string> {
    const one = this.list().find((kept) => kept.number === number);
    const text = one && (await readText(this.#disk, nameOf(number), maxTextBytes));
    if (one && text !== undefined && hashText(text) === one.hash) return text;
    throw new ConfigError(`there is no generation ${number} any more`, {
      code: "unknown-generation",
      hint: one ? "its file is gone or damaged" : `the last ${maxGenerations} are kept`,
    });
  }

  /** What gateway.yaml says now: one of its own where it is not the last that was kept. */
  async found(text: string): Promise<void> {
    const hash = hashText(text);
    const pending = this.#kept.find(({ number }) => number === this.#pending);
    // A power cut came between writing gateway.yaml and the last word about it, or before that.
    if (pending) await this.settle(pending.number, pending.hash === hash);
    if (this.#kept.at(-1)?.hash !== hash) await this.settle(await this.prepare(text, "file"), true);
  }

  /** Puts a text down that is to become gateway.yaml; `settle` says what became of it. */
  async prepare(text: string, by: string, note?: string): Promise<number> {
    const number = (this.#kept.at(-1)?.number ?? 0) + 1;
    const at = new Date(this.#clock.now()).toISOString();
    await replaceText(this.#disk, nameOf(number), text);
    const one = { number, at, by, ...(note === undefined ? {} : { note }), hash: hashText(text) };
    await this.#write([...this.#kept, one], number);
    return number;
  }

  async settle(number: number, applied: boolean): Promise<void> {
    const kept = applied ? this.#kept : this.#kept.filter((one) => one.number !== number);
    await this.#write(kept.slice(-maxGenerations), undefined);
    await this.#tidy();
  }

  async #write(kept: readonly KeptGeneration[], pending: number | undefined): Promise<void> {
    await replaceDocument(this.#disk, index, { kept, ...(pending === undefined ? {} : { pending }) });
    this.#kept = kept;
    this.#pending = pending;
  }

  /** Files that the index does not name. */
  async #tidy(): Promise<void> {
    const known = new Set([index, ...this.#kept.map(({ number }) => nameOf(number))]);
    for (const name of await this.#disk.list()) if (!known.has(name)) await this.#disk.remove(name);
  }
}

/** An index that cannot be read counts as none: gateway.yaml itself is never lost by it. Rejects with StorageError. */
export async function openGenerations(disk: Disk, clock: Clock): Promise<Generations> {
  const read = indexSchema.safeParse(await readDocument(disk, index));
  return new Generations(disk, clock, read.success ? read.data : { kept: [] });
}

function nameOf(number: number): string {
  return `generation-${number}.yaml`;
}
