import * as z from "zod";
import { one, zero } from "../gateway/model/decimal.ts";
import type { Device, DeviceProfile, Point } from "../gateway/model/device.ts";
import { LinkError, RefusedError, TransientError } from "../gateway/model/errors.ts";
import type { Formula } from "../gateway/model/formula.ts";
import { silentLog } from "../gateway/model/log.ts";
import type { Reading } from "../gateway/model/reading.ts";
import type { Value } from "../gateway/model/value.ts";
import { prepareWrite, writtenPoint } from "../gateway/model/write.ts";
import type { VerifyRule, WriteRule } from "../gateway/model/write-rule.ts";
import { type ConnectionLoop, type LoopOptions, openLoop } from "../gateway/southbound/loop.ts";
import type {
  Driver,
  PendingWrite,
  PointResult,
  Protocol,
  SouthboundContext,
} from "../gateway/southbound/protocol.ts";
import type { WriteOrder } from "../gateway/southbound/write-order.ts";
import { VirtualClock } from "./fault/virtual-clock.ts";

// A line of 9600 baud whose units have registers that can be written, on virtual time. Registers from
// 1000 on can only be written; from 2000 on they are said by the unit itself.

const characterMs = 11 / 9.6;
export const timeoutMs = 200;
export const writeMs = 16 * characterMs + 8;
export const readMs = (registers: number): number => (13 + 2 * registers) * characterMs + 8;

const addressOf = ({ address }: Point): number => z.number().parse(address);

/** What went over the line. */
export interface Went {
  readonly at: number;
  readonly kind: "read" | "write";
  readonly device: string;
  /** `p1,p2` or `5=80`. */
  readonly what: string;
}

export class WritableLine {
  readonly clock = new VirtualClock();
  readonly went: Went[] = [];
  readonly registers = new Map<string, Map<number, number>>();
  readonly dead = new Set<string>();
  /** What becomes of a write. */
  fate: (
    device: string,
    address: number,
    raw: number,
  ) => "done" | "refused" | "lost" | "unheard" | "ignored" | Error = () => "done";
  /** After how long a write shows, ms. */
  lagMs = 0;
  /** Until when a slow far side may deliver what it was given last, Unix ms. */
  expiresAt: number | undefined;
  /** What a slow far side says; undefined: the units answer at once. */
  pending: (() => AsyncIterable<"queued" | "sent" | "acknowledged">) | undefined;
  takeBack: (() => Promise<void>) | undefined;
  openError: Error | undefined;
  concurrency = 1;
  lost = new AbortController();
  emit: SouthboundContext["emit"] | undefined;

  /** What a unit's register holds. */
  get(device: string, address: number): number {
    return this.registers.get(device)?.get(address) ?? 0;
  }

  set(device: string, address: number, raw: number): void {
    const registers = this.registers.get(device) ?? new Map<number, number>();
    registers.set(address, raw);
    this.registers.set(device, registers);
  }

  writes(device?: string): string[] {
    return this.went
      .filter((one) => one.kind === "write" && (device === undefined || one.device === device))
      .map(({ what }) => what);
  }

  readonly protocol: Protocol = {
    name: "fake",
    connection: z.unknown(),
    device: z.unknown(),
    head: z.unknown(),
    address: z.unknown(),
    given: z.unknown(),
    check: () => [],
    rawKind: () => "integer",
    // One request per 400 registers.
    plan: (_settings, _device, points) => {
      const asked = points.filter((one) => addressOf(one) < 1000);
      const blocks = Map.groupBy(asked, (one) => Math.floor(addressOf(one) / 400));
      return {
        requests: Array.from(blocks.values(), (some) => ({
          points: some,
          costMs: readMs(some.length),
          label: some.map(({ name }) => name).join(),
        })),
        heard: points.filter((one) => addressOf(one) >= 2000),
      };
    },
    learn: () => undefined,
    silentAfter: () => 600_000,
    replay: () => Promise.reject(new Error("not used")),
    open: async (_settings, context) => {
      if (this.openError) throw this.openError;
      this.lost = new AbortController();
      this.emit = context.emit;
      return this.#driver();
    },
  };

  #driver(): Driver {
    return {
      concurrency: this.concurrency,
      lost: this.lost.signal,
      statistics: {},
      listen: () => {},
      read: async (device, { points }, signal) => {
        this.went.push({
          at: this.clock.monotonic(),
          kind: "read",
          device: device.id,
          what: points.map(({ name }) => name).join(),
        });
        await this.#takes(device, readMs(points.length), signal);
        const at = this.clock.stamp();
        return points.map(
          (point): PointResult => ({ point, at, raw: this.get(device.id, addressOf(point)) }),
        );
      },
      write: async (device, { address, raw, expiresAt }, signal) => {
        this.expiresAt = expiresAt;
        const [register, value] = [z.number().parse(address), z.number().parse(raw)];
        this.went.push({
          at: this.clock.monotonic(),
          kind: "write",
          device: device.id,
          what: `${register}=${value}`,
        });
        if (this.pending)
          return {
            stages: this.pending,
            ...(this.takeBack ? { takeBack: this.takeBack } : {}),
          } satisfies PendingWrite;
        const fate = this.fate(device.id, register, value);
        const arrives = fate === "done" || fate === "unheard";
        if (arrives && !this.dead.has(device.id)) {
          if (this.lagMs === 0) this.set(device.id, register, value);
          else this.clock.timer(this.lagMs, () => this.set(device.id, register, value));
        }
        if (fate === "lost" || fate === "unheard") {
          await this.clock.sleep(timeoutMs, signal);
          throw new TransientError("no answer", { code: "timeout" });
        }
        await this.#takes(device, writeMs, signal);
        if (fate instanceof Error) throw fate;
        if (fate === "refused") throw new RefusedError("illegal value", { code: "refused-by-device" });
        return undefined;
      },
      [Symbol.asyncDispose]: async () => {},
    };
  }

  async #takes(device: Device, ms: number, signal: AbortSignal): Promise<void> {
    if (!this.dead.has(device.id)) return this.clock.sleep(ms, AbortSignal.any([signal, this.lost.signal]));
    await this.clock.sleep(timeoutMs, signal);
    throw new TransientError("no answer", { code: "timeout" });
  }

  /** The link is gone. */
  break(): void {
    this.lost.abort(new LinkError("unplugged", { code: "gone" }));
  }
}

export function point(name: string, address: number, more: Partial<Point> = {}): Point {
  return {
    name,
    address,
    rawKind: "integer",
    scale: one,
    offset: zero,
    kind: "gauge",
    pollClass: "normal",
    absent: [],
    personal: false,
    ...more,
  };
}

export const verifies: VerifyRule = { withinMs: 2000, tolerance: 0, retries: 2 };

/** A point that is written where it is read, unless `rule` says otherwise. */
export function writable(
  name: string,
  address: number,
  rule: Partial<WriteRule> = {},
  more: Partial<Point> = {},
): Point {
  const write: WriteRule = {
    address,
    rawKind: "integer",
    steps: [{ kind: "set", point: name }],
    verify: verifies,
    confirm: "none",
    ...rule,
  };
  return point(name, address, { ...more, write });
}

/** A formula over readings, for interlocks. */
export function formula(
  text: string,
  needs: readonly string[],
  holds: (inputs: ReadonlyMap<string, Value>) => Value,
): Formula {
  return { text, needs, evaluate: (inputs) => ({ value: holds(inputs) }) };
}

export function device(
  id: string,
  points: readonly Point[],
  more: Partial<DeviceProfile> = {},
  poll: Device["poll"] = { fast: 1000, normal: 10_000, slow: 60_000 },
): Device {
  return {
    id,
    connection: "line",
    settings: {},
    urn: `urn:dev:ops:1-x-${id}:`,
    audience: "open",
    audiences: new Map(),
    poll,
    profile: {
      id: "acme/lamp",
      version: "1.0.0",
      title: { en: "x" },
      manufacturer: "x",
      models: [],
      category: "street-light",
      status: "draft",
      protocol: "fake",
      protocolSettings: {},
      points,
      hash: "",
      ...more,
    },
  };
}

export interface Started {
  readonly loop: ConnectionLoop;
  readonly readings: Reading[];
  /** What is written, as the command desk orders it. */
  order(device: Device, point: string, value: Value, more?: Partial<WriteOrder>): WriteOrder;
}

export async function start(
  line: WritableLine,
  devices: readonly Device[],
  more: Partial<LoopOptions> = {},
): Promise<Started> {
  const readings: Reading[] = [];
  let seed = 1;
  const random = () => {
    seed = (seed * 48_271) % 0x7fffffff;
    return seed / 0x7fffffff;
  };
  const loop = await openLoop({
    connection: "line",
    protocol: line.protocol,
    settings: {},
    devices,
    context: {
      clock: line.clock,
      random,
      log: silentLog,
      connect: () => Promise.reject(new Error("not used")),
      signal: new AbortController().signal,
    },
    sink: (_device, list) => void readings.push(...list),
    learnedStore: { load: () => ({}), save: () => {} },
    ...more,
  });
  const order: Started["order"] = (of, name, value, rest = {}) => {
    const written = writtenPoint(of.profile, name);
    if (!written) throw new Error(`no point ${name}`);
    return {
      point: name,
      needs: [],
      prepare: (inputs) => prepareWrite(of.profile, written, value, inputs),
      onlyIfDifferent: false,
      ...rest,
    };
  };
  return { loop, readings, order };
}
