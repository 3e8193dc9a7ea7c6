import { openPty } from "./pty.ts";
import type { Wire } from "./wire.ts";

/** How characters stand on the line: one start bit, data, perhaps parity, stop bits. */
export interface LineSettings {
  readonly baud: number;
  readonly dataBits?: 7 | 8 | undefined;
  readonly parity?: "none" | "even" | "odd" | undefined;
  readonly stopBits?: 1 | 2 | undefined;
}

/** Milliseconds of one character. */
export function characterMs({ baud, dataBits = 8, parity = "none", stopBits = 1 }: LineSettings): number {
  return ((1 + dataBits + (parity === "none" ? 0 : 1) + stopBits) * 1000) / baud;
}

/** Milliseconds of silence that part two frames: 3.5 characters, 1.75 ms above 19200 baud (MODBUS over Serial Line V1.02, 2.5.1.1). */
export function silenceMs(settings: LineSettings): number {
  return settings.baud > 19_200 ? 1.75 : 3.5 * characterMs(settings);
}

/** One byte as it stood on the line; `at` is the end of its last stop bit in ms of `performance.now()`. */
export interface LineByte {
  readonly at: number;
  readonly from: "gateway" | "device";
  readonly byte: number;
}

export interface LineStatistics {
  /** Since the line was opened or `reset`, until the last byte, in ms. */
  readonly elapsedMs: number;
  readonly requests: number;
  readonly answers: number;
  readonly bytes: { readonly gateway: number; readonly device: number };
  /** Requests that began before the line had been silent long enough. */
  readonly silenceViolations: number;
  /** The shortest silence before a request, in ms; Infinity when there was none. */
  readonly shortestSilenceMs: number;
  /** Requests that began while a device was still sending. */
  readonly collisions: number;
  /** Share of the time in which characters or silences that the specification asks for stood on the line. */
  readonly utilisation: number;
}

/** A half-duplex serial line on a pty that takes as long as a real one. */
export interface PacedLine extends Wire, AsyncDisposable {
  readonly path: string;
  receiveFrames(receiver: (frame: Uint8Array) => void): void;
  statistics(): LineStatistics;
  /** Begins to count anew. */
  reset(): void;
  /** The last bytes, oldest first, at most 10,000; empty unless `record`. */
  readonly bytes: readonly LineByte[];
}

export interface PacedLineOptions extends LineSettings {
  /** How much less silence is no violation, in ms. The line itself never shortens a silence. Default 0.05. */
  readonly toleranceMs?: number;
  readonly record?: boolean;
  readonly link?: string;
}

const byteLimit = 10_000;
/** Node's timers know whole milliseconds: nearer than this to the next character the line spins. */
const spinMs = 2;

/**
 * Opens the line. The gateway's bytes start onto the line when they are written, or when the line is
 * free; the device gets the frame when the silence after it is over; its answer reaches the gateway
 * character by character. All times are line times: how late this process notices costs nobody
 * anything, except that the gateway may get a character some tens of microseconds late.
 */
export function openPacedLine(options: PacedLineOptions): PacedLine {
  const character = characterMs(options);
  const silence = silenceMs(options);
  const tolerance = options.toleranceMs ?? 0.05;
  const pty = openPty({ link: options.link });
  const bytes: LineByte[] = [];
  let receiver: (frame: Uint8Array) => void = () => {};

  /** End of the last character of either side. */
  let lineFree = Number.NEGATIVE_INFINITY;
  let speaker: LineByte["from"] = "device";
  let request: { readonly bytes: number[]; end: number } | undefined;
  const sending: { readonly at: number; readonly byte: number }[] = [];
  /** Line time while the device is being called, else undefined. */
  let deviceNow: number | undefined;
  let closed = false;
  let scheduled = false;
  let counts = zero();

  function zero() {
    return {
      since: performance.now(),
      last: performance.now(),
      requests: 0,
      answers: 0,
      gateway: 0,
      device: 0,
      silenceViolations: 0,
      shortestSilenceMs: Number.POSITIVE_INFINITY,
      collisions: 0,
      busyMs: 0,
    };
  }

  const note = (at: number, from: LineByte["from"], byte: number): void => {
    counts[from]++;
    counts.busyMs += character;
    counts.last = at;
    if (!options.record) return;
    if (bytes.length === byteLimit) bytes.shift();
    bytes.push({ at, from, byte });
  };

  const beginRequest = (now: number): { readonly bytes: number[]; end: number } => {
    counts.requests++;
    if (Number.isFinite(lineFree)) {
      const gap = now - lineFree;
      counts.shortestSilenceMs = Math.min(counts.shortestSilenceMs, gap);
      if (gap < silence - tolerance) counts.silenceViolations++;
      counts.busyMs += Math.min(Math.max(gap, 0), silence);
      if (gap < 0 && speaker === "device") {
        counts.collisions++;
        // Two drivers against each other: what the device still had to say is lost.
        sending.length = 0;
      }
    }
    return { bytes: [], end: now };
  };

  pty.receive((chunk) => {
    const now = performance.now();
    request ??= beginRequest(now);
    let end = Math.max(now, request.end);
    for (const byte of chunk) {
      end += character;
      if (request.bytes.length < 512) request.bytes.push(byte);
      note(end, "gateway", byte);
    }
    request.end = end;
    lineFree = end;
    speaker = "gateway";
    schedule();
  });

  /** When something is due next, in line time. */
  const nextDue = (): number =>
    Math.min(
      sending[0]?.at ?? Number.POSITIVE_INFINITY,
      request ? request.end + silence : Number.POSITIVE_INFINITY,
    );

  function schedule(): void {
    const due = nextDue();
    if (scheduled || closed || due === Number.POSITIVE_INFINITY) return;
    scheduled = true;
    const wait = due - performance.now();
    const wake = () => {
      scheduled = false;
      pump();
    };
    if (wait > spinMs) setTimeout(wake, Math.floor(wait - spinMs) + 1);
    else setImmediate(wake);
  }

  function pump(): void {
    if (closed) return;
    const now = performance.now();
    if (request && now >= request.end + silence) {
      const { bytes: frame, end } = request;
      request = undefined;
      counts.busyMs += silence;
      deviceNow = end + silence;
      receiver(Uint8Array.from(frame));
      deviceNow = undefined;
    }
    let due = 0;
    while (due < sending.length && sending[due]!.at <= now) due++;
    if (due > 0) {
      const out = sending.splice(0, due);
      for (const { at, byte } of out) note(at, "device", byte);
      pty.send(Uint8Array.from(out, ({ byte }) => byte));
    }
    schedule();
  }

  return {
    path: pty.path,
    bytes,
    send: (answer) => {
      const now = deviceNow ?? performance.now();
      counts.answers++;
      let at = Math.max(now, lineFree);
      for (const byte of answer) {
        at += character;
        sending.push({ at, byte });
      }
      lineFree = at;
      speaker = "device";
      schedule();
    },
    receive: (next) => {
      receiver = next;
    },
    receiveFrames: (next) => {
      receiver = next;
    },
    statistics: () => ({
      elapsedMs: counts.last - counts.since,
      requests: counts.requests,
      answers: counts.answers,
      bytes: { gateway: counts.gateway, device: counts.device },
      silenceViolations: counts.silenceViolations,
      shortestSilenceMs: counts.shortestSilenceMs,
      collisions: counts.collisions,
      utilisation: counts.busyMs / Math.max(counts.last - counts.since, Number.EPSILON),
    }),
    reset: () => {
      counts = zero();
      bytes.length = 0;
    },
    [Symbol.asyncDispose]: async () => {
      closed = true;
      await pty[Symbol.asyncDispose]();
    },
  };
}
