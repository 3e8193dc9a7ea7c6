import { describe, expect, it } from "vitest";
import { openClock } from "./clock.ts";

const always = { floor: 0, trust: "always" } as const;
const files =
  (...present: string[]) =>
  (path: string) =>
    present.includes(path);

describe("the system's clock", () => {
  it("counts from the kernel's boot and never goes back", () => {
    using clock = openClock(always);
    let before = clock.monotonic();
    for (let count = 0; count < 1000; count++) {
      const now = clock.monotonic();
      expect(now).toBeGreaterThanOrEqual(before);
      before = now;
    }
    expect(Math.abs(before - Number(process.hrtime.bigint()) / 1e6)).toBeLessThan(60_000);
    expect(clock.bootId).toMatch(/^[0-9a-f-]{36}$/);
    using other = openClock(always);
    if (process.platform === "linux") expect(other.bootId).toBe(clock.bootId);
  });

  it("never fires early, neither whole milliseconds nor fractions", async () => {
    using clock = openClock(always);
    const fired: number[] = [];
    await Promise.all(
      [12, 0, 3.4, 1, 0.25, 7.75, 20.5].map(async (ms) => {
        const due = clock.monotonic() + ms;
        await clock.sleep(ms);
        expect(clock.monotonic()).toBeGreaterThanOrEqual(due);
        fired.push(ms);
      }),
    );
    expect(fired).toHaveLength(7);
  });

  it("never calls back at once, nor after it was disposed", async () => {
    using clock = openClock(always);
    let calls = 0;
    const count = () => {
      calls += 1;
    };
    for (const ms of [0, 0.5, 1, 1.7, -3]) clock.timer(ms, count)[Symbol.dispose]();
    clock.timer(-1, count);
    expect(calls).toBe(0);
    await clock.sleep(5);
    expect(calls).toBe(1);
  });

  it("waits longer than setTimeout can", async () => {
    using clock = openClock(always);
    let fired = false;
    const timer = clock.timer(2 ** 31 + 5, () => {
      fired = true;
    });
    await clock.sleep(10);
    expect(fired).toBe(false);
    timer[Symbol.dispose]();
  });

  it("ends a sleep with the signal's reason", async () => {
    using clock = openClock(always);
    const controller = new AbortController();
    const sleeping = expect(clock.sleep(100_000, controller.signal)).rejects.toThrow("enough");
    controller.abort(new Error("enough"));
    await sleeping;
    await expect(clock.sleep(1, controller.signal)).rejects.toThrow("enough");
  });

  it("never reports a time below the floor, and goes on from there", async () => {
    const floor = 1_790_000_000_000;
    using clock = openClock({ floor, trust: "auto", wall: () => 5000, exists: files() });
    const first = clock.now();
    expect(first).toBeGreaterThanOrEqual(floor);
    await clock.sleep(3);
    expect(clock.now()).toBeGreaterThan(first);
    expect(clock.now()).toBeLessThan(floor + 60_000);
  });
});

describe("trust", () => {
  const floor = 1_790_000_000_000;
  const after = () => floor + 1;
  const before = () => floor - 1;
  const running = "/run/systemd/timesync";
  const synchronized = "/run/systemd/timesync/synchronized";

  it.each([
    ["always", before, [], true],
    ["timesync", after, ["/dev/rtc0"], false],
    ["timesync", before, [synchronized], true],
    ["auto", after, [running, synchronized], true],
    ["auto", after, [running], false],
    ["auto", after, ["/run/systemd/system", "/usr/lib/systemd/systemd-timesyncd"], false],
    ["auto", after, ["/usr/lib/systemd/systemd-timesyncd"], true],
    ["auto", after, [running, "/dev/rtc0"], true],
    ["auto", before, ["/dev/rtc0"], false],
    ["auto", after, [], true],
    ["auto", before, [], false],
  ] as const)("%s, %o, with %o: %s", (trust, wall, present, expected) => {
    using clock = openClock({ floor, trust, wall, exists: files(...present) });
    expect(clock.trusted).toBe(expected);
    expect(clock.stamp().base).toBe(expected ? "unix" : "boot");
  });

  it("comes when the clock is synchronised, once, and resolves earlier instants", async () => {
    let present: string[] = [running];
    let wall = 1000;
    using clock = openClock({
      floor,
      trust: "auto",
      wall: () => wall,
      exists: (path) => present.includes(path),
      watchMs: 1,
    });
    const early = clock.stamp();
    expect(early.base).toBe("boot");
    expect(clock.toUnix(early)).toBeUndefined();
    let calls = 0;
    using _never = clock.whenTrusted(() => {
      calls += 100;
    });
    _never[Symbol.dispose]();
    const trusted = new Promise<void>((resolve) => {
      clock.whenTrusted(() => {
        calls += 1;
        resolve();
      });
    });
    wall = floor + 86_400_000;
    present = [running, synchronized];
    // The watch does not keep a process alive, so this test must.
    const alive = clock.timer(20_000, () => {});
    await trusted;
    alive[Symbol.dispose]();
    expect(clock.trusted).toBe(true);
    expect(calls).toBe(1);
    const late = clock.stamp();
    expect(late).toEqual({ base: "unix", ms: wall });
    expect(clock.toUnix(early)! - wall).toBeLessThanOrEqual(0);
    expect(clock.toUnix(early)! - wall).toBeGreaterThan(-20_000);
    let again = 0;
    clock.whenTrusted(() => {
      again += 1;
    });
    expect(again).toBe(1);
  });
});

describe("the time of a device that knows it", () => {
  const year = 365 * 86_400_000;
  const real = Date.UTC(2026, 10, 22, 12);
  const without = (trust: "auto" | "timesync", watchMs = 1_000_000) =>
    openClock({
      trust,
      floor: real - year,
      watchMs,
      exists: files("/run/systemd/timesync"),
      wall: () => 0,
    });

  it("makes the clock trusted and is its time from then on", () => {
    using clock = without("auto");
    expect(clock.trusted).toBe(false);
    const stamp = clock.stamp();
    let told = 0;
    clock.whenTrusted(() => told++);
    const at = clock.monotonic();
    expect(clock.offer(real, at)).toBe(true);
    expect([clock.trusted, told]).toEqual([true, 1]);
    expect(clock.now() - (clock.monotonic() - at)).toBeCloseTo(real, 0);
    expect(clock.toUnix(stamp)).toBeLessThanOrEqual(real);
    expect(clock.stamp().base).toBe("unix");
  });

  it("is not believed below the floor, nor where only systemd-timesyncd counts", () => {
    using clock = without("auto");
    expect(clock.offer(real - 2 * year, clock.monotonic())).toBe(false);
    expect(clock.trusted).toBe(false);
    using strict = without("timesync");
    expect(strict.offer(real, strict.monotonic())).toBe(false);
    expect(strict.trusted).toBe(false);
  });

  it("follows small steps and refuses jumps", () => {
    using clock = without("auto");
    const at = clock.monotonic();
    clock.offer(real, at);
    expect(clock.offer(real + 500, at)).toBe(true);
    expect(clock.offer(real + 3_600_000, at)).toBe(false);
    expect(clock.now()).toBeLessThan(real + 60_000);
  });

  it("does not count where the system's own time is trusted", () => {
    using clock = openClock(always);
    expect(clock.offer(real + year, clock.monotonic())).toBe(false);
    expect(Math.abs(clock.now() - Date.now())).toBeLessThan(1000);
  });
});
