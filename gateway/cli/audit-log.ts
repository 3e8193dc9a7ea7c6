import { existsSync } from "node:fs";
import { open, readdir } from "node:fs/promises";
import { join } from "node:path";
import type { Command } from "commander";
import { type AuditLine, parseAuditLine } from "../commands/audit-line.ts";
import { type AuditFilter, type AuditLogAnswer, filtered } from "../commands/audit-query.ts";
import { linesOf, segmentsOf } from "../commands/audit-segments.ts";
import { type AuditVerdict, AuditVerifier } from "../commands/audit-verify.ts";
import type { LocalClient } from "../local/client.ts";
import { ConfigError } from "../model/errors.ts";
import { type CliContext, ExitError, exit, inFolder } from "./context.ts";
import { command, daemonOf, socketOption } from "./daemon.ts";
import { momentHelp, parseMoment } from "./moment.ts";

interface Options {
  readonly socket?: string;
  readonly folder?: string;
  readonly from?: string;
  readonly to?: string;
  readonly who?: string;
  readonly what?: string;
  readonly device?: string;
  readonly json?: boolean;
  readonly verify?: boolean;
  readonly head?: string;
  readonly export?: string;
}

export function auditLogCommand(context: CliContext): Command {
  return command("audit-log", "show, verify or export who did what: commands, refusals, changes", [
    "stadsnod audit-log --from 24h",
    "stadsnod audit-log --what command --device lamp-1 --json",
    "stadsnod audit-log --verify --export audit-2026.jsonl",
    "stadsnod audit-log --verify --folder /var/lib/stadsnod",
  ])
    .addOption(socketOption())
    .option("-f, --folder <path>", "read the files of this storage folder; also of a gateway that is down")
    .option("--from <time>", momentHelp)
    .option("--to <time>", "likewise, not included")
    .option("--who <name>", "an issuer, user or schedule; a* for all that begin with a")
    .option("--what <word>", "command, config, user, ...; likewise")
    .option("-d, --device <id>", "only what is about this device")
    .option(
      "--verify",
      "check the chain of all lines and show the result alone; exit code 1 when it is broken",
    )
    .option("--head <number:hash>", "with --verify: a line that is known from elsewhere")
    .option("--export <file>", "write the lines as they stand to a new file")
    .option("--json", "one line per entry as JSON; with --verify the result")
    .action(async (options: Options) => {
      const filter = filterOf(options, Date.now());
      const source = await sourceOf(context, options);
      const head = headOf(options.head);
      const verifier = options.verify ? new AuditVerifier({ head }) : undefined;
      await using file = await exportTo(context, options.export);
      let shown = 0;
      // The chain is one of all lines, whatever is to be shown.
      for await (const text of verifier ? source({}) : source(filter)) {
        context.signal.throwIfAborted();
        verifier?.take(text);
        await file?.write(text);
        if (verifier || file) continue;
        context.out(`${options.json ? text : lineText(text)}\n`);
        shown++;
      }
      if (verifier) return tell(context, verifier.end(), options);
      if (!file && !options.json && shown === 0) context.out("no entries\n");
    });
}

type Source = (filter: AuditFilter) => AsyncIterable<string>;

async function sourceOf(context: CliContext, options: Options): Promise<Source> {
  if (options.folder !== undefined) return fromFolder(auditFolder(inFolder(context, options.folder)));
  return fromDaemon(await daemonOf(context, options));
}

function fromDaemon(client: LocalClient): Source {
  return async function* (filter) {
    const asked = new URLSearchParams();
    for (const [key, value] of Object.entries(filter)) if (value !== undefined) asked.set(key, String(value));
    for (;;) {
      const { lines, next } = await client.get<AuditLogAnswer>(`/v1/audit-log?${asked}`);
      yield* lines;
      if (next === undefined) return;
      asked.set("after", String(next));
    }
  };
}

/** The storage folder of a gateway, or the folder of the log itself. */
function auditFolder(folder: string): string {
  const inside = join(folder, "audit");
  const found = existsSync(inside) ? inside : folder;
  if (existsSync(found)) return found;
  throw new ConfigError(`${folder}: no such folder`, { code: "no-audit-log" });
}

/** Reads and changes nothing: not even what a power cut left is cut. */
function fromFolder(folder: string): Source {
  return async function* (filter) {
    const names = segmentsOf(await readdir(folder));
    if (names.length === 0) {
      throw new ConfigError(`${folder} holds no audit log`, {
        code: "no-audit-log",
        hint: "name the storage folder of the gateway: `storage: {folder: ...}`",
      });
    }
    for await (const { text } of filtered(linesIn(folder, names), filter)) yield text;
  };
}

async function* linesIn(folder: string, names: readonly string[]): AsyncGenerator<string> {
  for (const name of names) {
    const handle = await open(join(folder, name), "r");
    try {
      const { size } = await handle.stat();
      const read = async (position: number, length: number): Promise<Uint8Array> => {
        const { buffer, bytesRead } = await handle.read(new Uint8Array(length), 0, length, position);
        return buffer.subarray(0, bytesRead);
      };
      for await (const { text } of linesOf(read, size)) yield text;
    } finally {
      await handle.close();
    }
  }
}

function filterOf(options: Options, now: number): AuditFilter {
  const { who, what, device, from, to } = options;
  return {
    from: from === undefined ? undefined : Math.floor(parseMoment(from, now)),
    to: to === undefined ? undefined : Math.ceil(parseMoment(to, now)),
    who,
    what,
    device,
  };
}

function headOf(text: string | undefined): { n: number; hash: string } | undefined {
  if (text === undefined) return undefined;
  const [, n, hash] = /^(\d{1,15}):([0-9a-f]{64})$/.exec(text) ?? [];
  if (n === undefined || hash === undefined) {
    throw new ConfigError(`--head is a line's number and hash, not "${text}"`, { code: "bad-head" });
  }
  return { n: Number(n), hash };
}

async function exportTo(
  context: CliContext,
  path: string | undefined,
): Promise<({ write(text: string): Promise<void> } & AsyncDisposable) | undefined> {
  if (path === undefined) return undefined;
  try {
    const handle = await open(inFolder(context, path), "wx", 0o640);
    return {
      write: async (text) => {
        await handle.write(`${text}\n`);
      },
      [Symbol.asyncDispose]: () => handle.close(),
    };
  } catch (cause) {
    const code = cause instanceof Error && "code" in cause ? String(cause.code) : "unwritable";
    throw new ConfigError(`${path} cannot be written (${code})`, {
      code: "unwritable-file",
      hint: code === "EEXIST" ? "an export never replaces a file" : undefined,
      cause,
    });
  }
}

function lineText(text: string): string {
  const line = parseAuditLine(text);
  if (!line) return `(damaged) ${JSON.stringify(text.slice(0, 100))}`;
  const { n, what, who, detail } = line;
  // Names come from outside; a terminal must not take orders from them.
  return `${n} ${timeText(line)} ${plain(what)} ${plain(who)} ${JSON.stringify(detail)}`;
}

function timeText({ time, bootMs }: AuditLine): string {
  return time === null ? `boot+${(bootMs / 1000).toFixed(0)}s` : new Date(time).toISOString();
}

function plain(text: string): string {
  return /^[\x21-\x7e\xa1-\xff]+$/.test(text) ? text : JSON.stringify(text);
}

function tell(context: CliContext, verdict: AuditVerdict, { json, head }: Options): void {
  if (json) context.out(`${JSON.stringify(verdict)}\n`);
  else {
    const { lines, first, broken, seals, sealedThrough, cuts, lost } = verdict;
    const known = verdict.head && `${verdict.head.n}:${verdict.head.hash}`;
    const notes = [
      `${lines} lines${first === undefined || first === 1 ? "" : `, from number ${first} on (older ones were removed)`}`,
      ...(seals > 0 ? [`${seals} seals, through line ${sealedThrough}; they are counted, not checked`] : []),
      ...(cuts > 0 ? [`${cuts} times a power cut had torn the end, which was put aside`] : []),
      ...(lost > 0 ? [`${lost} entries could not be kept when they came`] : []),
      broken
        ? `the chain breaks at line ${broken.line}${broken.n === undefined ? "" : ` (number ${broken.n})`}: ${broken.why}`
        : `the chain is unbroken; its end is ${known ?? "empty"}`,
      ...(broken || head !== undefined || known === undefined
        ? []
        : [
            "keep that elsewhere: with --head it shows later that nothing up to here was changed or taken away",
          ]),
    ];
    context.out(`${notes.join("\n")}\n`);
  }
  if (!verdict.ok) throw new ExitError(exit.failed);
}
