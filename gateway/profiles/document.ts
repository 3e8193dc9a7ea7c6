import type { DeviceProfile, Point, Text } from "../model/device.ts";
import { formatDuration } from "../model/duration.ts";
import { categories } from "./category.ts";
import type { ProfileAbout } from "./load.ts";
import { showRational } from "./show.ts";

export type Language = "en" | "sv";

const words = {
  en: {
    manufacturer: "Manufacturer",
    models: "Models",
    category: "Category",
    status: "Status",
    version: "Version",
    protocol: "Protocol",
    points: "Points",
    name: "Name",
    unit: "Unit",
    resolution: "Resolution",
    kind: "Kind",
    class: "Read",
    address: "Address",
    meaning: "Meaning",
    personal: "personal data",
    caveats: "Caveats",
    notes: "Notes",
    sources: "Sources",
    pages: "pages",
    range: "range",
  },
  sv: {
    manufacturer: "Tillverkare",
    models: "Modeller",
    category: "Kategori",
    status: "Status",
    version: "Version",
    protocol: "Protokoll",
    points: "Mätpunkter",
    name: "Namn",
    unit: "Enhet",
    resolution: "Upplösning",
    kind: "Slag",
    class: "Läses",
    address: "Adress",
    meaning: "Betydelse",
    personal: "personuppgift",
    caveats: "Att tänka på",
    notes: "Anmärkningar",
    sources: "Källor",
    pages: "sidor",
    range: "område",
  },
} as const;

type Words = (typeof words)[Language];

/** A Markdown page about one model of device, with headings in English or Swedish. */
export function documentProfile(
  profile: DeviceProfile,
  about: ProfileAbout,
  language: Language = "en",
): string {
  const say = words[language];
  const facts: [string, string][] = [
    [say.manufacturer, profile.manufacturer],
    [say.models, profile.models.join(", ")],
    [say.category, categoryText(profile.category)],
    [say.status, profile.status],
    [say.version, profile.version],
    [say.protocol, profile.protocol],
  ];
  const header = [say.name, say.unit, say.resolution, say.kind, say.class, say.address, say.meaning];
  const lines = [
    `# ${plainText(inLanguage(profile.title, language))}`,
    "",
    `\`${profile.id}\``,
    "",
    ...facts.map(([name, value]) => `- **${name}**: ${plainText(value)}`),
    "",
    `## ${say.points}`,
    "",
    `| ${header.join(" | ")} |`,
    `| ${header.map(() => "---").join(" | ")} |`,
    ...profile.points.map((point) => `| ${row(point, say, language).map(plainText).join(" | ")} |`),
    ...list(say.caveats, about.caveats),
    ...list(say.notes, about.notes === undefined ? [] : [about.notes]),
    ...list(
      say.sources,
      about.sources.map(({ document, url, pages }) =>
        [document, pages && `${say.pages} ${pages}`, url].filter(Boolean).join(", "),
      ),
    ),
  ];
  return `${lines.join("\n")}\n`;
}

function row(point: Point, say: Words, language: Language): string[] {
  const { pollClass } = point;
  return [
    point.name,
    point.unit ?? "",
    point.resolution ? showRational(point.resolution) : "",
    point.kind,
    typeof pollClass === "object" ? formatDuration(pollClass.everyMs) : pollClass,
    showAddress(point.address),
    meaning(point, say, language),
  ];
}

function meaning(point: Point, say: Words, language: Language): string {
  const labels = Array.from(point.labels ?? [], ([raw, label]) => `${raw} = ${inLanguage(label, language)}`);
  const bits = Array.from(point.bits ?? [], ([bit, name]) => `bit ${bit}: ${name}`);
  return [
    point.title && inLanguage(point.title, language),
    [...labels, ...bits].join(", "),
    point.range && `${say.range} ${point.range[0]} ... ${point.range[1]}`,
    point.personal && say.personal,
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

function list(title: string, entries: readonly string[]): string[] {
  return entries.length === 0
    ? []
    : ["", `## ${title}`, "", ...entries.map((entry) => `- ${plainText(entry)}`)];
}

function inLanguage(text: Text, language: Language): string {
  return (language === "sv" ? text.sv : undefined) ?? text.en;
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
