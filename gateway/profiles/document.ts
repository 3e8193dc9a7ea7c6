import { type DeviceProfile, type Point, readablePoints, type Text } from "../model/device.ts";
import { formatDuration } from "../model/duration.ts";
import { describeTest } from "../model/identify.ts";
import type { Deprecation } from "../model/write-rule.ts";
import { categories } from "./category.ts";
import { documentPlan, type PlanSummary } from "./document-plan.ts";
import { type Language, type Words, words } from "./document-words.ts";
import type { ProfileAbout } from "./load.ts";

export type { PlanSummary } from "./document-plan.ts";
export type { Language } from "./document-words.ts";

import { showRational } from "./show-rational.ts";

/** A page about one model of device, before it is written as Markdown or HTML. All texts are plain. */
export interface Page {
  readonly title: string;
  readonly id: string;
  readonly facts: readonly (readonly [name: string, value: string])[];
  readonly warning?: string | undefined;
  readonly sections: readonly Section[];
}

export type Section =
  | { readonly title: string; readonly entries: readonly string[] }
  | {
      readonly title: string;
      readonly header: readonly string[];
      readonly rows: readonly (readonly string[])[];
      /** Below the table. */
      readonly note?: string | undefined;
    };

/** A Markdown page about one model of device, with headings in English or Swedish. */
export function documentProfile(
  profile: DeviceProfile,
  about: ProfileAbout,
  language: Language = "en",
  plan?: PlanSummary,
): string {
  const { title, id, facts, warning, sections } = pageOf(profile, about, language, plan);
  const lines = [
    `# ${plainText(title)}`,
    "",
    `\`${id}\``,
    "",
    ...facts.map(([name, value]) => `- **${name}**: ${plainText(value)}`),
    ...(warning === undefined ? [] : ["", `**${plainText(warning)}**`]),
    ...sections.flatMap((section) => ["", `## ${section.title}`, "", ...sectionLines(section)]),
  ];
  return `${lines.join("\n")}\n`;
}

function sectionLines(section: Section): string[] {
  if ("entries" in section) return section.entries.map((entry) => `- ${plainText(entry)}`);
  const { header, rows, note } = section;
  return [
    `| ${header.join(" | ")} |`,
    `| ${header.map(() => "---").join(" | ")} |`,
    ...rows.map((cells) => `| ${cells.map(plainText).join(" | ")} |`),
    ...(note === undefined ? [] : ["", plainText(note)]),
  ];
}

/** What there is to say about a profile, in one language. */
export function pageOf(
  profile: DeviceProfile,
  about: ProfileAbout,
  language: Language,
  plan?: PlanSummary,
): Page {
  const say = words[language];
  return {
    title: inLanguage(profile.title, language),
    id: profile.id,
    facts: [
      [say.manufacturer, profile.manufacturer],
      [say.models, profile.models.join(", ")],
      [say.category, categoryText(profile.category)],
      [say.status, profile.status],
      [say.version, profile.version],
      [say.protocol, profile.protocol],
    ],
    warning: profile.deprecated && deprecationText(profile.deprecated, say),
    sections: [
      ...documentOptions(profile, about, say, language),
      ...list(
        say.identify,
        (profile.identify ?? []).map(({ point, test }) => {
          const place = profile.identifyPoints?.find((one) => one.name === point);
          return `${place ? showAddress(place.address) : point}: ${describeTest(test)}`;
        }),
      ),
      ...list(
        say.setup,
        (profile.setup ?? []).map(
          ({ point, address, value }) => `${point ?? showAddress(address)} = ${String(value)}`,
        ),
      ),
      {
        title: say.points,
        header: [say.name, say.unit, say.resolution, say.kind, say.class, say.address, say.meaning],
        rows: readablePoints(profile)
          .filter((point) => !point.hidden)
          .map((point) => row(point, say, language)),
      },
      ...documentWrites(profile, say, language),
      ...documentPlan(plan, say),
      ...list(say.caveats, about.caveats),
      ...list(say.notes, about.notes === undefined ? [] : [about.notes]),
      ...list(
        say.sources,
        about.sources.map(({ document, url, pages }) =>
          [document, pages && `${say.pages} ${pages}`, url].filter(Boolean).join(", "),
        ),
      ),
    ],
  };
}

function row(point: Point, say: Words, language: Language): string[] {
  const { pollClass } = point;
  return [
    point.name,
    point.unit ?? "",
    point.resolution ? showRational(point.resolution) : "",
    point.kind,
    point.formula
      ? say.computed
      : typeof pollClass === "object"
        ? formatDuration(pollClass.everyMs)
        : pollClass,
    point.formula ? point.formula.text : showAddress(point.address),
    meaning(point, say, language),
  ];
}

function meaning(point: Point, say: Words, language: Language): string {
  const labels = Array.from(point.labels ?? [], ([raw, label]) => `${raw} = ${inBoth(label, language)}`);
  if (point.otherLabel) labels.push(`${say.other} = ${inBoth(point.otherLabel, language)}`);
  const bits = Array.from(point.bits ?? [], ([bit, name]) => {
    const title = point.bitTitles?.get(bit);
    return `bit ${bit}: ${name}${title ? ` = ${inBoth(title, language)}` : ""}`;
  });
  return [
    point.title && inLanguage(point.title, language),
    [...labels, ...bits].join(", "),
    point.range && `${say.range} ${point.range[0]} ... ${point.range[1]}`,
    point.valid && `${say.valid} ${point.valid.text}`,
    point.scaleSource && `${say.scaledBy} ${point.scaleSource.point}`,
    point.rollover !== undefined && `${say.rollover} ${point.rollover}`,
    point.personal && say.personal,
    point.deprecated && deprecationText(point.deprecated, say),
    point.doc,
  ]
    .filter(Boolean)
    .join("; ");
}

function showAddress(address: unknown): string {
  if (typeof address !== "object" || address === null) return String(address);
  return Object.entries(address)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => `${key} ${typeof value === "object" ? JSON.stringify(value) : value}`)
    .join(", ");
}

function list(title: string, entries: readonly string[]): Section[] {
  return entries.length === 0 ? [] : [{ title, entries }];
}

function inLanguage(text: Text, language: Language): string {
  return (language === "sv" ? text.sv : undefined) ?? text.en;
}

/** The language of the page first, the other one in brackets: labels leave the gateway in English. */
function inBoth(text: Text, language: Language): string {
  if (text.sv === undefined || text.sv === text.en) return text.en;
  return language === "sv" ? `${text.sv} (${text.en})` : `${text.en} (${text.sv})`;
}

function deprecationText({ since, use, reason }: Deprecation, say: Words): string {
  return [`${say.deprecated} ${since}`, reason, use && `${say.instead}: ${use}`].filter(Boolean).join("; ");
}

function documentOptions(
  profile: DeviceProfile,
  about: ProfileAbout,
  say: Words,
  language: Language,
): Section[] {
  const offered = Array.from(profile.options ?? [], ([name, { values, standard, title, doc }]) => {
    const choices = values.map((one) => (one === standard ? `${one} (${say.standard})` : one)).join(", ");
    const what = [title && inBoth(title, language), standard === undefined && say.mustChoose, doc];
    return [`${name}: ${choices}`, ...what].filter(Boolean).join("; ");
  });
  const gated = Array.from(about.gated ?? [], ([what, when]) => `${what}: ${say.only} ${when}`);
  return list(say.options, [...offered, ...gated]);
}

function documentWrites(profile: DeviceProfile, say: Words, language: Language): Section[] {
  const writable = [...profile.points, ...(profile.commands ?? [])].filter((point) => point.write);
  if (writable.length === 0) return [];
  return [
    {
      title: say.writing,
      header: [say.name, say.meaning, say.takes, say.where, say.limits],
      rows: writable.map((point) => writeRow(point, say, language)),
    },
  ];
}

function writeRow(point: Point, say: Words, language: Language): string[] {
  const { write: rule } = point;
  if (!rule) return [point.name];
  const labels = rule.labels ?? point.labels;
  const range = rule.range ?? (labels ? undefined : point.range);
  const takes = [
    rule.allowed?.map(String).join(", ") ??
      (labels && Array.from(labels.values(), ({ en }) => en).join(", ")),
    range && `${range[0]} ... ${range[1]}`,
    rule.step && `${say.step} ${showRational(rule.step)}`,
    rule.value?.text,
  ];
  const { rate, budget, failsafe, verify } = rule;
  const limits = [
    verify ? `${say.verified} ${formatDuration(verify.withinMs)}` : say.notVerified,
    rule.interlock && `${say.interlock} ${rule.interlock.text}`,
    rate && `${rate.count} / ${formatDuration(rate.perMs)}`,
    budget?.perDay !== undefined && `${budget.perDay} ${say.perDay}`,
    budget?.lifetime !== undefined && `${budget.lifetime} ${say.lifetime}`,
    rule.keepaliveMs !== undefined && `${say.keepalive} ${formatDuration(rule.keepaliveMs)}`,
    failsafe && `${say.failsafe} ${formatDuration(failsafe.afterMs)}: ${String(failsafe.value)}`,
    rule.expiryMs !== undefined && `${say.expiry} ${formatDuration(rule.expiryMs)}`,
    rule.confirm === "two-step" && say.twoStep,
  ];
  const text = (parts: readonly unknown[]): string => parts.filter(Boolean).join("; ");
  const steps = [rule.steps, ...(rule.stepsByValue?.values() ?? [])].map((list) =>
    list
      .map((one) =>
        one.kind === "wait"
          ? `${say.wait} ${formatDuration(one.waitMs)}`
          : one.kind === "set"
            ? `${one.point}${one.value === undefined ? "" : ` = ${String(one.value)}`}`
            : `${showAddress(one.address)} = ${String(one.raw)}`,
      )
      .join(", "),
  );
  const where = steps.every((one) => one === point.name) ? [] : steps;
  return [
    point.name,
    point.title ? inLanguage(point.title, language) : "",
    text(takes),
    text([showAddress(rule.address), ...where]),
    text(limits),
  ];
}

function categoryText(category: string): string {
  return Object.hasOwn(categories, category)
    ? `${category} (${Reflect.get(categories, category)})`
    : category;
}

/** Text that Markdown takes as text. */
function plainText(text: string): string {
  return text
    .replaceAll(/[\\`*<>|[\]]/g, (sign) => `\\${sign}`)
    .replaceAll(/\s+/g, " ")
    .trim();
}
