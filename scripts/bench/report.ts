// Writes docs/benchmarks.md out of what a run found. Pure: the same run gives the same text.
import type { Goal, Row } from "./bench.ts";

/** One bench and what it found. */
export interface BenchReport {
  readonly name: string;
  readonly title: string;
  readonly method: string;
  readonly notComparable?: string | undefined;
  readonly goals: Readonly<Record<string, Goal>>;
  readonly rows: readonly Row[];
}

/** Where and when it ran. */
export interface RunFacts {
  /** ISO 8601 */
  readonly date: string;
  /** Short hash; ends in "-dirty" where something was not committed. */
  readonly commit: string;
  readonly node: string;
  readonly cpu: string;
  readonly cpus: number;
  readonly memoryMb: number;
  readonly kernel: string;
  readonly minutes: number;
  readonly quick: boolean;
  /** By name, as rows name them in `ratioTo`. */
  readonly peers: ReadonlyMap<string, string>;
}

export type Verdict = "met" | "not met" | "not measured";

/** Whether a row reaches a goal. A row without the figure never does. */
export function verdict(goal: Goal, row: Row | undefined): Verdict {
  const { atMost, atLeast, of = "value" } = goal;
  const figure = row?.error === undefined ? row?.[of] : undefined;
  if (typeof figure !== "number" || !Number.isFinite(figure)) return "not measured";
  const within = (atMost === undefined || figure <= atMost) && (atLeast === undefined || figure >= atLeast);
  return within ? "met" : "not met";
}

/** The whole document. */
export function report(facts: RunFacts, benches: readonly BenchReport[]): string {
  const lines = [
    "# Benchmarks",
    "",
    "Written by `npm run bench`; not edited by hand.",
    "",
    ...(facts.quick
      ? [
          "**A placeholder from a quick run (`--quick`): short, and perhaps beside other work. Do not quote these figures.**",
          "",
        ]
      : []),
    ...head(facts),
    "",
    "Ratios are from one run and carry over to other machines better than absolute figures. A ratio is the row's figure divided by that of what stands beside it.",
    "",
    ...missed(benches),
  ];
  for (const bench of benches) lines.push("", ...section(bench, facts));
  return `${lines.join("\n")}\n`;
}

function head({ date, commit, node, cpu, cpus, memoryMb, kernel, minutes, peers }: RunFacts): string[] {
  return [
    "| | |",
    "|---|---|",
    `| Date | ${date} |`,
    `| Commit | \`${commit}\` |`,
    `| Node.js | ${node} |`,
    `| Processors | ${cpus} x ${cell(cpu)} |`,
    `| Memory | ${memoryMb} MB |`,
    `| Kernel | ${cell(kernel)} |`,
    `| Took | ${minutes.toFixed(0)} minutes |`,
    ...Array.from(peers, ([name, version]) => `| Peer ${name} | ${cell(version)} |`),
  ];
}

/** What falls short, first. */
function missed(benches: readonly BenchReport[]): string[] {
  const all = benches.flatMap(({ name: bench, goals, rows }) =>
    Object.entries(goals).map(([name, goal]) => {
      const row = rows.find((one) => one.name === name);
      return { bench, name, goal, row, verdict: verdict(goal, row) };
    }),
  );
  const short = all.filter((one) => one.verdict !== "met");
  const broken = benches
    .flatMap(({ rows }) => rows)
    .filter(({ name, error }) => error !== undefined && !short.some((one) => one.name === name));
  return [
    "## What falls short",
    "",
    `${all.length - short.length} of ${all.length} goals are met.`,
    ...(short.length > 0
      ? [
          "",
          "| bench | row | measured | goal | |",
          "|---|---|---|---|---|",
          ...short.map(
            ({ bench, name, goal, row, verdict: found }) =>
              `| \`${bench}\` | \`${name}\` | ${row ? measured(row, goal) : "no such row"} | ${limit(goal)} | **${found}** |`,
          ),
        ]
      : []),
    ...(broken.length > 0
      ? [
          "",
          "Rows without a goal that could not be measured:",
          "",
          ...broken.map(({ name, error = "" }) => `- \`${name}\`: ${cell(error)}`),
        ]
      : []),
  ];
}

function section(
  { name, title, method, notComparable, goals, rows }: BenchReport,
  facts: RunFacts,
): string[] {
  return [
    `## \`${name}\``,
    "",
    `${title.slice(0, 1).toUpperCase()}${title.slice(1)}.`,
    "",
    `Method: ${method}`,
    ...(notComparable === undefined ? [] : ["", `Not comparable: ${notComparable}`]),
    "",
    "```sh",
    `npm run bench -- --only ${name}${facts.quick ? " --quick" : ""}`,
    "```",
    "",
    "| row | value | ratio | goal | |",
    "|---|---|---|---|---|",
    ...rows.map((row) => {
      const goal = goals[row.name];
      const found = goal ? verdict(goal, row) : "";
      const ratio =
        row.ratio === undefined ? "" : `${figure(row.ratio)} x ${cell(peer(row.ratioTo ?? "", facts))}`;
      return `| \`${row.name}\` | ${measured(row)} | ${ratio} | ${goal ? limit(goal) : ""} | ${found === "met" || !found ? found : `**${found}**`} |`;
    }),
  ];
}

function measured(row: Row, { of = "value" }: Goal = {}): string {
  if (row.error !== undefined) return `could not be measured: ${cell(row.error)}`;
  if (of === "ratio") return row.ratio === undefined ? "-" : `${figure(row.ratio)} x ${row.ratioTo ?? ""}`;
  return row.value === null ? "-" : `${figure(row.value)} ${row.unit}`.trim();
}

function limit({ atMost, atLeast, of }: Goal): string {
  const sides = [
    ...(atLeast === undefined ? [] : [`at least ${figure(atLeast)}`]),
    ...(atMost === undefined ? [] : [`at most ${figure(atMost)}`]),
  ];
  return `${sides.join(", ")}${of === "ratio" ? " x" : ""}`;
}

/** With the version of the peer that it begins with. */
function peer(ratioTo: string, { peers }: RunFacts): string {
  const names = Array.from(peers.keys()).toSorted((a, b) => b.length - a.length);
  const name = names.find(
    (one) => ratioTo === one || ratioTo.startsWith(`${one} `) || ratioTo.startsWith(`${one},`),
  );
  return name === undefined ? ratioTo : `${name} ${peers.get(name)}${ratioTo.slice(name.length)}`;
}

/** Three significant figures, no powers of ten. */
export function figure(value: number): string {
  if (value === 0) return "0";
  const digits = Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value))));
  return value.toLocaleString("en", { maximumFractionDigits: Math.min(digits, 6) });
}

/** On one line of a table. */
function cell(text: string): string {
  return text.replaceAll(/\s+/g, " ").replaceAll("|", "\\|").trim();
}
