import type { DeviceFound } from "../../model/commissioning.ts";
import type { Text } from "../../model/device.ts";
import { LinkError } from "../../model/errors.ts";
import type { ScanInput, ScanPlan, ScanStep, SouthboundContext } from "../protocol.ts";
import { isModbusProfile, type ModbusProfile } from "./profile-match.ts";
import { type Ask, firstWay, ScanLine, secondWay, sweepMs } from "./scan-line.ts";
import { absurdLine, addressesOf, isModbusConnection, lineText, writtenLine } from "./scan-lines.ts";
import { type ReadBudget, UnitReader } from "./scan-reader.ts";
import { studyUnit } from "./scan-study.ts";
import type { ModbusConnection } from "./settings.ts";

/** What one device may cost that was found, and all of them together. */
const budgets = {
  quick: { unit: { requests: 120, ms: 20_000 }, allMs: 60_000 },
  thorough: { unit: { requests: 400, ms: 60_000 }, allMs: 300_000 },
} as const;
/** One ask at a speed that nobody has. */
const absurdMs = 800;

/** One visit to the line with one set of settings. */
interface Visit {
  readonly connection: ModbusConnection;
  readonly asks: readonly Ask[];
}

/**
 * As `Protocol.scanPlan`. A device is found with any whole answer within a second; gateways that say that
 * nobody answered behind them are no device. Pure.
 */
export function planModbusScan(connection: ModbusConnection, what: ScanInput): ScanPlan {
  const { first, second, units } = visitsOf(connection, what);
  const visits = [...first, ...second];
  const { unit, allMs } = budgets[what.effort];
  const studies = what.profiles.length === 0 ? 0 : Math.min(allMs, units * unit.ms);
  return {
    asks: visits.reduce((sum, { asks }) => sum + asks.length, 0),
    worstMs: Math.ceil(
      visits.reduce((sum, visit) => sum + sweepMs(visit.connection, visit.asks.length), 0) +
        (visits.length > 1 ? absurdMs : 0) +
        studies,
    ),
  };
}

/**
 * As `Protocol.scan`. Every line's likeliest addresses first, in the likeliest way; then the other addresses and
 * the other way, of the lines on which somebody answered, or of all where nobody did. `thorough` leaves nothing
 * out.
 */
export async function* scanModbus(
  connection: ModbusConnection,
  what: ScanInput,
  context: SouthboundContext,
): AsyncGenerator<ScanStep> {
  yield* new Scan(connection, what, context).run();
}

class Scan {
  readonly #what: ScanInput;
  readonly #context: SouthboundContext;
  readonly #profiles: readonly ModbusProfile[];
  readonly #visits: ReturnType<typeof visitsOf>;
  readonly #plan: ScanPlan;
  readonly #startedAt: number;
  /** When it is over at the latest, as far as is known by now. */
  #endsAt: number;
  readonly #found = new Map<ModbusConnection, Set<number>>();
  #asked = 0;
  #studyLeftMs: number;
  /** The port answers at any speed: the other settings would find the same devices again. */
  #speedless = false;
  #speedChecked = false;
  /** Connections at which one device answers to every unit id. */
  readonly #alone = new Set<ModbusConnection>();
  readonly #settled = new Set<ModbusConnection>();
  #lost: LinkError | undefined;

  constructor(connection: ModbusConnection, what: ScanInput, context: SouthboundContext) {
    this.#what = what;
    this.#context = context;
    this.#profiles = what.profiles.filter(isModbusProfile);
    this.#visits = visitsOf(connection, what);
    this.#plan = planModbusScan(connection, what);
    this.#startedAt = context.clock.monotonic();
    this.#endsAt = this.#startedAt + this.#plan.worstMs;
    this.#studyLeftMs = budgets[what.effort].allMs;
  }

  async *run(): AsyncGenerator<ScanStep> {
    const { first, second } = this.#visits;
    for (const [index, visit] of [...first, ...second].entries()) {
      const ahead = [...first, ...second].slice(index);
      if (this.#isOver || this.#isNeedless(visit, index >= first.length)) continue;
      this.#expect(ahead.filter((one) => !this.#isNeedless(one, second.includes(one))));
      yield* this.#visit(visit);
    }
    if (this.#lost && !this.#somebody) throw this.#lost;
    yield { asked: this.#asked, of: this.#asked, leftMs: 0, doing: done };
  }

  /** Noise can make every question late; the promise of `worstMs` holds all the same. */
  get #isOver(): boolean {
    return this.#context.clock.monotonic() - this.#startedAt >= this.#plan.worstMs;
  }

  get #somebody(): boolean {
    return [...this.#found.values()].some((units) => units.size > 0);
  }

  /**
   * Another way to say the same is not tried where one was understood already; a quick look at the seldom
   * addresses only where somebody answered, or nobody anywhere.
   */
  #isNeedless({ connection }: Visit, isSeldom: boolean): boolean {
    if (this.#alone.has(connection)) return true;
    if (!this.#somebody || (this.#found.get(connection)?.size ?? 0) > 0) return false;
    return (
      this.#speedless || connection.endpoint.kind === "tcp" || (isSeldom && this.#what.effort === "quick")
    );
  }

  /** What is still ahead, at most; never more than was said before. */
  #expect(ahead: readonly Visit[]): void {
    const sweeps = ahead.reduce((sum, { connection, asks }) => sum + sweepMs(connection, asks.length), 0);
    const studies = this.#profiles.length === 0 ? 0 : this.#studyLeftMs;
    const now = this.#context.clock.monotonic();
    this.#endsAt = Math.min(this.#endsAt, now + sweeps + studies);
  }

  async *#visit({ connection, asks }: Visit): AsyncGenerator<ScanStep> {
    const known = this.#found.get(connection) ?? new Set<number>();
    this.#found.set(connection, known);
    const before = new Set(known);
    {
      await using line = await ScanLine.open(connection, this.#context);
      try {
        yield* this.#sweep(line, asks, known);
      } catch (error) {
        this.#hungUp(error, connection);
      }
      const { whole, damaged } = line.heard;
      if (whole > 0 && !this.#settled.has(connection)) {
        this.#settled.add(connection);
        yield { kind: "settings", protocol: "modbus", connection: writtenLine(connection), whole, damaged };
      }
      yield* this.#studyAll(
        line,
        [...known].filter((unit) => !before.has(unit)),
      );
    }
    const [first] = known;
    if (first !== undefined) await this.#checkSpeed(connection, first);
  }

  async *#sweep(line: ScanLine, asks: readonly Ask[], known: Set<number>): AsyncGenerator<ScanStep> {
    const { connection } = line;
    const [first] = asks;
    if (first && connection.framing === "tcp" && known.size === 0 && (await this.#answersToAll(line, asks))) {
      this.#asked += asks.length;
      this.#alone.add(connection);
      known.add(first.unit);
      return;
    }
    let done = 0;
    for await (const { unit } of line.sweep(asks, known)) {
      this.#asked += done++ < asks.length ? 1 : 0;
      yield this.#progress(asking(unit, connection));
      if (this.#isOver) return;
    }
    // Noise ends it early.
    this.#asked += Math.max(0, asks.length - done);
  }

  async *#studyAll(line: ScanLine, units: readonly number[]): AsyncGenerator<ScanStep> {
    for (const unit of units) {
      yield this.#progress(looking(unit));
      yield await this.#study(line, unit);
    }
  }

  /** A far side that hangs up does not speak this framing, or not with so many questions. A port that goes ends the scan. */
  #hungUp(error: unknown, { endpoint }: ModbusConnection): void {
    const isLost = error instanceof LinkError && !this.#context.signal.aborted;
    if (!isLost || endpoint.kind === "serial") throw error;
    this.#lost = error;
  }

  /** Many devices on TCP do not look at the unit id: then two that nobody has answer as well. */
  async #answersToAll(line: ScanLine, asks: readonly Ask[]): Promise<boolean> {
    const units = new Set(asks.map(({ unit }) => unit));
    const [first] = units;
    if (first === undefined || units.size < 3) return false;
    const strangers = unlikely.filter((one) => !units.has(one)).slice(0, 2);
    for (const unit of [...strangers, first])
      if ((await line.ask(unit, firstWay, tcpPatienceMs)) !== "there") return false;
    return true;
  }

  async #study(line: ScanLine, unit: number): Promise<DeviceFound> {
    const { clock, signal } = this.#context;
    const { connection } = line;
    const found = {
      kind: "device" as const,
      protocol: "modbus",
      connection: writtenLine(connection),
      settings: { unit },
    };
    const limit = budgets[this.#what.effort].unit;
    const budget: ReadBudget = { requests: limit.requests, ms: Math.min(limit.ms, this.#studyLeftMs) };
    if (this.#profiles.length === 0 || budget.ms <= 0) return { ...found, profiles: [] };
    const startedAt = clock.monotonic();
    try {
      const reader = new UnitReader(line.client, unit, budget, clock, signal);
      return { ...found, ...(await studyUnit(reader, connection, unit, this.#profiles)) };
    } catch (error) {
      this.#hungUp(error, connection);
      return { ...found, profiles: [] };
    } finally {
      this.#studyLeftMs -= clock.monotonic() - startedAt;
    }
  }

  /** Once: whether a unit that was found answers at a speed that it cannot have. */
  async #checkSpeed(connection: ModbusConnection, unit: number): Promise<void> {
    const absurd = absurdLine(connection);
    if (!absurd || this.#speedChecked || this.#visits.first.length === 1) return;
    this.#speedChecked = true;
    await using line = await ScanLine.open(absurd, this.#context);
    this.#speedless = (await line.ask(unit, firstWay, absurdWaitMs)) === "there";
  }

  #progress(doing: Text): ScanStep {
    const leftMs = Math.max(0, Math.round(this.#endsAt - this.#context.clock.monotonic()));
    return { asked: this.#asked, of: Math.max(this.#asked, this.#plan.asks), leftMs, doing };
  }
}

const tcpPatienceMs = 1500;
const absurdWaitMs = 200;
const unlikely = [213, 187, 219, 181];

function visitsOf(
  connection: ModbusConnection,
  what: ScanInput,
): {
  readonly first: readonly Visit[];
  readonly second: readonly Visit[];
  readonly units: number;
} {
  const given = what.lines?.filter(isModbusConnection);
  const lines = given && given.length > 0 ? given : [connection];
  const first: Visit[] = [];
  const second: Visit[] = [];
  let units = 0;
  for (const line of lines) {
    const { first: likely, rest } = addressesOf(line, what.effort, what.addresses);
    const ask = (request: Ask["request"]) => (unit: number) => ({ unit, request });
    units = Math.max(units, likely.length + rest.length);
    first.push({ connection: line, asks: likely.map(ask(firstWay)) });
    second.push({
      connection: line,
      asks: [...rest.map(ask(firstWay)), ...likely.map(ask(secondWay)), ...rest.map(ask(secondWay))],
    });
  }
  return { first, second, units };
}

const done: Text = { en: "done", sv: "klar" };

function asking(unit: number, connection: ModbusConnection): Text {
  const line = lineText(connection);
  return { en: `asking unit ${unit} at ${line}`, sv: `frågar enhet ${unit} med ${line}` };
}

function looking(unit: number): Text {
  return { en: `finding out what unit ${unit} is`, sv: `tar reda på vad enhet ${unit} är` };
}
