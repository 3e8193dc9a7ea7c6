import { seededRandom } from "../scenes/nature.ts";

/** A sequence of its own for each name under one seed: what one device draws changes nothing for another. */
export function chance(seed: number, name: string): () => number {
  let mixed = seed >>> 0;
  for (const byte of new TextEncoder().encode(name)) mixed = Math.imul(mixed ^ byte, 0x01000193) >>> 0;
  return seededRandom(mixed);
}

/** So many lower-case hex digits. */
export function hexDigits(random: () => number, digits: number): string {
  return Array.from({ length: digits }, () => Math.floor(random() * 16).toString(16)).join("");
}

/** A UUID of version 4. */
export function uuid(random: () => number): string {
  const digits = hexDigits(random, 32);
  const variant = "89ab"[Math.floor(random() * 4)];
  return [
    digits.slice(0, 8),
    digits.slice(8, 12),
    `4${digits.slice(13, 16)}`,
    `${variant}${digits.slice(17, 20)}`,
    digits.slice(20),
  ].join("-");
}

const crockford = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/** A ULID: 48 bits of time, 80 of chance. */
export function ulid(random: () => number, time: number): string {
  let head = "";
  for (let rest = time, digit = 0; digit < 10; digit++, rest = Math.floor(rest / 32))
    head = `${crockford[rest % 32]}${head}`;
  return head + Array.from({ length: 16 }, () => crockford[Math.floor(random() * 32)]).join("");
}
