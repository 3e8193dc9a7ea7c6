import type { CheckDone } from "../model/commissioning.ts";
import type { Text } from "../model/device.ts";

// What was heard on a line, in a sentence, and what to try.

/** What came in the whole time. */
export interface Sums {
  readonly bytes: number;
  /** Frames. */
  readonly whole: number;
  /** Bytes that belong to no frame. */
  readonly skipped: number;
  /** Frames that devices said. */
  readonly answers: number;
}

/** So large a part of the bytes that belongs to no frame is worth a word. */
const noisy = 0.05;

/** @param isFixed only one setting of the line was tried */
export function heardCheck(subject: string, heard: Sums, protocol: string, isFixed: boolean): CheckDone {
  const base = { kind: "check" as const, id: "listen", subject };
  const { bytes, whole, skipped, answers } = heard;
  if (bytes === 0) return { ...base, result: "failed", ...silence };
  if (whole === 0)
    return { ...base, result: "failed", message: babble(bytes, protocol), fix: babbleFix(isFixed) };
  if (answers === 0) return { ...base, result: "warning", message: oneSided(whole), fix: oneSidedFix };
  const part = skipped / bytes;
  const frames = {
    en: `${whole} whole frames were heard, ${answers} of them from devices`,
    sv: `${whole} hela telegram hördes, ${answers} av dem från enheter`,
  };
  if (part <= noisy) return { ...base, result: "ok", message: frames };
  const percent = Math.round(100 * part);
  return {
    ...base,
    result: "warning",
    message: {
      en: `${frames.en}; ${percent} % of the bytes belong to none`,
      sv: `${frames.sv}; ${percent} % av byten hör inte till något telegram`,
    },
    fix: {
      en: "Something disturbs the line, or functions are used that only the maker knows: check termination, shield and the common wire",
      sv: "Något stör slingan, eller så används tillverkarens egna funktionskoder: kontrollera avslutningsmotstånd, skärm och gemensam nolla",
    },
  };
}

const silence: { readonly message: Text; readonly fix: Text } = {
  message: {
    en: "Nobody spoke: not one byte was heard",
    sv: "Ingen pratade: inte en enda byte hördes",
  },
  fix: {
    en: "Does the other master poll now? Check that A and B of the listener are on the same pair as the others, and that it is the right port; a master that polls seldom needs a longer time",
    sv: "Frågar den andra mastern just nu? Kontrollera att lyssnarens A och B sitter på samma par som de andra och att det är rätt port; en master som frågar sällan kräver längre lyssningstid",
  },
};

function babble(bytes: number, protocol: string): Text {
  return {
    en: `${bytes} bytes were heard, and no whole frame of ${protocol} among them`,
    sv: `${bytes} byte hördes, men inget helt ${protocol}-telegram bland dem`,
  };
}

function babbleFix(isFixed: boolean): Text {
  return isFixed
    ? {
        en: "The speed or parity of the connection is probably wrong: listen at the port itself, which tries the usual ones; else A and B are swapped, or it is another protocol",
        sv: "Förmodligen är anslutningens hastighet eller paritet fel: lyssna på själva porten i stället, då provas de vanliga; annars är A och B förväxlade, eller så är det ett annat protokoll",
      }
    : {
        en: "The usual speeds and parities were tried as long as the time allowed: swap A and B, listen for longer, or it is another protocol",
        sv: "De vanliga hastigheterna och pariteterna har provats så långt tiden räckte: skifta A och B, lyssna längre, eller så är det ett annat protokoll",
      };
}

function oneSided(whole: number): Text {
  return {
    en: `A master asks (${whole} frames), and no device was heard to answer`,
    sv: `En master frågar (${whole} telegram), men ingen enhet hördes svara`,
  };
}

const oneSidedFix: Text = {
  en: "Are the devices powered? On a four-wire line the answers run on the other pair",
  sv: "Har enheterna spänning? På en fyrtrådsslinga går svaren på det andra paret",
};
