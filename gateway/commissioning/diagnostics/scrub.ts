import { isIP } from "node:net";

/** What must not be found in a text, and what stands in its place. */
export interface Known {
  /** Passwords, keys, tokens: as they are. */
  readonly secrets: readonly string[];
  /** Of people: whole, and their parts. */
  readonly names: readonly string[];
  /** What people wrote: whole only. */
  readonly texts: readonly string[];
  /** Accounts of people. Each gets a number, the same in the whole bundle. */
  readonly users: readonly string[];
  /** Addresses that may be shown: those of brokers and devices in gateway.yaml. */
  readonly hosts: readonly string[];
}

const star = "***";
const shortestSecret = 4;
const shortestName = 3;
/** Shorter ones would be found where they are not meant. */
const shortestEncoded = 6;
/** A bound on what is looked for. */
const mostLiterals = 5000;

/** Takes secrets and people out of texts. The same person gets the same stand-in. */
export class Scrubber {
  readonly #secrets: RegExp | undefined;
  readonly #names: RegExp | undefined;
  readonly #users: RegExp | undefined;
  readonly #hosts: ReadonlySet<string>;
  readonly #standIns = new Map<string, string>();
  readonly #counts = new Map<string, number>();

  constructor({ secrets, names, texts, users, hosts }: Known) {
    this.#secrets = oneOf(secrets.flatMap(spellings), shortestSecret, "g");
    this.#names = oneOf([...names.flatMap(partsOf), ...texts], shortestName, "g", true);
    // The first user of every gateway is no person.
    const people = users.filter((name) => name !== "admin");
    this.#users = oneOf(people, 2, "gi", true);
    for (const name of people.toSorted()) this.#standIn("user", name.toLowerCase());
    this.#hosts = new Set(hosts);
  }

  /** A user's stand-in, `user-1`. */
  user(name: string): string {
    return name === "admin" ? name : this.#standIn("user", name.toLowerCase());
  }

  /** Takes out what is known, and nothing else: for texts of our own making. */
  known(text: string): string {
    let found = text;
    if (this.#secrets) found = found.replaceAll(this.#secrets, star);
    if (this.#names) found = found.replaceAll(this.#names, "(name)");
    if (this.#users) found = found.replaceAll(this.#users, (name) => this.user(name));
    return found;
  }

  /** Takes out what is known, and whatever looks like a secret or a person. */
  text(text: string): string {
    let found = text.replaceAll(/-----BEGIN [A-Z0-9 ]+-----[\s\S]*?(?:-----END [A-Z0-9 ]+-----|$)/g, "(PEM)");
    if (this.#secrets) found = found.replaceAll(this.#secrets, star);
    for (const [pattern, instead] of patterns) found = found.replaceAll(pattern, instead);
    found = this.known(found);
    found = found.replaceAll(/[A-Za-z0-9+/_-]{40,}={0,2}/g, (word) => (looksRandom(word) ? star : word));
    found = found.replaceAll(/\b(?:[0-9a-f]{2}:){5}[0-9a-f]{2}\b/gi, (mac) => this.#standIn("mac", mac));
    found = found.replaceAll(/(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?![\w.]*\d)/g, (address) =>
      this.#address(address),
    );
    return found.replaceAll(/(?<![\w:])(?:[0-9a-f]{0,4}:){2,7}[0-9a-f]{0,4}(?![\w:])/gi, (address) =>
      this.#address(address),
    );
  }

  #address(address: string): string {
    if (isIP(address) === 0 || this.#hosts.has(address)) return address;
    if (/^(127\.|0\.0\.0\.0$|::1?$)/.test(address)) return address;
    return this.#standIn("ip", address);
  }

  #standIn(kind: "user" | "ip" | "mac", name: string): string {
    const key = `${kind} ${name}`;
    const known = this.#standIns.get(key);
    if (known !== undefined) return known;
    const count = (this.#counts.get(kind) ?? 0) + 1;
    this.#counts.set(kind, count);
    this.#standIns.set(key, `${kind}-${count}`);
    return `${kind}-${count}`;
  }
}

/**
 * Secrets that a text calls so: `token=...`, `Bearer ...`. They are taken out where they stand, and so they can be
 * looked for where nothing says what they are.
 */
export function secretsIn(text: string): string[] {
  return [named, authorization].flatMap((pattern) =>
    Array.from(text.matchAll(pattern), ([whole, head = ""]) =>
      whole.slice(head.length).replace(/^[\\"'\s]+|[\\"'\s]+$/g, ""),
    )
      // Words are called so as well: `token: expired`.
      .filter((one) => one.length >= 8 && one.length <= 256 && /\d/.test(one) && /[a-z]/i.test(one)),
  );
}

// Bounded in every part: a log may hold a word of any length.
const named =
  /((?:\\?["'])?[\wåäöÅÄÖ.-]{0,40}(?:pass(?!ed|ing|ive)|pwd|secret|hemlig|l[oö]sen|token|psk|credential|(?:api|app|nwk|join|session|private|shared)[_-]?s?[_-]?key|cookie)[\wåäöÅÄÖ.-]{0,40}(?:\\?["'])?\s{0,4}(?:[:=]|=>)\s{0,4})(\\"(?:[^"\\]|\\[^"])*\\"|"(?:[^"\\]|\\.)*"|'[^']*'|[^\s,;}\]"']+)/gi;
const authorization = /(\b(?:Bearer|Basic|Digest)\s+)[\w.~+/=-]{6,}/gi;

const patterns: readonly (readonly [RegExp, string])[] = [
  // What the gateway says once, at its first start.
  [/(password of user \S+ is )\S+/gi, `$1${star}`],
  [/\b([a-z][a-z0-9+.-]{1,20}:\/\/)[^\s/@"']{1,256}@/gi, `$1${star}@`],
  [authorization, `$1${star}`],
  [/\beyJ[\w-]+\.[\w-]+\.[\w-]*/g, star],
  [named, `$1${star}`],
  [/\b(?:[0-9a-f]{2}[: -]){15,}[0-9a-f]{2}\b/gi, star],
  [/(?<![0-9a-z])(?:0x)?[0-9a-f]{32,}(?![0-9a-z])/gi, star],
  [/[\w.%+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})+/g, "(email)"],
  // A Swedish personal identity number (SKV 704), with its sign.
  [/(?<!\d)(?:19|20)?\d{2}(?:0[1-9]|1[0-2])(?:[0-2]\d|3[01]|[6-8]\d|9[01])[-+]\d{4}(?!\d)/g, "(number)"],
  [
    /(?<![\w.+])(?:\+46|0046)[ \d-]{6,13}\d(?!\w)|(?<![\w.+:-])07\d[ -]?\d{3}[ -]?\d{2}[ -]?\d{2}(?!\w)/g,
    "(phone)",
  ],
];

/** Letters of both sizes and digits, and no words: a key, not a path. */
function looksRandom(word: string): boolean {
  if (!/[a-z]/.test(word) || !/[A-Z]/.test(word) || !/\d/.test(word)) return false;
  const changes = word.match(/[a-z][A-Z]|[A-Z][a-z]|[A-Za-z]\d|\d[A-Za-z]/g)?.length ?? 0;
  return changes > word.length / 5;
}

/** A secret as it may stand in JSON, in a URL, in Base64 or in hexadecimal, and each line of a long one. */
function spellings(secret: string): string[] {
  const lines = secret.split(/\r?\n/).map((line) => line.trim());
  const all = [secret, ...(lines.length > 1 ? lines : [])].filter(({ length }) => length >= shortestSecret);
  return all.flatMap((one) => {
    if (one.length < shortestEncoded) return [one];
    const bytes = Buffer.from(one);
    return [
      one,
      JSON.stringify(one).slice(1, -1),
      encodeURIComponent(one),
      bytes.toString("base64").replace(/=+$/, ""),
      bytes.toString("base64url"),
      bytes.toString("hex"),
      bytes.toString("hex").toUpperCase(),
      ...(/[0-9a-f]/i.test(one) ? [one.toLowerCase(), one.toUpperCase()] : []),
    ];
  });
}

/** A name and those of its words that are names by themselves. */
function partsOf(name: string): string[] {
  const words = name.split(/[\s,;/()"]+/).filter((word) => word.length >= 4 && /^\p{Lu}/u.test(word));
  return [name, ...words];
}

function oneOf(texts: readonly string[], shortest: number, flags: string, whole = false): RegExp | undefined {
  const kept = [...new Set(texts)].filter((text) => text.trim().length >= shortest).slice(0, mostLiterals);
  if (kept.length === 0) return undefined;
  // The longest first: a part of one may be another.
  const sorted = kept.toSorted((a, b) => b.length - a.length).map((text) => escaped(text));
  const any = `(?:${sorted.join("|")})`;
  return new RegExp(whole ? `(?<![\\p{L}\\p{N}_])${any}(?![\\p{L}\\p{N}_])` : any, `${flags}u`);
}

function escaped(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|/]/g, "\\$&");
}
