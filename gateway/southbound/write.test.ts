import { afterEach, describe, expect, it } from "vitest";
import {
  device,
  formula,
  point,
  readMs,
  type Started,
  start as startLine,
  timeoutMs,
  verifies,
  WritableLine,
  writable,
  writeMs,
} from "../../test/writable-line.ts";
import type { Device } from "../model/device.ts";
import { GatewayError, LinkError, RefusedError } from "../model/errors.ts";
import type { LoopOptions } from "./loop.ts";
import type { WriteOrder, WriteOutcome } from "./write-order.ts";

const loops: Started[] = [];
afterEach(async () => {
  for (const { loop } of loops.splice(0)) await loop[Symbol.asyncDispose]();
});

async function start(line: WritableLine, devices: Device[], more?: Partial<LoopOptions>): Promise<Started> {
  const started = await startLine(line, devices, more);
  loops.push(started);
  return started;
}

/** What becomes of a promise while the clock moves. */
function watched<T>(promise: Promise<T>): { value?: T; error?: unknown; readonly done: boolean } {
  const seen: { value?: T; error?: unknown; done: boolean } = { done: false };
  promise.then(
    (value) => Object.assign(seen, { value, done: true }),
    (error: unknown) => Object.assign(seen, { error, done: true }),
  );
  return seen;
}

const lamp = () =>
  device("lamp", [writable("level", 5), point("power", 6), point("far", 406, { pollClass: "slow" })]);
/** Keeps a line busy all the time. */
const busy = (id: string) =>
  device(
    id,
    Array.from({ length: 40 }, (_, index) => point(`b${index}`, 100 + index)),
    {},
    {
      fast: 100,
      normal: 100,
      slow: 100,
    },
  );

describe("a write", () => {
  it("is read back in the same turn, and what is read goes to the sink at once", async () => {
    const line = new WritableLine();
    const { loop, readings, order } = await start(line, [lamp(), busy("meter")]);
    line.set("lamp", 5, 20);
    await line.clock.advance(5000);
    readings.length = 0;
    line.went.length = 0;
    const stages: string[] = [];
    const result = watched(
      loop.write("lamp", order(lamp(), "level", 80, { progress: (stage) => stages.push(stage) })),
    );
    await line.clock.advance(1000);
    expect(result.value).toMatchObject({ value: 80, before: 20, verified: true, unchanged: false });
    expect(result.value?.readings).toMatchObject([{ name: "level", value: 80, quality: "good" }]);
    expect(stages).toEqual(["writing"]);
    const at = line.went.findIndex(({ kind }) => kind === "write");
    expect(line.went.slice(at, at + 2)).toMatchObject([
      { kind: "write", what: "5=80" },
      { kind: "read", device: "lamp", what: "level" },
    ]);
    expect(readings).toContainEqual(expect.objectContaining({ name: "level", value: 80 }));
    expect(loop.status().writes).toEqual({ done: 1, refused: 0, failed: 0 });
  });

  it("takes its steps in order with the line held, waits included", async () => {
    const line = new WritableLine();
    const gate = writable("level", 5, {
      steps: [
        { kind: "raw", address: 9, raw: 1 },
        { kind: "wait", waitMs: 700 },
        { kind: "set", point: "level" },
        { kind: "raw", address: 9, raw: 0 },
      ],
    });
    const one = device("lamp", [gate]);
    const { loop, order } = await start(line, [one, busy("meter")]);
    await line.clock.advance(3000);
    const result = watched(loop.write("lamp", order(one, "level", 7)));
    await line.clock.advance(2000);
    expect(result.value).toMatchObject({ value: 7, verified: true });
    expect(line.writes()).toEqual(["9=1", "5=7", "9=0"]);
    const [first, last] = ["9=1", "9=0"].map((what) => line.went.findIndex((went) => went.what === what));
    expect(line.went.slice(first, last! + 1).every(({ device }) => device === "lamp")).toBe(true);
    expect(line.went[last!]!.at - line.went[first!]!.at).toBeCloseTo(2 * writeMs + 700, 3);
  });

  it("that shows late is looked for until it does, the line left to others meanwhile", async () => {
    const line = new WritableLine();
    const { loop, order } = await start(line, [lamp(), busy("meter")]);
    await line.clock.advance(3000);
    line.lagMs = 1500;
    line.went.length = 0;
    const result = watched(loop.write("lamp", order(lamp(), "level", 80)));
    await line.clock.advance(4000);
    expect(result.value).toMatchObject({ value: 80, verified: true });
    expect(line.writes()).toEqual(["5=80"]);
    const looks = line.went.filter(({ what }) => what === "level");
    expect(looks.length).toBeGreaterThanOrEqual(4);
    expect(looks.length).toBeLessThanOrEqual(9);
    const between = line.went.filter(({ at, device }) => device === "meter" && at < looks.at(-1)!.at);
    expect(between.length).toBeGreaterThan(5);
  });

  it("that never shows is repeated as often as its rule says, and not verified", async () => {
    const line = new WritableLine();
    const { loop, order } = await start(line, [lamp()]);
    line.fate = () => "ignored";
    const result = watched(loop.write("lamp", order(lamp(), "level", 80)));
    await line.clock.advance(10_000);
    expect(result.error).toMatchObject({ code: "not-verified" });
    expect(String(result.error)).toContain('"level" is 0, not 80');
    expect(line.writes()).toEqual(["5=80", "5=80", "5=80"]);
    expect(loop.status().writes).toEqual({ done: 0, refused: 0, failed: 1 });
  });

  it("is not repeated once its order has expired", async () => {
    const line = new WritableLine();
    const { loop, order } = await start(line, [lamp()]);
    line.fate = () => "ignored";
    const expiresAt = line.clock.now() + 2500;
    const result = watched(loop.write("lamp", order(lamp(), "level", 80, { expiresAt })));
    await line.clock.advance(10_000);
    expect(result.error).toMatchObject({ code: "not-verified" });
    expect(line.writes()).toEqual(["5=80", "5=80"]);
  });

  it("may differ by the tolerance, and by what the point can tell apart", async () => {
    const line = new WritableLine();
    const close = writable("level", 5, {
      steps: [{ kind: "raw", address: 5, raw: 79 }],
      verify: { ...verifies, tolerance: 1, retries: 0 },
    });
    const one = device("lamp", [close]);
    const { loop, order } = await start(line, [one]);
    const near = watched(loop.write("lamp", order(one, "level", 80)));
    await line.clock.advance(500);
    expect(near.value).toMatchObject({ value: 79, verified: true });
    const far = watched(loop.write("lamp", order(one, "level", 81)));
    await line.clock.advance(3000);
    expect(far.error).toMatchObject({ code: "not-verified" });
  });

  it("shows at another place, or at another point", async () => {
    const line = new WritableLine();
    const elsewhere = writable("level", 5, { address: 1005, verify: { ...verifies, address: 7 } });
    const other = writable("target", 1006, { verify: { ...verifies, point: "actual" } });
    const one = device("lamp", [elsewhere, point("actual", 8)], { commands: [other] });
    const { loop, order } = await start(line, [one]);
    line.fate = (_device, address, raw) => {
      line.set("lamp", address === 1005 ? 7 : 8, raw);
      return "done";
    };
    const results = [
      watched(loop.write("lamp", order(one, "level", 42))),
      watched(loop.write("lamp", order(one, "target", 43))),
    ];
    await line.clock.advance(1000);
    expect(results.map(({ value }) => value)).toMatchObject([
      { value: 42, verified: true },
      { value: 43, verified: true },
    ]);
    // The place is not the point: nothing is said of it.
    expect(results[0]!.value?.readings).toEqual([]);
    expect(results[1]!.value?.readings).toMatchObject([{ name: "actual", value: 43 }]);
  });

  it("of what cannot be read is done when the device says so", async () => {
    const line = new WritableLine();
    const one = device("lamp", [point("power", 6)], {
      commands: [writable("pulse", 1001, { verify: undefined })],
    });
    const { loop, order } = await start(line, [one]);
    const result = watched(loop.write("lamp", order(one, "pulse", 1)));
    await line.clock.advance(500);
    expect(result.value).toEqual({ value: 1, before: undefined, unchanged: false, readings: [] });
  });

  it("that the device refuses is never tried again", async () => {
    const line = new WritableLine();
    const { loop, order } = await start(line, [lamp()]);
    line.fate = () => "refused";
    const result = watched(loop.write("lamp", order(lamp(), "level", 80)));
    await line.clock.advance(10_000);
    expect(result.error).toBeInstanceOf(RefusedError);
    expect(result.error).toMatchObject({ code: "refused-by-device" });
    expect(line.writes()).toEqual(["5=80"]);
    expect(loop.status().writes.refused).toBe(1);
  });

  it("without an answer that arrived all the same is found out", async () => {
    const line = new WritableLine();
    const { loop, order } = await start(line, [lamp()]);
    line.fate = () => "unheard";
    const result = watched(loop.write("lamp", order(lamp(), "level", 80)));
    await line.clock.advance(3000);
    expect(result.value).toMatchObject({ value: 80, verified: true });
    expect(line.writes()).toEqual(["5=80"]);
  });

  it("without an answer that did not arrive is repeated, as the device answers reads", async () => {
    const line = new WritableLine();
    const { loop, order } = await start(line, [lamp()]);
    line.fate = () => (line.writes().length < 2 ? "lost" : "done");
    const result = watched(loop.write("lamp", order(lamp(), "level", 80)));
    await line.clock.advance(5000);
    expect(result.value).toMatchObject({ value: 80, verified: true });
    expect(line.writes()).toEqual(["5=80", "5=80"]);
  });

  it("says before every attempt that it writes, so that wear is counted", async () => {
    const line = new WritableLine();
    const { loop, order } = await start(line, [lamp()]);
    line.fate = () => (line.writes().length < 3 ? "ignored" : "done");
    const writtenBefore: number[] = [];
    const progress = () => void writtenBefore.push(line.writes().length);
    const result = watched(loop.write("lamp", order(lamp(), "level", 80, { progress })));
    await line.clock.advance(10_000);
    expect(result.value).toMatchObject({ value: 80, verified: true });
    expect(line.writes()).toHaveLength(3);
    expect(writtenBefore).toEqual([0, 1, 2]);
  });

  it("without an answer is not repeated where nothing shows it", async () => {
    const line = new WritableLine();
    const one = device("lamp", [point("power", 6)], {
      commands: [writable("pulse", 1001, { verify: undefined })],
    });
    const { loop, order } = await start(line, [one]);
    line.fate = () => "unheard";
    const result = watched(loop.write("lamp", order(one, "pulse", 1)));
    await line.clock.advance(5000);
    expect(result.error).toMatchObject({ code: "no-answer" });
    expect(line.writes()).toEqual(["1001=1"]);
  });

  it("is left out when the point has the value already, where that is asked for", async () => {
    const line = new WritableLine();
    const { loop, order } = await start(line, [lamp()]);
    line.set("lamp", 5, 80);
    const same = watched(loop.write("lamp", order(lamp(), "level", 80, { onlyIfDifferent: true })));
    const stages: string[] = [];
    const progress = (stage: string) => void stages.push(stage);
    const other = watched(
      loop.write("lamp", order(lamp(), "level", 81, { onlyIfDifferent: true, progress })),
    );
    await line.clock.advance(3000);
    expect(same.value).toMatchObject({ value: 80, before: 80, verified: true, unchanged: true });
    expect(other.value).toMatchObject({ value: 81, before: 80, verified: true, unchanged: false });
    expect(line.writes()).toEqual(["5=81"]);
    expect(stages).toEqual(["writing"]);
  });

  it("of a device, or a point, that is not there is refused at once, and so is what cannot be written", async () => {
    const line = new WritableLine();
    const { loop, order } = await start(line, [lamp()]);
    await expect(loop.write("nobody", order(lamp(), "level", 1))).rejects.toMatchObject({
      code: "unknown-device",
    });
    const lost: WriteOrder = { ...order(lamp(), "level", 1), point: "nothing" };
    await expect(loop.write("lamp", lost)).rejects.toMatchObject({ code: "unknown-point" });
    const readOnly = new WritableLine();
    const { open } = readOnly.protocol;
    const deaf = await start(readOnly, [lamp()], {
      protocol: {
        ...readOnly.protocol,
        open: async (settings, context) => {
          const { write: _, ...driver } = await open(settings, context);
          return driver;
        },
      },
    });
    const result = watched(deaf.loop.write("lamp", order(lamp(), "level", 1)));
    await readOnly.clock.advance(1000);
    expect(result.error).toMatchObject({ code: "cannot-write" });
  });
});

describe("what a write needs to know", () => {
  const locked = formula("!lockout", ["lockout"], (inputs) => inputs.get("lockout") === 0);
  const pump = () =>
    device("pump", [writable("speed", 5, { interlock: locked }), point("lockout", 6), point("other", 7)]);
  const needs = ["lockout"];

  it("is read in the same turn when it is older than a second", async () => {
    const line = new WritableLine();
    const { loop, order } = await start(line, [pump()]);
    await line.clock.advance(5000);
    line.went.length = 0;
    line.set("pump", 6, 1);
    const stages: string[] = [];
    const progress = (stage: string) => void stages.push(stage);
    const locks = watched(loop.write("pump", order(pump(), "speed", 50, { needs, progress })));
    await line.clock.advance(100);
    expect(locks.error).toBeInstanceOf(RefusedError);
    expect(locks.error).toMatchObject({ code: "interlock", message: "needs !lockout" });
    expect(line.went).toMatchObject([{ kind: "read", what: "lockout" }]);
    expect(stages).toEqual([]);
    await line.clock.advance(7000);
    line.set("pump", 6, 0);
    const runs = watched(loop.write("pump", order(pump(), "speed", 50, { needs })));
    await line.clock.advance(1000);
    expect(runs.value).toMatchObject({ value: 50, verified: true });
  });

  it("is not read again when it was polled a moment ago", async () => {
    const line = new WritableLine();
    const { loop, order } = await start(line, [pump()]);
    await line.clock.advance(900);
    line.went.length = 0;
    const result = watched(loop.write("pump", order(pump(), "speed", 50, { needs })));
    await line.clock.advance(200);
    expect(result.value).toMatchObject({ value: 50 });
    expect(line.went.map(({ what }) => what)).toEqual(["5=50", "speed"]);
  });

  it("may take so long that it is too late, or not wanted any more: nothing is written", async () => {
    const line = new WritableLine();
    const { loop, order } = await start(line, [pump()]);
    await line.clock.advance(5000);
    const expiresAt = line.clock.now() + readMs(1) / 2;
    const late = watched(loop.write("pump", order(pump(), "speed", 50, { needs, expiresAt })));
    await line.clock.advance(1000);
    expect(late.error).toMatchObject({ code: "expired" });
    await line.clock.advance(6000);
    const unwanted = new AbortController();
    const gone = watched(loop.write("pump", order(pump(), "speed", 50, { needs }), unwanted.signal));
    await line.clock.advance(readMs(1) / 2);
    unwanted.abort(new Error("never mind"));
    await line.clock.advance(1000);
    expect(gone.error).toMatchObject({ message: "never mind" });
    expect(line.writes()).toEqual([]);
  });

  it("locks when it has no good value", async () => {
    const line = new WritableLine();
    const one = device("pump", [
      writable("speed", 5, { interlock: locked }),
      point("lockout", 6, { range: [0, 1] }),
    ]);
    const { loop, order } = await start(line, [one]);
    line.set("pump", 6, 9);
    const result = watched(loop.write("pump", order(one, "speed", 50, { needs })));
    await line.clock.advance(1000);
    expect(result.error).toMatchObject({ code: "interlock" });
    expect(line.writes()).toEqual([]);
  });
});

describe("a write of a point whose scale another point gives", () => {
  const scaled = (verify = verifies) =>
    device("inverter", [
      writable("limit", 5, { verify }, { scaleSource: { point: "exponent", as: "exponent" } }),
      point("exponent", 6, { pollClass: "once", hidden: true }),
    ]);
  const needs = ["exponent"];

  it("uses the scale that was read once, and reads back with it", async () => {
    const line = new WritableLine();
    line.set("inverter", 6, -1);
    const { loop, order } = await start(line, [scaled()]);
    await line.clock.advance(5000);
    line.went.length = 0;
    const result = watched(loop.write("inverter", order(scaled(), "limit", 70.5, { needs })));
    await line.clock.advance(500);
    expect(result.value).toMatchObject({ value: 70.5, before: 0, verified: true });
    expect(result.value?.readings).toMatchObject([{ name: "limit", value: 70.5 }]);
    expect(line.went.map(({ what }) => what)).toEqual(["5=705", "limit"]);
  });

  it("and reads that again when the line was lost", async () => {
    const line = new WritableLine();
    line.set("inverter", 6, -1);
    const { loop, order } = await start(line, [scaled()]);
    await line.clock.advance(5000);
    line.break();
    await line.clock.advance(1);
    line.set("inverter", 6, -2);
    const result = watched(loop.write("inverter", order(scaled(), "limit", 70.5, { needs })));
    await line.clock.advance(2000);
    expect(result.value).toMatchObject({ value: 70.5, before: undefined, verified: true });
    expect(line.writes()).toEqual(["5=7050"]);
  });

  it("at another place as well, and reads the scale where nobody has yet", async () => {
    const line = new WritableLine();
    line.set("inverter", 6, -1);
    const one = scaled({ ...verifies, address: 5 });
    const { loop, order } = await start(line, [one]);
    const result = watched(loop.write("inverter", order(one, "limit", 70.5, { needs })));
    await line.clock.advance(500);
    expect(result.value).toMatchObject({ value: 70.5, verified: true });
    expect(line.went[0]).toMatchObject({ kind: "read", what: "exponent" });
  });
});

describe("a write that waits", () => {
  /** Holds the line for 5 s. */
  const slow = () =>
    device("gate", [
      writable("open", 5, {
        steps: [
          { kind: "set", point: "open" },
          { kind: "wait", waitMs: 5000 },
        ],
      }),
    ]);

  it("expires, and is not begun", async () => {
    const line = new WritableLine();
    const { loop, order } = await start(line, [slow(), lamp()]);
    await line.clock.advance(1000);
    const long = watched(loop.write("gate", order(slow(), "open", 1)));
    await line.clock.advance(100);
    const expiresAt = line.clock.now() + 1000;
    const late = watched(loop.write("lamp", order(lamp(), "level", 80, { expiresAt })));
    await line.clock.advance(1100);
    expect(late.error).toBeInstanceOf(RefusedError);
    expect(late.error).toMatchObject({ code: "expired" });
    await line.clock.advance(10_000);
    expect(long.value).toMatchObject({ value: 1, verified: true });
    expect(line.writes()).toEqual(["5=1"]);
  });

  it("can be called off; one that has begun cannot", async () => {
    const line = new WritableLine();
    const { loop, order } = await start(line, [slow(), lamp()]);
    await line.clock.advance(1000);
    const [first, second] = [new AbortController(), new AbortController()];
    const long = watched(loop.write("gate", order(slow(), "open", 1), first.signal));
    await line.clock.advance(100);
    const late = watched(loop.write("lamp", order(lamp(), "level", 80), second.signal));
    first.abort(new Error("too late"));
    second.abort(new Error("never mind"));
    await line.clock.advance(1);
    expect(late.error).toMatchObject({ message: "never mind" });
    await line.clock.advance(10_000);
    expect(long.value).toMatchObject({ value: 1, verified: true });
    expect(line.writes()).toEqual(["5=1"]);
    expect(loop.status().writes).toEqual({ done: 1, refused: 0, failed: 0 });
  });

  it("is given up when its device is removed", async () => {
    const line = new WritableLine();
    const { loop, order } = await start(line, [slow(), lamp()]);
    await line.clock.advance(1000);
    const long = watched(loop.write("gate", order(slow(), "open", 1)));
    await line.clock.advance(100);
    const late = watched(loop.write("lamp", order(lamp(), "level", 80)));
    loop.removeDevice("lamp");
    await line.clock.advance(1);
    expect(late.error).toMatchObject({ code: "unknown-device" });
    await line.clock.advance(10_000);
    expect(long.value).toMatchObject({ value: 1 });
    expect(line.writes()).toEqual(["5=1"]);
  });

  it("takes no further step of a device that is removed between two, and does not say that nothing was done", async () => {
    const line = new WritableLine();
    const gate = device("gate", [
      writable("open", 5, {
        verify: undefined,
        steps: [
          { kind: "set", point: "open" },
          { kind: "wait", waitMs: 5000 },
          { kind: "raw", address: 9, raw: 1 },
        ],
      }),
    ]);
    const { loop, order } = await start(line, [gate]);
    await line.clock.advance(1000);
    const result = watched(loop.write("gate", order(gate, "open", 1)));
    await line.clock.advance(1000);
    loop.removeDevice("gate");
    await line.clock.advance(10_000);
    expect(line.writes()).toEqual(["5=1"]);
    expect(result.error).toMatchObject({ code: "interrupted" });
  });

  it("is not repeated once nobody wants it any more", async () => {
    const line = new WritableLine();
    line.fate = () => "ignored";
    const { loop, order } = await start(line, [lamp()]);
    await line.clock.advance(1000);
    const kept = watched(loop.write("lamp", order(lamp(), "level", 80)));
    await line.clock.advance(60_000);
    expect(kept.error).toMatchObject({ code: "not-verified" });
    const repeated = line.writes().length;
    expect(repeated).toBeGreaterThan(1);
    const unwanted = new AbortController();
    const result = watched(loop.write("lamp", order(lamp(), "level", 80), unwanted.signal));
    await line.clock.advance(100);
    unwanted.abort(new Error("the gateway stops"));
    await line.clock.advance(60_000);
    expect(result.error).toMatchObject({ code: "not-verified" });
    expect(line.writes()).toHaveLength(repeated + 1);
  });

  it("fails with the line's error when that cannot be opened", async () => {
    const line = new WritableLine();
    line.openError = new LinkError("no such port", { code: "not-there" });
    const { loop, order } = await start(line, [lamp()]);
    const result = watched(loop.write("lamp", order(lamp(), "level", 80)));
    await line.clock.advance(60_000);
    expect(result.error).toBeInstanceOf(LinkError);
    expect(result.error).toMatchObject({ code: "not-there" });
  });
});

describe("trouble of others", () => {
  it("an order that breaks takes nobody with it", async () => {
    const line = new WritableLine();
    const { loop, order } = await start(line, [lamp()]);
    const prepare = () => {
      throw new Error("a bug");
    };
    const broken = watched(loop.write("lamp", order(lamp(), "level", 80, { prepare })));
    const good = watched(loop.write("lamp", order(lamp(), "level", 80)));
    await line.clock.advance(1000);
    expect(broken.error).toMatchObject({ code: "internal" });
    expect(good.value).toMatchObject({ value: 80, verified: true });
  });

  it("readings that nobody takes hold no write up", async () => {
    const line = new WritableLine();
    const { loop, order } = await start(line, [busy("meter"), lamp()], { sink: () => new Promise(() => {}) });
    // After 64 readings polls wait for the sink, 10 s long.
    await line.clock.advance(12_000);
    const since = line.clock.monotonic();
    expect(line.went.filter(({ at }) => at > since - 1000)).toEqual([]);
    const first = watched(loop.write("lamp", order(lamp(), "level", 80)));
    await line.clock.advance(500);
    const second = watched(loop.write("lamp", order(lamp(), "level", 81)));
    await line.clock.advance(500);
    expect([first.value?.value, second.value?.value]).toEqual([80, 81]);
    expect(line.went.find(({ what }) => what === "5=80")?.at).toBe(since);
    expect(line.went.filter(({ at, device }) => at > since && device === "meter")).toEqual([]);
    await line.clock.advance(10_000);
    expect(line.went.filter(({ at, device }) => at > since && device === "meter").length).toBeGreaterThan(10);
  });
});

describe("a line that is lost in the middle of a write", () => {
  it("ends it with LinkError; it is not written again", async () => {
    const line = new WritableLine();
    const { loop, order } = await start(line, [lamp()]);
    await line.clock.advance(1000);
    const result = watched(loop.write("lamp", order(lamp(), "level", 80)));
    await line.clock.advance(writeMs / 2);
    line.break();
    await line.clock.advance(60_000);
    expect(result.error).toBeInstanceOf(LinkError);
    expect(line.writes()).toEqual(["5=80"]);
  });

  it("is closed: the same, at once", async () => {
    const line = new WritableLine();
    const { loop, order } = await start(line, [lamp()]);
    await line.clock.advance(1000);
    const result = watched(loop.write("lamp", order(lamp(), "level", 80)));
    await line.clock.advance(writeMs / 2);
    const closing = loop[Symbol.asyncDispose]();
    await line.clock.advance(1);
    await closing;
    expect(result.error).toBeInstanceOf(LinkError);
    await expect(loop.write("lamp", order(lamp(), "level", 80))).rejects.toBeInstanceOf(LinkError);
  });
});

describe("the line's time", () => {
  const meters = () => ["a", "b", "c"].map(busy);
  const transactionMs = readMs(40);

  it("a write on a saturated line begins after one transaction at most", async () => {
    const line = new WritableLine();
    const { loop, order } = await start(line, [...meters(), lamp()]);
    await line.clock.advance(20_000);
    expect(loop.status().demanded).toBeGreaterThan(1);
    for (let index = 0; index < 200; index++) {
      await line.clock.advance(700 + ((index * 37) % 211));
      const asked = line.clock.monotonic();
      const result = watched(loop.write("lamp", order(lamp(), "level", index + 1)));
      await line.clock.advance(transactionMs + writeMs + readMs(1) + 1);
      const began = line.went.findLast(({ what }) => what === `5=${index + 1}`);
      expect(began && began.at - asked).toBeLessThanOrEqual(transactionMs + 0.001);
      expect(result.done).toBe(true);
    }
  });

  it.each([{ commandShare: 0.5 }, { commandShare: 0.2 }])(
    "a flood of commands leaves polls their part: $commandShare",
    async ({ commandShare }) => {
      const line = new WritableLine();
      const { loop, order } = await start(line, [...meters(), lamp()], { commandShare });
      await line.clock.advance(20_000);
      const polls = (since: number) =>
        line.went.filter(({ at, what }) => at >= since && what.startsWith("b")).length;
      const calm = line.clock.monotonic();
      await line.clock.advance(60_000);
      const undisturbed = polls(calm);
      const flood = line.clock.monotonic();
      let refused = 0;
      let written = 0;
      for (let index = 0; index < 6000; index++) {
        loop.write("lamp", order(lamp(), "level", index % 100)).then(
          () => written++,
          () => refused++,
        );
        await line.clock.advance(10);
      }
      const disturbed = polls(flood);
      expect(disturbed).toBeGreaterThanOrEqual(undisturbed * (1 - commandShare) - 2);
      // And the commands get theirs.
      expect(written).toBeGreaterThan((60_000 * commandShare * 0.8) / (writeMs + readMs(1)));
      expect(refused).toBeGreaterThan(0);
    },
  );

  it("commands go ahead of reads on demand", async () => {
    const line = new WritableLine();
    const { loop, order } = await start(line, [...meters(), lamp()]);
    await line.clock.advance(20_000);
    const reads = Promise.all(Array.from({ length: 50 }, () => loop.readNow("lamp", ["power"])));
    const asked = line.clock.monotonic();
    const result = watched(loop.write("lamp", order(lamp(), "level", 9)));
    await line.clock.advance(1000);
    expect(result.value).toMatchObject({ value: 9 });
    expect(line.went.find(({ what }) => what === "5=9")!.at - asked).toBeLessThanOrEqual(transactionMs);
    await line.clock.advance(60_000);
    await reads;
  });

  it("a dead unit is tried once, costs others its timeout, and is back when it answers", async () => {
    const line = new WritableLine();
    line.dead.add("lamp");
    const { loop, order } = await start(line, [busy("meter"), lamp()]);
    await line.clock.advance(40_000);
    expect(loop.status().devices.find((one) => one.device === "lamp")?.breaker).toBe("open");
    line.went.length = 0;
    const asked = line.clock.monotonic();
    const silent = watched(loop.write("lamp", order(lamp(), "level", 80, { onlyIfDifferent: false })));
    await line.clock.advance(600);
    expect(silent.error).toMatchObject({ code: "no-answer" });
    expect(line.went.filter((one) => one.device === "lamp")).toMatchObject([{ kind: "write" }]);
    const next = line.went.find(({ device, at }) => device === "meter" && at > asked + transactionMs);
    expect(next!.at - asked).toBeLessThanOrEqual(transactionMs + timeoutMs + 0.001);
    line.went.length = 0;
    const needs = ["power", "far"];
    const needing = watched(loop.write("lamp", order(lamp(), "level", 80, { needs, onlyIfDifferent: true })));
    await line.clock.advance(600);
    expect(needing.error).toMatchObject({ code: "no-answer" });
    expect(line.went.filter((one) => one.device === "lamp").length).toBe(1);
    line.dead.clear();
    const back = watched(loop.write("lamp", order(lamp(), "level", 80)));
    await line.clock.advance(1000);
    expect(back.value).toMatchObject({ value: 80, verified: true });
    expect(loop.status().devices.find((one) => one.device === "lamp")).toMatchObject({
      breaker: "closed",
      availability: "available",
    });
  });

  it("a dead unit that takes a write is alive", async () => {
    const line = new WritableLine();
    line.dead.add("lamp");
    const one = device("lamp", [point("power", 6)], {
      commands: [writable("pulse", 1001, { verify: undefined })],
    });
    const { loop, order } = await start(line, [one]);
    const status = () => loop.status().devices[0];
    await line.clock.advance(60_000);
    expect(status()).toMatchObject({ breaker: "open", availability: "unavailable" });
    line.dead.clear();
    const result = watched(loop.write("lamp", order(one, "pulse", 1)));
    await line.clock.advance(writeMs + 1);
    expect(result.value).toMatchObject({ value: 1 });
    expect(status()).toMatchObject({ breaker: "closed", availability: "available" });
  });

  it("two writes of one device never mix, whatever the line carries at once", async () => {
    const line = new WritableLine();
    line.concurrency = 4;
    const gate = writable("level", 5, {
      steps: [
        { kind: "raw", address: 9, raw: 1 },
        { kind: "wait", waitMs: 100 },
        { kind: "set", point: "level" },
      ],
    });
    const [one, two] = [device("one", [gate]), device("two", [gate])];
    const { loop, order } = await start(line, [one, two]);
    await line.clock.advance(1000);
    const results = [1, 2, 3].map((value) => watched(loop.write("one", order(one, "level", value))));
    const other = watched(loop.write("two", order(two, "level", 4)));
    await line.clock.advance(5000);
    expect(results.map(({ value }) => value?.value)).toEqual([1, 2, 3]);
    expect(line.writes("one")).toEqual(["9=1", "5=1", "9=1", "5=2", "9=1", "5=3"]);
    expect(other.value).toMatchObject({ value: 4 });
    const first = line.went.filter(({ what }) => what === "9=1");
    expect(first.find(({ device }) => device === "two")!.at).toBe(first[0]!.at);
  });
});

describe("who is written", () => {
  const seven = () =>
    device("lamp", [writable("level", 5), point("power", 6)], {
      identifyPoints: [point("model", 900)],
      identify: [{ point: "model", test: { in: [7] } }],
    });

  it("is asked first where that is not known; another model gets nothing", async () => {
    const line = new WritableLine();
    line.set("lamp", 900, 7);
    const { loop, order } = await start(line, [seven()]);
    const result = watched(loop.write("lamp", order(seven(), "level", 80)));
    await line.clock.advance(1000);
    expect(result.value).toMatchObject({ value: 80 });
    expect(line.went.map(({ what }) => what).slice(0, 2)).toEqual(["model", "5=80"]);

    const wrong = new WritableLine();
    wrong.set("lamp", 900, 8);
    const other = await start(wrong, [seven()]);
    const early = watched(other.loop.write("lamp", order(seven(), "level", 80)));
    await wrong.clock.advance(5000);
    expect(early.error).toMatchObject({ code: "wrong-device" });
    await expect(other.loop.write("lamp", order(seven(), "level", 80))).rejects.toMatchObject({
      code: "wrong-device",
    });
    expect(wrong.writes()).toEqual([]);
  });

  it("is asked anew after it was silent: it may have been exchanged", async () => {
    const line = new WritableLine();
    line.set("lamp", 900, 7);
    const { loop, order } = await start(line, [seven()]);
    await line.clock.advance(5000);
    line.dead.add("lamp");
    await line.clock.advance(60_000);
    line.dead.clear();
    line.set("lamp", 900, 8);
    const result = watched(loop.write("lamp", order(seven(), "level", 80)));
    await line.clock.advance(1000);
    expect(result.error).toMatchObject({ code: "wrong-device" });
    expect(line.writes()).toEqual([]);
  });
});

describe("a slow far side", () => {
  const valve = () =>
    device("valve", [
      writable("position", 2005, { address: 1005, verify: { ...verifies, withinMs: 60_000 } }),
    ]);
  const says = (value: number) => {
    const one = valve();
    return {
      one,
      results: (line: WritableLine) => [
        { point: one.profile.points[0]!, at: line.clock.stamp(), raw: value },
      ],
    };
  };
  /** Stages that a test lets come. */
  function staged() {
    const steps: (() => void)[] = [];
    let fail: (error: Error) => void = () => {};
    const ended = new Promise<never>((_, reject) => {
      fail = reject;
    });
    ended.catch(() => {});
    const gate = () => Promise.race([new Promise<void>((resolve) => steps.push(resolve)), ended]);
    return {
      next: () => steps.shift()?.(),
      fail: (error: Error) => fail(error),
      async *stages() {
        yield "queued" as const;
        await gate();
        yield "sent" as const;
        await gate();
        yield "acknowledged" as const;
      },
    };
  }

  it("frees the line, tells its stages, and is verified by what the device says next", async () => {
    const line = new WritableLine();
    const { one, results } = says(40);
    const far = staged();
    line.pending = () => far.stages();
    const { loop, order, readings } = await start(line, [one, lamp()]);
    await line.clock.advance(1000);
    const stages: string[] = [];
    const progress = (stage: string) => void stages.push(stage);
    const expiresAt = line.clock.now() + 3_600_000;
    const result = watched(loop.write("valve", order(one, "position", 40, { progress, expiresAt })));
    await line.clock.advance(100);
    expect(line.expiresAt).toBe(expiresAt);
    expect(stages).toEqual(["writing", "queued"]);
    // Another one of the same device is on its way meanwhile.
    const second = watched(loop.write("valve", order(one, "position", 40)));
    line.pending = undefined;
    await line.clock.advance(20_000);
    expect(line.went.filter((went) => went.device === "lamp").length).toBeGreaterThan(1);
    expect(line.writes("valve")).toEqual(["1005=40", "1005=40"]);
    far.next();
    await line.clock.advance(1000);
    expect(stages).toEqual(["writing", "queued", "sent"]);
    far.next();
    await line.clock.advance(30_000);
    expect(result.done).toBe(false);
    await line.emit?.(one, [{ point: one.profile.points[0]!, at: line.clock.stamp(), raw: 12 }]);
    await line.clock.advance(10);
    expect(result.done).toBe(false);
    await line.emit?.(one, results(line));
    await line.clock.advance(10);
    expect(result.value).toMatchObject({ value: 40, verified: true, unchanged: false });
    expect(second.value).toMatchObject({ value: 40, verified: true });
    expect(readings).toContainEqual(expect.objectContaining({ name: "position", value: 40 }));
  });

  describe("that nobody waits for any longer", () => {
    const newer = new GatewayError("replaced by b2", { code: "taken-back" });
    const begin = async (sent: boolean) => {
      const line = new WritableLine();
      const { one, results } = says(40);
      const far = staged();
      line.pending = () => far.stages();
      const { loop, order } = await start(line, [one]);
      const stop = new AbortController();
      const result = watched(loop.write("valve", order(one, "position", 40), stop.signal));
      await line.clock.advance(100);
      if (sent) {
        far.next();
        await line.clock.advance(10);
        far.next();
        await line.clock.advance(10);
      }
      return { line, far, one, results, stop, result };
    };

    it("gives back what is queued", async () => {
      const { line, far, stop, result } = await begin(false);
      let takenBack = 0;
      line.takeBack = undefined;
      stop.abort(newer);
      await line.clock.advance(10);
      // This far side takes nothing back: it goes on, and what it says counts.
      expect([result.done, takenBack]).toEqual([false, 0]);
      far.fail(new RefusedError("not delivered", { code: "not-delivered" }));
      await line.clock.advance(10);
      expect(result.error).toMatchObject({ code: "not-delivered" });

      const other = new WritableLine();
      const { one } = says(40);
      other.pending = () => staged().stages();
      other.takeBack = async () => {
        takenBack++;
      };
      const { loop, order } = await start(other, [one]);
      const end = new AbortController();
      const back = watched(loop.write("valve", order(one, "position", 40), end.signal));
      await other.clock.advance(100);
      end.abort(newer);
      await other.clock.advance(10);
      expect([back.error, takenBack]).toEqual([newer, 1]);
    });

    it("does not call delivered what was sent, and does not wait for it", async () => {
      const { line, one, results, stop, result } = await begin(true);
      expect(result.done).toBe(false);
      stop.abort(newer);
      await line.clock.advance(10);
      expect(result.error).toMatchObject({
        code: "no-answer",
        message: "replaced by b2; it had been sent, and nothing has shown it yet",
      });
      await line.emit?.(one, results(line));
    });

    it("ends at once where the gateway stops, and takes nothing back", async () => {
      for (const sent of [false, true]) {
        const { line, stop, result } = await begin(sent);
        const stopped = new GatewayError("the gateway stops", { code: "interrupted" });
        stop.abort(stopped);
        await line.clock.advance(10);
        expect(result.error).toBe(stopped);
      }
    });
  });

  it("that gives it up, or never shows it, says so", async () => {
    const line = new WritableLine();
    const { one } = says(40);
    const [late, unseen] = [staged(), staged()];
    line.pending = () => late.stages();
    const { loop, order } = await start(line, [one]);
    const first = watched(loop.write("valve", order(one, "position", 40)));
    await line.clock.advance(100);
    late.fail(new RefusedError("not delivered in time", { code: "expired" }));
    await line.clock.advance(100);
    expect(first.error).toMatchObject({ code: "expired" });
    line.pending = () => unseen.stages();
    const second = watched(loop.write("valve", order(one, "position", 40)));
    await line.clock.advance(100);
    unseen.next();
    await line.clock.advance(100);
    unseen.next();
    await line.clock.advance(61_000);
    expect(second.error).toMatchObject({ code: "not-verified" });
    expect(line.writes()).toEqual(["1005=40", "1005=40"]);
  });

  it("takes it back when nobody wants it any more; where it is too late for that, it goes on", async () => {
    const unwantedNow = new GatewayError("replaced by b2", { code: "taken-back" });
    const line = new WritableLine();
    const { one } = says(40);
    const [queued, sent] = [staged(), staged()];
    line.pending = () => queued.stages();
    line.takeBack = async () => queued.fail(new RefusedError("it was taken back", { code: "taken-back" }));
    const { loop, order } = await start(line, [one]);
    const unwanted = new AbortController();
    const first = watched(loop.write("valve", order(one, "position", 40), unwanted.signal));
    await line.clock.advance(100);
    unwanted.abort(unwantedNow);
    await line.clock.advance(1);
    expect(first.error).toMatchObject({ code: "taken-back" });
    line.pending = () => sent.stages();
    line.takeBack = () => Promise.reject(new RefusedError("it is sent", { code: "cannot-flush" }));
    const late = new AbortController();
    const second = watched(loop.write("valve", order(one, "position", 40), late.signal));
    await line.clock.advance(100);
    late.abort(unwantedNow);
    await line.clock.advance(1000);
    expect(second.done).toBe(false);
    sent.next();
    await line.clock.advance(10);
    sent.next();
    await line.clock.advance(10);
    // Sent, it cannot be called back, and nobody waits for the device to show it.
    expect(second.error).toMatchObject({ code: "no-answer" });
  });

  it("outlives a lost link, and ends with the loop", async () => {
    const line = new WritableLine();
    const { one, results } = says(40);
    const [kept, open] = [staged(), staged()];
    line.pending = () => kept.stages();
    const { loop, order } = await start(line, [one]);
    const first = watched(loop.write("valve", order(one, "position", 40)));
    await line.clock.advance(100);
    line.break();
    await line.clock.advance(60_000);
    expect(loop.status().state).toBe("open");
    kept.next();
    await line.clock.advance(10);
    kept.next();
    await line.clock.advance(10);
    await line.emit?.(one, results(line));
    await line.clock.advance(10);
    expect(first.value).toMatchObject({ value: 40, verified: true });
    line.pending = () => open.stages();
    const second: { value?: WriteOutcome; error?: unknown } = watched(
      loop.write("valve", order(one, "position", 40)),
    );
    await line.clock.advance(100);
    await loop[Symbol.asyncDispose]();
    await line.clock.advance(1);
    expect(second.error).toBeInstanceOf(LinkError);
    expect(second.error).toMatchObject({ code: "closed" });
  });
});
