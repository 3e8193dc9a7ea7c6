import type { Clock } from "../../gateway/model/clock.ts";
import type { Transport } from "../../gateway/transport/transport.ts";

/** What a simulated unit does with one request. `reply` undefined: nothing. */
export interface Conduct {
  readonly reply?: Uint8Array | undefined;
  /** Milliseconds from the end of the request to the answer. */
  readonly after?: number | undefined;
}

export interface SeenRequest {
  readonly unit: number;
  readonly code: number;
  readonly start: number;
  readonly count: number;
  readonly at: number;
}

/** CRC by shifting bits: not the gateway's table, so that they check each other. */
export function crcOf(bytes: Uint8Array): [number, number] {
  let crc = 0xffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >> 1) ^ 0xa001 : crc >> 1;
  }
  return [crc & 0xff, crc >> 8];
}

export function rtuFrame(...body: readonly number[]): Uint8Array {
  return Uint8Array.of(...body, ...crcOf(Uint8Array.of(...body)));
}

/** Every register holds its own address, so that a value shows where it came from. */
export function registersOf(start: number, count: number): number[] {
  return Array.from({ length: count }, (_, index) => [(start + index) >> 8, (start + index) & 0xff]).flat();
}

/** The honest answer to a read of registers. */
export function rtuAnswer({ unit, code, start, count }: SeenRequest): Uint8Array {
  return rtuFrame(unit, code, 2 * count, ...registersOf(start, count));
}

export function tcpAnswer(transaction: number, { unit, code, start, count }: SeenRequest): Uint8Array {
  const body = [unit, code, 2 * count, ...registersOf(start, count)];
  return Uint8Array.of(
    transaction >> 8,
    transaction & 0xff,
    0,
    0,
    body.length >> 8,
    body.length & 0xff,
    ...body,
  );
}

/**
 * The far end of a line: cuts read requests (RTU or Modbus TCP) out of what comes and answers as told.
 * Every answer has its own timer, so answers may overtake each other.
 */
export function simulateUnits(
  transport: Transport,
  clock: Clock,
  framing: "rtu" | "tcp",
  conduct: (request: SeenRequest, transaction: number) => Conduct,
): SeenRequest[] {
  const seen: SeenRequest[] = [];
  let rest = Buffer.alloc(0);
  let line = Promise.resolve();
  const head = framing === "tcp" ? 6 : 0;
  const size = framing === "tcp" ? 12 : 8;
  transport.receive((chunk, at) => {
    rest = Buffer.concat([rest, chunk]);
    while (rest.length >= size) {
      const frame = rest.subarray(0, size);
      rest = rest.subarray(size);
      const request = {
        unit: frame[head]!,
        code: frame[head + 1]!,
        start: frame.readUInt16BE(head + 2),
        count: frame.readUInt16BE(head + 4),
        at,
      };
      seen.push(request);
      const { reply, after = 5 } = conduct(request, framing === "tcp" ? frame.readUInt16BE(0) : 0);
      if (!reply) continue;
      clock.timer(after, () => {
        line = line.then(() => transport.write(reply)).catch(() => {});
      });
    }
  });
  return seen;
}
