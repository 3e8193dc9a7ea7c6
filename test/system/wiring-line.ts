import { crc16Modbus } from "../../gateway/codec/crc.ts";
import { collect } from "../../gateway/commissioning/wiring/collect.ts";
import { diagnose } from "../../gateway/commissioning/wiring/diagnose.ts";
import type { LineEvidence } from "../../gateway/commissioning/wiring/evidence.ts";
import { evidenceOf, type Observed } from "../../gateway/commissioning/wiring/reduce.ts";
import type { WiringFound } from "../../gateway/model/commissioning.ts";
import { decodeRtu, encodeRtu } from "../../gateway/southbound/modbus/rtu.ts";
import { modbusQuestions } from "../../gateway/southbound/modbus/wiring.ts";
import type { WiringQuestion, WiringQuestions } from "../../gateway/southbound/wiring-questions.ts";
import type { Connect, Endpoint, Transport } from "../../gateway/transport/transport.ts";
import { type FaultyLine, openFaultyLine } from "../../simulators/faulty-line.ts";
import { type LineFault, lineFaults } from "../../simulators/line-faults.ts";
import { seeded } from "../fault/random.ts";
import { VirtualClock } from "../fault/virtual-clock.ts";

export type SerialEndpoint = Extract<Endpoint, { kind: "serial" }>;

export interface Case {
  readonly fault: LineFault;
  readonly seed: number;
  readonly severity: number;
  readonly baud: number;
  readonly parity?: SerialEndpoint["parity"];
  readonly seconds?: number;
}

export interface Outcome {
  readonly found: readonly WiringFound[];
  readonly evidence: LineEvidence;
  /** Of whole requests that left the gateway's port. */
  readonly functions: ReadonlySet<number>;
}

export const units = [1, 2, 7];

/** The gateway's port at one end of a simulated cable, on the test's own time. */
function portOf(line: FaultyLine, clock: VirtualClock, wrote: (bytes: Uint8Array) => void): Connect {
  return async (endpoint) => {
    if (endpoint.kind !== "serial") throw new TypeError("a cable has a serial port");
    line.open(endpoint);
    const lost = new AbortController();
    const transport: Transport = {
      endpoint,
      lost: lost.signal,
      // Like a driver's buffer: taken at once, sent in its own time.
      write: async (bytes) => {
        wrote(bytes);
        line.write(bytes);
      },
      receive: (receiver) => line.receive((chunk) => receiver?.(chunk, clock.monotonic())),
      [Symbol.asyncDispose]: async () => line.receive(() => {}),
    };
    return transport;
  };
}

function read(unit: number, count: number): WiringQuestion {
  const bytes = encodeRtu(unit, Uint8Array.of(3, 0, 0, 0, count));
  return {
    unit: String(unit),
    bytes,
    head: Uint8Array.of(unit, 3, 2 * count),
    answerBytes: 5 + 2 * count,
    answers: (frame) => {
      const crc = crc16Modbus(frame, 0, frame.length - 2);
      return (
        frame[0] === unit &&
        frame.length === 5 + 2 * count &&
        frame[1] === 3 &&
        frame.at(-2) === (crc & 0xff) &&
        frame.at(-1) === crc >>> 8
      );
    },
  };
}

/** Questions as those of devices with a short and a long read. */
export function questionsFor(endpoint: SerialEndpoint, timeoutMs: number): WiringQuestions {
  const questions = modbusQuestions(
    { endpoint, framing: "rtu", concurrency: 1, timing: { timeout: timeoutMs } },
    [],
  );
  if (!questions) throw new TypeError("an RTU line has questions");
  return { ...questions, questions: units.flatMap((unit) => [read(unit, 1), read(unit, 40)]) };
}

/** Runs one diagnosis against one simulated line. */
export async function examine({
  fault,
  seed,
  severity,
  baud,
  parity = "none",
  seconds = 20,
}: Case): Promise<Outcome> {
  const clock = new VirtualClock();
  const chance = seeded(seed);
  const timeoutMs = 500;
  const endpoint: SerialEndpoint = { kind: "serial", port: "cable", baud, dataBits: 8, parity, stopBits: 1 };
  const options = lineFaults[fault]({
    settings: { baud, parity, stopBits: 1 },
    units,
    severity,
    chance,
    nowMs: clock.monotonic(),
    timeoutMs,
  });
  using line = openFaultyLine({
    ...options,
    now: () => clock.monotonic(),
    after: (ms, callback) => clock.timer(ms, callback),
    chance,
  });
  const questions = questionsFor(endpoint, timeoutMs);
  // What devices understood, and what was sent as it stands: an inverted question is both.
  const functions = new Set<number>();
  const wrote = (bytes: Uint8Array) => {
    if (decodeRtu(bytes)) functions.add(bytes[1] ?? 0);
  };
  const run = collect(questions, seconds, {
    clock,
    random: seeded(seed + 1),
    connect: portOf(line, clock, wrote),
    signal: new AbortController().signal,
  });
  let observed: Observed | undefined;
  let failure: unknown;
  const ended = (async () => {
    for (;;) {
      const step = await run.next();
      if (step.done) {
        observed = step.value;
        return;
      }
    }
  })().catch((error) => {
    failure = error;
  });
  for (let waited = 0; observed === undefined && failure === undefined; waited += 50) {
    if (waited > 120_000) throw new Error(`${fault}: still not ended after two minutes`);
    await clock.advance(50);
  }
  await ended;
  if (!observed) throw failure;
  const evidence = evidenceOf(observed, questions);
  for (const index of options.devices.keys())
    for (const { pdu } of line.unit(index).history) functions.add(pdu[0] ?? 0);
  return { evidence, functions, found: diagnose(evidence) };
}
