import type { Endpoint } from "../../transport/transport.ts";

type SerialEndpoint = Extract<Endpoint, { kind: "serial" }>;

/** One character of ten bits stands for one bit of the question. */
const times = 10;
/** Faster than this many adapters and transceivers cannot go. */
const fastest = 1_200_000;
/** Bits of mark before the first start bit. */
const lead = 24;
/** Mark after the last stop bit until the frame counts as over: 3.5 characters, or 1.75 ms (Modbus over Serial Line V1.02, 2.5.1.1). */
const tail = { bits: 44, ms: 2 };

/**
 * A question as somebody understands it whose A and B are swapped: every bit of it becomes a whole
 * character at ten times the speed, 0x00 (low but for the stop bit) for a mark, 0xFF (high but for
 * the start bit) for a space. To swapped wires that is the question itself, each bit a tenth too
 * short, which is far from where a receiver looks. To everybody else it is no frame.
 *
 * Undefined where the port would have to be too fast.
 */
export function invertedQuestion(
  bytes: Uint8Array,
  endpoint: Endpoint,
): { readonly endpoint: SerialEndpoint; readonly bytes: Uint8Array } | undefined {
  if (endpoint.kind !== "serial" || endpoint.baud * times > fastest) return undefined;
  const { dataBits, parity, stopBits } = endpoint;
  const levels: number[] = new Array<number>(lead).fill(1);
  for (const byte of bytes) {
    levels.push(0);
    let ones = 0;
    for (let bit = 0; bit < dataBits; bit++) {
      const level = (byte >> bit) & 1;
      ones += level;
      levels.push(level);
    }
    if (parity !== "none") levels.push((ones & 1) ^ (parity === "even" ? 0 : 1));
    for (let stop = 0; stop < stopBits; stop++) levels.push(1);
  }
  // Wires that rest the wrong way round would else end the frame with a break.
  const rest = Math.max(tail.bits, Math.ceil((tail.ms * endpoint.baud) / 1000));
  levels.push(...new Array<number>(rest).fill(1));
  return {
    endpoint: { ...endpoint, baud: endpoint.baud * times, dataBits: 8, parity: "none", stopBits: 1 },
    bytes: Uint8Array.from(levels, (level) => (level === 1 ? 0x00 : 0xff)),
  };
}
