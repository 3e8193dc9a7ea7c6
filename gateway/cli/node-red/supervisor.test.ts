import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { VirtualClock } from "../../../test/fault/virtual-clock.ts";
import { silentLog } from "../../model/log.ts";
import type { ChildOptions } from "./child-process.ts";
import { asleep, type Cause, type CrashPolicy, follow, type Happening, usualPolicy } from "./crash-policy.ts";
import type { NodeRedStatus } from "./status-file.ts";
import { Supervisor } from "./supervisor.ts";

const policy: CrashPolicy = { ...usualPolicy, memoryBytes: 512_000_000 };
const exit: Cause = { code: "exit", text: "exit code 1" };

/** A Node-RED of the test's: it lives, crashes and grows when it is told to. */
class FakeNodeRed {
  readonly starts: { at: number; safe: boolean }[] = [];
  readonly statuses: NodeRedStatus[] = [];
  readonly clock = new VirtualClock();
  readonly supervisor: Supervisor;
  bytes = 100_000_000;
  /** Whether it comes as far as its flows at once. */
  readonly #loads: boolean;
  #options: ChildOptions | undefined;

  constructor({ safe = false, loads = true } = {}) {
    this.#loads = loads;
    this.supervisor = new Supervisor({
      clock: this.clock,
      log: silentLog,
      policy,
      url: "http://127.0.0.1:1880/",
      safe,
      child: { settingsFile: "", userDir: "", memoryBytes: 0, env: {} },
      ready: async () => {},
      onStatus: (status) => this.statuses.push(status),
      start: (options) => {
        this.#options = options;
        this.starts.push({ at: this.clock.monotonic(), safe: options.safe });
        if (this.#loads) options.onLoaded();
        const end = (cause: Cause) => {
          const { onEnd } = options;
          this.#options = undefined;
          onEnd(cause);
        };
        return {
          pid: 1,
          bytes: () => this.bytes,
          kill: () => end({ code: "signal", text: "ended by SIGKILL" }),
          end: async () => {
            if (this.#options) end({ code: "exit", text: "exit code 0" });
          },
        };
      },
    });
    this.supervisor.begin();
  }

  /** Lets time pass with a sign of life every second. */
  async live(ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed += 1000) {
      this.#options?.onAlive();
      await this.clock.advance(1000);
    }
  }

  crash(): void {
    this.#options?.onEnd(exit);
  }

  deploy(): void {
    this.#options?.onDeployed();
  }

  get last(): NodeRedStatus {
    return this.supervisor.status;
  }
}

describe("Supervisor", () => {
  it("leaves alone what lives", async () => {
    const fake = new FakeNodeRed();
    await fake.live(3_600_000);
    expect(fake.starts).toHaveLength(1);
    expect(fake.last).toMatchObject({ state: "running", crashes: 0, memoryMB: 100 });
  });

  it("starts anew after 1 s, then twice as long each time, at most 60 s", async () => {
    const fake = new FakeNodeRed();
    const delays = [];
    for (let crash = 0; crash < 9; crash++) {
      const crashedAt = fake.clock.monotonic();
      fake.crash();
      const before = fake.starts.length;
      while (fake.starts.length === before) await fake.clock.advance(1000);
      delays.push(Math.round((fake.clock.monotonic() - crashedAt) / 1000));
      await fake.live(1000);
    }
    expect(delays).toEqual([1, 2, 4, 8, 16, 32, 60, 60, 60]);
  });

  it("forgets crashes of long ago", async () => {
    const fake = new FakeNodeRed();
    for (let crash = 0; crash < 6; crash++) {
      fake.crash();
      await fake.live(policy.windowMs + 2000);
      expect(fake.last).toMatchObject({ state: "running", safe: false });
    }
  });

  it("goes to safe mode after three crashes within five minutes, and leaves it with a deploy", async () => {
    const fake = new FakeNodeRed();
    for (let crash = 0; crash < 3; crash++) {
      fake.crash();
      await fake.live(70_000);
    }
    expect(fake.starts.map(({ safe }) => safe)).toEqual([false, false, false, true]);
    expect(fake.last).toMatchObject({ state: "safe-mode", lastCrash: exit });
    await fake.live(3_600_000);
    expect(fake.last.state).toBe("safe-mode");
    fake.deploy();
    expect(fake.last).toMatchObject({ state: "running", safe: false });
    fake.crash();
    await fake.live(10_000);
    expect(fake.starts.at(-1)).toMatchObject({ safe: false });
  });

  it("begins in safe mode when the last run ended there", async () => {
    const fake = new FakeNodeRed({ safe: true });
    await fake.live(1000);
    expect(fake.starts).toMatchObject([{ safe: true }]);
    expect(fake.last.state).toBe("safe-mode");
  });

  it("waits two minutes for one that loads its nodes", async () => {
    const fake = new FakeNodeRed({ loads: false });
    await fake.clock.advance(119_000);
    expect(fake.last.crashes).toBe(0);
    await fake.clock.advance(1000);
    expect(fake.last).toMatchObject({ crashes: 1, lastCrash: { code: "hung" } });
  });

  it("kills what gives no sign of life for 10 s", async () => {
    const fake = new FakeNodeRed();
    await fake.live(5000);
    await fake.clock.advance(8000);
    expect(fake.last.crashes).toBe(0);
    await fake.clock.advance(2000);
    expect(fake.last).toMatchObject({
      crashes: 1,
      lastCrash: { code: "hung", text: "no sign of life for 10 s" },
    });
  });

  it("kills what takes too much memory", async () => {
    const fake = new FakeNodeRed();
    fake.bytes = 600_000_000;
    await fake.live(1000);
    expect(fake.last).toMatchObject({
      crashes: 1,
      lastCrash: { code: "memory", text: "it takes 600 MB of memory" },
    });
  });

  it("starts nothing once it is over", async () => {
    const fake = new FakeNodeRed();
    await fake.supervisor[Symbol.asyncDispose]();
    await fake.clock.advance(600_000);
    expect(fake.starts).toHaveLength(1);
    expect(fake.last).toMatchObject({ state: "stopped", crashes: 0 });
  });

  it("starts anew with flows when it is told to", async () => {
    const fake = new FakeNodeRed({ safe: true });
    await fake.supervisor.restart();
    expect(fake.starts.map(({ safe }) => safe)).toEqual([true, false]);
    expect(fake.last.crashes).toBe(0);
  });
});

describe("follow", () => {
  const happening: fc.Arbitrary<Happening> = fc.oneof(
    fc.record({ kind: fc.constant("alive" as const), bytes: fc.nat(600_000_000) }),
    fc.record({
      kind: fc.constant("look" as const),
      bytes: fc.option(fc.nat(600_000_000), { nil: undefined }),
    }),
    fc.constant<Happening>({ kind: "loaded" }),
    fc.constant<Happening>({ kind: "deployed" }),
    fc.constant<Happening>({ kind: "ended", cause: exit }),
  );

  it("never starts two, never later than a minute after the end, and bounds what it remembers", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(happening, fc.nat(20_000)), { maxLength: 200 }), (steps) => {
        let now = 0;
        let { watched } = follow(asleep, { kind: "begin", safe: false }, now, policy);
        let living = 1;
        for (const [what, later] of steps) {
          now += later;
          if (what.kind === "ended" && living === 0) continue;
          const next = follow(watched, what, now, policy);
          if (what.kind === "ended") living--;
          living += next.orders.filter(({ kind }) => kind === "start").length;
          ({ watched } = next);
          expect(living).toBeLessThanOrEqual(1);
          expect(living).toBe(watched.phase === "running" ? 1 : 0);
          if (watched.phase === "waiting")
            expect(watched.startAt - now).toBeLessThanOrEqual(policy.longestDelayMs);
          expect(watched.crashes.length).toBeLessThanOrEqual(policy.crashes);
        }
      }),
    );
  });
});
