import { openAuditLog } from "../../gateway/commands/audit-log.ts";
import type { Audit, CommandDesk, Field } from "../../gateway/commands/command-desk.ts";
import { defaultRetention } from "../../gateway/commands/ledger.ts";
import type { Clock } from "../../gateway/model/clock.ts";
import type { Command } from "../../gateway/model/command.ts";
import { silentLog } from "../../gateway/model/log.ts";
import type { Gap, Outbox, PackHead } from "../../gateway/outbox/outbox.ts";
import { openOutbox } from "../../gateway/outbox/segment-outbox.ts";
import type { WriteOrder } from "../../gateway/southbound/write-order.ts";
import type { Disk } from "../../gateway/store/disk.ts";
import { Bench, commandOf, lamps } from "../fault/desk-harness.ts";
import { seeded } from "../fault/random.ts";

// What the writer writes, and the inspector knows must be there: both make it from the same few words.

export const audiences = ["open", "streets"] as const;
/** Points that a command may be given for without condition. */
const points = ["safe", "last", "home", "fallen"] as const;

/** Failsafe values are below. */
const firstValue = 1000;

export interface StoreOptions {
  readonly openDisk: (name: "outbox" | "commands" | "audit") => Promise<Disk>;
  readonly clock: Clock;
  /** Right before the first byte of a command goes to its device. */
  readonly begins: (id: string) => void;
  /** A far side hears the last word of a command. */
  readonly tells: (id: string, words: string) => void;
  /** Every line of the audit log up to this one is durable. */
  readonly audited?: (line: number) => void;
  readonly onGap?: (gap: Gap) => void;
}

export interface Stores extends AsyncDisposable {
  readonly outbox: Outbox;
  readonly desk: CommandDesk;
  readonly audit: Awaited<ReturnType<typeof openAuditLog>>;
  /** Gives a command to the desk as a broker would; resolves where the broker hears its PUBACK. */
  give(command: Command): Promise<void>;
}

/** The stores of a gateway, opened by the code that the daemon opens them with. Small segments: they are left, freed and used again within seconds. */
export async function openStores(options: StoreOptions): Promise<Stores> {
  const { clock, openDisk } = options;
  await using opened = new AsyncDisposableStack();
  const outbox = opened.use(
    await openOutbox(await openDisk("outbox"), {
      clock,
      random: Math.random,
      log: silentLog,
      limits: { maxBytes: 8 * 2 ** 20, maxAge: Number.POSITIVE_INFINITY },
      liveFor: 60_000,
      segmentBytes: 64 * 1024,
      onGap: (gap) => options.onGap?.(gap),
    }),
  );
  const audit = opened.use(
    await openAuditLog({ disk: await openDisk("audit"), clock, log: silentLog, maxBytes: 256 * 1024 }),
  );
  const watched: Audit = {
    async record(entry) {
      await audit.record(entry);
      const { head, lost } = audit.status();
      if (head && lost === 0) options.audited?.(head.n);
    },
  };
  const bench = await new Bench({
    desk: {
      clock,
      random: Math.random,
      disk: await openDisk("commands"),
      field: fieldOf(options.begins),
      audit: watched,
      answerers: {
        async answer(_northbound, answer) {
          const { id, state, code, last } = JSON.parse(Buffer.from(answer.body).toString());
          if (last) options.tells(id, `${state} ${code ?? ""}`);
        },
        async connected() {},
      },
      // The journal is written anew every few commands.
      retention: { ...defaultRetention, growthBytes: 4096 },
    },
  }).open();
  opened.use(bench.desk);
  const everything = opened.move();
  return {
    outbox,
    desk: bench.desk,
    audit,
    give: (command) => bench.receive(command),
    [Symbol.asyncDispose]: () => everything.disposeAsync(),
  };
}

/** A field whose devices take everything at once. Every command has a value of its own, so that a write tells whose it is. */
function fieldOf(begins: (id: string) => void): Field {
  return {
    device: (id) => lamps.get(id),
    latest: () => undefined,
    async write(_device, order: WriteOrder) {
      const prepared = order.prepare(new Map());
      if ("refuse" in prepared) throw new Error(`refused: ${prepared.refuse}`);
      order.progress?.("writing");
      // Without an end it is the gateway's own, after a restart: not a command.
      if (order.expiresAt !== undefined && Number(prepared.value) >= firstValue)
        begins(commandId(Number(prepared.value) - firstValue));
      await Promise.resolve();
      return { value: prepared.value, verified: true, unchanged: false, readings: [] };
    },
  };
}

function commandId(number: number): string {
  return `command-${number}`;
}

export function commandNumbered(number: number): Command {
  return commandOf({
    id: commandId(number),
    device: number % 2 === 0 ? "lamp-1" : "lamp-2",
    point: points[number % points.length]!,
    value: firstValue + number,
    expiry: { inMs: 600_000 },
  });
}

/** Others are the gateway's own, after a restart. */
export function isNumbered(id: string): boolean {
  return /^command-\d+$/.test(id);
}

export function numberOf(id: string): number {
  return Number(id.slice("command-".length));
}

export function keyOf({ run, audience, seq }: Pick<PackHead, "run" | "audience" | "seq">): string {
  return `${run}/${audience}/${seq}`;
}

export interface Pack {
  readonly head: PackHead;
  readonly bytes: Buffer;
}

/** A pack that follows from its name alone: what the disk gives back can be compared byte for byte. */
export function packOf(run: string, audience: string, seq: number): Pack {
  let hash = 0;
  for (const letter of `${run}/${audience}/${seq}`) hash = (Math.imul(hash, 31) + letter.charCodeAt(0)) >>> 0;
  const random = seeded(hash);
  const bytes = Buffer.alloc(20 + Math.floor(random() ** 3 * 3000));
  for (let at = 0; at < bytes.length; at++) bytes[at] = random() < 0.3 ? 0 : random() * 256;
  const head: PackHead = {
    lane: random() < 0.1 ? "urgent" : "live",
    audience,
    run,
    seq,
    time: { base: "unix", ms: 1_760_000_000_000 + Math.floor(random() * 1e9) },
    bootId: "boot-1",
    readings: 1 + Math.floor(random() * 60),
  };
  return { head, bytes };
}
