import { crc16Modbus } from "../../codec/crc.ts";
import type { Device } from "../../model/device.ts";
import type { Endpoint } from "../../transport/transport.ts";
import type { WholeFrame, WiringQuestion, WiringQuestions } from "../wiring-questions.ts";
import { paceOf } from "./driver.ts";
import { answerLength, answers, encodeRequest, type ReadFunction, replyLength } from "./pdu.ts";
import { planModbus } from "./plan.ts";
import { decodeRtu, encodeRtu } from "./rtu.ts";
import {
  type ModbusAddress,
  type ModbusConnection,
  type ModbusDevice,
  type ModbusHead,
  readFunction,
} from "./settings.ts";

type SerialEndpoint = Extract<Endpoint, { kind: "serial" }>;

/** Wait for an answer where gateway.yaml does not say, ms. */
const defaultTimeoutMs = 1000;
/** Speeds that meters and sensors come with, the commonest first. */
const speeds = [9600, 19_200, 38_400, 115_200, 4800, 2400, 57_600, 1200] as const;
const parities = ["none", "even", "odd"] as const;
/** Shortest and longest frame (Modbus over Serial Line V1.02, 2.5.1). */
const shortest = 4;
const longest = 256;

/** Questions about the wiring of an RTU line, serial or through a transparent converter. */
export function modbusQuestions(
  connection: ModbusConnection,
  devices: readonly Device<ModbusAddress, ModbusDevice, ModbusHead>[],
): WiringQuestions | undefined {
  if (connection.framing !== "rtu") return undefined;
  const { endpoint, timing } = connection;
  const slow = devices.map(({ profile }) => profile.protocolSettings.timing.timeout ?? 0);
  const seen = new Set<number>();
  const questions = devices.flatMap((device) => {
    const { unit } = device.settings;
    if (seen.has(unit) || unit < 1 || unit > 247) return [];
    seen.add(unit);
    return readsOf(connection, device).map((read) => question(unit, read));
  });
  return {
    endpoint,
    timeoutMs: Math.max(timing.timeout ?? defaultTimeoutMs, ...slow),
    silenceMs: paceOf(connection).silence,
    questions,
    frames: wholeFrames,
    others: endpoint.kind === "serial" ? otherSettings(endpoint) : [],
  };
}

interface Read {
  readonly function: ReadFunction;
  readonly start: number;
  readonly count: number;
}

/** The shortest and the longest of the reads that the gateway makes anyway; a refusal is an answer too. */
function readsOf(
  connection: ModbusConnection,
  device: Device<ModbusAddress, ModbusDevice, ModbusHead>,
): readonly Read[] {
  const points = device.profile.points.filter(({ address }) => address && !address.sunspec);
  const planned = planModbus(connection, device, points, {}).requests.map(
    ({ table, start, count }): Read => ({ function: readFunction[table], start, count }),
  );
  const sorted = planned.sort((a, b) => answerLength(a) - answerLength(b));
  const [first = { function: 3, start: 0, count: 1 }, last] = [sorted[0], sorted.at(-1)];
  // One register of a longer read: what is asked for nothing but an answer should be short.
  const brief: Read = first.function > 2 ? { ...first, count: 1 } : first;
  return last && answerLength(last) > answerLength(brief) ? [brief, last] : [brief];
}

function question(unit: number, read: Read): WiringQuestion {
  return {
    unit: String(unit),
    bytes: encodeRtu(unit, encodeRequest(read)),
    head: Uint8Array.of(unit, read.function, answerLength(read) - 2),
    answerBytes: answerLength(read) + 3,
    answers: (frame) => {
      const decoded = decodeRtu(frame);
      return decoded?.unit === unit && answers(read, decoded.pdu) !== "other";
    },
  };
}

/** One thing wrong before both: other parities, other speeds, then other speeds with other parities. */
function otherSettings(endpoint: SerialEndpoint): readonly Endpoint[] {
  const { baud, parity } = endpoint;
  const otherParities = parities.filter((one) => one !== parity);
  const otherSpeeds = speeds.filter((speed) => speed !== baud);
  return [
    ...otherParities.map((one) => ({ ...endpoint, parity: one })),
    ...otherSpeeds.map((speed) => ({ ...endpoint, baud: speed })),
    ...otherSpeeds.flatMap((speed) =>
      otherParities.map((one) => ({ ...endpoint, baud: speed, parity: one })),
    ),
  ];
}

/** Requests and answers of anybody, good checksums only; what is between them is skipped. */
function wholeFrames(bytes: Uint8Array): readonly WholeFrame[] {
  const found: WholeFrame[] = [];
  for (let start = 0; start + shortest <= bytes.length; start++) {
    const frame = frameAt(bytes, start);
    if (!frame) continue;
    found.push(frame);
    start = frame.end - 1;
  }
  return found;
}

function frameAt(bytes: Uint8Array, start: number): WholeFrame | undefined {
  const unit = String(bytes[start]);
  const reply = replyLength(bytes, start + 1, bytes.length);
  if (reply > 0 && fits(bytes, start, start + reply + 3))
    return { start, end: start + reply + 3, unit, role: "answer" };
  const code = bytes[start + 1] ?? 0;
  const length = code >= 1 && code <= 6 ? 8 : code === 15 || code === 16 ? 9 + (bytes[start + 6] ?? 0) : 0;
  return length > 0 && fits(bytes, start, start + length)
    ? { start, end: start + length, unit, role: "request" }
    : undefined;
}

function fits(bytes: Uint8Array, start: number, end: number): boolean {
  if (end > bytes.length || end - start > longest) return false;
  const crc = crc16Modbus(bytes, start, end - 2);
  return bytes[end - 2] === (crc & 0xff) && bytes[end - 1] === crc >>> 8;
}
