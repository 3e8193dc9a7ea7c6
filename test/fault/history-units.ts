import type { Random } from "../../gateway/model/clock.ts";
import { LinkError } from "../../gateway/model/errors.ts";
import { memoryPair } from "../../gateway/transport/memory.ts";
import type { Connect, Endpoint, Transport } from "../../gateway/transport/transport.ts";
import type { LineFault, LineName } from "./history-plan.ts";
import { type Conduct, rtuFrame, type SeenRequest, simulateUnits } from "./modbus-unit.ts";
import type { VirtualClock } from "./virtual-clock.ts";

// The field of the simulated gateway: units whose registers tell when they were read, on lines that lie.

/** How long the ticking registers hold a value, ms of true time. */
export const tickMs = 200;
/** Longest wait for an answer that the configuration allows, ms. */
export const timeouts: Readonly<Record<LineName, number>> = { street: 500, cellar: 300 };

export interface RegisterWrite {
  readonly device: string;
  readonly point: "level" | "speed";
  readonly value: number;
  /** True time, and what the gateway's clock said. */
  readonly at: number;
  readonly wall: number;
  readonly trusted: boolean;
  readonly run: string;
}

export interface FieldOptions {
  readonly random: Random;
  readonly echo: boolean;
  /** True time, ms. */
  now(): number;
  /** The process that lives now, or undefined between two of them. */
  run(): string | undefined;
  /** Negative control: flipped answers get a CRC that fits. */
  readonly mendsCrc?: boolean | undefined;
  /** Negative control: the line takes requests and never says that it did. */
  readonly swallows?: boolean | undefined;
}

interface LineState {
  fault: LineFault | undefined;
  until: number;
  /** True time since when it is well. */
  wellSince: number;
  ends: Set<Transport & { lose(error?: LinkError): void }>;
}

const points: Readonly<Record<number, "level" | "speed">> = { 0: "level", 20: "speed" };

export class Field {
  readonly writes: RegisterWrite[] = [];
  /** By device: true time when its ticks were last asked for on a line that was well, and answered. */
  readonly answered = new Map<string, number>();
  readonly lines: Readonly<Record<LineName, LineState>> = {
    street: { fault: undefined, until: 0, wellSince: 0, ends: new Set() },
    cellar: { fault: undefined, until: 0, wellSince: 0, ends: new Set() },
  };
  readonly #options: FieldOptions;

  constructor(options: FieldOptions) {
    this.#options = options;
  }

  break(line: LineName, fault: LineFault, forMs: number): void {
    const state = this.lines[line];
    state.fault = fault;
    state.until = this.#options.now() + forMs;
    state.wellSince = Math.max(state.wellSince, state.until);
    if (fault === "reset" || fault === "refused")
      for (const end of state.ends) end.lose(new LinkError("reset by peer", { code: "lost" }));
  }

  mend(): void {
    const now = this.#options.now();
    for (const state of Object.values(this.lines)) {
      state.fault = undefined;
      state.wellSince = Math.min(Math.max(state.wellSince, 0), now);
    }
  }

  /** The way to the lines for one process. */
  connect(clock: VirtualClock, run: string): Connect {
    return async (endpoint: Endpoint) => {
      const line: LineName = endpoint.kind === "serial" ? "cellar" : "street";
      const state = this.lines[line];
      const refuses = this.#fault(line) === "refused" || this.#options.run() !== run;
      if (refuses) throw new LinkError("nobody listens", { code: "refused" });
      const serial = line === "cellar";
      const [near, far] = memoryPair(clock, {
        endpoint,
        byteMs: serial ? 10 / 38.4 : 0,
        echo: serial && this.#options.echo,
      });
      state.ends.clear();
      state.ends.add(near);
      if (this.#options.swallows) near.write = () => new Promise(() => {});
      simulateUnits(far, clock, serial ? "rtu" : "tcp", (request, transaction) =>
        this.#options.run() === run ? this.#conduct(line, clock, request, transaction) : {},
      );
      return near;
    };
  }

  /** What a ticking register held at a moment of true time. */
  tickAt(at: number): number {
    return Math.floor(at / tickMs) % 2 ** 32;
  }

  /** What a written register held at a moment. */
  heldAt(device: string, point: string, at: number): number {
    let held = 0;
    for (const write of this.writes)
      if (write.device === device && write.point === point && write.at <= at) held = write.value;
    return held;
  }

  /** All that it held at some time between two moments. */
  heldBetween(device: string, point: string, from: number, to: number): number[] {
    const later = this.writes.filter(
      (write) => write.device === device && write.point === point && write.at > from && write.at <= to,
    );
    return [this.heldAt(device, point, from), ...later.map(({ value }) => value)];
  }

  #fault(line: LineName): LineFault | undefined {
    const state = this.lines[line];
    return state.fault && this.#options.now() < state.until ? state.fault : undefined;
  }

  #conduct(line: LineName, clock: VirtualClock, request: SeenRequest, transaction: number): Conduct {
    const { random, now, mendsCrc } = this.#options;
    const fault = random() < 0.75 ? this.#fault(line) : undefined;
    const device = `${line[0]}${request.unit}`;
    const after = 5 + random() * 25;
    // Half of what is not answered did not even arrive.
    if (fault === "silent" && random() < 0.5) return {};
    const body = this.#answer(device, clock, request);
    if (!body || fault === "silent") return {};
    const good = framed(line, transaction, [request.unit, ...body]);
    const reply = (bytes: Uint8Array, ms = after): Conduct => ({ reply: bytes, after: ms });
    if (fault === "late") return reply(good, timeouts[line] * (0.9 + random() * 3.5));
    if (fault === "foreign") return reply(framed(line, transaction + 1, [request.unit + 1, ...body]));
    if (fault === "flips") {
      // What runs through TCP is checked by TCP: there it is lost instead.
      if (line === "street") return {};
      return reply(mendsCrc ? mended(damaged(good, random)) : damaged(good, random));
    }
    if (fault === "reset") {
      for (const end of this.lines[line].ends) end.lose(new LinkError("reset by peer", { code: "lost" }));
      return {};
    }
    if (request.code === 4 && request.start === 0 && !this.#fault(line)) this.answered.set(device, now());
    return reply(good);
  }

  /** The answer's PDU. */
  #answer(
    device: string,
    clock: VirtualClock,
    { code, start, count }: SeenRequest,
  ): readonly number[] | undefined {
    const at = this.#options.now();
    const point = points[start];
    if (code === 6) {
      if (!point) return [0x86, 2];
      const run = this.#options.run() ?? "";
      this.writes.push({ device, point, value: count, at, wall: clock.now(), trusted: clock.trusted, run });
      return [6, start >> 8, start & 0xff, count >> 8, count & 0xff];
    }
    if (code !== 3 && code !== 4) return [code | 0x80, 1];
    const tick = this.tickAt(at);
    const registers = Array.from({ length: count }, (_, index) => {
      const address = start + index;
      if (code === 4 && (address === 0 || address === 40)) return Math.floor(tick / 65_536);
      if (code === 4 && (address === 1 || address === 41)) return tick % 65_536;
      const written = code === 3 ? points[address] : undefined;
      return written ? this.heldAt(device, written, at) : 0xdead;
    });
    return [code, 2 * count, ...registers.flatMap((register) => [register >> 8, register & 0xff])];
  }
}

function framed(line: LineName, transaction: number, body: readonly number[]): Uint8Array {
  if (line === "cellar") return rtuFrame(...body);
  const id = transaction & 0xffff;
  return Uint8Array.of(id >> 8, id & 0xff, 0, 0, body.length >> 8, body.length & 0xff, ...body);
}

/** Up to three flipped bits, or a piece cut off: what the CRC finds for certain in frames as short as these. */
function damaged(good: Uint8Array, random: Random): Uint8Array {
  const bad = Uint8Array.from(good);
  if (random() < 0.2) return bad.subarray(0, 1 + Math.floor(random() * (bad.length - 1)));
  const flips = new Set(
    Array.from({ length: 1 + Math.floor(random() * 3) }, () => Math.floor(random() * bad.length * 8)),
  );
  for (const bit of flips) bad[bit >> 3]! ^= 1 << (bit & 7);
  return bad;
}

function mended(bad: Uint8Array): Uint8Array {
  return rtuFrame(...bad.subarray(0, -2));
}
