import type { Diagnostic } from "../../model/diagnostic.ts";
import type { ReadingJson } from "../../model/json.ts";
import type { System } from "../system.ts";
import { secretsIn } from "./scrub.ts";

/** Where a bundle's contents come from; everything may be missing. */
export interface DiagnosticsSources {
  readonly version: string;
  /** The text of gateway.yaml, what is wrong with it, and what its references lead to. */
  readonly configuration?:
    | {
        readonly file: string;
        readonly text: string;
        readonly diagnostics: readonly Diagnostic[];
        readonly secrets: readonly string[];
      }
    | undefined;
  /** Accounts of people on the local API. */
  readonly users: readonly string[];
  /** `device/point` of readings that are certainly no personal data. */
  readonly open: ReadonlySet<string>;
  readonly profiles: readonly { readonly id: string; readonly version: string; readonly sha256: string }[];
  /** Answers of the running gateway, by file name without `.json`; a rejection is told in the file. */
  readonly answers: ReadonlyMap<string, () => Promise<unknown>>;
  /** The last reading of each point. */
  readonly latest?: (() => Promise<readonly ReadingJson[]>) | undefined;
  /** The last lines of the gateway's log, the oldest first. */
  readonly logs?: (() => Promise<readonly string[]>) | undefined;
  /** Number and hash of the audit log's last line, and how many lines there are of each kind. Never their contents. */
  readonly auditHead?: (() => Promise<unknown>) | undefined;
}

/** Of each journal, the last ones. */
const journalLines = "1000";

/** What somebody answered, or why not. */
export type Heard = { readonly value: unknown } | { readonly error: string };

export interface Gathered {
  readonly answers: ReadonlyMap<string, Heard>;
  readonly latest: Heard | undefined;
  readonly logs: Heard | undefined;
  readonly auditHead: Heard | undefined;
  readonly readings: { readonly latest: readonly ReadingJson[]; readonly logs: readonly string[] };
  readonly journals: ReadonlyMap<string, string>;
  /** What these texts call a secret themselves. */
  readonly secrets: readonly string[];
}

/** Everything is heard before anything is written: what one text calls a secret another may hold without a word. */
export async function gather(sources: DiagnosticsSources, system: System): Promise<Gathered> {
  const heard = async (ask: () => Promise<unknown>): Promise<Heard> => {
    try {
      return { value: await ask() };
    } catch (error) {
      return { error: error instanceof Error ? error.message : String(error) };
    }
  };
  const answers = new Map<string, Heard>();
  for (const [name, ask] of [...sources.answers].toSorted(([a], [b]) => (a < b ? -1 : 1)))
    answers.set(name, await heard(ask));
  const readings: { latest: readonly ReadingJson[]; logs: readonly string[] } = { latest: [], logs: [] };
  const { latest: askLatest, logs: askLogs, auditHead } = sources;
  const latest =
    askLatest &&
    (await heard(async () => {
      readings.latest = await askLatest();
    }));
  const logs =
    askLogs &&
    (await heard(async () => {
      readings.logs = await askLogs();
    }));
  const journalTexts = new Map<string, string>();
  for (const [name, args] of journals) {
    const ran = await system.run("journalctl", ["--no-pager", ...args, "--lines", journalLines]);
    if (ran?.out) journalTexts.set(name, ran.out);
  }
  const texts = [JSON.stringify([...answers]), ...readings.logs, ...journalTexts.values()];
  return {
    answers,
    latest,
    logs,
    auditHead: auditHead && (await heard(auditHead)),
    readings,
    journals: journalTexts,
    secrets: texts.flatMap(secretsIn),
  };
}

const journals: readonly (readonly [string, readonly string[]])[] = [
  ["journal-stadsnod.txt", ["--unit", "stadsnod", "--output", "short-iso"]],
  ["journal-kernel-warnings.txt", ["--dmesg", "--priority", "warning", "--output", "short-iso"]],
];
