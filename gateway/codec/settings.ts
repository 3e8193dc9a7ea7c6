import { z } from "zod";
import { Secret } from "../model/secret.ts";

// Schemas of the small things that people write in gateway.yaml and profiles, shared so that every
// file takes the same words. Each has an input that JSON Schema can describe.

const durationUnits: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const sizeUnits: Record<string, number> = {
  B: 1,
  kB: 1000,
  MB: 1e6,
  GB: 1e9,
  KiB: 1024,
  MiB: 1024 ** 2,
  GiB: 1024 ** 3,
};

const durationText = /^(\d+(?:\.\d+)?) ?(ms|s|m|h|d)$/;
const sizeText = /^(\d+(?:\.\d+)?) ?(B|kB|MB|GB|KiB|MiB|GiB)$/;

/** "200ms", "7s", "15m", "2h", "30d" to milliseconds. */
export const duration = z
  .string()
  .regex(durationText, { error: "not a duration: write a number and ms, s, m, h or d, such as 200ms or 15m" })
  .transform((text) => amount(text, durationText, durationUnits));

/** "512B", "16kB", "2GB" (and KiB, MiB, GiB) to bytes. */
export const byteSize = z
  .string()
  .regex(sizeText, { error: "not a size: write a number and B, kB, MB or GB, such as 16kB" })
  .transform((text) => Math.round(amount(text, sizeText, sizeUnits)));

/** A secret that gateway.yaml names by reference: `${file:/path}` or `${env:NAME}`; never its text. */
export const secret = z.custom<Secret>((value) => value instanceof Secret, {
  // biome-ignore lint/suspicious/noTemplateCurlyInString: this is how gateway.yaml writes it
  error: "a secret is never written here: name it as ${file:/path} or ${env:NAME}",
});

/** A person's text: plain English, or one per language. */
export const text = z.union([
  z.string().min(1),
  z.strictObject({ en: z.string().min(1), sv: z.string().min(1).optional() }),
]);

function amount(written: string, pattern: RegExp, units: Record<string, number>): number {
  const [, number = "0", unit = ""] = pattern.exec(written) ?? [];
  return Number(number) * (units[unit] ?? 1);
}
