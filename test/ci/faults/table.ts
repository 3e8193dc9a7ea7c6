/** What is told of one fault that was survived. */
export interface Row {
  readonly name: string;
  readonly done: string;
  readonly noticed: string;
  readonly recoveredS: number;
  readonly lamp: string;
}

/** A family as Markdown. */
export function table(title: string, rows: readonly Row[], faults: number): string {
  const cell = (text: string) => text.replaceAll("|", "\\|").replaceAll("\n", " ");
  return [
    `## ${title}: ${rows.length} of ${faults} survived`,
    "",
    "| fault | what was done | how the gateway noticed | survived | recovered after | the lamp |",
    "|---|---|---|---|---:|---|",
    ...rows.map(
      ({ name, done, noticed, recoveredS, lamp }) =>
        `| ${cell(name)} | ${cell(done)} | ${cell(noticed)} | yes | ${recoveredS.toFixed(1)} s | ${lamp} |`,
    ),
    "",
  ].join("\n");
}

/** Names of the faults under a heading of docs/faults.md. */
export function sectionOf(text: string, title: string): string[] {
  const section = text.split(/^## /m).find((one) => one.startsWith(`${title}:`)) ?? "";
  return section
    .split("\n")
    .filter((line) => line.startsWith("| ") && line.includes(" | yes | "))
    .map((line) => line.slice(2, line.indexOf(" | ")).replaceAll("\\|", "|"));
}
