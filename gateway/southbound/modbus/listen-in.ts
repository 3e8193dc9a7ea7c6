import type { ProfileMatch, TrafficHeard } from "../../model/commissioning.ts";
import type { Text } from "../../model/device.ts";
import { ConfigError } from "../../model/errors.ts";
import type { ListenInput, ListenStep, SouthboundContext } from "../protocol.ts";
import { type HeardCandidate, heardCandidates, matchHeard } from "./heard-match.ts";
import { HeardTraffic, quietMs } from "./heard-traffic.ts";
import type { HeardUnit } from "./heard-unit.ts";
import { isModbusProfile } from "./profile-match.ts";
import { isModbusConnection, lineText, writtenLine } from "./scan-lines.ts";
import type { ModbusConnection } from "./settings.ts";

/** Between two looks at what has come, ms. */
const tickMs = 250;
/** Between two words on what was heard, ms. */
const sayMs = 2000;
/** Values change: after so long a unit is compared with the profiles again although nothing new is known of it, ms. */
const againMs = 15_000;
/** So much without one whole frame is another speed, or no Modbus, bytes. */
const mostBabble = 300;
/** What came first after opening may be the rest of a frame, ms. */
const cutMs = 300;

/**
 * As `Protocol.listenIn`, for RTU. With several lines each is listened to until what comes proves to be no
 * Modbus; who is silent tells nothing of the speed, so nothing is changed while nobody speaks. Nothing is ever sent.
 */
export async function* listenInModbus(
  connection: ModbusConnection,
  what: ListenInput,
  context: SouthboundContext,
): AsyncGenerator<ListenStep> {
  const given = what.lines?.filter(isModbusConnection) ?? [];
  const lines = (given.length > 0 ? given : [connection]).filter(({ framing }) => framing === "rtu");
  if (lines.length === 0)
    throw new ConfigError("only Modbus RTU can be overheard", {
      code: "cannot-listen",
      hint: "TCP is a conversation of two; watch it on the machine of the other master",
    });
  yield* new Listening(lines, connection, what, context).run();
}

/** Sums over all lines that were tried before. */
interface Sums {
  readonly bytes: number;
  readonly whole: number;
  readonly skipped: number;
  readonly answers: number;
}

const nothing: Sums = { bytes: 0, whole: 0, skipped: 0, answers: 0 };

class Listening {
  readonly #lines: readonly ModbusConnection[];
  readonly #context: SouthboundContext;
  readonly #candidates: readonly HeardCandidate[];
  readonly #until: number;
  #before = nothing;

  constructor(
    lines: readonly ModbusConnection[],
    connection: ModbusConnection,
    what: ListenInput,
    context: SouthboundContext,
  ) {
    this.#lines = lines;
    this.#context = context;
    this.#candidates = heardCandidates(connection, what.profiles.filter(isModbusProfile));
    this.#until = context.clock.monotonic() + what.ms;
  }

  async *run(): AsyncGenerator<ListenStep> {
    for (let turn = 0; this.#leftMs > 0; turn++) {
      const line = this.#lines[turn % this.#lines.length];
      if (line) yield* this.#listen(line);
    }
  }

  get #leftMs(): number {
    return this.#until - this.#context.clock.monotonic();
  }

  /** Until the time is over, or what comes is no Modbus with these settings. */
  async *#listen(line: ModbusConnection): AsyncGenerator<ListenStep> {
    const { clock, connect, signal } = this.#context;
    const traffic = new HeardTraffic(clock);
    const teller = new Teller(line, this.#candidates, this.#context);
    const babble = new Babble();
    await using transport = await connect(line.endpoint, signal);
    const openedAt = clock.monotonic();
    transport.receive((chunk, at) => {
      babble.heard(at - openedAt);
      traffic.push(chunk, at);
    });
    const stop = AbortSignal.any([signal, transport.lost]);
    let saidAt = Number.NEGATIVE_INFINITY;
    let settled = false;
    for (;;) {
      const now = clock.monotonic();
      traffic.tick();
      if (!settled && isModbus(traffic)) {
        settled = true;
        // What the same words were at other speeds is no damage.
        this.#before = nothing;
        const { whole, damaged } = traffic.frames;
        yield { kind: "settings", protocol: "modbus", connection: writtenLine(line), whole, damaged };
      }
      const isOver = now >= this.#until;
      if (now - saidAt >= sayMs || isOver) {
        saidAt = now;
        yield this.#said(traffic, line);
        if (settled || this.#lines.length === 1) yield* teller.tell(traffic);
      }
      if (isOver) return;
      if (!settled && this.#lines.length > 1 && babble.isSo(traffic, now - openedAt)) {
        this.#before = this.#sums(traffic);
        return;
      }
      await clock.sleep(Math.max(1, Math.min(tickMs, this.#leftMs)), stop);
    }
  }

  #sums({ frames, units }: HeardTraffic): Sums {
    const { bytes, whole, skipped, answers } = this.#before;
    return {
      bytes: bytes + frames.bytes,
      whole: whole + frames.whole,
      skipped: skipped + frames.skipped,
      answers: answers + Array.from(units.values()).reduce((sum, unit) => sum + unit.answers, 0),
    };
  }

  #said(traffic: HeardTraffic, line: ModbusConnection): ListenStep {
    const { whole } = traffic.frames;
    const count = [...traffic.units.values()].filter(({ answers }) => answers > 0).length;
    return { ...this.#sums(traffic), doing: doing(lineText(line), whole, count) };
  }
}

/** One frame can be chance, a request with its answer not, nor three frames. */
function isModbus({ pairs, frames }: HeardTraffic): boolean {
  return pairs > 0 || (frames.whole >= 3 && frames.whole * 8 > frames.skipped);
}

/** Notices that what comes is nothing. */
class Babble {
  #first: number | undefined;
  #last = 0;

  /** @param at ms since the port was opened */
  heard(at: number): void {
    this.#first ??= at;
    this.#last = at;
  }

  /** After a pause in which all was decided, or so much that it would have been understood. */
  isSo({ frames: { whole, skipped } }: HeardTraffic, now: number): boolean {
    if (skipped > mostBabble) return true;
    const maybeCut = (this.#first ?? 0) < cutMs && this.#last - (this.#first ?? 0) < cutMs;
    return whole === 0 && skipped > 0 && !maybeCut && now - this.#last >= quietMs;
  }
}

/** Says of each unit what is new. */
class Teller {
  readonly #connection: Readonly<Record<string, unknown>>;
  readonly #candidates: readonly HeardCandidate[];
  readonly #context: SouthboundContext;
  readonly #matched = new Map<number, { knowledge: number; at: number; profiles: readonly ProfileMatch[] }>();
  readonly #said = new Map<number, string>();

  constructor(line: ModbusConnection, candidates: readonly HeardCandidate[], context: SouthboundContext) {
    this.#connection = writtenLine(line);
    this.#candidates = candidates;
    this.#context = context;
  }

  async *tell({ units }: HeardTraffic): AsyncGenerator<TrafficHeard> {
    const { signal } = this.#context;
    const sure = [...units.values()].filter(({ isSure }) => isSure);
    for (const unit of sure.toSorted((a, b) => a.unit - b.unit)) {
      signal.throwIfAborted();
      const finding: TrafficHeard = {
        kind: "traffic",
        protocol: "modbus",
        connection: this.#connection,
        settings: { unit: unit.unit },
        requests: unit.told(),
        profiles: await this.#profiles(unit),
      };
      const text = JSON.stringify(finding);
      if (this.#said.get(unit.unit) === text) continue;
      this.#said.set(unit.unit, text);
      yield finding;
    }
  }

  async #profiles(unit: HeardUnit): Promise<readonly ProfileMatch[]> {
    const { clock, signal } = this.#context;
    const { knowledge } = unit;
    const known = this.#matched.get(unit.unit);
    const now = clock.monotonic();
    if (known?.knowledge === knowledge && now - known.at < againMs) return known.profiles;
    const profiles = await matchHeard(unit, this.#candidates);
    this.#matched.set(unit.unit, { knowledge, at: now, profiles });
    // A full line has many units: everybody else gets a turn between two of them.
    await clock.sleep(0, signal);
    return profiles;
  }
}

function doing(line: string, whole: number, count: number): Text {
  if (whole === 0) return { en: `listening at ${line}`, sv: `lyssnar med ${line}` };
  return {
    en: `listening at ${line}: ${whole} ${whole === 1 ? "frame" : "frames"}, ${count} ${count === 1 ? "device" : "devices"}`,
    sv: `lyssnar med ${line}: ${whole} telegram, ${count} ${count === 1 ? "enhet" : "enheter"}`,
  };
}
