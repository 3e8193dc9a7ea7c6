import { openAuditLog } from "../../gateway/commands/audit-log.ts";
import { silentLog } from "../../gateway/model/log.ts";
import { contentsOf, type Damage, damageFiles, isIntact, isSomewhere, type Outcome } from "./damage.ts";
import { seeded } from "./random.ts";
import { SimulatedDisk } from "./simulated-disk.ts";
import { VirtualClock } from "./virtual-clock.ts";

const entries = 200;

interface Healthy {
  readonly disk: SimulatedDisk;
  readonly lines: readonly {
    readonly text: string;
    readonly name: string;
    readonly from: number;
    readonly to: number;
  }[];
}

const open = (disk: SimulatedDisk) =>
  openAuditLog({ disk, clock: new VirtualClock(), log: silentLog, maxBytes: 120_000 });

/** An audit log of several segments. */
export async function healthyAudit(): Promise<Healthy> {
  const disk = new SimulatedDisk({ random: seeded(1) });
  const audit = await open(disk);
  for (let number = 0; number < entries; number++)
    await audit.record({
      what: "test",
      who: `user-${number}`,
      detail: { text: "x".repeat((number * 31) % 200) },
    });
  await audit[Symbol.asyncDispose]();
  const lines = disk.names.flatMap((name) => {
    let from = 0;
    return linesIn(disk, name).map((text) => {
      const line = { text, name, from, to: from + Buffer.byteLength(text) + 1 };
      from = line.to;
      return line;
    });
  });
  if (disk.names.length < 4) throw new Error("a log of several segments");
  return { disk, lines };
}

function linesIn(disk: SimulatedDisk, name: string): string[] {
  return Buffer.from(disk.contents(name))
    .toString("utf8")
    .split("\n")
    .filter((text) => text !== "");
}

/** A line counts as salvaged where a query shows it, or where it was put aside with what cannot be told from a forgery. */
export async function damagedAudit(healthy: Healthy, damage: Damage, seed: number): Promise<Outcome> {
  const random = seeded(seed);
  const disk = healthy.disk.copy({ random });
  const damaged = damageFiles(disk, disk.names, damage, random);
  const before = contentsOf(disk);
  const audit = await open(disk);
  await audit.record({ what: "test", who: "new", detail: {} });
  const up = audit.status().state === "open" && audit.status().lost === 0;
  const found = new Set<string>();
  for await (const { text } of audit.query()) found.add(text);
  await audit[Symbol.asyncDispose]();
  const cuts = disk.names.filter((name) => name.includes(".cut-"));
  for (const name of cuts) for (const text of linesIn(disk, name)) found.add(text);
  const intact = healthy.lines.filter(({ name, from, to }) => isIntact(damaged, name, from, to));
  return {
    up,
    kept: [...before].every(([name, bytes]) => isSomewhere(bytes, disk) || isDivided(name, bytes, disk)),
    intact: intact.length,
    salvaged: intact.filter(({ text }) => found.has(text)).length,
  };
}

/** The good beginning in its place and gone on with, the rest beside it. */
function isDivided(name: string, before: Uint8Array, after: SimulatedDisk): boolean {
  if (!after.names.includes(name)) return false;
  const now = Buffer.from(after.contents(name));
  const rests = after.names.filter((one) => one.startsWith(`${name}.cut-`)).map((one) => after.contents(one));
  return [new Uint8Array(0), ...rests].some((rest) => {
    const at = before.length - rest.length;
    return (
      at >= 0 &&
      Buffer.compare(before.subarray(at), rest) === 0 &&
      Buffer.compare(now.subarray(0, at), before.subarray(0, at)) === 0
    );
  });
}
