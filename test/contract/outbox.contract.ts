import { afterEach, describe, expect, it } from "vitest";
import type { Clock } from "../../gateway/model/clock.ts";
import { type Log, silentLog } from "../../gateway/model/log.ts";
import type { OnGap } from "../../gateway/outbox/gap-reporter.ts";
import type { Gap, Lane, Outbox, PackHead, StoredPack } from "../../gateway/outbox/outbox.ts";
import type { OutboxLimits } from "../../gateway/outbox/pack-index.ts";
import { VirtualClock } from "../fault/virtual-clock.ts";

export interface ContractOptions {
  readonly clock: Clock;
  readonly limits: OutboxLimits;
  readonly liveFor: number;
  readonly onGap: OnGap;
  readonly log: Log;
}

/** A pack's head with what a test does not care about filled in. */
export function head(seq: number, more: Partial<PackHead> = {}): PackHead {
  return {
    lane: "live",
    audience: "open",
    run: "run-a",
    seq,
    time: { base: "unix", ms: 1_790_000_000_000 },
    bootId: "boot-1",
    readings: 10,
    ...more,
  };
}

export function bytesOf(length: number, seed: number): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => (index * 31 + seed * 7) & 0xff);
}

export const seqs = (packs: readonly StoredPack[]): number[] => packs.map(({ seq }) => seq);

/** What every outbox must do, whatever it stores on. `stored` is what a good append answers. */
export function outboxContract(
  name: string,
  stored: "disk" | "memory",
  open: (options: ContractOptions) => Promise<Outbox>,
): void {
  describe(`outbox contract: ${name}`, () => {
    const opened: Outbox[] = [];
    afterEach(async () => {
      for (const outbox of opened.splice(0)) await outbox[Symbol.asyncDispose]();
    });

    async function start(limits: Partial<OutboxLimits> = {}) {
      const clock = new VirtualClock();
      const gaps: Gap[] = [];
      const outbox = await open({
        clock,
        limits: { maxBytes: 100_000, maxAge: 86_400_000, ...limits },
        liveFor: 60_000,
        log: silentLog,
        onGap: (gap) => {
          gaps.push(gap);
        },
      });
      opened.push(outbox);
      return { outbox, clock, gaps };
    }

    it("gives back what was appended: whole, oldest first, with its head, ids ascending", async () => {
      const { outbox } = await start();
      const heads = [
        head(1, { time: { base: "boot", ms: 61_234.75 }, readings: 0 }),
        head(2, { audience: "streets", run: "run-å", bootId: "boot-x" }),
        head(3, { time: { base: "unix", ms: 1_789_999_999_123 }, readings: 65_536 }),
      ];
      for (const [index, each] of heads.entries()) {
        expect(await outbox.append(bytesOf(index * 100, index), each)).toBe(stored);
      }
      const packs = await outbox.peek("live", 10);
      expect(packs.map(({ id: _, bytes: __, ...rest }) => rest)).toEqual(heads);
      expect(packs.map(({ bytes }) => Buffer.from(bytes).toString("hex"))).toEqual(
        heads.map((_, index) => Buffer.from(bytesOf(index * 100, index)).toString("hex")),
      );
      expect(packs.map(({ id }) => id)).toEqual(packs.map(({ id }) => id).toSorted((a, b) => a - b));
      expect(outbox.status()).toMatchObject({ packs: 3, bytes: 300, readings: 65_546, disk: "ok" });
    });

    it("removes nothing on peek, honours the limit, and keeps order among appends at the same time", async () => {
      const { outbox } = await start();
      await Promise.all(
        Array.from({ length: 50 }, (_, index) => outbox.append(bytesOf(20, index), head(index + 1))),
      );
      expect(seqs(await outbox.peek("live", 3))).toEqual([1, 2, 3]);
      expect(seqs(await outbox.peek("live", 3))).toEqual([1, 2, 3]);
      expect(seqs(await outbox.peek("live", 100))).toEqual(
        Array.from({ length: 50 }, (_, index) => index + 1),
      );
      expect(await outbox.peek("live", 0)).toEqual([]);
    });

    it("takes acks in any order, twice, and for packs it does not know", async () => {
      const { outbox } = await start();
      for (let seq = 1; seq <= 5; seq++) await outbox.append(bytesOf(10, seq), head(seq));
      const packs = await outbox.peek("live", 10);
      await outbox.ack([packs[3]!, packs[0]!]);
      await outbox.ack([packs[3]!, { id: 1e9 }]);
      expect(seqs(await outbox.peek("live", 10))).toEqual([2, 3, 5]);
      await outbox.ack(packs);
      expect(await outbox.peek("live", 10)).toEqual([]);
      expect(outbox.status()).toMatchObject({ packs: 0, bytes: 0, readings: 0, oldestMs: 0 });
    });

    it("keeps urgent apart, and turns live into backlog after liveFor", async () => {
      const { outbox, clock } = await start();
      await outbox.append(bytesOf(10, 1), head(1));
      await outbox.append(bytesOf(10, 2), head(2, { lane: "urgent" }));
      await clock.advance(59_999);
      await outbox.append(bytesOf(10, 3), head(3));
      expect(outbox.status().lanes).toEqual({ urgent: 1, live: 2, backlog: 0 });
      await clock.advance(1);
      expect(seqs(await outbox.peek("urgent", 10))).toEqual([2]);
      expect(seqs(await outbox.peek("live", 10))).toEqual([3]);
      expect(seqs(await outbox.peek("backlog", 10))).toEqual([1]);
      expect(outbox.status()).toMatchObject({ oldestMs: 60_000, lanes: { urgent: 1, live: 1, backlog: 1 } });
    });

    it("drops the oldest beyond an audience's bytes, sparing other audiences and urgent packs, as gaps", async () => {
      const { outbox, gaps } = await start({ audiences: { open: { maxBytes: 1_000 } } });
      await outbox.append(bytesOf(300, 0), head(1, { audience: "streets" }));
      await outbox.append(bytesOf(300, 0), head(1, { lane: "urgent" }));
      for (let seq = 2; seq <= 5; seq++) await outbox.append(bytesOf(300, seq), head(seq));
      expect(seqs(await outbox.peek("urgent", 10))).toEqual([1]);
      expect((await outbox.peek("live", 10)).map(({ audience, seq }) => `${audience} ${seq}`)).toEqual([
        "streets 1",
        "open 4",
        "open 5",
      ]);
      expect(gaps).toEqual(
        [2, 3].map((seq) => {
          return { audience: "open", run: "run-a", from: seq, to: seq, readings: 10, reason: "disk-full" };
        }),
      );
    });

    it("drops the oldest of all beyond the bytes of the whole, and a pack that never fits", async () => {
      const { outbox, gaps } = await start({ maxBytes: 1_000 });
      for (let seq = 1; seq <= 4; seq++) {
        await outbox.append(bytesOf(300, seq), head(seq, { audience: seq % 2 ? "open" : "streets" }));
      }
      expect(seqs(await outbox.peek("live", 10))).toEqual([2, 3, 4]);
      expect(await outbox.append(bytesOf(1_001, 0), head(5))).toBe("dropped");
      expect(gaps.map(({ audience, from, to }) => [audience, from, to])).toEqual([
        ["open", 1, 1],
        ["open", 5, 5],
      ]);
    });

    it("drops what is too old, neighbouring seqs as one gap", async () => {
      const { outbox, clock, gaps } = await start({
        maxAge: 120_000,
        audiences: { secret: { maxAge: 1_000 } },
      });
      for (let seq = 1; seq <= 3; seq++) await outbox.append(bytesOf(10, seq), head(seq));
      await outbox.append(bytesOf(10, 0), head(1, { audience: "secret" }));
      await clock.advance(1_001);
      expect(seqs(await outbox.peek("live", 10))).toEqual([1, 2, 3]);
      await clock.advance(120_000);
      expect(await outbox.peek("backlog", 10)).toEqual([]);
      expect(gaps).toEqual([
        { audience: "secret", run: "run-a", from: 1, to: 1, readings: 10, reason: "expired" },
        { audience: "open", run: "run-a", from: 1, to: 3, readings: 30, reason: "expired" },
      ]);
    });

    it("gives up refused packs as a gap", async () => {
      const { outbox, gaps } = await start();
      for (let seq = 1; seq <= 3; seq++) await outbox.append(bytesOf(10, seq), head(seq));
      const packs = await outbox.peek("live", 2);
      await outbox.drop(packs, "refused");
      await outbox.drop(packs, "refused");
      expect(seqs(await outbox.peek("live", 10))).toEqual([3]);
      expect(gaps).toEqual([
        { audience: "open", run: "run-a", from: 1, to: 2, readings: 20, reason: "refused" },
      ]);
    });

    it("wakes who waits: at once, on append, when live becomes backlog, on abort", async () => {
      const { outbox, clock } = await start();
      const { signal } = new AbortController();
      const order: string[] = [];
      const waiting = outbox.waitFor(["urgent", "live"], signal).then(() => order.push("woken"));
      expect(await outbox.append(bytesOf(10, 1), head(1))).toBe(stored);
      await waiting;
      expect(order).toEqual(["woken"]);
      await outbox.waitFor(["live"], signal);

      const backlog = outbox.waitFor(["backlog"], signal);
      await clock.advance(60_000);
      await backlog;

      const stop = new AbortController();
      const urgent = outbox.waitFor(["urgent"], stop.signal);
      stop.abort(new Error("enough"));
      await expect(urgent).rejects.toThrow("enough");
      await expect(outbox.waitFor(["live"], stop.signal)).rejects.toThrow("enough");
    });

    it("closes twice without harm and then takes no more", async () => {
      const { outbox } = await start();
      await outbox.append(bytesOf(10, 1), head(1));
      await outbox[Symbol.asyncDispose]();
      await outbox[Symbol.asyncDispose]();
      await expect(outbox.append(bytesOf(10, 2), head(2))).rejects.toMatchObject({ code: "outbox-closed" });
    });
  });
}

/** Everything that waits, in order of append. */
export async function everything(outbox: Outbox): Promise<StoredPack[]> {
  const lanes: readonly Lane[] = ["urgent", "live", "backlog"];
  const packs = await Promise.all(lanes.map((lane) => outbox.peek(lane, 1e6)));
  return packs.flat().sort((a, b) => a.id - b.id);
}
