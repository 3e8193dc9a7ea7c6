import { describe, expect, it } from "vitest";
import { LinkError, RefusedError, StorageError } from "../../gateway/model/errors.ts";
import type { Northbound, NorthboundContext, OutgoingPack } from "../../gateway/northbound/northbound.ts";

/** What the far side saw. */
export interface Arrival {
  readonly lane: "telemetry" | "backlog";
  readonly audience: string;
  /** Uncompressed. */
  readonly bytes: Buffer;
}

/** A far side under test, with the northbound that talks to it. */
export interface FarSide extends AsyncDisposable {
  open(context?: Partial<NorthboundContext>): Promise<Northbound>;
  readonly arrivals: readonly Arrival[];
  /** Retained facts by topic (`state`, `description/<device>`), as they stand now. */
  readonly facts: ReadonlyMap<string, Buffer>;
  /** What was answered to commands, in the order in which it came. */
  readonly answers: readonly { readonly device: string; readonly body: string }[];
  /** Asks the gateway under test for something; resolves when the far side has it. */
  command(device: string, body: string): Promise<void>;
  /** Resolves when `holds` does; looked at after every arrival. */
  until(holds: () => boolean): Promise<void>;
  /** Ends the far side as a crash does, with what it keeps in memory. */
  stop(): Promise<void>;
  /** Starts it again at the same address. */
  start(): Promise<void>;
}

/**
 * What every northbound has to do, whatever it speaks. One call per implementation and far side;
 * `refused` is an audience that the far side refuses, for those that can say so (MQTT 3.1.1 cannot).
 */
export function northboundContract(
  name: string,
  openFarSide: () => Promise<FarSide>,
  { refused }: { readonly refused?: string } = {},
): void {
  const never = new AbortController().signal;
  const pack = (seq: number, more: Partial<OutgoingPack> = {}): OutgoingPack => ({
    lane: "live",
    audience: "open",
    run: "run1",
    seq,
    seqTo: seq,
    bytes: Buffer.from(`pack ${seq} `.repeat(20)),
    ...more,
  });

  describe(`northbound contract: ${name}`, () => {
    it("has delivered when publish resolves", async () => {
      await using far = await openFarSide();
      await using northbound = await far.open();
      await northbound.connected(never);
      await northbound.publish(pack(1), never);
      await northbound.publish(pack(2, { lane: "backlog", audience: "parks", seqTo: 5 }), never);
      await far.until(() => far.arrivals.length === 2);
      expect(far.arrivals.map(({ lane, audience, bytes }) => [lane, audience, bytes.toString()])).toEqual([
        ["telemetry", "open", "pack 1 ".repeat(20)],
        ["backlog", "parks", "pack 2 ".repeat(20)],
      ]);
      expect(northbound.status()).toMatchObject({ connected: true, published: 2, refused: 0 });
    });

    it("keeps the order of what is published at the same time", async () => {
      await using far = await openFarSide();
      await using northbound = await far.open();
      await northbound.connected(never);
      const seqs = Array.from({ length: 200 }, (_, index) => index + 1);
      await Promise.all(seqs.map((seq) => northbound.publish(pack(seq), never)));
      await far.until(() => far.arrivals.length === 200);
      expect(far.arrivals.map(({ bytes }) => bytes.toString())).toEqual(
        seqs.map((seq) => `pack ${seq} `.repeat(20)),
      );
    });

    it("rejects with LinkError while the far side is away, and works again when it is back", async () => {
      await using far = await openFarSide();
      await using northbound = await far.open();
      await northbound.connected(never);
      await far.stop();
      await expect(northbound.publish(pack(1), never)).rejects.toBeInstanceOf(LinkError);
      expect(northbound.status().connected).toBe(false);
      await far.start();
      await northbound.connected(never);
      await northbound.publish(pack(2), never);
      await far.until(() => far.arrivals.length === 1);
      expect(far.arrivals[0]?.bytes.toString()).toBe("pack 2 ".repeat(20));
    });

    it("opens while the far side is away, and says why it is not connected", async () => {
      await using far = await openFarSide();
      await far.stop();
      await using northbound = await far.open();
      await expect(northbound.publish(pack(1), never)).rejects.toBeInstanceOf(LinkError);
      await far.start();
      await northbound.connected(never);
      expect(northbound.status()).toMatchObject({ connected: true, lastError: undefined });
    });

    it("announces facts, and again to a far side that has forgotten them", async () => {
      await using far = await openFarSide();
      await using northbound = await far.open();
      northbound.announce("state", Buffer.from("online"));
      northbound.announce("description/meter", Buffer.from("a meter"));
      await far.until(() => far.facts.size === 2);
      await far.stop();
      await far.start();
      await far.until(() => far.facts.size === 2);
      expect(Array.from(far.facts, ([topic, body]) => [topic, body.toString()]).sort()).toEqual([
        ["description/meter", "a meter"],
        ["state", "online"],
      ]);
    });

    it("leaves its last will when it ends", async () => {
      await using far = await openFarSide();
      const northbound = await far.open();
      northbound.announce("state", Buffer.from("online"));
      await far.until(() => far.facts.get("state")?.toString() === "online");
      await northbound[Symbol.asyncDispose]();
      await far.until(() => far.facts.get("state")?.toString() === "offline");
    });

    it("stops waiting when the signal says so", async () => {
      await using far = await openFarSide();
      await far.stop();
      await using northbound = await far.open();
      const stop = new AbortController();
      const waiting = northbound.connected(stop.signal);
      stop.abort(new Error("enough"));
      await expect(waiting).rejects.toThrow("enough");
      await expect(northbound.publish(pack(1), stop.signal)).rejects.toThrow("enough");
    });

    it("lets nobody wait for a connection after its end", async () => {
      await using far = await openFarSide();
      await far.stop();
      const northbound = await far.open();
      const waiting = northbound.connected(never);
      const ended = expect(waiting).rejects.toThrow(LinkError);
      await northbound[Symbol.asyncDispose]();
      await ended;
      await expect(northbound.connected(never)).rejects.toThrow(LinkError);
    });

    it("gives commands to whoever wants them, and takes their answers", async () => {
      await using far = await openFarSide();
      const { taken, onCommand } = recorder();
      await using northbound = await far.open({ onCommand });
      await subscribed(northbound);
      await far.command("lamp-1", "on");
      await settled(() => northbound.status().commands?.taken === 1);
      expect(taken).toEqual(["lamp-1 on"]);
      await northbound.answer?.({ device: "lamp-1", body: Buffer.from("it is on") }, never);
      await far.until(() => far.answers.length === 1);
      expect(far.answers).toEqual([{ device: "lamp-1", body: "it is on" }]);
    });

    it("lets a command come again that could not be kept, and none that was", async () => {
      await using far = await openFarSide();
      const first = recorder((body) => body === "lost");
      {
        await using northbound = await far.open({ onCommand: first.onCommand });
        await subscribed(northbound);
        await far.command("lamp-1", "kept");
        await settled(() => northbound.status().commands?.taken === 1);
        await far.command("lamp-1", "lost");
        await settled(() => northbound.status().commands?.notKept === 1);
      }
      const second = recorder();
      await using northbound = await far.open({ onCommand: second.onCommand });
      await settled(() => second.taken.length > 0);
      await northbound.connected(never);
      expect(second.taken).toEqual(["lamp-1 lost"]);
    });

    it("gets a command that came while the gateway was away", async () => {
      await using far = await openFarSide();
      {
        await using northbound = await far.open({ onCommand: recorder().onCommand });
        await subscribed(northbound);
      }
      await far.command("lamp-1", "meanwhile");
      const { taken, onCommand } = recorder();
      await using _northbound = await far.open({ onCommand });
      await settled(() => taken.length === 1);
      expect(taken).toEqual(["lamp-1 meanwhile"]);
    });

    it("rejects an answer with LinkError while the far side is away", async () => {
      await using far = await openFarSide();
      await using northbound = await far.open({ onCommand: recorder().onCommand });
      await northbound.connected(never);
      await far.stop();
      const answer = { device: "lamp-1", body: Buffer.from("on") };
      await expect(northbound.answer?.(answer, never)).rejects.toBeInstanceOf(LinkError);
      await far.start();
      await northbound.connected(never);
      await northbound.answer?.(answer, never);
      await far.until(() => far.answers.length === 1);
    });

    it("asks for no commands when nobody wants them", async () => {
      await using far = await openFarSide();
      await using northbound = await far.open();
      await northbound.connected(never);
      expect(northbound.status().commands).toBeUndefined();
    });

    if (refused !== undefined)
      it("rejects with RefusedError what is never taken, and goes on", async () => {
        await using far = await openFarSide();
        await using northbound = await far.open();
        await northbound.connected(never);
        const forbidden = pack(1, { audience: refused });
        await expect(northbound.publish(forbidden, never)).rejects.toBeInstanceOf(RefusedError);
        // Some end the connection with the refusal.
        for (let done = false; !done; ) {
          await northbound.connected(never);
          done = await northbound.publish(pack(2), never).then(
            () => true,
            (error: unknown) => {
              expect(error).toBeInstanceOf(LinkError);
              return false;
            },
          );
        }
        expect(northbound.status()).toMatchObject({ connected: true, published: 1, refused: 1 });
      });
  });
}

/** Takes commands down; `fails` says which ones the disk does not take. */
function recorder(fails: (body: string) => boolean = () => false): {
  readonly taken: string[];
  readonly onCommand: NonNullable<NorthboundContext["onCommand"]>;
} {
  const taken: string[] = [];
  return {
    taken,
    async onCommand({ device, body }) {
      const text = Buffer.from(body).toString();
      if (fails(text)) throw new StorageError("the disk is full", { code: "disk-full" });
      taken.push(`${device} ${text}`);
    },
  };
}

/** Resolves when the far side sends commands. */
async function subscribed(northbound: Northbound): Promise<void> {
  await settled(() => northbound.status().commands?.subscribed === true);
}

async function settled(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setImmediate(resolve));
}
