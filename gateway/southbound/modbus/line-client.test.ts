import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type Conduct,
  registersOf,
  rtuAnswer,
  rtuFrame,
  type SeenRequest,
  simulateUnits,
} from "../../../test/fault/modbus-unit.ts";
import { VirtualClock } from "../../../test/fault/virtual-clock.ts";
import { LinkError, TransientError, UnsupportedPointError } from "../../model/errors.ts";
import { type MemoryOptions, memoryPair } from "../../transport/memory.ts";
import type { Transport } from "../../transport/transport.ts";
import { ascii, encodeAscii } from "./ascii.ts";
import { LineClient, type LinePace } from "./line-client.ts";
import type { Request } from "./pdu.ts";
import { rtu } from "./rtu.ts";

const byteMs = 11 / 9.6;
const serial: LinePace = { character: byteMs, silence: 3.5 * byteMs, slack: 20, floor: 100 };
const overTcp: LinePace = { character: 0, silence: 0, slack: 0, floor: 100 };
const timeout = 200;

function bench(
  conduct: (request: SeenRequest) => Conduct,
  { pace = serial, ...options }: MemoryOptions & { pace?: LinePace } = {},
) {
  const clock = new VirtualClock();
  const [near, far] = memoryPair(clock, { byteMs: pace.character, ...options });
  const client = new LineClient(near, rtu, pace, clock);
  const seen = simulateUnits(far, clock, "rtu", conduct);
  const stop = new AbortController();
  const start = (unit: number, request: Request, limit = timeout) => {
    const outcome: { data?: number[]; error?: unknown; at?: number } = {};
    client.request(unit, request, limit, stop.signal).then(
      ({ pdu, at }) => Object.assign(outcome, { data: [...pdu.subarray(2)], at }),
      (error) => Object.assign(outcome, { error }),
    );
    return outcome;
  };
  const run = async (unit: number, request: Request, limit = timeout) => {
    const outcome = start(unit, request, limit);
    for (let turn = 0; turn < 400 && !outcome.data && !outcome.error; turn++) await clock.advance(10);
    return outcome;
  };
  return { clock, near, far, client, seen, stop, start, run };
}

const read = (start: number, count = 2): Request => ({ function: 3, start, count });
const honest = (request: SeenRequest): Conduct => ({ reply: rtuAnswer(request) });

describe("a line client", () => {
  it("speaks the wire's bytes", async () => {
    const { client, clock, far } = bench(honest);
    const sent: string[] = [];
    far.receive((chunk) => {
      sent.push(Buffer.from(chunk).toString("hex"));
      void far.write(Buffer.from("110306ae415652434049ad", "hex"));
    });
    const reply = client.request(
      0x11,
      { function: 3, start: 0x6b, count: 3 },
      timeout,
      new AbortController().signal,
    );
    await clock.advance(100);
    expect(sent).toEqual(["1103006b00037687"]);
    expect(Buffer.from((await reply).pdu).toString("hex")).toBe("0306ae4156524340");
  });

  it.each([1, 3, 7, 1000])("reads whole answers that come in pieces of %i bytes", async (chunk) => {
    const { run, client } = bench(honest, { chunk });
    for (const start of [0, 100, 60_000])
      expect((await run(5, read(start, 20))).data).toEqual(registersOf(start, 20));
    expect(client.statistics).toMatchObject({ requests: 3, replies: 3, garbage: 0 });
  });

  it("keeps 3.5 characters of silence before every request, measured from the last byte of anybody", async () => {
    const clock = new VirtualClock();
    const [near, far] = memoryPair(clock, { byteMs, chunk: 1 });
    const client = new LineClient(near, rtu, serial, clock);
    let lastByte = Number.NEGATIVE_INFINITY;
    const silences: number[] = [];
    // Each byte is delivered when it ends on the wire: a request's first byte began one character before.
    let inRequest = 0;
    far.receive((_chunk, at) => {
      if (inRequest === 0 && Number.isFinite(lastByte)) silences.push(at - byteMs - lastByte);
      lastByte = at;
      if (++inRequest < 8) return;
      inRequest = 0;
      void far.write(rtuFrame(1, 3, 4, 0, 1, 0, 2)).then(() => {
        lastByte = clock.monotonic();
      });
    });
    let done = 0;
    void (async () => {
      for (let turn = 0; turn < 25; turn++, done++)
        await client.request(1, read(turn), timeout, new AbortController().signal);
    })();
    for (let turn = 0; turn < 2000 && done < 25; turn++) await clock.advance(5);
    expect(silences).toHaveLength(24);
    expect(Math.min(...silences)).toBeGreaterThanOrEqual(3.5 * byteMs - 1e-6);
    expect(Math.max(...silences)).toBeLessThan(3.5 * byteMs + 0.1);
  });

  it("skips its own echo", async () => {
    const { run, client } = bench(honest, { echo: true, chunk: 3 });
    for (const start of [3, 900]) expect((await run(2, read(start))).data).toEqual(registersOf(start, 2));
    expect(client.statistics).toMatchObject({ echoes: 2, replies: 2, garbage: 0, foreign: 0 });
  });

  it("does not take the echo of a write for its answer on a line that echoes", async () => {
    const answered = bench((request) => (request.code === 3 ? honest(request) : {}), { echo: true });
    expect((await answered.run(2, read(0))).data).toBeDefined();
    expect((await answered.run(2, { function: 6, address: 1, value: 2 })).error).toMatchObject({
      code: "timeout",
    });
  });

  it("finds the answer behind garbage", async () => {
    const noise = Uint8Array.of(0xff, 0x00, 1, 3, 4, 9);
    const { run, client } = bench((request) => ({ reply: Buffer.concat([noise, rtuAnswer(request)]) }));
    expect((await run(1, read(40))).data).toEqual(registersOf(40, 2));
    expect(client.statistics.garbage).toBe(noise.length);
  });

  it("says crc for a damaged answer, and may ask again at once", async () => {
    let damaged = true;
    const { run, client } = bench((request) => {
      const reply = rtuAnswer(request);
      if (damaged) reply[4]! ^= 4;
      return { reply };
    });
    const { error } = await run(1, read(1));
    expect(error).toBeInstanceOf(TransientError);
    expect(error).toMatchObject({ code: "crc" });
    damaged = false;
    expect((await run(1, read(1))).data).toEqual(registersOf(1, 2));
    expect(client.statistics).toMatchObject({ damaged: 1, replies: 1 });
  });

  it("never gives a value for an answer with any bits flipped", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(71), { minLength: 1, maxLength: 3 }), async (bits) => {
        const { run } = bench((request) => {
          const reply = rtuAnswer(request);
          for (const bit of new Set(bits)) reply[bit >> 3]! ^= 1 << (bit & 7);
          return { reply };
        });
        expect((await run(1, read(0x1234))).data).toBeUndefined();
      }),
      { numRuns: 60 },
    );
  });

  it.each([
    [1, UnsupportedPointError],
    [2, UnsupportedPointError],
    [3, UnsupportedPointError],
    [4, TransientError],
    [6, TransientError],
    [11, TransientError],
  ])("turns exception %i into %o", async (code, kind) => {
    const { run } = bench(({ unit }) => ({ reply: rtuFrame(unit, 0x83, code) }));
    const { error } = await run(1, read(1));
    expect(error).toBeInstanceOf(kind);
    expect(error).toMatchObject({ code: `exception-${code}` });
  });

  it("takes no answer of another unit, function or length", async () => {
    const wrong = [rtuFrame(9, 3, 4, 0, 1, 0, 2), rtuFrame(1, 4, 4, 0, 1, 0, 2), rtuFrame(1, 3, 2, 0, 1)];
    const codes = [];
    for (const reply of wrong) {
      const { run } = bench(() => ({ reply }));
      const { data, error } = await run(1, read(1));
      expect(data).toBeUndefined();
      codes.push(error instanceof TransientError ? error.code : "none");
    }
    expect(codes).toEqual(["foreign-reply", "bad-reply", "bad-reply"]);
  });

  it("waits for its turn when asked twice at once", async () => {
    const { start, clock, seen } = bench(honest);
    const outcomes = [start(1, read(10)), start(2, read(20)), start(3, read(30))];
    await clock.advance(1000);
    expect(outcomes.map(({ data }) => data)).toEqual([10, 20, 30].map((address) => registersOf(address, 2)));
    expect(seen.map(({ unit }) => unit)).toEqual([1, 2, 3]);
  });

  it("rejects with the reason of the signal, and does not take the answer afterwards", async () => {
    const { start, run, stop, clock } = bench((request) => ({ reply: rtuAnswer(request), after: 60 }));
    const outcome = start(1, read(1));
    await clock.advance(30);
    stop.abort(new Error("enough"));
    await clock.advance(0);
    expect(outcome.error).toMatchObject({ message: "enough" });
    expect((await run(1, read(2))).data).toBeUndefined();
  });

  it("rejects what waits when the link is lost", async () => {
    const { start, near, clock } = bench(() => ({}));
    const outcomes = [start(1, read(1)), start(2, read(1))];
    await clock.advance(20);
    near.lose();
    await clock.advance(0);
    for (const { error } of outcomes) expect(error).toBeInstanceOf(LinkError);
  });

  it("says line-busy when somebody never stops talking", async () => {
    const { run, near, clock } = bench(honest);
    const babble = () => {
      near.deliver(Uint8Array.of(0x55));
      clock.timer(1, babble);
    };
    babble();
    expect((await run(1, read(1))).error).toMatchObject({ code: "line-busy" });
  });

  it("speaks ASCII", async () => {
    const clock = new VirtualClock();
    const [near, far] = memoryPair(clock, { byteMs, chunk: 5 });
    const client = new LineClient(near, ascii, { ...serial, silence: 0 }, clock);
    let text = "";
    far.receive((chunk) => {
      text += Buffer.from(chunk).toString("latin1");
      if (!text.endsWith("\n")) return;
      void far.write(
        Buffer.concat([Buffer.from(":01030F"), encodeAscii(1, Uint8Array.of(3, 2, 0xab, 0xcd))]),
      );
    });
    const reply = client.request(1, read(7, 1), timeout, new AbortController().signal);
    await clock.advance(200);
    expect(text).toBe(":010300070001F4\r\n");
    expect([...(await reply).pdu]).toEqual([3, 2, 0xab, 0xcd]);
  });
});

describe("answers that come late", () => {
  /** Asks for a different place each time, as modbus-serial's test does; counts what is not where it was asked. */
  async function wrongValues(lateness: (turn: number) => number, pace: LinePace) {
    let turn = 0;
    const { run, client, clock } = bench(
      (request) => ({ reply: rtuAnswer(request), after: timeout * lateness(turn++) }),
      { pace },
    );
    let wrong = 0;
    let right = 0;
    for (let request = 0; request < 20; request++) {
      const { data } = await run(1, read(1000 * request, 2));
      // Polls go on at a pace that lets some requests meet the late answers.
      await clock.advance(timeout * 0.7);
      if (!data) continue;
      if (JSON.stringify(data) === JSON.stringify(registersOf(1000 * request, 2))) right++;
      else wrong++;
    }
    return { wrong, right, statistics: client.statistics };
  }

  it.each([
    ["RTU on a serial line", serial],
    ["RTU over TCP", overTcp],
  ])("by 1 to 5 timeouts are never taken for another's: %s", async (_name, pace) => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.double({ min: 1, max: 6, noNaN: true }), { minLength: 20, maxLength: 20 }),
        fc.array(fc.boolean(), { minLength: 20, maxLength: 20 }),
        async (lateness, late) => {
          const outcome = await wrongValues((turn) => (late[turn] ? lateness[turn]! : 0.02), pace);
          expect(outcome.wrong).toBe(0);
        },
      ),
      { numRuns: 25 },
    );
  });

  it("do not stop the unit for good: when the late answer has come, it is asked again", async () => {
    const { wrong, right, statistics } = await wrongValues((turn) => (turn === 0 ? 3 : 0.02), serial);
    expect(wrong).toBe(0);
    expect(right).toBeGreaterThan(0);
    expect(statistics.late).toBe(1);
  });

  it("hold back only requests of the same form to the same unit", async () => {
    let first = true;
    const { run, client } = bench((request) => {
      const after = first ? 5 * timeout : 5;
      first = false;
      return { reply: rtuAnswer(request), after };
    });
    expect((await run(1, read(1))).error).toMatchObject({ code: "timeout" });
    expect((await run(1, read(2))).error).toMatchObject({ code: "quarantine" });
    expect((await run(2, read(2))).data).toEqual(registersOf(2, 2));
    expect((await run(1, read(2, 3))).data).toEqual(registersOf(2, 3));
    expect((await run(1, { function: 4, start: 2, count: 2 })).data).toEqual(registersOf(2, 2));
    expect(client.statistics.quarantined).toBe(1);
  });

  it("are read before such a request goes out, also by a process that stood still until they were no longer waited for", async () => {
    const clock = new VirtualClock();
    const [near, far] = memoryPair(clock, { byteMs });
    const unread: [Uint8Array, number][] = [];
    let stands = false;
    let receiver: ((chunk: Uint8Array, at: number) => void) | undefined;
    near.receive((chunk, at) => (stands ? unread.push([chunk, at]) : receiver?.(chunk, at)));
    const line: Transport = {
      endpoint: near.endpoint,
      lost: near.lost,
      write: (bytes) => near.write(bytes),
      receive: (hears) => {
        receiver = hears;
      },
      [Symbol.asyncDispose]: async () => {},
    };
    const client = new LineClient(line, rtu, serial, clock);
    let first = true;
    simulateUnits(far, clock, "rtu", (request) => {
      const after = first ? 5 * timeout : 5;
      first = false;
      return { reply: rtuAnswer(request), after };
    });
    const ask = async (start: number) => {
      const outcome: { data?: number[]; error?: unknown } = {};
      client.request(1, read(start), timeout, new AbortController().signal).then(
        ({ pdu }) => Object.assign(outcome, { data: [...pdu.subarray(2)] }),
        (error) => Object.assign(outcome, { error }),
      );
      return outcome;
    };
    const late = await ask(1);
    await clock.advance(2 * timeout);
    expect(late.error).toMatchObject({ code: "timeout" });
    stands = true;
    await clock.advance(10 * timeout);
    expect(unread).toHaveLength(1);
    // The timers of a loop come before its lines.
    const next = await ask(50);
    clock.timer(1, () => {
      stands = false;
      for (const [chunk] of unread.splice(0)) receiver?.(chunk, clock.monotonic());
    });
    await clock.advance(timeout);
    expect(next).toEqual({ data: registersOf(50, 2) });
  });

  it("or quick teach the unit's timeout, within the limit", async () => {
    let silent = false;
    const { run, clock } = bench((request) => (silent ? {} : honest(request)));
    expect((await run(1, read(0), 2000)).data).toBeDefined();
    silent = true;
    const before = clock.monotonic();
    expect((await run(1, read(0), 2000)).error).toMatchObject({ code: "timeout" });
    expect(clock.monotonic() - before).toBeLessThan(200);
    // Nothing is known of this one: it gets all the time there is.
    const start = clock.monotonic();
    expect((await run(2, read(0), 2000)).error).toMatchObject({ code: "timeout" });
    expect(clock.monotonic() - start).toBeGreaterThan(2000);
  });

  it("are no proof for an exception: what it refused is not certain", async () => {
    let turn = 0;
    const { run } = bench((request) =>
      turn++ === 0
        ? { reply: rtuFrame(request.unit, 0x83, 2), after: 300 }
        : { reply: rtuAnswer(request), after: 250 },
    );
    expect((await run(1, read(1, 2))).error).toMatchObject({ code: "timeout" });
    // The exception of the first comes while the second waits: it must not condemn the second.
    expect((await run(1, read(50, 4))).error).toBeInstanceOf(TransientError);
  });
});
