import { type WiringFault, type WiringFound, wiringFaults } from "../../model/commissioning.ts";
import type { Text } from "../../model/device.ts";
import type { LineEvidence, UnitEvidence } from "./evidence.ts";
import { rules } from "./rules.ts";
import { type SignName, type Signs, signsOf } from "./signs.ts";
import { faultWords } from "./words.ts";

/** Less likely faults are not worth a technician's time. */
const leastLikely = 0.05;
const mostFound = 5;

/**
 * What is probably wrong with a line, the likeliest first; `none` alone where nothing is. What is wrong with single
 * units (silent, swapped, other settings) stands beside it. Likelihoods of the line add up to 1 at most. Pure.
 */
export function diagnose(evidence: LineEvidence): readonly WiringFound[] {
  const explained = new Set([
    ...evidence.tried.filter(({ whole }) => whole > 1).map(({ unit }) => unit),
    ...evidence.inverted.filter(({ answered }) => answered).map(({ unit }) => unit),
  ]);
  const dead = evidence.units.filter(
    ({ unit, asked, whole, late, damaged }) =>
      asked > 0 && whole + late === 0 && (damaged === 0 || explained.has(unit)),
  );
  const someAnswer = evidence.units.some(({ whole, late }) => whole + late > 0);
  const isolated = someAnswer ? dead : [];
  const apart = new Set(isolated.map(({ unit }) => unit));
  const line = rank(
    signsOf({
      ...evidence,
      units: evidence.units.filter(({ unit }) => !apart.has(unit)),
      tried: evidence.tried.filter(({ unit }) => !apart.has(unit)),
      inverted: evidence.inverted.filter(({ unit }) => !apart.has(unit)),
    }),
    evidence,
  );
  const own = isolated.map((unit) => ofUnit(unit, evidence));
  // A line that is fine but for a unit is told by that unit first.
  const found = line[0]?.fault === "none" ? [...own, ...line] : [...line, ...own];
  return found.slice(0, mostFound + own.length);
}

function rank(signs: Signs, evidence: LineEvidence): readonly WiringFound[] {
  const scored = wiringFaults.map((fault) => ({ fault, score: scoreOf(fault, signs) }));
  const highest = Math.max(...scored.map(({ score }) => score));
  const weights = scored.map(({ fault, score }) => ({ fault, weight: Math.exp(score - highest) }));
  const total = weights.reduce((sum, { weight }) => sum + weight, 0);
  return weights
    .map(({ fault, weight }) => ({ fault, likely: weight / total }))
    .sort((a, b) => b.likely - a.likely)
    .filter(({ likely }, index) => index === 0 || likely >= leastLikely)
    .map(({ fault, likely }) => found(fault, likely, signs, evidence));
}

function scoreOf(fault: WiringFault, signs: Signs): number {
  const rule = rules[fault];
  return Object.entries(rule.signs).reduce(
    (score, [name, weight]) => score + weight * (signs[name as SignName]?.value ?? 0),
    rule.prior,
  );
}

function found(fault: WiringFault, likely: number, signs: Signs, evidence: LineEvidence): WiringFound {
  const speaking = Object.entries(rules[fault].signs)
    .flatMap(([name, weight]) => {
      const sign = signs[name as SignName];
      return sign && weight > 0 ? [{ text: sign.text, counts: weight * sign.value }] : [];
    })
    .sort((a, b) => b.counts - a.counts)
    .map(({ text }) => text);
  const unit = unitConcerned(fault, evidence);
  const also = fault === "late-answers" ? [slowest(evidence)] : [];
  return said(
    fault,
    likely,
    [...speaking, ...also, ...(speaking.length === 0 ? [tally(evidence)] : [])],
    unit,
  );
}

function said(
  fault: WiringFault,
  likely: number,
  evidence: readonly Text[],
  unit: string | undefined,
): WiringFound {
  const words = faultWords[fault];
  const named = (text: Text): Text => ({
    en: text.en.replaceAll("{unit}", unit ?? "the unit"),
    sv: text.sv?.replaceAll("{unit}", unit ?? "enheten"),
  });
  return {
    kind: "wiring",
    fault,
    likely: Math.round(likely * 100) / 100,
    message: named(unit !== undefined && words.ofUnit ? words.ofUnit : words.message),
    fixes: words.fixes.map(named),
    evidence,
    ...(unit !== undefined && { unit }),
  };
}

/** A unit that says nothing while others answer: its own plug, settings, supply. */
function ofUnit(unit: UnitEvidence, { tried, inverted, endpoint }: LineEvidence): WiringFound {
  const mine = tried.filter((one) => one.unit === unit.unit && one.whole > 0);
  const silent = {
    en: `none of ${unit.asked} questions to unit ${unit.unit} was answered`,
    sv: `ingen av ${unit.asked} frågor till enhet ${unit.unit} besvarades`,
  };
  const only = { units: [], tried: mine, inverted: inverted.filter((one) => one.unit === unit.unit) };
  const signs = signsOf({ ...emptyEvidence, endpoint, ...only });
  const pairs = [
    ["inverted-answers", "swapped"],
    ["other-parity", "wrong-parity"],
    ["other-speed", "wrong-speed"],
  ] as const;
  for (const [name, fault] of pairs) {
    const sign = signs[name];
    if (sign) return said(fault, 0.95, [sign.text, silent], unit.unit);
  }
  return said("silent", 0.9, [silent], unit.unit);
}

const emptyEvidence: Omit<LineEvidence, "endpoint"> = {
  timeoutMs: 0,
  listening: { ms: 1, bytes: 0, frames: 0, frameBytes: 0 },
  units: [],
  echo: { exact: 0, damaged: 0 },
  zeroOnly: 0,
  ghosts: 0,
  foreign: 0,
  damage: {
    compared: 0,
    bytes: 0,
    wrongBytes: 0,
    runs: 0,
    wrongBits: 0,
    wrongAfterEdge: 0,
    edgeShare: 0,
    short: { asked: 0, failed: 0 },
    long: { asked: 0, failed: 0 },
  },
  mains: { strength: 0, events: 0 },
  tried: [],
  inverted: [],
};

/** The only unit that such a fault shows at, where there are several. */
function unitConcerned(fault: WiringFault, { units }: LineEvidence): string | undefined {
  if (units.length < 2) return fault === "duplicate-address" ? units[0]?.unit : undefined;
  const shows = {
    "duplicate-address": (unit: UnitEvidence) =>
      unit.twice + unit.overlong + (unit.damaged + unit.silent) / 2,
    "late-answers": (unit: UnitEvidence) => unit.late,
  };
  if (fault !== "duplicate-address" && fault !== "late-answers") return undefined;
  const sorted = [...units].sort((a, b) => shows[fault](b) - shows[fault](a));
  const [first, second] = sorted;
  return first && second && shows[fault](first) > 4 * shows[fault](second) ? first.unit : undefined;
}

function slowest({ units }: LineEvidence): Text {
  const ms = Math.round(Math.max(0, ...units.flatMap(({ replyMs }) => replyMs.at(-1) ?? 0)));
  return { en: `the slowest answer took ${ms} ms`, sv: `det långsammaste svaret tog ${ms} ms` };
}

function tally({ units }: LineEvidence): Text {
  const [asked, whole] = [
    units.reduce((sum, unit) => sum + unit.asked, 0),
    units.reduce((sum, unit) => sum + unit.whole, 0),
  ];
  return {
    en: `${whole} of ${asked} questions got a whole answer in time`,
    sv: `${whole} av ${asked} frågor fick ett helt svar i tid`,
  };
}
