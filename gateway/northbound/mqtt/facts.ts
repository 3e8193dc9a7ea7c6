import { LinkError, RefusedError } from "../../model/errors.ts";
import type { Log } from "../../model/log.ts";
import { factMessage } from "./message.ts";
import type { Session } from "./session.ts";

/** The retained facts that a broker must know, the newest body of each, and what it has not heard yet. */
export class Facts {
  readonly #bodies = new Map<string, Uint8Array>();
  /** Facts that this connection has not told the broker yet. */
  readonly #untold = new Set<string>();
  /** Codes of refusals on this connection: each is said once. */
  readonly #refused = new Set<string>();
  readonly #base: string;
  readonly #log: Log;
  readonly #live: () => Session | undefined;
  #telling = false;

  constructor(base: string, log: Log, live: () => Session | undefined) {
    this.#base = base;
    this.#log = log;
    this.#live = live;
  }

  set(topic: string, body: Uint8Array): void {
    this.#bodies.set(topic, body);
    this.#untold.add(topic);
    void this.#tell();
  }

  /** A new connection: the broker may have forgotten all of it. */
  tellAll(): void {
    for (const topic of this.#bodies.keys()) this.#untold.add(topic);
    this.#refused.clear();
    void this.#tell();
  }

  /** One after the other. */
  async #tell(): Promise<void> {
    if (this.#telling) return;
    this.#telling = true;
    try {
      for (;;) {
        const session = this.#live();
        const [topic] = this.#untold;
        if (!session || topic === undefined) return;
        this.#untold.delete(topic);
        const body = this.#bodies.get(topic);
        if (body) await this.#tellOne(session, topic, body);
      }
    } finally {
      this.#telling = false;
    }
  }

  async #tellOne(session: Session, topic: string, body: Uint8Array): Promise<void> {
    try {
      await session.send(factMessage(this.#base, topic, body));
    } catch (error) {
      if (error instanceof RefusedError) {
        if (!this.#refused.has(error.code))
          this.#log.warn({ code: error.code, hint: error.hint, topic }, error.message);
        this.#refused.add(error.code);
      } else if (error instanceof LinkError) {
        // Told again after the reconnect, as all facts are.
        this.#untold.add(topic);
      } else throw error;
    }
  }
}
