import { type Point, type Trend, trendOf } from "../soak/trend.ts";
import { SimulatedBroker } from "./history-broker.ts";
import { HistoryDisks } from "./history-disks.ts";
import { withKind } from "./history-health.ts";
import { seeded } from "./random.ts";
import { WeekField, type WeekFieldOptions, weekConfigs } from "./week-field.ts";
import { Lives } from "./week-lives.ts";
import { hourMs, minuteMs } from "./week-plan.ts";

export interface SoakOptions {
  readonly seed: number;
  readonly hours: number;
  /** Full collection of garbage. */
  collect(): void;
  /** Negative control: called every quarter of an hour, to leak something. */
  leak?(clock: Lives["clock"]): void;
}

/** What is looked at every half hour, when nothing is under way. */
export interface SoakLook {
  readonly hour: number;
  /** Bytes that are still reachable, after a collection: heap and array buffers. */
  readonly heap: number;
  readonly timers: number;
  /** Readings and packs that wait. */
  readonly pending: number;
  readonly packs: number;
  readonly diskBytes: number;
  readonly diskFiles: number;
}

export interface SoakFigures {
  readonly looks: readonly SoakLook[];
  readonly readings: number;
  /** Of the last two thirds, bytes per hour. */
  readonly heap: Trend;
  readonly timers: Trend;
  readonly diskBytes: Trend;
  readonly mostFiles: number;
  readonly troubles: readonly string[];
}

const faultEveryMs = 3 * hourMs;
const lookEveryMs = 30 * minuteMs;
/** Noise of a heap after a collection (compiled code, inline caches), and what no leak of one object per poll stays below. */
const heapPerHour = 12_000;
const timersPerHour = 0.1;

/** The whole gateway for days without an end of the process, with a fault every three hours that is over before the next look. */
export async function soakDays({ seed, hours, collect, leak }: SoakOptions): Promise<SoakFigures> {
  const random = seeded(seed);
  const now = () => lives.now();
  let readings = 0;
  const options: WeekFieldOptions = {
    devices: 3,
    points: 10,
    pollMs: minuteMs,
    maxBytes: "4MB",
    now,
    run: () => lives.run,
  };
  const field = new WeekField(options);
  const broker = new SimulatedBroker({
    random: seeded(seed + 1),
    now,
    lives: (run) => lives.run === run,
    platform: { pack() {}, refused() {}, result() {} },
    onCommand: () => {},
  });
  const disks = new HistoryDisks({ random: seeded(seed + 2), now });
  const configs = await weekConfigs(broker.kind, options);
  const lives: Lives = new Lives({
    seed,
    configs: configs.map((config) => withKind(config, broker)),
    disks,
    connect: (clock, run) => field.connect(clock, run),
    began: () => {},
    took: (_run, _audience, _seq, count) => {
      readings += count;
    },
    dropped: () => {},
    promised: () => {},
  });
  lives.boot(0, true);
  await lives.open();
  const looks: SoakLook[] = [];
  const began = now();
  for (let at = lookEveryMs, faults = 0; at <= hours * hourMs; at += lookEveryMs) {
    if (at % faultEveryMs === 0) await fault(faults++);
    // Always the same moment of a minute: between two polls.
    await lives.until(began + at + 30_000, 15 * minuteMs, () => leak?.(lives.clock));
    field.fault = undefined;
    looks.push(look(at / hourMs));
  }
  await lives.stop();
  return judge(looks, readings);

  async function fault(place: number): Promise<void> {
    const forMs = (2 + 10 * random()) * minuteMs;
    switch (place % 6) {
      case 0:
        return broker.break("refused", forMs);
      case 1:
        return disks.break("outbox-city", "full", forMs);
      case 2:
        return broker.break("half-open", forMs);
      case 3:
        field.break("silent");
        await lives.until(lives.now() + forMs, minuteMs);
        field.fault = undefined;
        return;
      case 4:
        return lives.jump((random() - 0.5) * hourMs);
      default:
        return lives.reload();
    }
  }

  function look(hour: number): SoakLook {
    collect();
    const { heapUsed, arrayBuffers } = process.memoryUsage();
    const { bytes, files } = disks.figures();
    const [side] = lives.gateway?.sides.values() ?? [];
    return {
      hour,
      heap: heapUsed + arrayBuffers,
      timers: lives.clock.pending,
      pending: lives.gateway?.builder.pending ?? 0,
      packs: side?.outbox.status().packs ?? 0,
      diskBytes: bytes,
      diskFiles: files,
    };
  }
}

function judge(looks: readonly SoakLook[], readings: number): SoakFigures {
  const late = looks.slice(Math.floor(looks.length / 3));
  const trend = (of: (look: SoakLook) => number) => trendOf(late.map((one): Point => [one.hour, of(one)]));
  const [heap, timers, diskBytes] = [
    trend((one) => one.heap),
    trend((one) => one.timers),
    trend((one) => one.diskBytes),
  ];
  const troubles: string[] = [];
  const bounded = (what: string, { slope, plusMinus }: Trend, most: number) => {
    if (slope > most) troubles.push(`${what}: ${slope.toFixed(2)} ± ${plusMinus.toFixed(2)} more per hour`);
  };
  bounded("heap", heap, heapPerHour);
  bounded("timers", timers, timersPerHour);
  const early = looks.slice(0, looks.length - late.length);
  const most = (of: (look: SoakLook) => number, among: readonly SoakLook[]) => Math.max(...among.map(of));
  // Segments of 256 kB, of which an outbox keeps two spare ones; and the audit log grows by a line per start.
  if (most((one) => one.diskBytes, late) > most((one) => one.diskBytes, early) + 2 * 262_144)
    troubles.push("the disk holds more in the last two thirds than in the first");
  if (most((one) => one.pending, late) > 200) troubles.push("readings pend");
  if (most((one) => one.packs, late) > 10) troubles.push("packs wait");
  return {
    looks,
    readings,
    heap,
    timers,
    diskBytes,
    mostFiles: most((one) => one.diskFiles, looks),
    troubles,
  };
}
