import { randomBytes, scrypt, timingSafeEqual } from "node:crypto";
import { ApiError } from "./errors.ts";

/** A password as it is stored: scrypt (RFC 7914) with the parameters that it was made with; base64. */
export interface PasswordHash {
  readonly n: number;
  readonly r: number;
  readonly p: number;
  readonly salt: string;
  readonly hash: string;
}

export interface Cost {
  readonly n: number;
  readonly r: number;
  readonly p: number;
}

/** 32 MB for as long as it takes: less than a second on a Raspberry Pi Zero 2. */
export const presentCost: Cost = { n: 2 ** 15, r: 8, p: 1 };
const hashBytes = 32;

/**
 * Makes and compares password hashes, one at a time: a flood of logins takes the memory of one and waits
 * in a queue of at most `capacity`; who finds it full gets ApiError `too-busy`.
 */
export class Passwords {
  readonly #cost: Cost;
  readonly #capacity: number;
  #waiting = 0;
  #last: Promise<unknown> = Promise.resolve();

  constructor(cost: Cost = presentCost, capacity = 8) {
    this.#cost = cost;
    this.#capacity = capacity;
  }

  /** How many are at work or wait. */
  get waiting(): number {
    return this.#waiting;
  }

  async hash(password: string): Promise<PasswordHash> {
    const salt = randomBytes(16);
    const hash = await this.#derive(password, salt, this.#cost);
    return { ...this.#cost, salt: salt.toString("base64"), hash: hash.toString("base64") };
  }

  /** Whether it is this password. Without a hash the same work is done, so that nobody learns who is a user. */
  async verify(password: string, known: PasswordHash | undefined): Promise<boolean> {
    if (!known) {
      await this.#derive(password, Buffer.alloc(16), this.#cost);
      return false;
    }
    const found = await this.#derive(password, Buffer.from(known.salt, "base64"), known);
    const wanted = Buffer.from(known.hash, "base64");
    return wanted.length === found.length && timingSafeEqual(wanted, found);
  }

  async #derive(password: string, salt: Buffer, cost: Cost): Promise<Buffer> {
    if (this.#waiting >= this.#capacity)
      throw new ApiError(503, "too-busy", "too many logins at once", { retryAfter: 2 });
    this.#waiting++;
    const work = this.#last.then(() => derive(password, salt, cost));
    this.#last = work.catch(() => {});
    try {
      return await work;
    } finally {
      this.#waiting--;
    }
  }
}

function derive(password: string, salt: Buffer, { n, r, p }: Cost): Promise<Buffer> {
  // Two keyboards may write one letter in two ways.
  const text = password.normalize("NFKC");
  return new Promise((resolve, reject) => {
    scrypt(text, salt, hashBytes, { N: n, r, p, maxmem: 256 * n * r }, (error, key) =>
      error ? reject(error) : resolve(key),
    );
  });
}

// Without letters and digits that look alike.
const alphabet = "abcdefghjkmnpqrstuvwxyz23456789";

/** A password to be written down once: four groups of four, 79 bits. */
export function newPassword(): string {
  const letters: string[] = [];
  while (letters.length < 16) {
    for (const byte of randomBytes(32)) {
      // Whole multiples of the alphabet only, or some letters would come more often.
      if (byte < alphabet.length * 8 && letters.length < 16) letters.push(alphabet[byte % alphabet.length]!);
    }
  }
  return (letters.join("").match(/.{4}/g) ?? []).join("-");
}
