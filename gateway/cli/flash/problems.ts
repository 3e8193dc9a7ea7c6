import { ConfigError, GatewayError, RefusedError, StorageError } from "../../model/errors.ts";
import type { Language } from "../register-words.ts";

/** What happened and what to do about it, in both languages. A detail (device, row, sector) is added behind it. */
interface Problem {
  readonly of: "options" | "refused" | "storage";
  readonly en: readonly [what: string, hint?: string];
  readonly sv: readonly [what: string, hint?: string];
}

const again = {
  en: "the card is not finished and does not start a gateway: flash it again from the beginning",
  sv: "kortet är inte färdigt och startar ingen gateway: skriv om det från början",
} as const;

const problems = {
  "bad-option": {
    of: "options",
    en: ["the options do not fit together"],
    sv: ["tillvalen passar inte ihop"],
  },
  "bad-source": {
    of: "options",
    en: ["this is no image that can be written", "give a .img or .img.zst, with its .bmap beside it"],
    sv: [
      "det här är ingen avbildning som går att skriva",
      "ange en .img eller .img.zst, med sin .bmap bredvid",
    ],
  },
  "bad-bmap": {
    of: "options",
    en: ["the .bmap of the image cannot be used", "fetch the image and its .bmap again"],
    sv: ["avbildningens .bmap går inte att använda", "hämta avbildningen och dess .bmap igen"],
  },
  "bad-manifest": {
    of: "options",
    en: ["the manifest.json of the image cannot be used", "fetch the image and its manifest.json again"],
    sv: [
      "avbildningens manifest.json går inte att använda",
      "hämta avbildningen och dess manifest.json igen",
    ],
  },
  "image-damaged": {
    of: "storage",
    en: ["the image file is damaged, nothing that could start was written", "fetch the image again"],
    sv: ["avbildningsfilen är skadad, inget som kan starta har skrivits", "hämta avbildningen igen"],
  },
  "no-disk": {
    of: "refused",
    en: [
      "no disk that can be written",
      "put the card in the reader, then `stadsnod flash --list` shows what is there",
    ],
    sv: [
      "ingen disk att skriva på",
      "sätt kortet i läsaren; `stadsnod flash --list` visar sedan vad som finns",
    ],
  },
  "which-disk": {
    of: "options",
    en: ["more than one disk could be meant", "name it with --device"],
    sv: ["fler än en disk kan vara menad", "ange den med --device"],
  },
  "disk-refused": {
    of: "refused",
    en: ["this disk is not written"],
    sv: ["den här disken skrivs inte"],
  },
  "not-confirmed": {
    of: "refused",
    en: ["nobody confirmed that the disk may be erased", "answer at the terminal, or add --yes"],
    sv: ["ingen har bekräftat att disken får raderas", "svara vid terminalen eller lägg till --yes"],
  },
  "disk-changed": {
    of: "refused",
    en: ["another disk is there than the one that was chosen, nothing was written", "look at the list again"],
    sv: ["det sitter en annan disk där än den som valdes, inget skrevs", "titta i listan igen"],
  },
  "disk-busy": {
    of: "refused",
    en: [
      "something uses the disk, nothing was written",
      "unmount all of its partitions and close the programs that use it",
    ],
    sv: [
      "något använder disken, inget skrevs",
      "avmontera alla dess partitioner och stäng programmen som använder den",
    ],
  },
  "disk-forbidden": {
    of: "refused",
    en: ["this user may not write the disk", "run it again with sudo"],
    sv: ["den här användaren får inte skriva på disken", "kör igen med sudo"],
  },
  "disk-locked": {
    of: "refused",
    en: [
      "the card is write-protected",
      "slide the small lock on the side of the card or adapter, and put it in again",
    ],
    sv: [
      "kortet är skrivskyddat",
      "skjut den lilla spärren på kortets eller adapterns sida och sätt i det igen",
    ],
  },
  "disk-gone": {
    of: "storage",
    en: [
      "the disk was pulled out or no longer answers",
      `put it in again; ${again.en}; if it happens again use another card or reader`,
    ],
    sv: [
      "disken drogs ut eller svarar inte längre",
      `sätt i den igen; ${again.sv}; händer det igen, byt kort eller läsare`,
    ],
  },
  "disk-full": {
    of: "storage",
    en: ["the disk ended before its stated size", "it may be a counterfeit: throw it away and take another"],
    sv: [
      "disken tog slut före den storlek den uppger",
      "den kan vara en förfalskning: kassera den och ta en annan",
    ],
  },
  "disk-error": {
    of: "storage",
    en: ["the disk failed to read or write", `${again.en}, on another card if this one fails twice`],
    sv: [
      "disken kunde inte läsas eller skrivas",
      `${again.sv}, på ett annat kort om det här felar två gånger`,
    ],
  },
  "verify-failed": {
    of: "storage",
    en: [
      "the disk does not give back what was written to it",
      "it is worn, broken or counterfeit: throw it away and take another",
    ],
    sv: [
      "disken lämnar inte tillbaka det som skrevs",
      "den är sliten, trasig eller förfalskad: kassera den och ta en annan",
    ],
  },
  "no-partition": {
    of: "storage",
    en: ["the image has no FAT partition for provision.json", "use a gateway image of Stadsnod"],
    sv: ["avbildningen har ingen FAT-partition för provision.json", "använd en Stadsnod-avbildning"],
  },
  "bad-fat": {
    of: "storage",
    en: ["the FAT partition is damaged or of a kind that is not written", "use a gateway image of Stadsnod"],
    sv: ["FAT-partitionen är skadad eller av en sort som inte skrivs", "använd en Stadsnod-avbildning"],
  },
  "fat-full": {
    of: "storage",
    en: [
      "the FAT partition has no room for provision.json",
      "leave gateway.yaml out and give its address instead",
    ],
    sv: [
      "FAT-partitionen har inte plats för provision.json",
      "utelämna gateway.yaml och ange dess adress i stället",
    ],
  },
  interrupted: {
    of: "storage",
    en: ["stopped on request", again.en],
    sv: ["avbröts på begäran", again.sv],
  },
  "bad-provision": {
    of: "options",
    en: ["what the gateway is to be told is wrong"],
    sv: ["det som gatewayen ska få veta är fel"],
  },
  "bad-config": {
    of: "options",
    en: ["gateway.yaml has errors, nothing was written", "the lines above say where"],
    sv: ["gateway.yaml har fel, inget skrevs", "raderna ovan säger var"],
  },
  "bad-csv": {
    of: "options",
    en: ["the table of cards is wrong, nothing was written"],
    sv: ["tabellen över kort är fel, inget skrevs"],
  },
  "bad-results": {
    of: "options",
    en: [
      "the file of finished rows cannot be used",
      "it belongs to this table only: restore it, or move it away to begin anew",
    ],
    sv: [
      "filen över färdiga rader går inte att använda",
      "den hör bara till den här tabellen: återställ den, eller flytta undan den för att börja om",
    ],
  },
  "not-linux": {
    of: "refused",
    en: [
      "cards can be written from Linux only",
      "on macOS and Windows write the image with Raspberry Pi Imager and copy provision.json to the card: see docs/flash.md",
    ],
    sv: [
      "kort kan bara skrivas från Linux",
      "på macOS och Windows skriver du avbildningen med Raspberry Pi Imager och kopierar provision.json till kortet: se docs/flash.sv.md",
    ],
  },
  "tool-missing": {
    of: "refused",
    en: ["a program of the system is missing or failed", "install util-linux"],
    sv: ["ett program i systemet saknas eller misslyckades", "installera util-linux"],
  },
} as const satisfies Readonly<Record<string, Problem>>;

export type ProblemCode = keyof typeof problems;

const classes = { options: ConfigError, refused: RefusedError, storage: StorageError } as const;

interface ProblemExtras {
  /** Instead of the general one. */
  readonly hint?: string | undefined;
  readonly cause?: unknown;
  readonly language?: Language;
}

/** The error of that code: what happened, then the detail. */
export function problem(
  code: ProblemCode,
  detail = "",
  { hint, cause, language = "en" }: ProblemExtras = {},
): GatewayError {
  const [what, usual]: readonly [string, string?] = problems[code][language];
  return new classes[problems[code].of](detail === "" ? what : `${what}: ${detail}`, {
    code,
    hint: hint ?? usual,
    cause,
  });
}

/** The same error in that language, where it is one of ours; the detail stays as it is. */
export function inLanguage(error: unknown, language: Language): unknown {
  const known = ours(error);
  if (language === "en" || !known) return error;
  const { code, detail, error: of } = known;
  const usual: string | undefined = problems[code].en[1];
  return problem(code, detail, { language, cause: error, hint: of.hint === usual ? undefined : of.hint });
}

/** What an error says without the general part that goes with its code. */
export function detailOf(error: GatewayError): string {
  return ours(error)?.detail || error.message;
}

function ours(error: unknown): { code: ProblemCode; detail: string; error: GatewayError } | undefined {
  if (!(error instanceof GatewayError)) return undefined;
  const code = problemCode(error.code);
  if (code === undefined) return undefined;
  const [what]: readonly [string, string?] = problems[code].en;
  if (error.message === what) return { code, detail: "", error };
  return error.message.startsWith(`${what}: `)
    ? { code, detail: error.message.slice(what.length + 2), error }
    : undefined;
}

function problemCode(code: string): ProblemCode | undefined {
  return Object.keys(problems).find((one): one is ProblemCode => one === code);
}

/** What the kernel says about a disk (errno names of open(2), read(2), write(2)), in our words. */
export function diskProblem(error: unknown, what: string): unknown {
  if (!(error instanceof Error) || !("code" in error) || !("syscall" in error)) return error;
  const errno = String(error.code);
  const code: ProblemCode = diskErrors[errno] ?? "disk-error";
  return problem(code, `${what} (${errno})`, { cause: error });
}

const diskErrors: Readonly<Record<string, ProblemCode>> = {
  EBUSY: "disk-busy",
  EACCES: "disk-forbidden",
  EPERM: "disk-forbidden",
  EROFS: "disk-locked",
  ENOENT: "disk-gone",
  ENODEV: "disk-gone",
  ENXIO: "disk-gone",
  ENOMEDIUM: "disk-gone",
  ESHUTDOWN: "disk-gone",
  ENOSPC: "disk-full",
};
