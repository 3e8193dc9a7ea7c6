import { stringify } from "yaml";
import { parseYaml } from "../codec/yaml.ts";
import type { CheckDone } from "../model/commissioning.ts";
import type { ReadingJson } from "../model/json.ts";
import { type DiagnosticsSources, gather, type Heard } from "./diagnostics/gather.ts";
import { type Harvest, redactConfiguration, redactJson, redactLine } from "./diagnostics/redact.ts";
import { Scrubber } from "./diagnostics/scrub.ts";
import { type ArchiveFile, tarGz } from "./diagnostics/tar.ts";
import { type DoctorContext, doctorJob, type Step } from "./doctor/doctor.ts";
import { lookAtPorts, toFacts } from "./ports.ts";
import type { System } from "./system.ts";
import { said } from "./words.ts";

export type { DiagnosticsSources } from "./diagnostics/gather.ts";

export interface DiagnosticsContext extends DoctorContext {
  readonly sources: () => Promise<DiagnosticsSources>;
  /** Keeps the bundle. */
  readonly save: (name: string, bytes: Uint8Array) => Promise<void>;
}

export interface DiagnosticsInput {
  /** Personal values and free texts too. Secrets never. */
  readonly withValues?: boolean | undefined;
}

/** Bytes of one file of a bundle; the end of what is longer is what matters. */
const longestFile = 1024 * 1024;
const mostListed = 5000;

/** One bundle for those who are to help: everything about this gateway but secrets and people. */
export async function* diagnosticsJob(
  input: DiagnosticsInput,
  context: DiagnosticsContext,
  signal: AbortSignal,
): AsyncGenerator<Step> {
  const { clock, system } = context;
  const withValues = input.withValues ?? false;
  const checks: CheckDone[] = [];
  for await (const { progress, finding } of doctorJob({}, context, signal)) {
    if (finding?.kind === "check") checks.push(finding);
    if (progress) yield { progress: { ...progress, total: (progress.total ?? 0) + 1 } };
  }
  const doing = said("Putting the bundle together", "Sätter ihop paketet");
  yield { progress: { done: 0, total: 1, doing } };
  const facts = await context.facts();
  const files = await bundleFiles(
    await context.sources(),
    { system, checks, ports: facts.ports, folder: facts.storageFolder },
    withValues,
  );
  signal.throwIfAborted();
  const now = clock.now();
  const stamp = new Date(now).toISOString().replaceAll(/[-:]|\.\d+/g, "");
  const name = `stadsnod-diagnostics-${stamp}.tar.gz`;
  const bytes = tarGz(files, now);
  await context.save(name, bytes);
  yield { finding: { kind: "file", name, bytes: bytes.length } };
  yield { progress: { done: 1, total: 1, doing: said("Done", "Klart") } };
}

/** What is looked at on the machine itself. */
export interface BundleMachine {
  readonly system: System;
  readonly checks: readonly CheckDone[];
  readonly ports: Parameters<typeof lookAtPorts>[1];
  readonly folder: string | undefined;
}

/** The files of a bundle, redacted, always in the same order. */
export async function bundleFiles(
  sources: DiagnosticsSources,
  machine: BundleMachine,
  withValues: boolean,
): Promise<readonly ArchiveFile[]> {
  const { configuration } = sources;
  const harvest: Harvest = { secrets: [], names: [], texts: [], users: [], hosts: [] };
  const parsed = configuration && parseYaml(configuration.text, configuration.file).document;
  const shown = parsed ? redactConfiguration(parsed.value, harvest, withValues) : undefined;
  const { checks } = machine;
  const gathered = await gather(sources, machine.system);
  const scrubber = new Scrubber({
    secrets: [...harvest.secrets, ...(configuration?.secrets ?? []), ...gathered.secrets],
    names: withValues ? [] : harvest.names,
    texts: withValues ? [] : harvest.texts,
    users: [...harvest.users, ...sources.users],
    hosts: [...harvest.hosts, ...addressesIn(checks)],
  });
  const json = (value: unknown) => `${JSON.stringify(redactJson(value, scrubber, withValues), null, 2)}\n`;
  const files: ArchiveFile[] = [{ name: "README.txt", text: about(sources.version, withValues) }];
  const add = (name: string, text: string) =>
    files.push({ name, text: text.length > longestFile ? text.slice(-longestFile) : text });
  const addHeard = (name: string, heard: Heard, shown: (value: unknown) => string) =>
    add(name, "error" in heard ? `not to be had: ${scrubber.text(heard.error)}\n` : shown(heard.value));

  if (shown !== undefined) add("gateway.yaml", scrubber.known(stringify(shown, { lineWidth: 0 })));
  else if (configuration)
    add("gateway.yaml", "# left out: it cannot be parsed, so nobody can tell what is secret\n");
  add(
    "configuration-findings.json",
    json(
      (configuration?.diagnostics ?? []).map(({ severity, code, message, line, column }) => ({
        severity,
        code,
        // A message may quote what is wrong; of a file that cannot be parsed nobody knows what that is.
        ...(parsed ? { message } : {}),
        line,
        column,
      })),
    ),
  );
  add("doctor.json", json(checks));
  add("doctor.txt", checks.map((check) => scrubber.text(checkLine(check))).join(""));
  add("versions.json", `${JSON.stringify(await versions(sources, machine.system), null, 2)}\n`);
  add("profiles.json", `${JSON.stringify(sources.profiles, null, 2)}\n`);
  add("ports.json", json((await lookAtPorts(machine.system, machine.ports)).map(toFacts)));
  for (const [name, heard] of gathered.answers) addHeard(`${name}.json`, heard, json);
  if (gathered.latest)
    addHeard("latest.json", gathered.latest, () => {
      const { latest } = gathered.readings;
      const readings = latest.map((reading) => shownReading(reading, sources.open, scrubber, withValues));
      return `${JSON.stringify(readings, null, 1)}\n`;
    });
  // A hash and counts: there is nothing in it to take out.
  if (gathered.auditHead)
    addHeard("audit-head.json", gathered.auditHead, (head) => `${JSON.stringify(head, null, 2)}\n`);
  if (gathered.logs)
    addHeard("log.jsonl", gathered.logs, () =>
      gathered.readings.logs.map((line) => `${redactLine(line, scrubber, withValues)}\n`).join(""),
    );
  for (const [name, text] of gathered.journals)
    add(
      name,
      text
        .split("\n")
        .map((line) => redactJournal(line, scrubber, withValues))
        .join("\n"),
    );
  for (const [name, path] of machineFiles) {
    const text = await machine.system.read(path, 256 * 1024);
    if (text !== undefined) add(name, scrubber.text(text));
  }
  if (machine.folder !== undefined)
    add("storage.txt", scrubber.text(await listing(machine.system, machine.folder)));
  return files;
}

const machineFiles: readonly (readonly [string, string])[] = [
  ["machine/cmdline.txt", "/proc/cmdline"],
  ["machine/meminfo.txt", "/proc/meminfo"],
  ["machine/mounts.txt", "/proc/self/mounts"],
  ["machine/os-release.txt", "/etc/os-release"],
  ["machine/swaps.txt", "/proc/swaps"],
  ["machine/uptime.txt", "/proc/uptime"],
];

/** `2026-11-22T08:00:00+0000 host stadsnod[12]: {...}`: what stands behind the head may be JSON. */
function redactJournal(line: string, scrubber: Scrubber, withValues: boolean): string {
  const [, head = "", rest = line] = /^(\S+ \S+ [^:{]{1,80}: )(\{.*)$/.exec(line) ?? [];
  return `${scrubber.text(head)}${redactLine(rest, scrubber, withValues)}`;
}

function shownReading(
  reading: ReadingJson,
  open: ReadonlySet<string>,
  scrubber: Scrubber,
  withValues: boolean,
): unknown {
  const { device, point, value, detail, ...rest } = reading;
  // Bits of a point are named `point/bit`.
  const isOpen = open.has(`${device}/${point.split("/")[0]}`);
  const text = (one: unknown) => (typeof one === "string" ? scrubber.text(one) : one);
  if (!isOpen && !withValues)
    return { device, point, ...(value === undefined ? {} : { value: "(left out)" }), ...rest };
  return {
    device,
    point,
    ...(value === undefined ? {} : { value: text(value) }),
    ...(detail === undefined ? {} : { detail: text(detail) }),
    ...rest,
  };
}

async function versions({ version }: DiagnosticsSources, system: System): Promise<unknown> {
  const model = await system.read("/proc/device-tree/model", 256);
  const kernel = await system.read("/proc/version", 512);
  return {
    stadsnod: version,
    ...system.node,
    node: system.node.version,
    model: model?.replaceAll("\0", ""),
    kernel: kernel?.trim(),
  };
}

/** Names, sizes and times of what is kept, never its contents. */
async function listing(system: System, folder: string): Promise<string> {
  const lines: string[] = [];
  const walk = async (at: string, depth: number): Promise<void> => {
    for (const name of await system.list(at)) {
      if (lines.length === mostListed || depth > 4) return;
      const path = `${at}/${name}`;
      const file = await system.stat(path);
      if (!file) continue;
      const time = new Date(file.changed).toISOString().slice(0, 19);
      const mode = file.mode.toString(8).padStart(4, "0");
      lines.push(
        `${mode} ${file.uid}:${file.gid} ${String(file.size).padStart(12)} ${time} ${path.slice(folder.length + 1)}\n`,
      );
      if (file.kind === "folder") await walk(path, depth + 1);
    }
  };
  await walk(folder, 1);
  return lines.join("");
}

/** Addresses that the broker's name leads to: they belong to the city, not to a person. */
function addressesIn(checks: readonly CheckDone[]): string[] {
  return checks
    .filter(({ id }) => id === "broker-name" || id === "broker-tcp")
    .flatMap(({ message }) => message.en.match(/[0-9a-f.:]*[.:][0-9a-f.:]+[0-9a-f]/gi) ?? []);
}

function checkLine({ id, subject, result, message, fix }: CheckDone): string {
  const head = `${result.padEnd(14)} ${id}${subject === undefined ? "" : ` (${subject})`}: ${message.en}\n`;
  return fix ? `${head}${" ".repeat(15)}-> ${fix.en}\n` : head;
}

function about(version: string, withValues: boolean): string {
  return `Diagnostics of a Stadsnod gateway, version ${version}.

Secrets are replaced by ***. gateway.yaml is written anew from its parsed form: comments are gone, and
texts stay only where they are known to be harmless. Users are called user-1, user-2, ...; addresses
that gateway.yaml does not name ip-1, ...; e-mail addresses, telephone and identity numbers are taken out.
Host names and addresses of brokers and devices, names (ids) of devices and lines, and file names stay.
${
  withValues
    ? "WITH VALUES: this bundle holds personal values and free texts. Handle it as personal data."
    : "Values of personal points, free texts (titles, owners, contacts) and exact positions are left out."
}
Packs in the outbox, the history and the lines of the audit log are not in it.
`;
}
