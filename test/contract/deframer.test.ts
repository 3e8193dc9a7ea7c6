import { crc16Arc, crc16Modbus, crc16X25 } from "../../gateway/codec/crc.ts";
import { LineDeframer, type LineFraming } from "../../gateway/southbound/line-deframer.ts";
import { MbusDeframer } from "../../gateway/southbound/mbus/deframer.ts";
import { nmeaFraming } from "../../gateway/southbound/nmea/driver.ts";
import { LineDeframer as SensorDeframer } from "../../gateway/southbound/sdi12/lines.ts";
import { compileHead } from "../../gateway/southbound/serial-frame/compile.ts";
import { HeadDeframer, type LineFrame } from "../../gateway/southbound/serial-frame/deframer.ts";
import { LineDeframer as HeadsDeframer } from "../../gateway/southbound/serial-frame/line-deframer.ts";
import { headSchema } from "../../gateway/southbound/serial-frame/schema.ts";
import { HdlcDeframer } from "../../gateway/southbound/smart-meter/dlms/hdlc-deframer.ts";
import { MbusDeframer as PushDeframer } from "../../gateway/southbound/smart-meter/dlms/mbus-deframer.ts";
import { TelegramDeframer } from "../../gateway/southbound/smart-meter/p1/deframer.ts";
import { deframerContract } from "./deframer.contract.ts";

// Every deframer of the southbound wing. Modbus has its own framing, with the master's knowledge of
// what it asked: gateway/southbound/modbus/frames.test.ts.

const ascii = (text: string): Uint8Array => Buffer.from(text, "latin1");
const latin = (bytes: Uint8Array): string => Buffer.from(bytes).toString("latin1");
const toHex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
const low = (crc: number): number[] => [crc & 0xff, crc >> 8];

// ---- lines ----

const lines: LineFraming = { terminators: [ascii("\r\n"), ascii("\n")], starts: [], max: 80 };

deframerContract("lines", {
  open: () => new LineDeframer(lines),
  frames: [ascii("R1234 m\r\n"), ascii("+1.25,-3\n"), ascii("x\r\n")],
  show: latin,
  marks: [...ascii("R,\r\n\0")],
  checked: false,
  end: ascii("\r\n"),
});

deframerContract("lines that begin with a sign", {
  open: () => new LineDeframer(nmeaFraming),
  frames: [
    ascii("$GPZDA,120000,01,01,2026,,*4D\r\n"),
    ascii("!AIVDM,1,1,,A,14eG;o@034o8sd<L9i:a;WF>062D,0*7D\r\n"),
  ],
  show: latin,
  marks: [...ascii("$!*,\r\n")],
  checked: false,
  end: ascii("\r\n"),
});

deframerContract("texts of a fixed length", {
  open: () => new LineDeframer({ terminators: [], length: 5, starts: [0x52], max: 5, silenceMs: 50 }),
  frames: [ascii("R1234"), ascii("R9876")],
  show: latin,
  marks: [...ascii("R1")],
  checked: false,
});

deframerContract("SDI-12", {
  open: () => new SensorDeframer(),
  frames: [ascii("0+3.14OqZ\r\n"), ascii("00011\r\n"), ascii("1-2.5+7\r\n")],
  show: ({ text, damaged }) => (damaged ? undefined : text),
  marks: [...ascii("\0\r\n+0")],
  checked: false,
  end: ascii("\r\n"),
});

// ---- binary frames of a profile ----

function headOf(framing: unknown) {
  const { compiled, findings } = compileHead(headSchema.parse({ framing, frames: { data: {} } }));
  if (!compiled) throw new Error(JSON.stringify(findings));
  return compiled;
}
const showFrame = ({ bytes }: LineFrame): string => toHex(bytes);
const withX25 = (body: readonly number[]): number[] => [...body, ...low(crc16X25(Uint8Array.from(body)))];

const counted = headOf({
  start: "f4 f3",
  length: { at: 2, type: "u16le", adds: 6 },
  check: { "crc16-x25": "0.." },
});
const countedFrames = [[1, 2, 3, 4], [0xf4, 0xf3, 0xf4, 0xf3, 0, 0], [9]].map((payload) =>
  Uint8Array.from(withX25([0xf4, 0xf3, payload.length, 0, ...payload])),
);

deframerContract("frames with a length field", {
  open: () => new HeadDeframer(counted),
  frames: countedFrames,
  show: showFrame,
  marks: [0xf4, 0xf3, 0x01, 0x00],
  checked: true,
});

// Another checksum than above: or a frame of the one would be a whole content of the other.
const slip = headOf({ start: "c0", end: "c0", escape: "slip", check: { "crc16-modbus": "1.." } });
const slipFrames = [[1, 2, 3, 4], [0xc0, 0xdb, 0xdc, 0xdd], [0xc0]].map((payload) =>
  Uint8Array.from([
    0xc0,
    ...[...payload, ...low(crc16Modbus(Uint8Array.from(payload)))].flatMap((byte) =>
      byte === 0xc0 ? [0xdb, 0xdc] : byte === 0xdb ? [0xdb, 0xdd] : [byte],
    ),
    0xc0,
  ]),
);

deframerContract("stuffed frames", {
  open: () => new HeadDeframer(slip),
  frames: slipFrames,
  show: showFrame,
  marks: [0xc0, 0xdb, 0xdc, 0xdd, 0x01],
  checked: true,
});

deframerContract("two profiles on one line", {
  open: () => {
    const both = new HeadsDeframer(20);
    both.add(counted);
    both.add(slip);
    return both;
  },
  frames: [countedFrames[0]!, slipFrames[0]!],
  show: showFrame,
  marks: [0xc0, 0xdb, 0xf4, 0xf3, 0x00],
  checked: true,
  ordered: false,
});

// ---- meters ----

const meterFrame = (data: readonly number[]): Uint8Array => {
  const body = [0x08, 0x05, 0x72, ...data];
  const sum = body.reduce((total, byte) => total + byte, 0) & 0xff;
  return Uint8Array.from([0x68, body.length, body.length, 0x68, ...body, sum, 0x16]);
};

deframerContract("M-Bus", {
  open: () => new MbusDeframer(150),
  frames: [
    meterFrame([]),
    meterFrame([0x68, 0x04, 0x04, 0x68, 0x10, 0xe5]),
    meterFrame(Array(250).fill(0x16)),
  ],
  show: (frame) => (frame.kind === "long" ? toHex(frame.data) || "empty" : undefined),
  marks: [0x68, 0x04, 0x10, 0x16, 0xe5],
  checked: true,
});

const push = (segment: number, data: readonly number[]): Uint8Array => {
  const body = [0x53, 0xff, segment, 0x01, 0x67, ...data];
  const sum = body.reduce((total, byte) => total + byte, 0) & 0xff;
  return Uint8Array.from([0x68, body.length, body.length, 0x68, ...body, sum, 0x16]);
};

deframerContract("DLMS in M-Bus frames", {
  open: () => new PushDeframer(),
  frames: [
    push(0x10, [0x0f, 1, 2, 3]),
    Buffer.concat([push(0x00, [0x0f, 0x68]), push(0x11, [0x16, 0x68])]),
    push(0x10, [0x68, 0x05, 0x05, 0x68]),
  ],
  show: toHex,
  marks: [0x68, 0x05, 0x16, 0x53],
  checked: true,
});

const hdlc = (data: readonly number[]): Uint8Array => {
  const head = [0xa0, 9 + data.length, 0x41, 0x03, 0x13];
  return Uint8Array.from([0x7e, ...withX25([...withX25(head), ...data]), 0x7e]);
};

deframerContract("DLMS in HDLC", {
  open: () => new HdlcDeframer(),
  frames: [hdlc([0xe6, 0xe7, 0x00, 0x0f]), hdlc([1, 2, 3]), hdlc([0xa0, 0x09, 0x41, 0x03, 0x13])],
  show: toHex,
  marks: [0x7e, 0x7d, 0xa0, 0xa8, 0x09, 0x03],
  checked: true,
});

function telegram(...data: readonly string[]): Uint8Array {
  const body = `/ABC5METER\r\n\r\n${data.map((line) => `${line}\r\n`).join("")}!`;
  return ascii(`${body}${crc16Arc(ascii(body)).toString(16).toUpperCase().padStart(4, "0")}\r\n`);
}

deframerContract("P1 telegrams", {
  open: () => new TelegramDeframer("required"),
  frames: [telegram("1-0:1.8.0(1*kWh)"), telegram(), telegram("0-0:96.13.0(/ABC5!0000)")],
  show: latin,
  marks: [...ascii("/!\r\nA0")],
  checked: true,
});

deframerContract("P1 telegrams that may lack a checksum", {
  open: () => new TelegramDeframer("optional"),
  frames: [telegram("1-0:1.8.0(1*kWh)"), ascii("/ABC5OLD\r\n\r\n1-0:1.8.0(2*kWh)\r\n!\r\n")],
  show: latin,
  marks: [...ascii("/!\r\nA0")],
  checked: false,
  end: ascii("\r\n"),
});
