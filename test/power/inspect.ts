import { join } from "node:path";
import { parseAuditLine } from "../../gateway/commands/audit-line.ts";
import { AuditVerifier } from "../../gateway/commands/audit-verify.ts";
import { openClock } from "../../gateway/store/clock.ts";
import { openFolderDisk } from "../../gateway/store/folder-disk.ts";
import type { Promises } from "./promises.ts";
import { commandNumbered, isNumbered, keyOf, numberOf, openStores, packOf, type Stores } from "./work.ts";

export interface Problem {
  /**
   * `lost`: what was promised is not there. `corrupt`: what is there is not what was written, or cannot be
   * opened. `twice`: a command was carried out that had been before.
   */
  readonly kind: "lost" | "corrupt" | "twice";
  readonly text: string;
}

export interface Inspection {
  readonly problems: readonly Problem[];
  /** Packs that were promised and not delivered: each had to be there, byte for byte. */
  readonly packs: number;
  /** Commands that were accepted or begun: each had to be known. */
  readonly commands: number;
}

/** The newest commands are brought once more, as a broker would that did not hear the PUBACK. */
const broughtAgain = 20;

/** Opens what a power cut left with the gateway's own code, and compares it with what had been promised. */
export async function inspectStores(folder: string, promises: Promises): Promise<Inspection> {
  const problems: Problem[] = [];
  const begun: string[] = [];
  using clock = openClock({ floor: 0, trust: "always" });
  const stores = await openStores({
    clock,
    openDisk: (name) => openFolderDisk(join(folder, name)),
    begins: (id) => begun.push(id),
    tells: () => {},
  });
  try {
    problems.push(...(await outboxProblems(stores, promises)));
    problems.push(...(await auditProblems(stores, promises)));
    problems.push(...commandProblems(stores, promises));
    const ours = [...promises.commands].filter(isNumbered).slice(-broughtAgain);
    for (const id of ours) await stores.give(commandNumbered(numberOf(id)));
  } finally {
    await stores[Symbol.asyncDispose]();
  }
  // Nothing that was not given to this start may be carried out by it.
  for (const id of begun) problems.push({ kind: "twice", text: `${id} was carried out again` });
  const packs = [...promises.stored].filter((key) => !promises.delivered.has(key)).length;
  return { problems, packs, commands: promises.commands.size };
}

async function outboxProblems({ outbox }: Stores, promises: Promises): Promise<Problem[]> {
  const problems: Problem[] = [];
  const corrupt = (text: string) => problems.push({ kind: "corrupt", text });
  const found = new Set<string>();
  const last = new Map<string, number>();
  const packs = [];
  for (const lane of ["urgent", "live", "backlog"] as const) packs.push(...(await outbox.peek(lane, 1e6)));
  for (const pack of packs.sort((a, b) => a.id - b.id)) {
    const { run, audience, seq, bytes, lane, readings, time } = pack;
    const key = keyOf(pack);
    const { head, bytes: written } = packOf(run, audience, seq);
    if (Buffer.compare(bytes, written) !== 0) corrupt(`${key} has other bytes`);
    if (lane !== head.lane || readings !== head.readings || time.ms !== head.time.ms)
      corrupt(`${key} has another head`);
    if (found.has(key)) corrupt(`${key} is there twice`);
    if ((last.get(`${run}/${audience}`) ?? 0) >= seq) corrupt(`${key} is out of order`);
    last.set(`${run}/${audience}`, seq);
    found.add(key);
  }
  for (const key of promises.stored)
    if (!promises.delivered.has(key) && !found.has(key)) problems.push({ kind: "lost", text: `pack ${key}` });
  const { disk, quarantined } = outbox.status();
  if (disk !== "ok" || quarantined > 0)
    corrupt(`the outbox is ${disk}, ${quarantined} segments in quarantine`);
  return problems;
}

async function auditProblems({ audit }: Stores, promises: Promises): Promise<Problem[]> {
  const problems: Problem[] = [];
  const verifier = new AuditVerifier();
  let last = 0;
  for await (const { text } of audit.query()) {
    verifier.take(text);
    last = parseAuditLine(text)?.n ?? last;
  }
  const { ok, broken, lost } = verifier.end();
  if (last < promises.auditLine)
    problems.push({ kind: "lost", text: `audit line ${promises.auditLine}, the last is ${last}` });
  if (!ok || lost > 0)
    problems.push({ kind: "corrupt", text: `audit log: ${JSON.stringify(broken)}, ${lost} entries lost` });
  return problems;
}

function commandProblems({ desk }: Stores, promises: Promises): Problem[] {
  const problems: Problem[] = [];
  const known = new Map(desk.list({ limit: 1e6 }).map((result) => [result.id, result]));
  for (const id of promises.commands) {
    const result = known.get(id);
    if (!result) problems.push({ kind: "lost", text: `${id} is forgotten` });
    else if (!result.last) problems.push({ kind: "lost", text: `${id} has no last word` });
    else if (promises.told.has(id) && promises.told.get(id) !== `${result.state} ${result.code ?? ""}`)
      problems.push({
        kind: "corrupt",
        text: `${id} was ${promises.told.get(id)}, now it is ${result.state}`,
      });
  }
  return problems;
}
