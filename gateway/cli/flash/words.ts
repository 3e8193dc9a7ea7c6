import type { Language } from "../register-words.ts";
import type { Refusal } from "./refusals.ts";
import type { Progress } from "./write-image.ts";

// What `stadsnod flash` says, in the languages of those who stand with the cards. Errors are in problems.ts.

interface Words {
  readonly heading: readonly string[];
  readonly fits: string;
  readonly none: string;
  readonly refusal: (refusal: Refusal) => string;
  readonly phases: Readonly<Record<Progress["phase"], string>>;
  readonly left: (time: string) => string;
  readonly erase: (disk: string) => string;
  readonly typeName: (disk: string, name: string) => string;
  readonly withoutProvision: string;
  readonly proven: (by: string) => string;
  readonly done: (path: string) => string;
  readonly takeOut: (path: string) => string;
  readonly notReread: string;
  readonly next: (number: number, of: number, row: number, gateway: string) => string;
  readonly insert: string;
  readonly several: (paths: string) => string;
  readonly notUsable: (path: string, why: string) => string;
  readonly already: (count: number) => string;
  readonly unfinished: (gateway: string, card: string) => string;
  readonly again: (gateway: string) => string;
  readonly batchDone: (count: number) => string;
  readonly labels: (path: string) => string;
  readonly wroteProvision: (path: string) => string;
  readonly missingSecrets: string;
}

const yes = /^\s*(?:y|yes|j|ja)\s*$/i;
export function isYes(answer: string): boolean {
  return yes.test(answer);
}

export const words: Readonly<Record<Language, Words>> = {
  en: {
    heading: ["disk", "size", "what it says it is", "serial", "holds", ""],
    fits: "can be written",
    none: "no disk found\n",
    refusal: ({ code, about }) =>
      ({
        system: `no: this computer's system is on it (${about.join(", ")})`,
        boot: `no: this computer starts from it (${about.join(", ")})`,
        swap: "no: it is swap space",
        holders: `no: in use by ${about.join(", ")}`,
        mounted: `mounted at ${about.join(", ")}: unmount it first, or add --unmount`,
        "read-only": "write-protected",
        empty: "no card in it",
        "too-small": `too small: the image needs ${size(Number(about[0]))}`,
        "sector-size": `no: sectors of ${about[0]} bytes`,
        partition: "no: a partition; name the whole disk",
        "not-a-disk": `no: not a disk but ${about[0]}`,
        "too-large": "larger than 256 GB: only if you type its name",
        "not-removable": "built in: only if you type its name",
        loop: "a loop device: only if you type its name",
      })[code],
    phases: {
      check: "checking the image",
      write: "writing",
      clear: "emptying the gaps",
      verify: "reading back",
      provision: "adding provision.json",
      finish: "writing the first block",
    },
    left: (time) => `${time} left`,
    erase: (disk) => `Everything on ${disk} will be erased. Go on? [y/N] `,
    typeName: (disk, name) => `${disk} is not a usual card. To erase it, type ${name}: `,
    withoutProvision:
      "no --gateway: the card gets no provision.json, so the gateway waits until it is told who it is",
    proven: (by) => `the image is undamaged (${by})`,
    done: (path) => `${path} is finished: everything was read back from the card and is right`,
    takeOut: (path) => `take the card out, or first: udisksctl power-off -b ${path}`,
    notReread: "this computer does not see the new partitions until the card is put in again",
    next: (number, of, row, gateway) => `card ${number} of ${of} (row ${row}): ${gateway}`,
    insert: "put the next card in; Ctrl-C ends, and what is finished stays finished",
    several: (paths) => `more than one card is in (${paths}): leave one`,
    notUsable: (path, why) => `${path}: ${why}`,
    already: (count) => `${count} ${count === 1 ? "row is" : "rows are"} finished from before`,
    unfinished: (gateway, card) =>
      `the card for ${gateway} was begun before and may hold its token: use that card again, or erase it (${card})`,
    again: (gateway) => `${gateway} has no card yet: try again with another one`,
    batchDone: (count) => `all ${count} cards are finished`,
    labels: (path) => `labels to print: ${path}`,
    wroteProvision: (path) =>
      `${path}: copy it to the first partition (GWBOOT) of the card, as provision.json`,
    missingSecrets: "the secrets above are not on this computer; the gateway must have them",
  },
  sv: {
    heading: ["disk", "storlek", "uppger sig vara", "serienummer", "innehåller", ""],
    fits: "går att skriva",
    none: "ingen disk hittades\n",
    refusal: ({ code, about }) =>
      ({
        system: `nej: datorns eget system ligger på den (${about.join(", ")})`,
        boot: `nej: datorn startar från den (${about.join(", ")})`,
        swap: "nej: den är växlingsutrymme",
        holders: `nej: används av ${about.join(", ")}`,
        mounted: `monterad på ${about.join(", ")}: avmontera den först eller lägg till --unmount`,
        "read-only": "skrivskyddad",
        empty: "inget kort i den",
        "too-small": `för liten: avbildningen behöver ${size(Number(about[0]))}`,
        "sector-size": `nej: sektorer på ${about[0]} byte`,
        partition: "nej: en partition; ange hela disken",
        "not-a-disk": `nej: ingen disk utan ${about[0]}`,
        "too-large": "större än 256 GB: bara om du skriver dess namn",
        "not-removable": "inbyggd: bara om du skriver dess namn",
        loop: "en loopenhet: bara om du skriver dess namn",
      })[code],
    phases: {
      check: "kontrollerar avbildningen",
      write: "skriver",
      clear: "tömmer mellanrummen",
      verify: "läser tillbaka",
      provision: "lägger till provision.json",
      finish: "skriver första blocket",
    },
    left: (time) => `${time} kvar`,
    erase: (disk) => `Allt på ${disk} raderas. Fortsätta? [j/N] `,
    typeName: (disk, name) => `${disk} är inget vanligt kort. Skriv ${name} för att radera det: `,
    withoutProvision:
      "ingen --gateway: kortet får ingen provision.json, och gatewayen väntar tills den får veta vem den är",
    proven: (by) => `avbildningen är hel (${by})`,
    done: (path) => `${path} är klar: allt har lästs tillbaka från kortet och stämmer`,
    takeOut: (path) => `ta ut kortet, eller kör först: udisksctl power-off -b ${path}`,
    notReread: "datorn ser de nya partitionerna först när kortet sätts i igen",
    next: (number, of, row, gateway) => `kort ${number} av ${of} (rad ${row}): ${gateway}`,
    insert: "sätt i nästa kort; Ctrl-C avslutar, och det som är klart förblir klart",
    several: (paths) => `mer än ett kort sitter i (${paths}): lämna kvar ett`,
    notUsable: (path, why) => `${path}: ${why}`,
    already: (count) => `${count} ${count === 1 ? "rad är klar" : "rader är klara"} sedan tidigare`,
    unfinished: (gateway, card) =>
      `kortet till ${gateway} påbörjades tidigare och kan ha dess engångskod: använd samma kort igen eller radera det (${card})`,
    again: (gateway) => `${gateway} har inget kort ännu: försök igen med ett annat`,
    batchDone: (count) => `alla ${count} kort är klara`,
    labels: (path) => `etiketter att skriva ut: ${path}`,
    wroteProvision: (path) =>
      `${path}: kopiera den till kortets första partition (GWBOOT), som provision.json`,
    missingSecrets: "hemligheterna ovan finns inte på den här datorn; gatewayen måste ha dem",
  },
};

/** `31.9 GB`, as it is printed on cards. */
export function size(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"] as const;
  let value = bytes;
  let index = 0;
  for (; value >= 1000 && index < units.length - 1; index++) value /= 1000;
  return `${value >= 100 || index === 0 ? Math.round(value) : value.toFixed(1)} ${units[index]}`;
}
