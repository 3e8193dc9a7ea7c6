import { type AuditLine, hashOf, noHash, own, parseAuditLine } from "./audit-line.ts";

export interface VerifyOptions {
  /** What is known of the log from elsewhere (a platform, a print): a later line must continue this one. */
  readonly head?: AuditHead | undefined;
  /** Whether a signature is the gateway's over this hash; without it seals are counted only. */
  readonly isSeal?: ((hash: string, signature: string) => boolean) | undefined;
}

/** The end of the chain: with it, nobody can shorten or rewrite what is before without being found out. */
export interface AuditHead {
  readonly n: number;
  readonly hash: string;
}

export interface AuditVerdict {
  readonly ok: boolean;
  /** Where the chain breaks first. */
  readonly broken?: AuditBreak | undefined;
  readonly lines: number;
  /** Number of the first line; above 1, lines before it were removed. */
  readonly first?: number | undefined;
  readonly head?: AuditHead | undefined;
  /** Seals, all of them good when there was something to check them with. */
  readonly seals: number;
  /** The last line that a seal vouches for. */
  readonly sealedThrough?: number | undefined;
  /** Places where what a power cut had torn was cut. */
  readonly cuts: number;
  /** Entries that could not be kept, by the log's own account. */
  readonly lost: number;
}

export interface AuditBreak {
  /** Counted from 1 in what was looked at. */
  readonly line: number;
  /** The number that the line gives itself. */
  readonly n?: number | undefined;
  readonly why: string;
}

/** Whether these lines, in order and without line breaks, are an unbroken chain. Pure. */
export function verifyAuditLog(lines: Iterable<string>, options: VerifyOptions = {}): AuditVerdict {
  const verifier = new AuditVerifier(options);
  for (const line of lines) verifier.take(line);
  return verifier.end();
}

/** The same, line by line: a log may be larger than memory. */
export class AuditVerifier {
  readonly #options: VerifyOptions;
  #lines = 0;
  #first: AuditLine | undefined;
  #head: AuditHead | undefined;
  #broken: AuditBreak | undefined;
  /** Hashes of last lines of removed segments. */
  readonly #removed = new Set<string>();
  #seals = 0;
  #sealedThrough: number | undefined;
  #cuts = 0;
  #lost = 0;

  constructor(options: VerifyOptions = {}) {
    this.#options = options;
  }

  take(text: string): void {
    if (this.#broken) return;
    this.#lines++;
    const line = parseAuditLine(text);
    const why = line ? this.#wrong(line) : "this is no line of an audit log";
    if (!line || why !== undefined) {
      this.#broken = { line: this.#lines, n: line?.n, why: why ?? "" };
      return;
    }
    this.#first ??= line;
    this.#head = { n: line.n, hash: hashOf(text) };
    const { head } = this.#options;
    if (head?.n === line.n && head.hash !== this.#head.hash) {
      this.#broken = { line: this.#lines, n: line.n, why: "it is not the line that is known from elsewhere" };
    }
    this.#note(line);
  }

  end(): AuditVerdict {
    const broken = this.#broken ?? this.#wrongAsAWhole();
    return {
      ok: broken === undefined,
      broken,
      lines: this.#lines,
      first: this.#first?.n,
      head: this.#head,
      seals: this.#seals,
      sealedThrough: this.#sealedThrough,
      cuts: this.#cuts,
      lost: this.#lost,
    };
  }

  #wrong({ n, prev, what, detail }: AuditLine): string | undefined {
    const before = this.#head;
    if (!before) {
      return n === 1 && prev !== noHash ? "the first line follows another one" : undefined;
    }
    if (n !== before.n + 1) {
      return n > before.n
        ? `lines ${before.n + 1} to ${n - 1} are missing`
        : `line ${n} comes twice or too late`;
    }
    if (prev !== before.hash) return "the line before was changed, or this one";
    if (what !== own.seal) return undefined;
    if (detail.hash !== prev) return "the seal is of another line";
    const { isSeal } = this.#options;
    const signature = typeof detail.signature === "string" ? detail.signature : "";
    return isSeal && !isSeal(prev, signature) ? "the signature is not the gateway's" : undefined;
  }

  #note({ n, what, detail }: AuditLine): void {
    switch (what) {
      case own.removed:
        if (typeof detail.hash === "string") this.#removed.add(detail.hash);
        return;
      case own.cut:
        this.#cuts++;
        return;
      case own.lost:
        this.#lost += typeof detail.entries === "number" ? detail.entries : 1;
        return;
      case own.seal:
        this.#seals++;
        this.#sealedThrough = n - 1;
    }
  }

  #wrongAsAWhole(): AuditBreak | undefined {
    const first = this.#first;
    if (first && first.n > 1 && !this.#removed.has(first.prev)) {
      const why = `it begins with line ${first.n}, and no entry says that those before were removed`;
      return { line: 1, n: first.n, why };
    }
    const { head } = this.#options;
    if (!head || (this.#head && this.#head.n >= head.n && (first?.n ?? 1) <= head.n)) return undefined;
    const why = `line ${head.n}, which is known from elsewhere, is missing`;
    return { line: this.#lines + 1, why };
  }
}
