const units: ReadonlyMap<string, number> = new Map([
  ["B", 1],
  ["kB", 1_000],
  ["MB", 1_000_000],
  ["GB", 1_000_000_000],
  ["TB", 1_000_000_000_000],
  ["KiB", 2 ** 10],
  ["MiB", 2 ** 20],
  ["GiB", 2 ** 30],
  ["TiB", 2 ** 40],
]);

/** What a size may look like, for JSON Schema. */
export const sizePattern = "^\\d+(\\.\\d+)?([kMGT]|[KMGT]i)?B$";

/**
 * Reads `512B`, `16kB`, `64MB`, `1.5GB` (powers of 1000) or `64MiB` (powers of 1024) as bytes.
 * Throws RangeError on anything else, on fractions of a byte and beyond what a double counts exactly.
 */
export function parseSize(text: string): number {
  const match = /^(\d{1,15})(?:\.(\d{1,9}))?([A-Za-z]+)$/.exec(text);
  const factor = match && units.get(match[3] ?? "");
  if (!match || !factor) throw new RangeError(`not a size: "${text}" (write 16kB, 64MB, 2GB or 64MiB)`);
  const fraction = match[2] ?? "";
  const scaled = BigInt((match[1] ?? "") + fraction) * BigInt(factor);
  const divisor = 10n ** BigInt(fraction.length);
  if (scaled % divisor !== 0n) throw new RangeError(`"${text}" is not a whole number of bytes`);
  const bytes = Number(scaled / divisor);
  if (!Number.isSafeInteger(bytes)) throw new RangeError(`"${text}" is too large`);
  return bytes;
}

/** Bytes for people, in powers of 1000 with three digits at most: `64MB`, `1.53GB`. */
export function formatSize(bytes: number): string {
  const decimal = ["B", "kB", "MB", "GB", "TB"];
  let value = bytes;
  let step = 0;
  // 999.5 would be shown as 1000.
  while (value >= 999.5 && step < decimal.length - 1) {
    value /= 1000;
    step += 1;
  }
  const shown = step === 0 || value >= 1000 ? Math.round(value) : Number(value.toPrecision(3));
  return `${shown}${decimal[step]}`;
}
