import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type Conduct,
  registersOf,
  type SeenRequest,
  simulateUnits,
  tcpAnswer,
} from "../../../test/fault/modbus-unit.ts";
import { VirtualClock } from "../../../test/fault/virtual-clock.ts";
import { LinkError, TransientError, UnsupportedPointError } from "../../model/errors.ts";
import { memoryPair } from "../../transport/memory.ts";
import type { Request } from "./pdu.ts";
import { TcpClient } from "./tcp-client.ts";

const timeout = 500;
const read = (start: number, count = 2): Request => ({ function: 3, start, count });

function bench(
  conduct: (request: SeenRequest, transaction: number) => Conduct,
  { concurrency = 1, chunk }: { concurrency?: number; chunk?: number } = {},
) {
  const clock = new VirtualClock();
  const [near, far] = memoryPair(clock, { chunk });
  const client = new TcpClient(near, concurrency, clock);
  const transactions: number[] = [];
  const seen = simulateUnits(far, clock, "tcp", (request, transaction) => {
    transactions.push(transaction);
    return conduct(request, transaction);
  });
  const stop = new AbortController();
  const start = (unit: number, request: Request) => {
    const outcome: { data?: number[]; error?: unknown } = {};
    client.request(unit, request, timeout, stop.signal).then(
      ({ pdu }) => Object.assign(outcome, { data: [...pdu.subarray(2)] }),
      (error) => Object.assign(outcome, { error }),
    );
    return outcome;
  };
  const run = async (unit: number, request: Request) => {
    const outcome = start(unit, request);
    for (let turn = 0; turn < 400 && !outcome.data && !outcome.error; turn++) await clock.advance(10);
    return outcome;
  };
  return { clock, near, far, client, seen, transactions, stop, start, run };
}

const honest = (request: SeenRequest, transaction: number): Conduct => ({
  reply: tcpAnswer(transaction, request),
});

describe("a TCP client", () => {
  it.each([1, 5, 1000])("reads whole answers that come in pieces of %i bytes", async (chunk) => {
    const { run } = bench(honest, { chunk });
    for (const start of [0, 7, 40_000])
      expect((await run(1, read(start, 30))).data).toEqual(registersOf(start, 30));
  });

  it("keeps to its concurrency, and gives each request its own answer in whatever order they come", async () => {
    let open = 0;
    let most = 0;
    const { start, clock } = bench(
      (request, transaction) => {
        const after = 200 - 3 * (request.start % 50);
        most = Math.max(most, ++open);
        clock.timer(after, () => {
          open--;
        });
        return { reply: tcpAnswer(transaction, request), after };
      },
      { concurrency: 4 },
    );
    const outcomes = Array.from({ length: 40 }, (_, index) => start(index % 3, read(index)));
    await clock.advance(5000);
    expect(outcomes.map(({ data }) => data)).toEqual(outcomes.map((_, index) => registersOf(index, 2)));
    expect(most).toBe(4);
  });

  it("never takes an answer that is 1 to 5 timeouts late for another's", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.double({ min: 0.01, max: 6, noNaN: true }), { minLength: 20, maxLength: 20 }),
        async (lateness) => {
          let turn = 0;
          const { run } = bench((request, transaction) => ({
            reply: tcpAnswer(transaction, request),
            after: timeout * lateness[turn++]!,
          }));
          for (let request = 0; request < 20; request++) {
            const { data } = await run(1, read(1000 * request));
            if (data) expect(data).toEqual(registersOf(1000 * request, 2));
          }
        },
      ),
      { numRuns: 25 },
    );
  });

  it("does not use an id again while its answer has not come, 65,536 requests later too", async () => {
    const late: { request: SeenRequest; transaction: number }[] = [];
    const { run, client, near, far, clock } = bench((request, transaction) => {
      if (late.length > 0) return {};
      late.push({ request, transaction });
      return {};
    });
    expect((await run(1, read(77))).error).toMatchObject({ code: "timeout" });
    const used = new Set<number>();
    const stop = new AbortController().signal;
    far.receive((chunk) => {
      const frame = Buffer.from(chunk);
      used.add(frame.readUInt16BE(0));
      near.deliver(tcpAnswer(frame.readUInt16BE(0), { unit: 1, code: 3, start: 5, count: 2, at: 0 }));
    });
    near.join(far);
    for (let batch = 0; batch < 66; batch++) {
      const requests = Array.from({ length: 1000 }, () => client.request(1, read(5), timeout, stop));
      // One at a time on the wire; the memory line needs the clock to move each write.
      let done = false;
      void Promise.all(requests).then(() => {
        done = true;
      });
      while (!done) await pump(clock);
    }
    expect(used.size).toBe(65_535);
    expect(used.has(late[0]!.transaction)).toBe(false);
    near.deliver(tcpAnswer(late[0]!.transaction, late[0]!.request));
    expect(client.statistics).toMatchObject({ late: 1, foreign: 0 });
  });

  it("refuses an answer of another unit, function or length", async () => {
    const codes: string[] = [];
    for (const wrong of [{ unit: 9 }, { code: 4 }, { count: 3 }]) {
      const { run } = bench((request, transaction) => ({
        reply: tcpAnswer(transaction, { ...request, ...wrong }),
      }));
      const { error, data } = await run(1, read(1));
      expect(data).toBeUndefined();
      codes.push(error instanceof TransientError ? error.code : "none");
    }
    expect(codes).toEqual(["foreign-reply", "bad-reply", "bad-reply"]);
  });

  it("turns exceptions into what the caller does next", async () => {
    const exception = (code: number) =>
      bench(({ unit }, transaction) => ({
        reply: Uint8Array.of(transaction >> 8, transaction & 0xff, 0, 0, 0, 3, unit, 0x83, code),
      })).run(1, read(1));
    expect((await exception(2)).error).toBeInstanceOf(UnsupportedPointError);
    expect((await exception(11)).error).toBeInstanceOf(TransientError);
  });

  it("gives the connection up when what comes is not Modbus TCP", async () => {
    const { run, client } = bench(() => ({
      reply: Uint8Array.from(Buffer.from("HTTP/1.1 400 Bad Request\r\n")),
    }));
    const { error } = await run(1, read(1));
    expect(error).toBeInstanceOf(LinkError);
    expect(error).toMatchObject({ code: "not-modbus" });
    expect(client.lost.aborted).toBe(true);
    expect((await run(1, read(1))).error).toBe(error);
  });

  it("rejects everything at once when the link is lost, and nothing hangs when it is closed", async () => {
    const lost = bench(() => ({}));
    const first = [lost.start(1, read(1)), lost.start(2, read(2))];
    lost.near.lose();
    await lost.clock.advance(0);
    for (const { error } of first) expect(error).toBeInstanceOf(LinkError);

    const closed = bench(() => ({}), { concurrency: 2 });
    const second = [closed.start(1, read(1)), closed.start(2, read(2)), closed.start(3, read(3))];
    await closed.clock.advance(1);
    await closed.client[Symbol.asyncDispose]();
    await closed.clock.advance(0);
    for (const { error } of second) expect(error).toBeInstanceOf(LinkError);
  });

  it("gives up on the signal, and drops the answer that comes then", async () => {
    const { start, stop, clock, client } = bench((request, transaction) => ({
      reply: tcpAnswer(transaction, request),
      after: 100,
    }));
    const outcome = start(1, read(1));
    await clock.advance(10);
    stop.abort(new Error("enough"));
    await clock.advance(500);
    expect(outcome.error).toMatchObject({ message: "enough" });
    expect(client.statistics.late).toBe(1);
  });
});

/** Lets one write through without the cost of a whole advance. */
async function pump(clock: VirtualClock): Promise<void> {
  await clock.advance(0);
}
