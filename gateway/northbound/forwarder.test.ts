import { describe, expect, it } from "vitest";
import { settle, VirtualClock } from "../../test/fault/virtual-clock.ts";
import { MemoryOutbox } from "../../test/mqtt/memory-outbox.ts";
import type { Instant } from "../model/clock.ts";
import { GatewayError, LinkError, RefusedError } from "../model/errors.ts";
import { type Log, silentLog } from "../model/log.ts";
import { type ForwarderOptions, openForwarder } from "./forwarder.ts";
import type { BacklogRate, Northbound, OutgoingPack } from "./northbound.ts";

interface Sent {
  readonly pack: OutgoingPack;
  accept(): void;
  reject(error: Error): void;
}

/** A far side that the test plays: nothing is accepted before it says so. */
class FarSide implements Northbound {
  maxPackBytes = 1000;
  concurrency = 4;
  backlogRate: BacklogRate | undefined;
  readonly sent: Sent[] = [];
  readonly arrived: OutgoingPack[] = [];
  #up = Promise.withResolvers<void>();
  #connected = false;

  connect(): void {
    this.#connected = true;
    this.#up.resolve();
  }

  /** Everything on its way is lost without an answer. */
  disconnect(): void {
    this.#connected = false;
    this.#up = Promise.withResolvers();
    for (const { reject } of this.sent.splice(0)) reject(new LinkError("gone", { code: "gone" }));
  }

  publish(pack: OutgoingPack, signal: AbortSignal): Promise<void> {
    if (!this.#connected) return Promise.reject(new LinkError("not connected", { code: "not-connected" }));
    return new Promise((resolve, reject) => {
      const entry: Sent = {
        pack,
        accept: () => {
          this.arrived.push(pack);
          resolve();
        },
        reject,
      };
      this.sent.push(entry);
      signal.addEventListener("abort", () => reject(signal.reason), { once: true });
    });
  }

  /** Accepts what was sent until nothing more comes. */
  async acceptAll(): Promise<void> {
    for (await settle(); this.sent.length > 0; await settle())
      for (const { accept } of this.sent.splice(0)) accept();
  }

  async connected(signal: AbortSignal): Promise<void> {
    const aborted = new Promise<never>((_, reject) =>
      signal.addEventListener("abort", () => reject(signal.reason), { once: true }),
    );
    await Promise.race([this.#up.promise, aborted]);
  }

  readonly topics = "stadsnod/v1/test";
  announce(): void {}
  status() {
    return { connected: this.#connected, peer: "test", published: 0, bytes: 0, refused: 0 };
  }
  async [Symbol.asyncDispose](): Promise<void> {}
}

function setUp(options: Partial<ForwarderOptions> & { clock?: VirtualClock } = {}) {
  const outbox = new MemoryOutbox();
  const farSide = new FarSide();
  const clock = options.clock ?? new VirtualClock();
  const warnings: string[] = [];
  const log: Log = { ...silentLog, warn: (_, text) => void warnings.push(text), child: () => log };
  const seqs = new Map<string, number>();
  /** A pack says in its bytes what it is: `audience/seq`. */
  const append = (
    audience: string,
    {
      lane = "live",
      run = "r1",
      time = { base: "unix", ms: clock.now() },
      size = 10,
    }: { lane?: "live" | "urgent"; run?: string; time?: Instant; size?: number } = {},
  ) => {
    const seq = (seqs.get(`${run}/${audience}`) ?? 0) + 1;
    seqs.set(`${run}/${audience}`, seq);
    const bytes = Buffer.from(`${audience}/${seq} `.padEnd(size));
    return outbox.append(bytes, { lane, audience, run, seq, time, bootId: "boot-1", readings: 1 });
  };
  const start = () =>
    openForwarder({
      outbox,
      northbound: farSide,
      clock,
      log,
      signal: new AbortController().signal,
      setBaseTime: (bytes, unixMs, estimated) =>
        Buffer.concat([bytes, Buffer.from(`@${unixMs}${estimated ? "?" : ""}`)]),
      mergePacks: (packs) => Buffer.concat(packs),
      ...options,
    });
  return { outbox, farSide, clock, warnings, append, start };
}

const text = ({ bytes }: OutgoingPack) => Buffer.from(bytes).toString().trim();

describe("forwarder", () => {
  it("sends urgent before live before backlog", async () => {
    const { outbox, farSide, append, start } = setUp();
    farSide.concurrency = 1;
    await append("old");
    outbox.age();
    await append("a");
    await append("alarm", { lane: "urgent" });
    farSide.connect();
    await using _forwarder = start();
    await farSide.acceptAll();
    expect(farSide.arrived.map(({ lane, audience }) => `${lane} ${audience}`)).toEqual([
      "urgent alarm",
      "live a",
      "backlog old",
    ]);
    expect(outbox.status().packs).toBe(0);
  });

  it("keeps no more on its way than the far side takes at a time", async () => {
    const { farSide, append, start } = setUp();
    for (let i = 0; i < 10; i++) await append("a");
    farSide.connect();
    await using _forwarder = start();
    await settle();
    expect(farSide.sent.map(({ pack }) => pack.seq)).toEqual([1, 2, 3, 4]);
    farSide.sent.shift()?.accept();
    await settle();
    expect(farSide.sent.map(({ pack }) => pack.seq)).toEqual([2, 3, 4, 5]);
  });

  it("removes a pack from the outbox only when the far side owns it", async () => {
    const { outbox, farSide, append, start } = setUp();
    await append("a");
    farSide.connect();
    await using _forwarder = start();
    await settle();
    expect(outbox.status().packs).toBe(1);
    await farSide.acceptAll();
    expect(outbox.acked).toEqual([1]);
  });

  it("sends again from the oldest without an answer after a lost link, in order", async () => {
    const { outbox, farSide, append, start } = setUp();
    for (let i = 0; i < 6; i++) await append("a");
    farSide.connect();
    await using _forwarder = start();
    await settle();
    farSide.sent.splice(1, 1)[0]?.accept();
    await settle();
    farSide.disconnect();
    await settle();
    expect(farSide.sent).toEqual([]);
    farSide.connect();
    await farSide.acceptAll();
    expect(farSide.arrived.map(({ seq }) => seq)).toEqual([2, 1, 3, 4, 5, 6]);
    expect(outbox.status().packs).toBe(0);
  });

  it("picks up what comes while it is idle", async () => {
    const { farSide, append, start } = setUp();
    farSide.connect();
    await using _forwarder = start();
    await settle();
    await append("a");
    await farSide.acceptAll();
    await append("b", { lane: "urgent" });
    await farSide.acceptAll();
    expect(farSide.arrived.map(({ audience }) => audience)).toEqual(["a", "b"]);
  });

  it("lets live packs through while a backlog drains", async () => {
    const { outbox, farSide, append, start } = setUp();
    farSide.maxPackBytes = 10;
    for (let i = 0; i < 20; i++) await append("a");
    outbox.age();
    farSide.connect();
    await using _forwarder = start();
    await settle();
    expect(farSide.sent).toHaveLength(2);
    await append("a");
    farSide.sent.shift()?.accept();
    await settle();
    expect(farSide.sent.map(({ pack }) => `${pack.lane} ${pack.seq}`)).toContain("live 21");
  });

  it("merges neighbours of one audience and run in the backlog", async () => {
    const { outbox, farSide, append, start } = setUp();
    farSide.maxPackBytes = 60;
    for (let i = 0; i < 7; i++) {
      await append("a", { size: 20 });
      if (i % 3 === 0) await append("b", { size: 20 });
    }
    await append("a", { run: "r2", size: 20 });
    outbox.age();
    farSide.connect();
    await using forwarder = start();
    await farSide.acceptAll();
    expect(
      farSide.arrived.map(({ audience, run, seq, seqTo }) => `${audience} ${run} ${seq}-${seqTo}`),
    ).toEqual(["a r1 1-3", "b r1 1-3", "a r1 4-6", "a r1 7-7", "a r2 1-1"]);
    expect(outbox.acked.toSorted((a, b) => a - b)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
    expect(forwarder.status()).toMatchObject({ delivered: 11, messages: 5 });
  });

  it("divides what is too large when merged, and sends packs alone that do not go together", async () => {
    for (const [mergePacks, expected] of [
      [(packs: readonly Uint8Array[]) => Buffer.concat([...packs, Buffer.alloc(20)]), ["1-2", "3-4"]],
      [
        () => {
          throw new GatewayError("not of one run", { code: "senml-merge" });
        },
        ["1-1", "2-2", "3-3", "4-4"],
      ],
    ] as const) {
      const { outbox, farSide, append, start } = setUp({ mergePacks });
      farSide.maxPackBytes = 80;
      for (let i = 0; i < 4; i++) await append("a", { size: 20 });
      outbox.age();
      farSide.connect();
      await using _forwarder = start();
      await farSide.acceptAll();
      expect(farSide.arrived.map(({ seq, seqTo }) => `${seq}-${seqTo}`)).toEqual(expected);
    }
  });

  it("keeps to the rate for the backlog, by messages and by bytes", async () => {
    for (const rate of [{ packsPerSecond: 2 }, { bytesPerSecond: 20 }]) {
      const { outbox, farSide, clock, append, start } = setUp();
      farSide.maxPackBytes = 10;
      farSide.backlogRate = rate;
      for (let i = 0; i < 10; i++) await append("a");
      outbox.age();
      farSide.connect();
      await using _forwarder = start();
      await farSide.acceptAll();
      const burst = farSide.arrived.length;
      expect(burst).toBe(2);
      await clock.advance(1000);
      await farSide.acceptAll();
      for (let second = 0; second < 5; second++) {
        await clock.advance(500);
        await farSide.acceptAll();
      }
      expect(farSide.arrived.length).toBeGreaterThanOrEqual(burst + 4);
      expect(farSide.arrived.length).toBeLessThanOrEqual(burst + 8);
    }
  });

  it("parks a refused pack once and goes on", async () => {
    const { outbox, farSide, warnings, append, start } = setUp();
    for (let i = 0; i < 3; i++) await append("secret");
    await append("open");
    farSide.connect();
    await using forwarder = start();
    for (await settle(); farSide.sent.length > 0; await settle())
      for (const { pack, accept, reject } of farSide.sent.splice(0))
        if (pack.audience === "open") accept();
        else reject(new RefusedError("not authorized", { code: "not-authorized" }));
    expect(outbox.dropped.map(({ pack, reason }) => `${pack.audience}/${pack.seq} ${reason}`)).toEqual([
      "secret/1 refused",
      "secret/2 refused",
      "secret/3 refused",
    ]);
    expect(warnings).toEqual(["given up: not authorized"]);
    expect(forwarder.status()).toMatchObject({ refused: 3, delivered: 1 });
  });

  it("sends the packs of a refused audience last and alone, as a refusal may end the connection", async () => {
    const { outbox, farSide, append, start } = setUp();
    for (let i = 0; i < 3; i++) await append("secret");
    for (let i = 0; i < 3; i++) await append("open");
    farSide.connect();
    await using _forwarder = start();
    await settle();
    const log: string[] = [];
    // A broker that answers one refusal and hangs up.
    for (; outbox.status().packs > 0; await settle()) {
      const [first] = farSide.sent;
      log.push(farSide.sent.map(({ pack }) => `${pack.audience}/${pack.seq}`).join(" "));
      if (first?.pack.audience === "secret") {
        farSide.sent.shift()?.reject(new RefusedError("not authorized", { code: "not-authorized" }));
        farSide.disconnect();
        farSide.connect();
      } else for (const { accept } of farSide.sent.splice(0)) accept();
    }
    expect(log).toEqual([
      "secret/1 secret/2 secret/3 open/1",
      "open/1 open/2 open/3",
      "secret/2",
      "secret/3",
    ]);
  });

  it("takes a refused merged pack apart and gives up only what is refused by itself", async () => {
    const { outbox, farSide, append, start } = setUp();
    for (let i = 0; i < 3; i++) await append("a");
    outbox.age();
    farSide.connect();
    await using _forwarder = start();
    for (await settle(); farSide.sent.length > 0; await settle())
      for (const { pack, accept, reject } of farSide.sent.splice(0))
        if (pack.seq <= 2 && pack.seqTo >= 2) reject(new RefusedError("too large", { code: "too-large" }));
        else accept();
    expect(farSide.arrived.map(({ seq }) => seq)).toEqual([1, 3]);
    expect(outbox.dropped.map(({ pack }) => pack.seq)).toEqual([2]);
  });

  it("holds boot-relative packs until the clock is trusted, then gives them their true time", async () => {
    const clock = new VirtualClock({ trusted: false, monotonic: 60_000 });
    const { farSide, append, start } = setUp({ clock });
    await append("a", { time: { base: "boot", ms: 50_000 } });
    farSide.connect();
    await using forwarder = start();
    await settle();
    expect(farSide.sent).toEqual([]);
    expect(forwarder.status().waitingForTime).toBe(true);
    clock.trust(1_800_000_060_000);
    await farSide.acceptAll();
    expect(farSide.arrived.map(text)).toEqual(["a/1       @1800000050000"]);
  });

  it("lets them go with the best known time and a mark when trust does not come", async () => {
    const clock = new VirtualClock({ trusted: false, unix: 1_790_000_060_000, monotonic: 60_000 });
    const { farSide, append, start } = setUp({ clock, trustWaitMs: 5_000 });
    await append("a", { time: { base: "boot", ms: 50_000 } });
    farSide.connect();
    await using _forwarder = start();
    await clock.advance(4_999);
    expect(farSide.sent).toEqual([]);
    await clock.advance(1);
    await farSide.acceptAll();
    expect(farSide.arrived.map(text)).toEqual(["a/1       @1790000050000?"]);
  });

  it("resolves packs of an earlier boot from memory, or guesses with a mark", async () => {
    const clock = new VirtualClock({ unix: 1_790_000_060_000, monotonic: 60_000, bootId: "boot-2" });
    for (const [known, expected] of [
      [1_700_000_000_000, "a/1       @1700000050000"],
      [undefined, "a/1       @1790000000000?"],
    ] as const) {
      const { farSide, append, start } = setUp({ clock, bootTime: () => known });
      await append("a", { time: { base: "boot", ms: 50_000 } });
      farSide.connect();
      await using _forwarder = start();
      await farSide.acceptAll();
      expect(farSide.arrived.map(text)).toEqual([expected]);
    }
  });

  it("gives up a stored pack that cannot be read, and says so in the account", async () => {
    const { outbox, farSide, append, start } = setUp({
      setBaseTime: () => {
        throw new GatewayError("not CBOR", { code: "cbor" });
      },
    });
    await append("a", { time: { base: "boot", ms: 1 } });
    await append("a");
    farSide.connect();
    await using _forwarder = start();
    await farSide.acceptAll();
    expect(outbox.dropped.map(({ pack, reason }) => `${pack.seq} ${reason}`)).toEqual(["1 damaged"]);
    expect(farSide.arrived.map(({ seq }) => seq)).toEqual([2]);
  });

  it("ends with the bug when a plug-in throws what it must not", async () => {
    const { farSide, append, start } = setUp();
    await append("a");
    farSide.connect();
    const forwarder = start();
    await settle();
    farSide.sent[0]?.reject(new TypeError("a bug"));
    await expect(forwarder.done).rejects.toThrow("a bug");
  });

  it("ends without waiting until the gap of what was refused is safe", async () => {
    const { outbox, farSide, append, start } = setUp();
    const forwarder = start();
    // What tells of the gap cannot be stored before this outbox is closed.
    outbox.drop = () => new Promise(() => {});
    await append("a");
    farSide.connect();
    await settle();
    farSide.sent[0]!.reject(new RefusedError("never", { code: "not-authorised" }));
    await settle();
    await forwarder[Symbol.asyncDispose]();
    expect(forwarder.status().inFlight).toBe(0);
  });

  it("ends without waiting for answers", async () => {
    const { outbox, farSide, append, start } = setUp();
    await append("a");
    farSide.connect();
    const forwarder = start();
    await settle();
    await forwarder[Symbol.asyncDispose]();
    expect(outbox.status().packs).toBe(1);
  });
});
