import { createHash, randomBytes } from "node:crypto";
import { isIPv6 } from "node:net";
import type { Clock } from "../model/clock.ts";
import { ApiError } from "./errors.ts";

interface Failures {
  count: number;
  /** Monotonic ms. */
  lastAt: number;
}

/** Failures without a delay. */
const free = 3;
const longestOfUserMs = 60_000;
const longestOfAddressMs = 15 * 60_000;
/** After so long without a failure all is forgotten. */
const forgottenAfterMs = 60 * 60_000;
const mostAddresses = 2048;
const buckets = 1024;
const mostKnown = 1024;

/**
 * Slows down who guesses passwords: after three failures each further one doubles the wait, for the address
 * up to 15 minutes and for the user up to one. Where a user has logged in before, only the address
 * counts: a stranger cannot lock the technician out. Memory is bounded whatever is sent.
 */
export class LoginGuard {
  readonly #clock: Clock;
  readonly #addresses = new Map<string, Failures>();
  /** Names share buckets, so that made-up names need no room and cannot be told from real ones. */
  readonly #users: Failures[] = Array.from({ length: buckets }, () => ({ count: 0, lastAt: 0 }));
  readonly #salt = randomBytes(16);
  readonly #known = new Set<string>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Addresses that are remembered. */
  get size(): number {
    return this.#addresses.size;
  }

  /** Throws ApiError `too-many-logins` while a wait is not over. */
  check(user: string, address: string): void {
    const network = networkOf(address);
    const ofAddress = this.#addresses.get(network);
    const waits = [ofAddress ? this.#wait(ofAddress, longestOfAddressMs) : 0];
    if (!this.#known.has(`${network} ${user}`)) waits.push(this.#wait(this.#bucket(user), longestOfUserMs));
    const wait = Math.max(...waits);
    if (wait > 0)
      throw new ApiError(429, "too-many-logins", "too many failed logins: wait, then try again", {
        retryAfter: Math.ceil(wait / 1000),
      });
  }

  /** To be called before the password is looked at: what runs at the same time must not come for free. */
  failed(user: string, address: string): void {
    const network = networkOf(address);
    const ofAddress = this.#addresses.get(network) ?? { count: 0, lastAt: 0 };
    this.#add(ofAddress);
    this.#addresses.delete(network);
    this.#addresses.set(network, ofAddress);
    const [oldest] = this.#addresses.keys();
    if (this.#addresses.size > mostAddresses && oldest !== undefined) this.#addresses.delete(oldest);
    this.#add(this.#bucket(user));
  }

  succeeded(user: string, address: string): void {
    const network = networkOf(address);
    this.#addresses.delete(network);
    this.#bucket(user).count = 0;
    this.#known.add(`${network} ${user}`);
    const [oldest] = this.#known;
    if (this.#known.size > mostKnown && oldest !== undefined) this.#known.delete(oldest);
  }

  #add(failures: Failures): void {
    const now = this.#clock.monotonic();
    if (now - failures.lastAt > forgottenAfterMs) failures.count = 0;
    failures.count++;
    failures.lastAt = now;
  }

  /** Ms that are left. */
  #wait({ count, lastAt }: Failures, longestMs: number): number {
    if (count < free) return 0;
    const delay = Math.min(longestMs, 1000 * 2 ** Math.min(30, count - free));
    return Math.max(0, lastAt + delay - this.#clock.monotonic());
  }

  #bucket(user: string): Failures {
    const digest = createHash("sha256").update(this.#salt).update(user).digest();
    return this.#users[digest.readUInt32BE(0) % buckets]!;
  }
}

/** Who has one IPv6 address has all of its /64. */
function networkOf(address: string): string {
  if (!isIPv6(address)) return address;
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped !== undefined) return mapped;
  const [head = "", tail = ""] = address.split("::");
  const before = head === "" ? [] : head.split(":");
  const after = tail === "" ? [] : tail.split(":");
  const groups = address.includes("::")
    ? [...before, ...Array<string>(Math.max(0, 8 - before.length - after.length)).fill("0"), ...after]
    : before;
  return groups.slice(0, 4).join(":");
}
