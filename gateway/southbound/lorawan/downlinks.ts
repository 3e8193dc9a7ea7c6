import type { Downlink } from "./bridge.ts";

/**
 * - `queued`: the server has it. A class A device is only reachable after its next uplink: it waits.
 * - `sent`: on the air. That is no delivery; for an unconfirmed downlink it is all that will be known.
 * - `acknowledged`: the device says that it has it.
 * - `expired`: it was not sent in time.
 * - `failed`: it will not be sent, or the device never acknowledged it.
 */
export const downlinkStages = ["queued", "sent", "acknowledged", "expired", "failed"] as const;
export type DownlinkStage = (typeof downlinkStages)[number];

export interface DownlinkState {
  readonly stage: DownlinkStage;
  /** Nothing more will come. */
  readonly ended: boolean;
  readonly reason?: string | undefined;
  /** It failed because we took it from the server's queue. */
  readonly takenBack?: boolean | undefined;
}

/** What the network says about one downlink. */
export type DownlinkWord =
  | { readonly kind: "queued" }
  | { readonly kind: "sent" }
  | { readonly kind: "ack"; readonly acknowledged: boolean }
  | { readonly kind: "failed" | "expired" | "taken-back"; readonly reason: string };

/** What was asked for. */
export interface DownlinkTerms {
  readonly confirmed: boolean;
  /** Unix ms. */
  readonly expiresAt: number | undefined;
  /** Whether the server sends again what was not acknowledged. */
  readonly resends: boolean;
}

const endless: DownlinkState = { stage: "failed", ended: true, reason: "it was tried too often" };
export const queuedState: DownlinkState = { stage: "queued", ended: false };

/** The state after a word. Pure; a downlink that has ended stays as it is. */
export function afterWord(state: DownlinkState, word: DownlinkWord, terms: DownlinkTerms): DownlinkState {
  if (state.ended) return state;
  switch (word.kind) {
    case "queued":
      return state;
    case "sent":
      return { stage: "sent", ended: !terms.confirmed };
    case "ack":
      if (word.acknowledged) return { stage: "acknowledged", ended: true };
      if (terms.resends)
        return { stage: "queued", ended: false, reason: "not acknowledged: it is sent again" };
      return { stage: "failed", ended: true, reason: "the device did not acknowledge it" };
    case "expired":
      // What is on the air cannot be called back.
      return state.stage === "queued" ? { stage: "expired", ended: true, reason: word.reason } : state;
    case "taken-back":
      return state.stage === "queued"
        ? { stage: "failed", ended: true, reason: word.reason, takenBack: true }
        : state;
    default:
      return { stage: "failed", ended: true, reason: word.reason };
  }
}

/** A downlink on its way, for who asked for it. */
export interface DownlinkHandle {
  readonly id: string;
  readonly state: DownlinkState;
  /** The present state and every later one, up to the one that ends it. May be read once at a time. */
  states(): AsyncIterable<DownlinkState>;
}

/** A downlink that comes and goes more often than any server sends again is not followed any longer. */
const mostWords = 200;
/** Open downlinks that are followed; when there are more, the oldest is given up. */
const mostOpen = 1000;

interface Open {
  readonly device: string;
  readonly downlink: Downlink;
  readonly terms: DownlinkTerms;
  readonly handle: FollowedDownlink;
}

/** The downlinks of one connection that have not ended. No clock: who has one calls `expire`. */
export class Downlinks {
  readonly #open = new Map<string, Open>();

  get size(): number {
    return this.#open.size;
  }

  /** A device's downlinks that may still be in the server's queue. */
  queued(device: string): readonly Downlink[] {
    return Array.from(this.#open.values()).flatMap((one) =>
      one.device === device && one.handle.state.stage === "queued" ? [one.downlink] : [],
    );
  }

  add(device: string, downlink: Downlink, resends: boolean): DownlinkHandle {
    const { id, confirmed, expiresAt } = downlink;
    const terms: DownlinkTerms = { confirmed, expiresAt, resends };
    for (const [oldest, { handle }] of this.#open) {
      if (this.#open.size < mostOpen) break;
      handle.take({
        stage: "failed",
        ended: true,
        reason: "too many downlinks are open: no longer followed",
      });
      this.#open.delete(oldest);
    }
    const handle = new FollowedDownlink(id);
    this.#open.set(id, { device, downlink, terms, handle });
    return handle;
  }

  forget(id: string): void {
    this.#open.delete(id);
  }

  /** Whether it was one of ours. */
  hear(id: string | undefined, word: DownlinkWord): boolean {
    const one = id === undefined ? undefined : this.#open.get(id);
    if (!one || id === undefined) return false;
    const next = one.handle.words < mostWords ? afterWord(one.handle.state, word, one.terms) : endless;
    if (next !== one.handle.state) one.handle.take(next);
    if (next.ended) this.#open.delete(id);
    return true;
  }

  /** Ends what waits longer than it may. Returns the devices whose queue still holds such a downlink. */
  expire(nowMs: number): ReadonlySet<string> {
    const devices = new Set<string>();
    for (const [id, { device, terms, handle }] of [...this.#open]) {
      if (terms.expiresAt === undefined || nowMs < terms.expiresAt || handle.state.stage !== "queued")
        continue;
      this.hear(id, { kind: "expired", reason: "it was not sent in time" });
      devices.add(device);
    }
    return devices;
  }

  /** When `expire` has something to do next, Unix ms. */
  nextExpiry(): number | undefined {
    let next: number | undefined;
    for (const { terms, handle } of this.#open.values())
      if (terms.expiresAt !== undefined && handle.state.stage === "queued")
        next = Math.min(next ?? terms.expiresAt, terms.expiresAt);
    return next;
  }
}

class FollowedDownlink implements DownlinkHandle {
  readonly id: string;
  readonly #past: DownlinkState[] = [queuedState];
  #changed = Promise.withResolvers<void>();

  constructor(id: string) {
    this.id = id;
  }

  /** States that it has had. */
  get words(): number {
    return this.#past.length;
  }

  get state(): DownlinkState {
    return this.#past.at(-1) ?? queuedState;
  }

  take(state: DownlinkState): void {
    this.#past.push(state);
    this.#changed.resolve();
    this.#changed = Promise.withResolvers<void>();
  }

  async *states(): AsyncGenerator<DownlinkState> {
    for (let index = Math.max(0, this.#past.length - 1); ; index++) {
      while (index >= this.#past.length) await this.#changed.promise;
      const state = this.#past[index] ?? queuedState;
      yield state;
      if (state.ended) return;
    }
  }
}
