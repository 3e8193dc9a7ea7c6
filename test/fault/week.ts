import { SimulatedBroker } from "./history-broker.ts";
import { HistoryDisks } from "./history-disks.ts";
import { withKind } from "./history-health.ts";
import { seeded } from "./random.ts";
import { WeekField, type WeekFieldOptions, weekConfigs } from "./week-field.ts";
import { type WeekAccount, WeekJudge } from "./week-judge.ts";
import { Lives } from "./week-lives.ts";
import { dayMs, hourMs, minuteMs, type Outage, type Trouble, type WeekEnd } from "./week-plan.ts";

/** What negative controls do to the world around the gateway, never to the gateway. */
export interface WeekSabotage {
  /** The broker acknowledges, and forgets this part. */
  readonly drops?: number;
  /** The broker lets messages overtake each other. */
  readonly reorders?: boolean;
  readonly ignoreSync?: boolean;
  /** Room in the outbox that an outage must fill. */
  readonly maxBytes?: string;
}

export interface WeekOptions {
  readonly seed: number;
  readonly outages: readonly Outage[];
  readonly days: number;
  readonly devices: number;
  readonly points: number;
  readonly sabotage?: WeekSabotage;
}

/** What one outage did to the outbox. */
export interface OutageRow {
  readonly name: string;
  /** Hours from the beginning of the week. */
  readonly atHours: number;
  readonly minutes: number;
  /** Packs and readings that waited at the worst moment, until it had drained. */
  readonly peakPacks: number;
  readonly peakReadings: number;
  /** From its end until nothing but what is young waits, s; undefined when the next one came first. */
  readonly drainSeconds: number | undefined;
}

export interface WeekResult {
  readonly account: WeekAccount;
  readonly rows: readonly OutageRow[];
  readonly runs: number;
  /** Readings in answers that the devices gave. */
  readonly answered: number;
}

const pollMs = 20_000;
const trustAfterMs = 20 * minuteMs;
const drainLimitMs = 2 * hourMs;

/** The whole gateway through days of outages, on the virtual clock. Throws when it breaks a promise of its own. */
export async function liveWeek(options: WeekOptions): Promise<WeekResult> {
  const { seed, outages, days, devices, points, sabotage = {} } = options;
  const stream = (which: number) => seeded(seed * 16 + which);
  const judge = new WeekJudge();
  const now = () => lives.now();
  const fieldOptions: WeekFieldOptions = {
    devices,
    points,
    pollMs,
    ...(sabotage.maxBytes !== undefined && { maxBytes: sabotage.maxBytes }),
    now,
    run: () => lives.run,
  };
  const field = new WeekField(fieldOptions);
  const broker = new SimulatedBroker({
    random: stream(2),
    now,
    lives: (run) => lives.run === run,
    platform: judge,
    onCommand: () => {},
    drops: sabotage.drops,
    reorders: sabotage.reorders,
  });
  const disks = new HistoryDisks({ random: stream(0), now, ignoreSync: sabotage.ignoreSync });
  const configs = await weekConfigs(broker.kind, fieldOptions);
  const lives: Lives = new Lives({
    seed,
    configs: configs.map((config) => withKind(config, broker)),
    disks,
    connect: (clock, run) => field.connect(clock, run),
    began: (run) => judge.begin(run),
    took: (run, audience, seq, readings) => judge.took(run, audience, seq, readings),
    dropped: () => judge.dropped(),
    promised: (run, audience, seq) => judge.promised(run, audience, seq),
  });
  lives.boot(0, true);
  await lives.open();
  const began = lives.now();
  const rows: OutageRow[] = [];
  for (const [place, outage] of outages.entries()) {
    await lives.until(began + outage.at, minuteMs);
    const next = outages[place + 1];
    rows.push(await suffer(outage, began, next ? began + next.at : Number.POSITIVE_INFINITY));
  }
  await lives.until(began + days * dayMs, minuteMs);
  broker.break(undefined, 0);
  disks.mend();
  lives.trust();
  // No more readings: what is stored while the process stops would be the next one's to send.
  field.break("refused");
  await lives.until(lives.now() + 2 * minuteMs, minuteMs);
  const last = lives.now() + drainLimitMs;
  while (lives.now() < last && waiting().packs > 0) await lives.until(lives.now() + 1000, 1000);
  await lives.stop();
  const { runs } = lives;
  return { account: judge.account(), rows, runs, answered: field.readings };

  function waiting(): { packs: number; readings: number; oldestMs: number } {
    const [side] = lives.gateway?.sides.values() ?? [];
    return side?.outbox.status() ?? { packs: 0, readings: 0, oldestMs: 0 };
  }

  async function suffer(outage: Outage, began: number, next: number): Promise<OutageRow> {
    const end = began + outage.at + outage.forMs;
    let [peakPacks, peakReadings, drainedAt] = [0, 0, undefined as number | undefined];
    const look = () => {
      const { packs, readings, oldestMs } = waiting();
      peakPacks = Math.max(peakPacks, packs);
      peakReadings = Math.max(peakReadings, readings);
      if (lives.now() < end) return;
      // The live pack that is on its way just now is no backlog.
      if (oldestMs < 10_000) drainedAt ??= lives.now();
    };
    await begin(outage, look);
    for (const { part, end: one } of outage.ends) {
      await lives.until(began + outage.at + part * outage.forMs, 10_000, look);
      await endOnce(one, look);
    }
    await lives.until(end, 10_000, look);
    field.fault = undefined;
    drainedAt = undefined;
    look();
    const limit = Math.min(next, end + drainLimitMs);
    while (drainedAt === undefined && lives.now() < limit) await lives.until(lives.now() + 1000, 1000, look);
    return {
      name: outage.name,
      atHours: outage.at / hourMs,
      minutes: outage.forMs / minuteMs,
      peakPacks,
      peakReadings,
      drainSeconds: drainedAt === undefined ? undefined : Math.max(0, drainedAt - end) / 1000,
    };
  }

  async function begin({ troubles, forMs }: Outage, look: () => void): Promise<void> {
    for (const trouble of troubles) await beginOne(trouble, forMs, look);
  }

  async function beginOne(trouble: Trouble, forMs: number, look: () => void): Promise<void> {
    if (trouble.kind === "broker") broker.break(trouble.fault, forMs);
    else if (trouble.kind === "disk") disks.break("outbox-city", trouble.fault, forMs);
    else if (trouble.kind === "line") field.break(trouble.fault);
    else if (trouble.kind === "jump") lives.jump(trouble.ms);
    else if (trouble.kind === "reload") await lives.reload();
    else await endOnce(trouble.end, look);
  }

  /** A cut comes in the midst of a disk operation, as soon as there is one. */
  async function endOnce(end: WeekEnd, look: () => void): Promise<void> {
    const before = lives.runs;
    await lives.end(end);
    while (lives.runs === before) await lives.until(lives.now() + 10_000, 10_000, look);
    if (end.clockOff === undefined) return;
    await lives.until(lives.now() + trustAfterMs, 10_000, look);
    lives.trust();
  }
}

export function weekTable(rows: readonly OutageRow[]): string {
  const cells = rows.map(({ name, atHours, minutes, peakPacks, peakReadings, drainSeconds }, place) => [
    String(place + 1),
    name,
    atHours.toFixed(1),
    minutes.toFixed(minutes < 1 ? 2 : 0),
    String(peakPacks),
    String(peakReadings),
    drainSeconds === undefined ? "-" : drainSeconds.toFixed(0),
  ]);
  const lines = [["", "outage", "at, h", "min", "packs wait", "readings", "drained after, s"], ...cells];
  const widths = lines[0]!.map((_, column) => Math.max(...lines.map((line) => line[column]!.length)));
  return lines
    .map((line) =>
      line.map((cell, at) => (at === 1 ? cell.padEnd(widths[at]!) : cell.padStart(widths[at]!))).join("  "),
    )
    .join("\n");
}
