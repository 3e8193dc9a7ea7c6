import { afterEach, describe, expect, it } from "vitest";
import { LinkError } from "../../gateway/model/errors.ts";
import type { Transport } from "../../gateway/transport/transport.ts";

/** A transport under test, and the far end of its line. */
export interface Line extends AsyncDisposable {
  readonly transport: Transport;
  /** What the far end gets, from now on. */
  onFar(receiver: (chunk: Uint8Array) => void): void;
  /** The far end sends. */
  send(bytes: Uint8Array): void;
  /** The far end goes away. */
  cut(): void;
  /** What a break does on this kind of line: the far end hears it, the port refuses it, or there is none. */
  readonly break: "heard" | "refused" | "absent";
  /** Breaks that the far end heard so far, ms each; only where they are heard. */
  readonly breaks?: readonly number[];
}

/** What every transport must do. `open` gives a fresh line. */
export function transportContract(name: string, open: () => Promise<Line>): void {
  describe(`transport contract: ${name}`, () => {
    const lines: Line[] = [];
    const fresh = async () => {
      const line = await open();
      lines.push(line);
      return line;
    };
    afterEach(async () => {
      for (const line of lines.splice(0)) await line[Symbol.asyncDispose]();
    });

    /** Collects until `count` bytes are there. */
    const collect = (
      subscribe: (receiver: (chunk: Uint8Array, at?: number) => void) => void,
      count: number,
    ) =>
      new Promise<Uint8Array>((resolve) => {
        let got = Buffer.alloc(0);
        subscribe((chunk) => {
          got = Buffer.concat([got, chunk]);
          if (got.length >= count) resolve(Uint8Array.from(got));
        });
      });
    const whenLost = ({ lost }: Transport) =>
      new Promise<unknown>((resolve) => {
        if (lost.aborted) resolve(lost.reason);
        else lost.addEventListener("abort", () => resolve(lost.reason), { once: true });
      });
    const every = Uint8Array.from({ length: 256 }, (_, index) => index);

    it("carries every byte value out, in order over several writes", async () => {
      const line = await fresh();
      const far = collect((receiver) => line.onFar(receiver), 512);
      await line.transport.write(every);
      await line.transport.write(every);
      expect(await far).toEqual(Uint8Array.of(...every, ...every));
    });

    it("carries every byte value in, each chunk the receiver's own", async () => {
      const line = await fresh();
      const chunks: Uint8Array[] = [];
      const near = collect((receiver) => {
        line.transport.receive((chunk, at) => {
          chunks.push(chunk);
          expect(at).toBeGreaterThan(0);
          receiver(chunk);
        });
      }, 512);
      line.send(every);
      line.send(every);
      expect(await near).toEqual(Uint8Array.of(...every, ...every));
      expect(Buffer.concat(chunks)).toEqual(Buffer.from([...every, ...every]));
    });

    it("gives bytes to the receiver of the moment", async () => {
      const line = await fresh();
      const first = collect((receiver) => line.transport.receive(receiver), 1);
      line.send(Uint8Array.of(1));
      expect(await first).toEqual(Uint8Array.of(1));
      const second = collect((receiver) => line.transport.receive(receiver), 1);
      line.send(Uint8Array.of(2));
      expect(await second).toEqual(Uint8Array.of(2));
    });

    it("loses nothing that was held back", async () => {
      const line = await fresh();
      const near = collect((receiver) => line.transport.receive(receiver), 3);
      line.transport.expect?.(3, performance.now() + 20);
      line.send(Uint8Array.of(7, 8, 9));
      expect(await near).toEqual(Uint8Array.of(7, 8, 9));
      const after = collect((receiver) => line.transport.receive(receiver), 1);
      line.send(Uint8Array.of(10));
      expect(await after).toEqual(Uint8Array.of(10));
    });

    it("says at once, with a LinkError, that the far end is gone; writes then reject with it", async () => {
      const line = await fresh();
      const lost = whenLost(line.transport);
      line.cut();
      const reason = await lost;
      expect(reason).toBeInstanceOf(LinkError);
      await expect(line.transport.write(every)).rejects.toBe(reason);
    });

    it("is lost when closed, and closes twice without complaint", async () => {
      const line = await fresh();
      await line.transport[Symbol.asyncDispose]();
      expect(line.transport.lost.reason).toBeInstanceOf(LinkError);
      await line.transport[Symbol.asyncDispose]();
      await expect(line.transport.write(every)).rejects.toBeInstanceOf(LinkError);
    });

    it("makes a break, or says that it cannot and lives on", async () => {
      const line = await fresh();
      const { transport } = line;
      expect(transport.break === undefined).toBe(line.break === "absent");
      if (line.break === "heard") {
        await transport.break?.(13);
        expect(line.breaks).toHaveLength(1);
        expect(line.breaks?.[0]).toBeGreaterThanOrEqual(12);
      }
      if (line.break === "refused")
        await expect(transport.break?.(13)).rejects.toMatchObject({ name: "LinkError", code: "no-break" });
      expect(transport.lost.aborted).toBe(false);
      const far = collect((receiver) => line.onFar(receiver), 1);
      await transport.write(Uint8Array.of(1));
      expect(await far).toEqual(Uint8Array.of(1));
    });

    it("makes no break when it is lost", async () => {
      const { transport } = await fresh();
      await transport[Symbol.asyncDispose]();
      if (transport.break) await expect(transport.break(13)).rejects.toBeInstanceOf(LinkError);
    });

    it("keeps the first reason for its loss", async () => {
      const line = await fresh();
      const lost = whenLost(line.transport);
      line.cut();
      const reason = await lost;
      await line.transport[Symbol.asyncDispose]();
      expect(line.transport.lost.reason).toBe(reason);
    });
  });
}
