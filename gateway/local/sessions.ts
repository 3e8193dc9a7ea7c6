import { createHash, randomBytes } from "node:crypto";
import type { Clock } from "../model/clock.ts";

export interface Session {
  readonly user: string;
  /** Monotonic ms. */
  readonly begunAt: number;
  lastUsedAt: number;
}

export interface SessionLimits {
  readonly idleMs: number;
  readonly longestMs: number;
  readonly most: number;
  readonly mostPerUser: number;
}

const presentLimits: SessionLimits = {
  idleMs: 30 * 60_000,
  longestMs: 12 * 3_600_000,
  most: 1000,
  mostPerUser: 20,
};

/**
 * Who is logged in. Only the SHA-256 of a token is kept, in memory: a restart ends all sessions. When there
 * are too many, of a user or in all, the one that was idle longest ends.
 */
export class Sessions {
  readonly #clock: Clock;
  readonly #limits: SessionLimits;
  /** By hash of the token, the one that was used last at the end. */
  readonly #sessions = new Map<string, Session>();

  constructor(clock: Clock, limits: Partial<SessionLimits> = {}) {
    this.#clock = clock;
    this.#limits = { ...presentLimits, ...limits };
  }

  get size(): number {
    return this.#sessions.size;
  }

  get longestMs(): number {
    return this.#limits.longestMs;
  }

  /** A new session; the token is told here and nowhere else. */
  begin(user: string): string {
    this.#sweep();
    const own = Array.from(this.#sessions).filter(([, session]) => session.user === user);
    if (own.length >= this.#limits.mostPerUser) this.#sessions.delete(own[0]![0]);
    const [oldest] = this.#sessions.keys();
    if (this.#sessions.size >= this.#limits.most && oldest !== undefined) this.#sessions.delete(oldest);
    const token = randomBytes(32).toString("base64url");
    const now = this.#clock.monotonic();
    this.#sessions.set(hashOf(token), { user, begunAt: now, lastUsedAt: now });
    return token;
  }

  /** The session of a token, which is then used. */
  use(token: string): Session | undefined {
    const key = hashOf(token);
    const session = this.#sessions.get(key);
    if (!session) return undefined;
    this.#sessions.delete(key);
    if (this.#isOver(session)) return undefined;
    session.lastUsedAt = this.#clock.monotonic();
    this.#sessions.set(key, session);
    return session;
  }

  /** Whether a session is still on; does not count as use. */
  isAlive(token: string): boolean {
    const session = this.#sessions.get(hashOf(token));
    return session !== undefined && !this.#isOver(session);
  }

  end(token: string): void {
    this.#sessions.delete(hashOf(token));
  }

  /** Ends all sessions of a user, but the one of `except`. */
  endAll(user: string, except?: string): void {
    const kept = except === undefined ? undefined : hashOf(except);
    for (const [key, session] of this.#sessions)
      if (session.user === user && key !== kept) this.#sessions.delete(key);
  }

  #sweep(): void {
    for (const [key, session] of this.#sessions) if (this.#isOver(session)) this.#sessions.delete(key);
  }

  #isOver({ begunAt, lastUsedAt }: Session): boolean {
    const now = this.#clock.monotonic();
    return now - lastUsedAt >= this.#limits.idleMs || now - begunAt >= this.#limits.longestMs;
  }
}

/** Secrets of 256 random bits need no slow hash. */
export function hashOf(token: string): string {
  return createHash("sha256").update(token).digest("hex");
}
