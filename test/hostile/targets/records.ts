import { crc32 } from "node:zlib";
import { hashOf, noHash } from "../../../gateway/commands/audit-line.ts";
import { openAuditLog } from "../../../gateway/commands/audit-log.ts";
import { verifyAuditLog } from "../../../gateway/commands/audit-verify.ts";
import { defaultRetention, Ledger } from "../../../gateway/commands/ledger.ts";
import { decodeLedgerRecord } from "../../../gateway/commands/ledger-record.ts";
import { openAcceptanceBook } from "../../../gateway/commissioning/acceptance/book.ts";
import type { Random } from "../../../gateway/model/clock.ts";
import { silentLog } from "../../../gateway/model/log.ts";
import { dumpOutbox } from "../../../gateway/outbox/dump-outbox.ts";
import { decodeRecord, headerBytes, maxBodyBytes, recordHeadBytes } from "../../../gateway/outbox/format.ts";
import { lanes } from "../../../gateway/outbox/pack-index.ts";
import { openOutbox } from "../../../gateway/outbox/segment-outbox.ts";
import {
  encodeHeader,
  encodeRecord,
  headerBytes as journalHeaderBytes,
} from "../../../gateway/store/journal-format.ts";
import { seeded } from "../../fault/random.ts";
import { SimulatedDisk } from "../../fault/simulated-disk.ts";
import { VirtualClock } from "../../fault/virtual-clock.ts";
import { gatewayErrors, hex, pick, type Target, type TargetSource, utf8, Violation } from "../target.ts";
import { changedOften, jsonOf } from "../tree.ts";

// Files that the gateway wrote, after somebody or something was at them. Each is opened as at a start.

const newDisk = () => new SimulatedDisk({ random: seeded(1) });

function outboxOptions() {
  return {
    clock: new VirtualClock(),
    random: seeded(2),
    log: silentLog,
    limits: { maxBytes: 1e6, maxAge: Number.POSITIVE_INFINITY },
    liveFor: 60_000,
    segmentBytes: 4096,
    ballastBytes: 0,
    onGap: () => {},
  };
}

/** A segment with packs, marks and acks in it. */
async function writtenSegment(): Promise<readonly [name: string, bytes: Uint8Array]> {
  const disk = newDisk();
  const outbox = await openOutbox(disk, outboxOptions());
  for (let seq = 1; seq <= 6; seq++) {
    await outbox.append(Buffer.alloc(40, seq), {
      lane: seq % 3 === 0 ? "urgent" : "live",
      audience: seq % 2 === 0 ? "open" : "streets",
      run: "run-1",
      seq: Math.ceil(seq / 2),
      time: { base: "unix", ms: 1_790_000_000_000 + seq * 1000.25 },
      bootId: "boot-1",
      readings: seq,
      marks: seq === 4 ? ["counter:7"] : [],
    });
    if (seq === 3) await outbox.ack(await outbox.peek("live", 1));
  }
  await outbox[Symbol.asyncDispose]();
  const name = (await disk.list()).find((one) => one.startsWith("segment-")) ?? "";
  return [name, disk.contents(name)];
}

/** As docs/outbox.md has it: records of one group are no records of another. */
const seedOf = (salt: number, group: number): number => (salt ^ Math.imul(group, 0x9e3779b1)) >>> 0;

/** Sums over what is there, as the writer would have made them. */
function resummed(input: Uint8Array): Uint8Array {
  const bytes = Buffer.from(input);
  if (bytes.length < headerBytes) return bytes;
  const salt = bytes.readUInt32BE(20);
  bytes.writeUInt32BE(crc32(bytes.subarray(0, 28)), 28);
  let group = 0;
  for (let at = headerBytes; at + recordHeadBytes <= bytes.length; ) {
    const field = bytes.readUIntBE(at + 6, 3);
    const length = Math.min(recordHeadBytes + (field & maxBodyBytes), bytes.length - at);
    const isHead = field >>> 21 === 1;
    bytes.writeUInt32BE(
      crc32(bytes.subarray(at + 6, at + length), isHead ? salt : seedOf(salt, group)),
      at + 2,
    );
    const read = isHead ? decodeRecord(bytes, at, bytes.length, salt, undefined) : undefined;
    if (read?.record.type === "group") group = read.record.head.group;
    at += Math.max(length, recordHeadBytes);
  }
  return bytes;
}

async function openSegments(): Promise<Target> {
  const [name, bytes] = await writtenSegment();
  return {
    name: "outbox-segment",
    share: 0.3,
    seeds: [bytes],
    words: [hex("ff ff ff"), hex("00 00 00"), hex("80 80 80 80 80 80 01")],
    mend: resummed,
    async take(input) {
      const disk = newDisk();
      disk.put(name, input);
      for await (const { offset, length } of dumpOutbox(disk))
        if (offset < 0 || offset + length > input.length) throw new Violation("a record outside of its file");
      await using outbox = await openOutbox(disk, outboxOptions());
      for (const lane of lanes) for (const { bytes: pack } of await outbox.peek(lane, 50)) pack.slice();
    },
    errors: gatewayErrors,
  };
}

const moment = { unix: 1, trusted: true, boot: "b", mono: 2 };
const ledgerRecords: readonly unknown[] = [
  {
    type: "entry",
    entry: {
      key: "city c-1",
      command: {
        id: "c-1",
        device: "lamp-1",
        point: "level",
        action: "write",
        value: { int: "9223372036854775808" },
        issuer: "city",
        issuedAt: 5,
        expiry: { at: 1_790_000_000_000 },
        priority: "operator",
      },
      origin: { kind: "northbound", northbound: "city", reply: { topic: "t", correlation: "09" } },
      received: moment,
      lifeMs: 3,
      refused: false,
      states: [
        {
          id: "c-1",
          device: "lamp-1",
          point: "level",
          issuer: "city",
          state: "accepted",
          time: { base: "unix", ms: 1 },
          last: false,
        },
      ],
      tellings: { city: { told: 0 } },
    },
  },
  { type: "told", key: "city c-1", far: "city", told: 1 },
  {
    type: "standing",
    standing: {
      device: "lamp-1",
      point: "level",
      value: 50,
      at: moment,
      hold: { priority: "operator", issuer: "city", time: 1 },
      released: false,
    },
  },
  { type: "wear", wear: { device: "lamp-1", point: "worn", lifetime: 3, hours: [{ at: moment, count: 2 }] } },
];

function journal(records: readonly Uint8Array[]): Uint8Array {
  const salt = 7;
  const parts: Buffer[] = [encodeHeader(salt)];
  let at = journalHeaderBytes;
  for (const record of records) {
    const encoded = encodeRecord(record.subarray(0, 60_000), salt, at);
    parts.push(encoded);
    at += encoded.length;
  }
  return Buffer.concat(parts);
}

async function openLedger(input: Uint8Array): Promise<void> {
  const disk = newDisk();
  disk.put("commands.journal", input);
  const options = {
    disk,
    clock: new VirtualClock(),
    random: seeded(3),
    log: silentLog,
    retention: defaultRetention,
  };
  await using ledger = await Ledger.open(options);
  ledger.byId("c-1");
  decodeLedgerRecord(input);
}

/** Lines of a whole log; `change` is asked for each. */
function auditLines(
  count: number,
  change: (line: Record<string, unknown>) => unknown = (line) => line,
): string {
  let prev = noHash;
  let text = "";
  for (let n = 1; n <= count; n++) {
    const line = jsonOf(
      change({
        n,
        time: 1_790_000_000_000,
        bootMs: n,
        clock: "trusted",
        what: "login",
        who: "anna",
        detail: { a: n },
        prev,
      }),
    );
    const written = Buffer.from(line).toString("utf8");
    prev = hashOf(written);
    text += `${written}\n`;
  }
  return text;
}

async function openAudit(input: Uint8Array): Promise<void> {
  verifyAuditLog(Buffer.from(input).toString("utf8").split("\n"));
  const disk = newDisk();
  disk.put("audit-000000000001.jsonl", input);
  await using log = await openAuditLog({ disk, clock: new VirtualClock(), log: silentLog, maxBytes: 1e6 });
  await log.record({ what: "login", who: "anna", detail: {} });
}

const changedRecords = (random: Random) =>
  Array.from({ length: 3 }, () => {
    const record = pick(random, ledgerRecords);
    return jsonOf(random() < 0.5 ? record : changedOften(record, random));
  });

const at = "2026-03-04T05:06:07Z";
const book = {
  northbound: { city: { ok: true, at } },
  accepted: { "lamp-1": { report: "r-1", fingerprint: "f" } },
  reports: [{ id: "r-1", at, by: "anna", ok: true }],
  fingerprint: "f",
  seen: { level: { result: "confirmed", by: "anna", at } },
  tested: {},
};

export const recordTargets: readonly TargetSource[] = [
  { name: "outbox-segment", share: 0.3, open: openSegments },
  {
    name: "ledger",
    share: 0.3,
    open: () => ({
      name: "ledger",
      share: 0.3,
      seeds: [journal(ledgerRecords.map(jsonOf)), ...ledgerRecords.map(jsonOf)],
      words: ['"type":', '"value":', '{"int":"', hex("ff ff ff ff"), "null", "[["],
      make: (random) => journal(changedRecords(random)),
      take: openLedger,
      errors: gatewayErrors,
    }),
  },
  {
    name: "audit-log",
    share: 0.3,
    open: () => ({
      name: "audit-log",
      share: 0.3,
      seeds: [utf8(auditLines(3)), utf8(auditLines(1))],
      words: ['"n":', '"prev":"', "\n", noHash, '"what":"audit-seal"', '"what":"audit-removed"', '"detail":'],
      make: (random) =>
        utf8(auditLines(3, (line) => (random() < 0.5 ? line : (changedOften(line, random) ?? line)))),
      take: openAudit,
      errors: gatewayErrors,
    }),
  },
  {
    name: "acceptance-book",
    share: 0.3,
    open: () => ({
      name: "acceptance-book",
      share: 0.3,
      seeds: [jsonOf(book)],
      make: (random) => jsonOf(changedOften(book, random)),
      async take(input) {
        const disk = newDisk();
        disk.put("book.json", input);
        disk.put("device-lamp-1.json", input);
        await openAcceptanceBook(disk);
      },
      errors: gatewayErrors,
    }),
  },
];
