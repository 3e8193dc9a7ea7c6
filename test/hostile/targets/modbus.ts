import { crc16Modbus } from "../../../gateway/codec/crc.ts";
import type { Random } from "../../../gateway/model/clock.ts";
import { ascii, decodeAscii, encodeAscii } from "../../../gateway/southbound/modbus/ascii.ts";
import type { LineFraming } from "../../../gateway/southbound/modbus/framing.ts";
import { HeardTraffic } from "../../../gateway/southbound/modbus/heard-traffic.ts";
import { decodeTcp, encodeTcp, TcpFramer } from "../../../gateway/southbound/modbus/mbap.ts";
import {
  answerLength,
  answers,
  encodeRequest,
  longestAnswer,
  type Request,
} from "../../../gateway/southbound/modbus/pdu.ts";
import { decodeRtu, encodeRtu, rtu } from "../../../gateway/southbound/modbus/rtu.ts";
import { saidIn } from "../../../gateway/southbound/modbus/scan-identity.ts";
import { VirtualClock } from "../../fault/virtual-clock.ts";
import { below, gatewayErrors, hex, pick, ready, type TargetSource, utf8, Violation } from "../target.ts";

const requests: readonly Request[] = [
  { function: 1, start: 0, count: 12 },
  { function: 2, start: 8, count: 3 },
  { function: 3, start: 0, count: 2 },
  { function: 4, start: 30, count: 125 },
  { function: 5, address: 7, on: true },
  { function: 6, address: 1, value: 500 },
  { function: 15, start: 2, bits: [true, false, true] },
  { function: 16, start: 4, registers: Uint8Array.of(1, 2, 3, 4) },
  { function: 22, address: 4, and: 0xff, or: 3 },
  { function: 17 },
  { function: 43, level: 1, object: 0 },
];
/** An answer to each, then exceptions and what no one asks for. */
const replies = [
  hex("01 02 cd 6b"),
  hex("02 01 05"),
  hex("03 04 00 01 ff ff"),
  Buffer.concat([hex("04 fa"), Buffer.alloc(250, 0x42)]),
  hex("05 00 07 ff 00"),
  hex("06 00 01 01 f4"),
  hex("0f 00 02 00 03"),
  hex("10 00 04 00 02"),
  hex("16 00 04 00 ff 00 03"),
  Buffer.concat([hex("11 0a"), utf8("Acme"), hex("ff 00 00 00 00 00")]),
  Buffer.concat([hex("2b 0e 01 01 00 00 02 00 04"), utf8("Acme"), hex("01 02"), utf8("L1")]),
  hex("83 02"),
  hex("ab 01"),
  hex("18 00 06 00 02 01 b8 12 84"),
];
const pdus = [...replies, ...requests.map(encodeRequest)];

/** In pieces, as a line gives it. */
function* pieces(input: Uint8Array): Generator<Uint8Array> {
  const size = 1 + ((input[0] ?? 0) & 31);
  for (let at = 0; at < input.length; at += size) yield input.subarray(at, at + size);
}

function findAll(framing: LineFraming, input: Uint8Array): void {
  for (let from = 0; from < input.length; ) {
    const found = framing.find(input, from, input.length, from);
    if (!found) break;
    if (found.end <= from || found.end > input.length)
      throw new Violation(`a frame ends at ${found.end}, searched from ${from}`);
    readPdu(found.pdu);
    from = found.end;
  }
  for (const request of requests)
    framing.isDamaged(input, input.length, 1, request.function, answerLength(request));
}

function readPdu(pdu: Uint8Array): void {
  for (const request of requests)
    if (answers(request, pdu) === "answer" && pdu.length > longestAnswer(request))
      throw new Violation(`an answer of ${pdu.length} bytes to function ${request.function}`);
  for (const text of saidIn(pdu)) if (text.length > 300) throw new Violation("a name without end");
}

const frameOf = (random: Random, encode: (unit: number, pdu: Uint8Array) => Uint8Array) =>
  Buffer.concat(
    Array.from({ length: 1 + below(random, 4) }, () => encode(below(random, 4), pick(random, pdus))),
  );

const clock = new VirtualClock();

export const modbusTargets: readonly TargetSource[] = [
  ready({
    name: "modbus-rtu",
    share: 30,
    seeds: pdus.map((pdu) => encodeRtu(1, pdu)),
    words: [hex("01 03"), hex("01 2b 0e"), hex("01 11"), hex("0110"), Uint8Array.of(0xff), Uint8Array.of(0)],
    make: (random) => frameOf(random, encodeRtu),
    mend(input) {
      if (input.length < 3) return input;
      const crc = crc16Modbus(input, 0, input.length - 2);
      return Buffer.concat([input.subarray(0, -2), Uint8Array.of(crc & 0xff, crc >>> 8)]);
    },
    take(input) {
      findAll(rtu, input);
      const one = decodeRtu(input);
      if (one) readPdu(one.pdu);
    },
    errors: gatewayErrors,
  }),
  ready({
    name: "modbus-overheard",
    share: 12,
    seeds: pdus.map((pdu) => encodeRtu(1, pdu)),
    words: [hex("01 03"), hex("01 10"), hex("01 17"), hex("01 18"), Uint8Array.of(0xff), Uint8Array.of(0)],
    make: (random) => frameOf(random, encodeRtu),
    take(input) {
      const traffic = new HeardTraffic(clock);
      let at = clock.monotonic();
      // No port hands over more at once: at 115,200 baud this is five seconds of a line that is never silent.
      for (const piece of pieces(input.subarray(0, 65_536))) traffic.push(piece, at++);
      traffic.tick();
      if (traffic.frames.pending > 256) throw new Violation(`${traffic.frames.pending} bytes are held back`);
    },
    errors: gatewayErrors,
  }),
  ready({
    name: "modbus-ascii",
    share: 30,
    seeds: pdus.map((pdu) => encodeAscii(1, pdu)),
    words: [":", "0103", "\r\n", "::", "A", ":\r\n"],
    make: (random) => frameOf(random, encodeAscii),
    take(input) {
      findAll(ascii, input);
      const one = decodeAscii(input);
      if (one) readPdu(one.pdu);
    },
    errors: gatewayErrors,
  }),
  ready({
    name: "modbus-tcp",
    share: 30,
    seeds: pdus.map((pdu) => encodeTcp(7, 1, pdu)),
    words: [hex("00 07 00 00 00"), hex("00 00 00 00 00 fe"), hex("00 02"), Uint8Array.of(0xff)],
    make: (random) => frameOf(random, (unit, pdu) => encodeTcp(below(random, 65_536), unit, pdu)),
    take(input) {
      const framer = new TcpFramer();
      for (const piece of pieces(input)) if (!framer.push(piece, ({ pdu }) => readPdu(pdu))) break;
      const one = decodeTcp(input);
      if (one) readPdu(one.pdu);
    },
    errors: gatewayErrors,
  }),
  ready({
    name: "modbus-pdu",
    share: 30,
    seeds: pdus,
    take: readPdu,
    errors: gatewayErrors,
  }),
];
