import { sign, verify } from "node:crypto";
import { decode, encode } from "cborg";
import type { IPublishPacket } from "mqtt";
import { makeCommandCodec } from "../../../gateway/commands/command-codec.ts";
import type { Random } from "../../../gateway/model/clock.ts";
import { incomingCommand } from "../../../gateway/northbound/mqtt/intake.ts";
import { anyone, Bench } from "../../fault/desk-harness.ts";
import {
  below,
  gatewayErrors,
  hex,
  pick,
  type Target,
  type TargetSource,
  utf8,
  Violation,
} from "../target.ts";
import { changedOften } from "../tree.ts";
import { cityKey, cityPublicKey } from "./fixed.ts";

// Commands as a broker delivers them, to a desk that trusts one key, before devices that count what is written to
// them. Whatever comes: nothing is written that this key has not signed for this device of this gateway. Whether it
// has is found out here once more, with a CBOR library that the gateway does not use.

const gateway = "gw-1";
const places = { root: "stadsnod", base: `stadsnod/v1/${gateway}` };
const trust = new Map([["city", { key: cityPublicKey, issuers: ["city"] }]]);
/** Everything about the desk is forgotten after so many: what it keeps is bounded, and not what is looked at here. */
const inputsPerDesk = 250;

const header = encode(
  new Map<number, unknown>([
    [1, -19],
    [4, utf8("city")],
  ]),
);
const aadOf = (device: string) => encode(["stadsnod-command-v1", gateway, device]);

function signed(payload: Uint8Array, device: string): Uint8Array {
  const text = encode(["Signature1", header, aadOf(device), payload]);
  const signature = new Uint8Array(sign(null, text, cityKey));
  return Buffer.concat([hex("d2"), encode([header, new Map(), payload, signature])]);
}

/** Topic, retain flag, content type and body of a message: what comes before the body is text, line by line. */
function message(topic: string, body: Uint8Array, retain = "0", contentType = ""): Uint8Array {
  return Buffer.concat([utf8(`${topic}\n${retain}\n${contentType}\n`), body]);
}

function packetOf(input: Uint8Array): IPublishPacket {
  const bytes = Buffer.from(input);
  const lines: string[] = [];
  let at = 0;
  while (lines.length < 3) {
    const end = bytes.indexOf(10, at);
    lines.push(bytes.toString("utf8", at, end < 0 ? bytes.length : end));
    at = end < 0 ? bytes.length : end + 1;
  }
  const [topic = "", retain = "", contentType = ""] = lines;
  const properties = contentType === "" ? {} : { properties: { contentType, responseTopic: topic } };
  return {
    cmd: "publish",
    topic,
    payload: bytes.subarray(at),
    retain: retain === "1",
    qos: 1,
    dup: false,
    ...properties,
  };
}

const body = (id: string, more: Readonly<Record<string, unknown>> = {}) => ({
  id,
  point: "level",
  value: 40,
  issuer: "city",
  // The bench's clock begins at 1 790 000 000 000.
  expiresAt: 1_790_000_600_000,
  ...more,
});
const topicOf = (device: string) => `${places.base}/command/${device}`;

const seeds = [
  message(topicOf("lamp-1"), signed(encode(body("s-1")), "lamp-1")),
  message(topicOf("lamp-2"), signed(encode(body("s-2", { value: 7 })), "lamp-2")),
  message(topicOf("lamp-1"), encode(body("s-3"))),
  message(topicOf("lamp-1"), encode([{ n: "level", v: 5 }]), "0", "application/senml+cbor"),
  message(topicOf("lamp-1"), utf8(JSON.stringify(body("s-4")))),
];

/** Fresh each time, so that it would be carried out; then, mostly, something about it is not as it was signed. */
function fresh(random: Random): Uint8Array {
  const device = pick(random, ["lamp-1", "lamp-2"]);
  const asked = body(`f-${below(random, 2 ** 31)}`, { value: below(random, 100) });
  const payload = encode(random() < 0.3 ? changedOften(asked, random) : asked);
  const other = pick(random, ["lamp-1", "lamp-2", "lamp-3", "+", "lamp-1/x"]);
  const made = signed(payload, device);
  switch (below(random, 6)) {
    case 0:
      return message(topicOf(other), made);
    case 1:
      return message(topicOf(device), made, "1");
    case 2: {
      // One bit, anywhere in what was signed.
      const flipped = Uint8Array.from(made);
      const at = below(random, flipped.length);
      flipped[at] = (flipped[at] ?? 0) ^ (1 << below(random, 8));
      return message(topicOf(device), flipped);
    }
    case 3: {
      // The signature of one command under another.
      const [, , , signature] = decode(made.subarray(1), { useMaps: true });
      const swapped = encode({ ...asked, value: 99 });
      return message(topicOf(device), encode([header, new Map(), swapped, signature]));
    }
    case 4:
      return message(topicOf(device), payload);
    default:
      return message(topicOf(device), made);
  }
}

/** Whether the trusted key has signed this body for this device, by other code than the gateway's. */
function isSigned({ payload, topic, retain }: IPublishPacket): boolean {
  const device = topic.slice(topic.lastIndexOf("/") + 1);
  const bytes = Buffer.from(payload);
  try {
    const read: unknown = decode(bytes[0] === 0xd2 ? bytes.subarray(1) : bytes, { useMaps: true });
    if (!Array.isArray(read) || read.length !== 4 || retain || topic !== topicOf(device)) return false;
    const [protectedBytes, , content, signature] = read;
    const kid: unknown = decode(protectedBytes, { useMaps: true }).get(4);
    const text = encode(["Signature1", protectedBytes, aadOf(device), content]);
    return Buffer.from(Object(kid)).toString() === "city" && verify(null, text, cityPublicKey, signature);
  } catch {
    return false;
  }
}

const codec = makeCommandCodec({ gateway, trust });
/** Results are written as they would be, and told as the bench reads them. */
const deskCodec: typeof codec = {
  decode: codec.decode,
  encodeResult(result) {
    if (codec.encodeResult(result).length === 0) throw new Violation("a result of no bytes");
    return utf8(JSON.stringify({ ...result, value: undefined, before: undefined }));
  },
};

function newBench(): Promise<Bench> {
  return new Bench({
    rules: {
      ...anyone,
      issuers: new Map([["city", { devices: ["*"], points: ["*"], priority: "operator" }]]),
    },
    desk: { codec: deskCodec },
    writeMs: 2,
  }).open();
}

async function openTarget(): Promise<Target> {
  let bench = await newBench();
  let fed = 0;
  let authorised = 0;
  return {
    name: "commands",
    share: 1,
    seeds,
    words: [
      hex("d2 84"),
      hex("a1 04 44"),
      "level",
      "lamp-1",
      "city",
      hex("18 64"),
      "/command/",
      "+",
      "#",
      "\n1\n",
      hex("a0"),
    ],
    make: fresh,
    async take(input) {
      if (++fed % inputsPerDesk === 0) {
        await bench.desk[Symbol.asyncDispose]();
        bench = await newBench();
      }
      const packet = packetOf(input);
      const command = incomingCommand(packet, places);
      if (!command) return;
      const { writes } = bench.world;
      const before = writes.length;
      await bench.desk.receive("city", command);
      await bench.run(4);
      const written = writes.slice(before).filter(({ commanded }) => commanded);
      if (written.length === 0) return;
      const [{ place, value } = { place: "", value: undefined }] = written;
      if (written.length > 1 || !place.startsWith(`${command.device}/`) || !isSigned(packet))
        throw new Violation(`${place} was told ${String(value)} by a message that nobody signed`);
      authorised++;
    },
    errors: gatewayErrors,
    async close() {
      await bench.desk[Symbol.asyncDispose]();
      // Had nothing been carried out, nothing would have been shown.
      if (fed > 1000 && authorised < fed / 1000)
        throw new Error(`${authorised} of ${fed} commands were carried out`);
    },
  };
}

export const deskTargets: readonly TargetSource[] = [{ name: "commands", share: 1, open: openTarget }];
