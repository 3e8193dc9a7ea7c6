import { monitorEventLoopDelay } from "node:perf_hooks";

/** What a bench asks of a Modbus master: ours or a peer's, each in a process of its own, with the same words. */
export interface MasterSettings {
  readonly endpoint:
    | { readonly kind: "tcp"; readonly port: number }
    | {
        readonly kind: "serial";
        readonly path: string;
        readonly baud: number;
        readonly parity: "none" | "even";
      };
  readonly units: readonly number[];
  /** Input registers of each request; every register holds its own address, so every value can be checked. */
  readonly registers: number;
  /** Read as this many registers per value. */
  readonly type: "u16" | "u32";
  readonly timeoutMs: number;
  /** Requests on their way at once; above 1 only on TCP. */
  readonly concurrency: number;
  /** How long to read, at full speed or `perSecond` requests. */
  readonly durationMs: number;
  readonly perSecond?: number;
  /** The requests of a second at its beginning, not spaced over it. */
  readonly burst?: boolean;
  /** Reads as long beforehand without counting: what a daemon does all year is compiled and warm. */
  readonly warmUpMs?: number;
  /** Stop after so many requests instead. */
  readonly requests?: number;
  /** Each request begins at the next address, so that an answer to another request is a wrong one. */
  readonly roam?: boolean;
  /** Only mbpoll, which cannot roam: every register holds the number of the request, so that an answer to another one is a wrong one. */
  readonly counted?: boolean;
}

/** Who may be driven, by its script in `children/`. */
export type MasterScript =
  | "gateway.ts"
  | "gateway-loop.ts"
  | "gateway-steady.ts"
  | "modbus-serial.ts"
  | "jsmodbus.ts"
  | "mbpoll.ts";

/** What it did. */
export interface MasterResult {
  readonly seconds: number;
  readonly good: number;
  readonly failed: number;
  /** Answers taken for good that hold values of other registers. */
  readonly wrong: number;
  /** Good requests by unit, in the order of `units`. */
  readonly byUnit: readonly number[];
  readonly cpuSeconds: number;
  readonly rssMb: number;
  /** The longest that its process, or that of the device where it is asked, stood still; only of masters in Node. */
  readonly stallMs?: number;
}

export interface MasterAnswers {
  readonly run: MasterResult;
}

/** Reads `registers` input registers from `address` on; resolves with the decoded values. */
export type Read = (unit: number, address: number) => Promise<readonly (number | bigint)[]>;

/** Drives any master through the settings: the same loop for all. */
export async function drive(settings: MasterSettings, read: Read): Promise<MasterResult> {
  const { warmUpMs = 0 } = settings;
  if (warmUpMs > 0) await drive({ ...settings, durationMs: warmUpMs, warmUpMs: 0 }, read);
  const {
    units,
    registers,
    concurrency,
    durationMs,
    perSecond,
    burst = false,
    requests,
    roam = false,
    type,
  } = settings;
  const width = type === "u32" ? 2 : 1;
  const byUnit = units.map(() => 0);
  let good = 0;
  let bad = 0;
  let wrong = 0;
  let begun = 0;
  const stalls = monitorEventLoopDelay({ resolution: 5 });
  // Only where it is wanted: it wakes the process.
  if (roam) stalls.enable();
  const cpu = process.cpuUsage();
  const start = performance.now();
  const more = (): boolean =>
    requests === undefined ? performance.now() - start < durationMs : begun < requests;

  const lane = async (): Promise<void> => {
    while (more()) {
      const number = begun++;
      if (perSecond !== undefined) {
        const due = burst ? Math.floor(number / perSecond) * 1000 : (number * 1000) / perSecond;
        const wait = start + due - performance.now();
        if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
      }
      const turn = number % units.length;
      const address = roam ? (number * registers) % 60_000 : 0;
      try {
        const values = await patiently(() => read(units[turn]!, address));
        const right =
          values.length === registers / width &&
          values.every((value, index) => {
            const first = address + index * width;
            return Number(value) === (width === 1 ? first : first * 0x10000 + first + 1);
          });
        if (right) {
          good++;
          byUnit[turn]!++;
        } else wrong++;
      } catch {
        bad++;
      }
    }
  };
  await Promise.all(Array.from({ length: concurrency }, lane));
  const seconds = (performance.now() - start) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  return {
    seconds,
    good,
    failed: bad,
    wrong,
    byUnit,
    cpuSeconds: (user + system) / 1e6,
    rssMb: process.memoryUsage.rss() / 1e6,
    ...(roam ? { stallMs: stalls.max / 1e6 } : {}),
  };
}

/**
 * A master that will not ask while an old answer may still come says so at once; then it is asked
 * again, as a poll loop does. Every read is thus really made, and its answer can be judged.
 */
async function patiently<T>(attempt: () => Promise<T>): Promise<T> {
  const limit = performance.now() + 10_000;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      const waits = error instanceof Error && "code" in error && error.code === "quarantine";
      if (!waits || performance.now() > limit) throw error;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }
}
