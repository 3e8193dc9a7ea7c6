import type { Instant } from "../model/clock.ts";
import type { Gap } from "../outbox/outbox.ts";

/** A gap and when it was noticed. */
export interface PendingGap extends Gap {
  readonly noticed: Instant;
}

/** At most this many packs that carried gaps are remembered, to tell those gaps again should the pack be lost too. */
const remembered = 256;

/**
 * Gaps on their way to their audience. Neighbours are joined, so that a long loss is one record. A gap
 * record travels in a pack, and that pack may be dropped in its turn: then what it told is told again.
 */
export class GapLedger {
  readonly #waiting = new Map<string, PendingGap[]>();
  readonly #told: { audience: string; run: string; seq: number; gaps: readonly PendingGap[] }[] = [];

  add(gap: PendingGap): void {
    const waiting = this.#waiting.get(gap.audience) ?? [];
    this.#waiting.set(gap.audience, waiting);
    for (const carried of this.#takeTold(gap)) join(waiting, carried);
    join(waiting, gap);
  }

  has(audience: string): boolean {
    return (this.#waiting.get(audience)?.length ?? 0) > 0;
  }

  /** The gaps that the pack with this seq tells. */
  take(audience: string, run: string, seq: number): readonly PendingGap[] {
    const gaps = this.#waiting.get(audience) ?? [];
    this.#waiting.delete(audience);
    if (gaps.length > 0) {
      this.#told.push({ audience, run, seq, gaps });
      if (this.#told.length > remembered) this.#told.shift();
    }
    return gaps;
  }

  #takeTold(lost: Gap): PendingGap[] {
    const again: PendingGap[] = [];
    for (let index = this.#told.length - 1; index >= 0; index--) {
      const { audience, run, seq, gaps } = this.#told[index]!;
      if (audience !== lost.audience || run !== lost.run || seq < lost.from || seq > lost.to) continue;
      this.#told.splice(index, 1);
      again.unshift(...gaps);
    }
    return again;
  }
}

function join(gaps: PendingGap[], gap: PendingGap): void {
  if (gaps.some(({ run, from, to }) => run === gap.run && from <= gap.from && gap.to <= to)) return;
  const last = gaps.at(-1);
  if (last && last.run === gap.run && last.reason === gap.reason && last.to + 1 === gap.from) {
    gaps[gaps.length - 1] = { ...last, to: gap.to, readings: last.readings + gap.readings };
  } else gaps.push(gap);
}
