import type { Text } from "../../model/device.ts";
import { characterMs, settingsText } from "./character.ts";
import type { LineEvidence, TriedSettings, UnitEvidence } from "./evidence.ts";

export const signNames = [
  "all-silent",
  "damage",
  "rare-damage",
  "stream",
  "idle-frames",
  "idle-bytes",
  "zero-after-sending",
  "ghosts",
  "echo",
  "echo-damaged",
  "other-parity",
  "other-speed",
  "inverted-answers",
  "inverted-silent",
  "answers-twice",
  "one-unit-damaged",
  "overlong",
  "late",
  "mains",
  "runs",
  "edges",
  "fast",
  "foreign",
] as const;
export type SignName = (typeof signNames)[number];

/** Something that shows in the evidence: how clearly, 0 to 1, and in words. */
export interface Sign {
  readonly value: number;
  readonly text: Text;
}

export type Signs = Readonly<Partial<Record<SignName, Sign>>>;

/** 0 at `from` and below, 1 at `to` and above. */
function ramp(value: number, from: number, to: number): number {
  return Math.max(0, Math.min(1, (value - from) / (to - from)));
}

const percent = (part: number, whole: number): string => `${Math.round((100 * part) / Math.max(1, whole))} %`;
const number = (value: number, digits = 0): { en: string; sv: string } => {
  const en = value.toFixed(digits);
  return { en, sv: en.replace(".", ",") };
};

const heardOf = ({ whole, late, damaged }: UnitEvidence): number => whole + late + damaged;
/** Of units that answer at all. */
const failuresOf = ({ silent, damaged }: UnitEvidence): number => silent + damaged;

/** What shows of the whole line, or of one unit where it was made for one. Pure; what does not show is absent. */
export function signsOf(evidence: LineEvidence): Signs {
  const { listening, units, damage, mains, tried, inverted } = evidence;
  const sum = (of: (unit: UnitEvidence) => number) => units.reduce((total, unit) => total + of(unit), 0);
  const asked = sum(({ asked: count }) => count);
  const alive = units.filter((unit) => heardOf(unit) > 0);
  const aliveAsked = alive.reduce((total, unit) => total + unit.asked, 0);
  const failed = alive.reduce((total, unit) => total + failuresOf(unit), 0);
  const share = failed / Math.max(1, aliveAsked);
  const late = sum((unit) => unit.late);
  const twice = sum((unit) => unit.twice);
  const seconds = listening.ms / 1000;
  const stray = listening.bytes - listening.frameBytes;
  const signs: Partial<Record<SignName, Sign>> = {};
  const add = (name: SignName, value: number, en: string, sv: string): void => {
    if (value > 0) signs[name] = { value: Math.min(1, value), text: { en, sv } };
  };

  if (asked > 0 && alive.length === 0)
    add(
      "all-silent",
      1,
      `none of ${asked} questions to ${units.length} units was answered`,
      `ingen av ${asked} frågor till ${units.length} enheter besvarades`,
    );
  if (failed > 0) {
    const [en, sv] = [
      `${failed} of ${aliveAsked} questions got a damaged answer or none (${percent(failed, aliveAsked)})`,
      `${failed} av ${aliveAsked} frågor fick ett trasigt svar eller inget (${percent(failed, aliveAsked)})`,
    ];
    add("damage", ramp(share, 0.015, 0.12), en, sv);
    if (failed > 1) add("rare-damage", 1 - ramp(share, 0.02, 0.06), en, sv);
  }
  const perSecond = listening.bytes / seconds;
  const character = characterMs(evidence.endpoint);
  // Part of the time that somebody was sending; behind TCP as if at 9600 baud.
  const busy = (perSecond * (character || 1)) / 1000;
  add(
    "stream",
    ramp(busy, 0.45, 0.75) * (listening.frames > seconds ? 0 : 1),
    `${Math.round(perSecond)} bytes a second came while nobody was asked`,
    `${Math.round(perSecond)} byte per sekund kom utan att någon tillfrågats`,
  );
  add(
    "idle-frames",
    ramp(listening.frames, 0, 2),
    `${listening.frames} whole messages of somebody else in ${Math.round(seconds)} s of listening`,
    `${listening.frames} hela meddelanden från någon annan under ${Math.round(seconds)} s lyssnande`,
  );
  if (listening.frames === 0)
    add(
      "idle-bytes",
      ramp(stray / seconds, 0.3, 2) * (1 - ramp(busy, 0.45, 0.75)),
      `${stray} stray bytes in ${Math.round(seconds)} s of listening`,
      `${stray} skräpbyte under ${Math.round(seconds)} s lyssnande`,
    );
  add(
    "zero-after-sending",
    ramp(evidence.zeroOnly / Math.max(1, asked), 0.3, 0.9),
    `after ${evidence.zeroOnly} of ${asked} questions came 0x00 and nothing else: the line rests the wrong way round`,
    `efter ${evidence.zeroOnly} av ${asked} frågor kom 0x00 och inget mer: slingans viloläge är åt fel håll`,
  );
  add(
    "ghosts",
    ramp(evidence.ghosts / Math.max(1, asked), 0.05, 0.4),
    `${evidence.ghosts} times a character came out of nothing right after our own sending: the line rings`,
    `${evidence.ghosts} gånger kom ett tecken ur tomma intet direkt efter vår sändning: slingan ringer`,
  );
  const { echo } = evidence;
  add(
    "echo",
    ramp(echo.exact / Math.max(1, asked), 0.1, 0.6),
    `our own bytes came back with ${echo.exact} of ${asked} questions`,
    `våra egna byte kom tillbaka vid ${echo.exact} av ${asked} frågor`,
  );
  add(
    "echo-damaged",
    ramp(echo.damaged / Math.max(1, asked), 0.1, 0.5),
    `parts of our own bytes came back with ${echo.damaged} of ${asked} questions`,
    `delar av våra egna byte kom tillbaka vid ${echo.damaged} av ${asked} frågor`,
  );
  addTried(add, evidence, tried);
  const wrongWay = inverted.filter(({ answered }) => answered).map(({ unit }) => unit);
  add(
    "inverted-answers",
    wrongWay.length > 0 ? 1 : 0,
    `unit ${wrongWay.join(", ")} answers when it is asked with A and B the other way round`,
    `enhet ${wrongWay.join(", ")} svarar när den tillfrågas med A och B omvända`,
  );
  add(
    "inverted-silent",
    inverted.length > 0 && wrongWay.length === 0 ? 1 : 0,
    "nobody answers with A and B the other way round either",
    "ingen svarar med A och B omvända heller",
  );
  add(
    "answers-twice",
    ramp(twice, 0, 2),
    `${twice} questions got two whole answers`,
    `${twice} frågor fick två hela svar`,
  );
  addOneUnit(add, alive);
  add(
    "late",
    ramp(late / Math.max(1, asked), 0, 0.1),
    `${late} whole answers came later than ${evidence.timeoutMs} ms`,
    `${late} hela svar kom senare än ${evidence.timeoutMs} ms`,
  );
  add(
    "mains",
    mains.strength,
    `${mains.events} failures keep time with the 50 Hz of the mains`,
    `${mains.events} fel går i takt med elnätets 50 Hz`,
  );
  if (damage.runs > 0) {
    const mean = damage.wrongBytes / damage.runs;
    add(
      "runs",
      ramp(mean, 1.3, 3) * ramp(damage.runs, 1, 4),
      `wrong bytes come ${number(mean, 1).en} in a row`,
      `felaktiga byte kommer ${number(mean, 1).sv} i rad`,
    );
  }
  if (damage.wrongBits > 0) {
    const afterEdge = damage.wrongAfterEdge / damage.wrongBits;
    add(
      "edges",
      ramp((afterEdge - damage.edgeShare) / (1 - damage.edgeShare), 0.25, 0.8) * ramp(damage.wrongBits, 2, 8),
      `${percent(damage.wrongAfterEdge, damage.wrongBits)} of the wrong bits stand right after a change of level (by chance: ${percent(damage.edgeShare, 1)})`,
      `${percent(damage.wrongAfterEdge, damage.wrongBits)} av de felaktiga bitarna står direkt efter ett nivåbyte (av en slump: ${percent(damage.edgeShare, 1)})`,
    );
  }
  if (evidence.endpoint.kind === "serial")
    add(
      "fast",
      ramp(evidence.endpoint.baud, 15_000, 38_400),
      `the line runs at ${evidence.endpoint.baud} baud`,
      `slingan går i ${evidence.endpoint.baud} baud`,
    );
  add(
    "foreign",
    ramp(evidence.foreign / Math.max(1, asked), 0.005, 0.05),
    `${evidence.foreign} messages of others came in between`,
    `${evidence.foreign} meddelanden från andra kom emellan`,
  );
  return signs;
}

type Add = (name: SignName, value: number, en: string, sv: string) => void;

function addTried(add: Add, evidence: LineEvidence, tried: readonly TriedSettings[]): void {
  const answered = tried.filter(({ whole }) => whole > 0);
  const [best] = [...answered].sort((a, b) => b.whole - a.whole);
  const { endpoint } = evidence;
  if (best?.endpoint.kind !== "serial" || endpoint.kind !== "serial") return;
  const text = settingsText(best.endpoint);
  const sameSpeed = best.endpoint.baud === endpoint.baud;
  add(
    sameSpeed ? "other-parity" : "other-speed",
    best.whole >= 2 ? 1 : 0.8,
    `unit ${best.unit} answers with ${text}; gateway.yaml says ${settingsText(endpoint)}`,
    `enhet ${best.unit} svarar med ${text}; i gateway.yaml står ${settingsText(endpoint)}`,
  );
}

/** One unit that fails often while the others are fine. */
function addOneUnit(add: Add, alive: readonly UnitEvidence[]): void {
  if (alive.length < 2) return;
  const rate = (unit: UnitEvidence) => failuresOf(unit) / Math.max(1, unit.asked);
  const [worst] = [...alive].sort((a, b) => rate(b) - rate(a));
  if (!worst) return;
  const rest = alive.filter((unit) => unit !== worst);
  const others = rest.reduce((sum, unit) => sum + rate(unit), 0) / rest.length;
  add(
    "one-unit-damaged",
    ramp(rate(worst), 0.1, 0.4) * (1 - ramp(others, 0.02, 0.1)),
    `only unit ${worst.unit} fails (${failuresOf(worst)} of ${worst.asked}); the others are fine`,
    `bara enhet ${worst.unit} fallerar (${failuresOf(worst)} av ${worst.asked}); de andra är felfria`,
  );
  add(
    "overlong",
    ramp(worst.overlong / Math.max(1, worst.asked), 0.05, 0.3),
    `${worst.overlong} answers of unit ${worst.unit} are longer than an answer can be`,
    `${worst.overlong} svar från enhet ${worst.unit} är längre än ett svar kan vara`,
  );
}
