import type { Deframer } from "../exchange.ts";
import type { CompiledHead } from "./compile.ts";
import { HeadDeframer, type LineFrame } from "./deframer.ts";

/**
 * Cuts one stream for several profiles at once: devices of different makers may share a line, and each
 * profile finds its own frames in all the bytes. Bytes are counted once per profile.
 */
export class LineDeframer implements Deframer<LineFrame> {
  readonly #heads = new Map<CompiledHead, HeadDeframer>();
  readonly #slackMs: number;
  /** Whether a device on the line speaks by itself: then a request must not forget what came before it. */
  keepsBytes = false;

  /** @param slackMs how long the way may hold bytes of one frame apart, whatever a profile says of its gaps */
  constructor(slackMs = 0) {
    this.#slackMs = slackMs;
  }

  /** From now on frames of this head are found, too. */
  add(head: CompiledHead): void {
    if (!this.#heads.has(head)) this.#heads.set(head, new HeadDeframer(head));
  }

  /** Forgets the profiles that are not on the line any more. */
  keep(heads: ReadonlySet<CompiledHead>): void {
    for (const head of this.#heads.keys()) if (!heads.has(head)) this.#heads.delete(head);
    for (const head of heads) this.add(head);
  }

  get quietMs(): number | undefined {
    return this.#heads.size === 0
      ? undefined
      : Math.max(this.#slackMs, ...Array.from(this.#heads.values(), ({ quietMs }) => quietMs));
  }

  get statistics(): Readonly<Record<string, number>> {
    const all: Record<string, number> = {};
    for (const deframer of this.#heads.values())
      for (const [name, count] of Object.entries(deframer.statistics)) all[name] = (all[name] ?? 0) + count;
    return all;
  }

  push(chunk: Uint8Array): LineFrame[] {
    return this.#all((deframer) => deframer.push(chunk));
  }

  quiet(): LineFrame[] {
    return this.#all((deframer) => deframer.quiet());
  }

  reset(): void {
    if (!this.keepsBytes) for (const deframer of this.#heads.values()) deframer.reset();
  }

  #all(cut: (deframer: HeadDeframer) => LineFrame[]): LineFrame[] {
    if (this.#heads.size === 1) for (const deframer of this.#heads.values()) return cut(deframer);
    return Array.from(this.#heads.values(), cut).flat();
  }
}
