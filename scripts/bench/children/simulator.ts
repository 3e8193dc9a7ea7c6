// A simulated Modbus device or line in a process of its own, so that its work is nobody else's.
import { monitorEventLoopDelay } from "node:perf_hooks";
import { characterMs, type LineSettings, openPacedLine, type PacedLine } from "../../../simulators/line.ts";
import { createModbusUnits, type UnitSettings } from "../../../simulators/modbus/device.ts";
import { every } from "../../../simulators/modbus/faults.ts";
import { openModbusServer } from "../../../simulators/modbus/server.ts";
import { openPty } from "../../../simulators/pty.ts";
import { commonMs } from "../process.ts";
import { answer, settings, tell } from "./child.ts";

export interface SimulatorSettings {
  /** A paced serial line, a pty without pace, or TCP. */
  readonly wire:
    | ({ readonly kind: "line"; readonly record?: boolean } & LineSettings)
    | { readonly kind: "pty" }
    | { readonly kind: "tcp" };
  /** Unit addresses. Every input register of each holds its own address; holding registers 0 to 99 are 0 and can be written. */
  readonly units: readonly number[];
  /** Input registers 0 to 99 hold the milliseconds of the wall clock (mod 65536) at which they were read. */
  readonly moments?: boolean;
  /** Input registers 0 to 99 of a unit hold how many requests it has had (mod 65536). */
  readonly counted?: boolean;
  readonly dead?: readonly number[];
  /** Every `nth` answer of every unit comes after `ms`. */
  readonly late?: { readonly nth: number; readonly ms: number };
}

/** What was asked on a paced line since `reset`. */
export interface LineTraffic {
  /** Reads of input registers. */
  readonly polls: number;
  /** From the first byte of a poll to that of the request after it, ms. Only of a line with `record`. */
  readonly pollMs: readonly number[];
  /** Only of a line with `record`. */
  readonly writes: readonly {
    readonly unit: number;
    readonly value: number;
    /** When its first byte began on the line, as of `commonMs`. */
    readonly at: number;
  }[];
}

/** Where it is: the pty's path, or the TCP port. */
export interface SimulatorReady {
  readonly path: string;
  readonly port: number;
}

const { wire, units, moments, counted, dead = [], late } = settings<SimulatorSettings>();
const words = Buffer.alloc(0x10000 * 2);
for (let address = 0; address < 0x10000; address++) words.writeUInt16BE(address, address * 2);
const unit: UnitSettings = {
  registers: { input: { 0: words.toString("hex") }, holding: { 0: "0000".repeat(100) } },
  ...(moments
    ? {
        scene: (registers) => {
          const now = Date.now() & 0xffff;
          registers.set("input", 0, new Array<number>(100).fill(now));
        },
      }
    : {}),
};
const devices = Object.fromEntries(units.map((id) => [id, counted ? counting() : unit]));
function counting(): UnitSettings {
  let count = 0;
  return {
    ...unit,
    scene: (registers) => {
      count = (count + 1) & 0xffff;
      registers.set("input", 0, new Array<number>(100).fill(count));
    },
  };
}
const troubled = (of: (id: number) => ReturnType<ReturnType<typeof createModbusUnits>["unit"]>): void => {
  for (const id of units) {
    if (late) of(id).fault(every(late.nth, { kind: "late", ms: late.ms }));
    if (dead.includes(id)) of(id).fault({ kind: "silence" });
  }
};

if (wire.kind === "line") {
  const line = openPacedLine(wire);
  const on = createModbusUnits(devices);
  troubled(on.unit);
  const traffic = watch(line, characterMs(wire));
  on.attach(traffic.line, "rtu");
  answer({
    statistics: () => line.statistics(),
    traffic: traffic.since,
    reset: () => {
      traffic.reset();
      line.reset();
    },
  });
  tell({ path: line.path, port: 0 } satisfies SimulatorReady);
} else {
  const pty = wire.kind === "pty" ? openPty() : undefined;
  const server = await openModbusServer({ listen: pty ? { wire: pty } : { tcp: 0 }, units: devices });
  troubled((id) => server.unit(id));
  const stalls = monitorEventLoopDelay({ resolution: 5 });
  // Only where being late is what is looked at: it wakes the process.
  if (late) stalls.enable();
  answer({
    stallMs: () => stalls.max / 1e6,
    requests: () => units.reduce((total, id) => total + server.unit(id).requests, 0),
    perUnit: () => units.map((id) => server.unit(id).requests),
  });
  tell({ path: pty?.path ?? "", port: server.port } satisfies SimulatorReady);
}

/** Looks at each request on its way to the units. */
function watch(line: PacedLine, character: number) {
  const offset = commonMs() - performance.now();
  let polls = 0;
  let pollMs: number[] = [];
  /** Of the last request, if it was a poll. */
  let polledAt: number | undefined;
  let writes: LineTraffic["writes"][number][] = [];
  return {
    line: {
      ...line,
      receiveFrames: (receiver: (frame: Uint8Array) => void) =>
        line.receiveFrames((frame) => {
          const [unit = 0, code = 0] = frame;
          const first = line.bytes[line.bytes.length - frame.length];
          if (polledAt !== undefined && first) pollMs.push(first.at - polledAt);
          polledAt = code === 4 ? first?.at : undefined;
          if (code === 4) polls++;
          else if ((code === 6 || code === 16) && first) {
            const value = frame.length < 8 ? -1 : Buffer.from(frame).readUInt16BE(frame.length - 4);
            writes.push({ unit, value, at: first.at - character + offset });
          }
          receiver(frame);
        }),
    },
    since: (): LineTraffic => ({ polls, pollMs, writes }),
    reset: () => {
      polls = 0;
      pollMs = [];
      writes = [];
    },
  };
}
