import type { Clock } from "../model/clock.ts";
import type { Connect, Transport } from "../transport/transport.ts";

/** Bytes that went out or came in, in one piece. As the local API shows it. */
export interface FrameSeen {
  /** ISO 8601. */
  readonly at: string;
  readonly direction: "sent" | "received";
  /** Hexadecimal pairs, of the first 512 bytes. */
  readonly hex: string;
  readonly bytes: number;
}

/** Frames of a connection that are kept while nobody looks, and while somebody does. */
const kept = 32;
const keptWhileSeen = 512;
/** Bytes of a frame that are kept. */
const mostBytes = 512;
/** A serial port gives a frame in pieces; what comes within this time is one, ms. */
const pieceGapMs = 20;
/** How often somebody who looks is told, ms. */
const tellEveryMs = 100;

/** What goes over the wires of each connection: a few frames always, more of them while somebody looks. */
export class FrameTaps {
  readonly #clock: Clock;
  readonly #rings = new Map<string, Ring>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Connections whose bytes are noted on the way; who opens and uses them knows nothing of it. */
  tap(connection: string, connect: Connect): Connect {
    return async (endpoint, signal) => {
      const transport = await connect(endpoint, signal);
      let ring = this.#rings.get(connection);
      if (!ring) {
        ring = new Ring(kept);
        this.#rings.set(connection, ring);
      }
      return tapped(transport, ring, this.#clock);
    };
  }

  /** Of a connection that is no longer there. */
  forget(connection: string): void {
    this.#rings.get(connection)?.end();
    this.#rings.delete(connection);
  }

  /** The last frames, the oldest first; then as they come, until the signal aborts or the connection is forgotten. */
  async *listen(
    connection: string,
    signal: AbortSignal,
  ): AsyncIterable<readonly FrameSeen[] | { readonly lost: number }> {
    let ring: Ring | undefined;
    let next = 0;
    try {
      while (!signal.aborted) {
        if (!ring) {
          // It may be opened later.
          ring = this.#rings.get(connection);
          ring?.widen(keptWhileSeen);
          next = ring?.first ?? 0;
        }
        if (ring) {
          const { frames, lost, to } = ring.since(next, this.#clock);
          next = to;
          if (lost > 0) yield { lost };
          if (frames.length > 0) yield frames;
          if (ring.ended) return;
        }
        if (!(await slept(this.#clock, signal))) return;
      }
    } finally {
      ring?.narrow(kept);
    }
  }
}

async function slept(clock: Clock, signal: AbortSignal): Promise<boolean> {
  try {
    await clock.sleep(tellEveryMs, signal);
    return true;
  } catch (error) {
    if (signal.aborted) return false;
    throw error;
  }
}

/** The newest frames in one block of memory: noting one is a copy and four numbers. */
class Ring {
  #bytes: Uint8Array;
  #lengths: Uint32Array;
  #times: Float64Array;
  #sent: Uint8Array;
  #capacity: number;
  /** Number of the next frame. */
  #next = 0;
  /** Number of the oldest frame that is held. */
  first = 0;
  #listeners = 0;
  ended = false;

  constructor(capacity: number) {
    this.#capacity = capacity;
    this.#bytes = new Uint8Array(capacity * mostBytes);
    this.#lengths = new Uint32Array(capacity);
    this.#times = new Float64Array(capacity);
    this.#sent = new Uint8Array(capacity);
  }

  /** @param joins whether it may be the rest of the frame before it */
  note(bytes: Uint8Array, sent: 0 | 1, at: number, joins: boolean): void {
    const last = (this.#next + this.#capacity - 1) % this.#capacity;
    if (joins && this.#next > this.first && this.#sent[last] === sent) {
      if (at - this.#times[last]! < pieceGapMs && this.#lengths[last]! + bytes.length <= mostBytes) {
        this.#bytes.set(bytes, last * mostBytes + this.#lengths[last]!);
        this.#lengths[last]! += bytes.length;
        this.#times[last] = at;
        return;
      }
    }
    const place = this.#next % this.#capacity;
    const held = bytes.length > mostBytes ? bytes.subarray(0, mostBytes) : bytes;
    this.#bytes.set(held, place * mostBytes);
    this.#lengths[place] = bytes.length;
    this.#times[place] = at;
    this.#sent[place] = sent;
    this.#next++;
    if (this.#next - this.first > this.#capacity) this.first++;
  }

  /** Frames from number `from` on that are whole, how many are gone before them, and the number after them. */
  since(from: number, clock: Clock): { frames: FrameSeen[]; lost: number; to: number } {
    const oldest = Math.max(from, this.first);
    const frames: FrameSeen[] = [];
    const now = clock.monotonic();
    let at = oldest;
    for (; at < this.#next; at++) {
      const place = at % this.#capacity;
      const time = this.#times[place]!;
      // More of the newest may be on its way.
      if (at === this.#next - 1 && now - time < pieceGapMs && !this.ended) break;
      const length = this.#lengths[place]!;
      const start = place * mostBytes;
      const shown = this.#bytes.subarray(start, start + Math.min(length, mostBytes));
      frames.push({
        at: new Date(clock.now() - (now - time)).toISOString(),
        direction: this.#sent[place] === 1 ? "sent" : "received",
        hex: Buffer.from(shown.buffer, shown.byteOffset, shown.length).toString("hex"),
        bytes: length,
      });
    }
    return { frames, lost: oldest - from, to: at };
  }

  widen(capacity: number): void {
    if (this.#listeners++ === 0) this.#resize(capacity);
  }

  narrow(capacity: number): void {
    if (--this.#listeners === 0) this.#resize(capacity);
  }

  end(): void {
    this.ended = true;
  }

  #resize(capacity: number): void {
    const old = { bytes: this.#bytes, lengths: this.#lengths, times: this.#times, sent: this.#sent };
    const oldCapacity = this.#capacity;
    this.#capacity = capacity;
    this.#bytes = new Uint8Array(capacity * mostBytes);
    this.#lengths = new Uint32Array(capacity);
    this.#times = new Float64Array(capacity);
    this.#sent = new Uint8Array(capacity);
    this.first = Math.max(this.first, this.#next - capacity);
    for (let at = this.first; at < this.#next; at++) {
      const [from, to] = [at % oldCapacity, at % capacity];
      this.#bytes.set(old.bytes.subarray(from * mostBytes, (from + 1) * mostBytes), to * mostBytes);
      this.#lengths[to] = old.lengths[from]!;
      this.#times[to] = old.times[from]!;
      this.#sent[to] = old.sent[from]!;
    }
  }
}

function tapped(transport: Transport, ring: Ring, clock: Clock): Transport {
  // On a network a piece is what the far side sent; joined, answers to several requests would look like one.
  const inPieces = transport.endpoint.kind === "serial";
  return {
    endpoint: transport.endpoint,
    lost: transport.lost,
    ...(transport.break && { break: (ms: number) => transport.break?.(ms) ?? Promise.resolve() }),
    ...(transport.expect && { expect: (bytes: number, at: number) => transport.expect?.(bytes, at) }),
    write(bytes) {
      ring.note(bytes, 1, clock.monotonic(), false);
      return transport.write(bytes);
    },
    receive(receiver) {
      transport.receive(
        receiver &&
          ((chunk, at) => {
            ring.note(chunk, 0, at, inPieces);
            receiver(chunk, at);
          }),
      );
    },
    [Symbol.asyncDispose]: () => transport[Symbol.asyncDispose](),
  };
}
