import { type Command, Option } from "commander";
import { type CliContext, ExitError, exit } from "./context.ts";
import { command, configArgument } from "./daemon.ts";
import { requireConfiguration } from "./files.ts";
import { type Register, type RegisterDevice, type RegisterPoint, registerOf } from "./register.ts";
import { type Language, registerWords } from "./register-words.ts";
import { table } from "./table.ts";

type Format = "text" | "markdown" | "json" | "csv";

export function dataRegisterCommand(context: CliContext): Command {
  return command(
    "data-register",
    "print what is collected, why, for whom, how long and where it goes: the record of a data protection officer",
    [
      "stadsnod data-register gateway.yaml --language sv",
      "stadsnod data-register gateway.yaml --format csv > register.csv",
      "stadsnod data-register --strict --format json",
    ],
  )
    .argument(...configArgument)
    .addOption(new Option("-l, --language <language>", "of the texts").choices(["en", "sv"]).default("en"))
    .addOption(
      new Option("-f, --format <format>", "of the register")
        .choices(["text", "markdown", "json", "csv"])
        .default("text"),
    )
    .option("--strict", "fail when a personal point has no purpose or legal basis, or parts were left out")
    .action(async (path: string, options: { language: Language; format: Format; strict?: boolean }) => {
      const register = registerOf(await requireConfiguration(context, path), options.language);
      context.out(formats[options.format](register, options.language));
      if (options.strict && !register.complete) throw new ExitError(exit.failed);
    });
}

const formats: Readonly<Record<Format, (register: Register, language: Language) => string>> = {
  json: (register) => `${JSON.stringify(register, null, 2)}\n`,
  text: (register, language) =>
    document(register, language, {
      heading: (text) => text,
      sub: (text) => `\n${text}`,
      facts: (facts) => facts.map(([name, value]) => `  ${name}: ${value}`),
      rows: (head, rows) => [table(head, rows)],
    }),
  markdown: (register, language) =>
    document(register, language, {
      heading: (text) => `# ${text}\n`,
      sub: (text) => `\n## ${text}\n`,
      facts: (facts) => [...facts.map(([name, value]) => `- **${name}**: ${cell(value)}`), ""],
      rows: (head, rows) =>
        [head, head.map(() => "---"), ...rows].map((row) => `| ${row.map(cell).join(" | ")} |`),
    }),
  csv,
};

interface Layout {
  heading(text: string): string;
  sub(text: string): string;
  facts(facts: readonly (readonly [string, string])[]): readonly string[];
  rows(head: readonly string[], rows: readonly (readonly string[])[]): readonly string[];
}

const columns = ["point", "what", "unit", "often", "personal", "audience", "step", "kept", "goes"] as const;

function document(register: Register, language: Language, layout: Layout): string {
  const word = (key: keyof typeof registerWords): string => registerWords[key][language];
  const { gateway, title, devices, leftOut } = register;
  const lines = [
    layout.heading(`${word("title")} ${gateway}${title === undefined ? "" : ` (${title})`}`),
    word("about"),
  ];
  for (const device of devices) {
    lines.push(
      layout.sub(`${device.device}: ${device.title}`),
      ...layout.facts([
        [word("profile"), device.profile],
        [word("owner"), device.owner ?? word("notSaid")],
        [word("purpose"), device.purpose ?? word("notSaid")],
        [word("basis"), device.legalBasisText ?? word("notSaid")],
        [word("shared"), device.sharedWith.join("; ") || word("notSaid")],
      ]),
      ...layout.rows(
        columns.map((column) => word(column)),
        device.points.map((point) => cells(point, word)),
      ),
    );
  }
  const incomplete = devices.flatMap((device) => missingIn(device, word));
  if (leftOut.length > 0) lines.push("", word("leftOut"), ...leftOut.map((part) => `- ${part}`));
  if (incomplete.length > 0) lines.push("", word("incomplete"), ...incomplete.map((part) => `- ${part}`));
  if (register.complete) lines.push("", word("complete"));
  return `${lines.join("\n")}\n`;
}

type Words = (key: keyof typeof registerWords) => string;

function cells(
  { point, what, unit, often, personal, forWhom, steps, kept, goes }: RegisterPoint,
  word: Words,
) {
  const about = personal === "made" ? word("madePersonal") : word(personal);
  return [point, what, unit, often, about, forWhom, steps, kept, goes.join("; ") || word("nowhere")];
}

function missingIn({ device, points }: RegisterDevice, word: Words): string[] {
  return points
    .filter(({ missing }) => missing.length > 0)
    .map(({ point, missing }) => {
      const names = missing.map((one) => word(one === "purpose" ? "purpose" : "basis"));
      return `${device}/${point}: ${names.join(", ")}`;
    });
}

/** RFC 4180, one line per point. A cell that a spreadsheet would take for a formula gets an apostrophe. */
function csv({ gateway, devices }: Register, language: Language): string {
  const word = (key: keyof typeof registerWords): string => registerWords[key][language];
  const head = [
    "Gateway",
    ...(["device", "profile", "owner", "purpose", "basis", "shared"] as const).map(word),
  ];
  const rows = devices.flatMap((device) =>
    device.points.map((point) => [
      gateway,
      device.device,
      device.profile,
      device.owner ?? "",
      device.purpose ?? "",
      device.legalBasisText ?? "",
      device.sharedWith.join("; "),
      ...cells(point, word),
      point.missing.map((one) => word(one === "purpose" ? "purpose" : "basis")).join("; "),
    ]),
  );
  const all = [[...head, ...columns.map((column) => word(column)), word("missing")], ...rows];
  return all.map((row) => `${row.map(quoted).join(",")}\r\n`).join("");
}

function quoted(text: string): string {
  const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

function cell(text: string): string {
  return text.replaceAll("|", "\\|").replaceAll("\n", " ");
}
