import { describe, expect, it } from "vitest";
import { seeded } from "../../test/fault/random.ts";
import { device, point, readMs, start, WritableLine, writable } from "../../test/writable-line.ts";

/** More than the line carries: there is always a poll under way. */
const meters = () =>
  Array.from({ length: 10 }, (_, index) =>
    device(
      `meter-${index}`,
      Array.from({ length: 20 }, (_point, at) => point(`p${at}`, at)),
      {},
      { fast: 100, normal: 100, slow: 100 },
    ),
  );
const lamp = () => device("lamp", [writable("level", 5)]);
const pollMs = readMs(20);

async function saturated() {
  const line = new WritableLine();
  const started = await start(line, [...meters(), lamp()]);
  await line.clock.advance(5000);
  const reads = () => line.went.filter(({ kind }) => kind === "read").length;
  /** Until a poll has just begun; it ends `pollMs` later. */
  const atBegin = async () => {
    const before = reads();
    while (reads() === before) await line.clock.advance(1);
    return line.went.at(-1)?.at ?? 0;
  };
  return { line, ...started, reads, atBegin };
}

describe("a write that is expected", () => {
  it("finds the line free when its command is durable after the poll that was under way", async () => {
    const { line, loop, order, reads, atBegin } = await saturated();
    const began = await atBegin();
    const before = reads();
    const expected = loop.expectWrite();
    await line.clock.advance(pollMs + 30);
    expect(reads()).toBe(before);
    const target = lamp();
    const writing = loop.write("lamp", order(target, "level", 80));
    await line.clock.advance(1);
    expect(line.writes("lamp")).toEqual(["5=80"]);
    const at = line.went.findLast(({ kind }) => kind === "write")?.at ?? 0;
    expect(at - began).toBeLessThan(pollMs + 33);
    expected[Symbol.dispose]();
    await line.clock.advance(1000);
    expect(await writing).toMatchObject({ value: 80, verified: true });
    await loop[Symbol.asyncDispose]();
  });

  it("waits for one transaction and 20 ms at most, 300 times at random moments, on a disk that takes up to 80 ms", async () => {
    const { line, loop, order } = await saturated();
    const random = seeded(5);
    const target = lamp();
    for (let number = 1; number <= 300; number++) {
      await line.clock.advance(random() * 2 * pollMs);
      const received = line.clock.monotonic();
      const expected = loop.expectWrite();
      await line.clock.advance(random() * 80);
      const durable = line.clock.monotonic();
      const writing = loop.write("lamp", order(target, "level", number));
      expected[Symbol.dispose]();
      let done = false;
      void writing.then(() => {
        done = true;
      });
      while (!done) await line.clock.advance(5);
      const at = line.went.findLast(({ kind }) => kind === "write")?.at ?? 0;
      expect(at).toBeGreaterThanOrEqual(durable);
      expect(at - received).toBeLessThanOrEqual(pollMs + 20);
    }
  });

  it("that is given up, or does not come within 100 ms, lets polls go on", async () => {
    const { line, loop, reads, atBegin } = await saturated();
    await atBegin();
    const before = reads();
    const expected = loop.expectWrite();
    await line.clock.advance(pollMs + 20);
    expect(reads()).toBe(before);
    expected[Symbol.dispose]();
    await line.clock.advance(1);
    expect(reads()).toBe(before + 1);
    using _never = loop.expectWrite();
    await line.clock.advance(pollMs + 90);
    expect(reads()).toBe(before + 1);
    await line.clock.advance(20);
    expect(reads()).toBe(before + 2);
    // Its time is over: it is not waited for again.
    await line.clock.advance(10 * (pollMs + 1));
    expect(reads()).toBeGreaterThanOrEqual(before + 11);
    await loop[Symbol.asyncDispose]();
  });

  it("does not keep a read on demand waiting", async () => {
    const { line, loop, atBegin } = await saturated();
    await atBegin();
    using _expected = loop.expectWrite();
    await line.clock.advance(pollMs + 5);
    const reading = loop.readNow("lamp", ["level"]);
    await line.clock.advance(readMs(1) + 1);
    expect(await reading).toMatchObject([{ name: "level", quality: "good" }]);
    await loop[Symbol.asyncDispose]();
  });

  it("never comes, six thousand times, and still takes no more than its share", async () => {
    const { line, loop, reads } = await saturated();
    const calm = reads();
    await line.clock.advance(60_000);
    const undisturbed = reads() - calm;
    const before = reads();
    for (let round = 0; round < 6000; round++) {
      using _expected = loop.expectWrite();
      await line.clock.advance(10);
    }
    expect(reads() - before).toBeGreaterThanOrEqual(undisturbed * 0.5 - 2);
    await loop[Symbol.asyncDispose]();
  });

  it("does not keep the loop from ending", async () => {
    const { line, loop, reads, atBegin } = await saturated();
    await atBegin();
    using _expected = loop.expectWrite();
    await line.clock.advance(pollMs + 5);
    const before = reads();
    await loop[Symbol.asyncDispose]();
    expect(reads()).toBe(before);
  });
});
