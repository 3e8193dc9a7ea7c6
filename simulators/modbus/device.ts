import { type After, after as realAfter, type Wire } from "../wire.ts";
import { answer, type Identity, type Taken } from "./answer.ts";
import { type Fault, type FaultPlan, transmissions } from "./faults.ts";
import { cut, type Framing, type Request, rtuRequest } from "./framing.ts";
import { type RegisterMap, Registers, type Table } from "./registers.ts";

/** What one unit is. */
export interface UnitSettings {
  readonly registers?: RegisterMap | undefined;
  /** Default exception 2, as most devices. */
  readonly unmapped?: "exception" | "zeros" | undefined;
  /** Largest read in registers, default and at most 125. */
  readonly maxRegisters?: number | undefined;
  /** From the end of the request to the start of the answer. Default 0; real devices need 2 to 50 ms. */
  readonly turnaroundMs?: number | (() => number) | undefined;
  /** Called before each answer: brings the registers to the present. */
  readonly scene?: ((registers: Registers) => void) | undefined;
  /** As of `AnswerRules`. */
  readonly identity?: Identity | undefined;
  /** As of `AnswerRules`. */
  readonly onWriting?:
    | ((registers: Registers, table: Table, address: number, words: readonly number[]) => Taken)
    | undefined;
  /** What it does wrong from the beginning. */
  readonly faults?: FaultPlan | undefined;
  readonly onWrite?:
    | ((registers: Registers, table: Table, address: number, count: number) => void)
    | undefined;
}

/** One unit at run time. */
export interface Unit {
  readonly registers: Registers;
  /** What it does wrong from now on; undefined: nothing. */
  fault(fault: Fault | FaultPlan | undefined): void;
  /** Requests that were addressed to it, faulty answers included. */
  readonly requests: number;
  /** The last requests, oldest first, at most 1000. */
  readonly history: readonly Request[];
}

/** Modbus units without a wire of their own; `attach` gives them one, or several. */
export interface ModbusUnits {
  unit(id: number): Unit;
  attach(wire: Wire, framing: Framing): void;
}

const historyLimit = 1000;
/** A serial device forgets an unfinished request after this silence; far above 3.5 characters, so that a busy machine breaks nothing. */
const forgetMs = 50;

/**
 * Modbus units that answer on wires. Independent of the gateway: own framing, own checksums.
 *
 * @param units by address 1..247 (0 is broadcast on serial lines)
 * @param after time; real by default
 */
export function createModbusUnits(
  units: Readonly<Record<number, UnitSettings>>,
  after: After = realAfter,
): ModbusUnits {
  const live = new Map(
    Object.entries(units).map(([id, settings]) => [Number(id), createUnit(settings)] as const),
  );

  const handle = (wire: Wire, framing: Framing, request: Request): void => {
    if (request.unit === 0 && framing !== "tcp") {
      for (const unit of live.values()) unit.answer(request);
      return;
    }
    const unit = live.get(request.unit);
    if (!unit) return;
    const { turnaroundMs, sends } = unit.reply(framing, request);
    for (const transmission of sends) {
      if ("reset" in transmission) wire.reset?.();
      else {
        const ms = turnaroundMs + transmission.ms;
        if (ms > 0) after(ms, () => wire.send(transmission.bytes));
        else wire.send(transmission.bytes);
      }
    }
  };

  return {
    unit: (id) => {
      const unit = live.get(id);
      if (!unit) throw new RangeError(`no unit ${id}`);
      return unit;
    },
    attach: (wire, framing) => {
      if (framing === "rtu" && wire.receiveFrames) {
        wire.receiveFrames((frame) => {
          const request = rtuRequest(frame);
          if (request) handle(wire, framing, request);
        });
      } else wire.receive(collector(framing, after, (request) => handle(wire, framing, request)));
    },
  };
}

/** Puts chunks together to frames. */
function collector(
  framing: Framing,
  after: After,
  handle: (request: Request) => void,
): (chunk: Uint8Array) => void {
  let pending: Uint8Array = new Uint8Array(0);
  let forget: Disposable | undefined;
  return (chunk) => {
    forget?.[Symbol.dispose]();
    pending = pending.length === 0 ? chunk : Buffer.concat([pending, chunk]);
    for (;;) {
      const { length, request } = cut(framing, pending);
      if (length === 0) break;
      // A damaged RTU request has no known end: the whole rest goes.
      pending = framing === "rtu" && !request ? new Uint8Array(0) : pending.subarray(length);
      if (request) handle(request);
    }
    if (pending.length > 1024) pending = new Uint8Array(0);
    if (framing === "tcp") return;
    forget = after(forgetMs, () => {
      pending = new Uint8Array(0);
    });
  };
}

function createUnit(settings: UnitSettings) {
  const registers = new Registers(settings.registers);
  const history: Request[] = [];
  let requests = 0;
  let plan: FaultPlan = settings.faults ?? (() => undefined);
  const { onWriting } = settings;
  const rules = {
    unmapped: settings.unmapped ?? "exception",
    maxRegisters: settings.maxRegisters ?? 125,
    identity: settings.identity,
    onWriting:
      onWriting &&
      ((table: Table, address: number, words: readonly number[]) =>
        onWriting(registers, table, address, words)),
    onWrite: (table: Table, address: number, count: number) =>
      settings.onWrite?.(registers, table, address, count),
  };
  const reply = (request: Request): Uint8Array => {
    requests++;
    history.push(request);
    if (history.length > historyLimit) history.shift();
    settings.scene?.(registers);
    return answer(request.pdu, registers, rules);
  };
  return {
    registers,
    history,
    get requests() {
      return requests;
    },
    fault: (next: Fault | FaultPlan | undefined) => {
      plan = typeof next === "function" ? next : () => next;
    },
    answer: reply,
    reply: (framing: Framing, request: Request) => {
      const pdu = reply(request);
      const { turnaroundMs = 0 } = settings;
      return {
        turnaroundMs: typeof turnaroundMs === "number" ? turnaroundMs : turnaroundMs(),
        sends: transmissions(plan(request), framing, request, pdu),
      };
    },
  };
}
