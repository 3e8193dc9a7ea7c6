import { describe, expect, it } from "vitest";
import { VirtualClock } from "../../../test/fault/virtual-clock.ts";
import type { GatewayStatus } from "../../local/surface.ts";
import { type Log, silentLog } from "../../model/log.ts";
import type { Pulse } from "./health.ts";
import type { Message } from "./notify.ts";
import { openServiceManager } from "./service-manager.ts";
import { statusLine } from "./status-line.ts";

function manager(env: Record<string, string> = { WATCHDOG_USEC: "30000000" }) {
  const clock = new VirtualClock({ monotonic: 60_000 });
  const told: Message[] = [];
  const logged: string[] = [];
  const note = (_fields: Record<string, unknown>, text: string) => logged.push(text);
  const log: Log = { ...silentLog, error: note, info: note };
  let pulse: Pulse = { diskMs: 0, loops: [] };
  let status = "devices 1 of 1";
  const opened = openServiceManager({ env, pid: 42, clock, log, notify: (message) => told.push(message) });
  return {
    clock,
    logged,
    opened,
    watched: { pulse: () => pulse, status: () => status },
    set pulse(next: Pulse) {
      pulse = next;
    },
    set status(next: string) {
      status = next;
    },
    /** What was said since the last call. */
    take: () => told.splice(0),
  };
}

describe("the service manager", () => {
  it("is told READY once the gateway runs, then a sign of life every half of the watchdog's time", async () => {
    const { clock, opened, watched, take } = manager();
    await clock.advance(60_000);
    expect(take()).toEqual([]);
    opened.ready(watched);
    expect(take()).toEqual([{ READY: "1", WATCHDOG: "1", STATUS: "devices 1 of 1" }]);
    await clock.advance(14_999);
    expect(take()).toEqual([]);
    await clock.advance(1);
    expect(take()).toEqual([{ WATCHDOG: "1" }]);
    await clock.advance(45_000);
    expect(take()).toHaveLength(3);
  });

  it("gets the status line when it has changed", async () => {
    const test = manager();
    test.opened.ready(test.watched);
    test.take();
    test.status = "devices 0 of 1";
    await test.clock.advance(15_000);
    expect(test.take()).toEqual([{ WATCHDOG: "1", STATUS: "devices 0 of 1" }]);
  });

  it.each([
    ["there is no watchdog", {}],
    ["the watchdog is another process's", { WATCHDOG_USEC: "30000000", WATCHDOG_PID: "41" }],
    ["the watchdog's time is nonsense", { WATCHDOG_USEC: "soon" }],
  ])("gets only the status line when %s", async (_why, env) => {
    const test = manager(env);
    test.opened.ready(test.watched);
    expect(test.take()).toEqual([{ READY: "1", STATUS: "devices 1 of 1" }]);
    await test.clock.advance(60_000);
    expect(test.take()).toEqual([]);
  });

  it("hears nothing but the reason from a heart that is ill, and at once when it is well again", async () => {
    const test = manager();
    test.opened.ready(test.watched);
    test.take();
    test.pulse = { diskMs: 75_000, loops: [] };
    await test.clock.advance(20_000);
    expect(test.take()).toEqual([{ STATUS: "not healthy: the store has not answered for 75 s" }]);
    test.pulse = { diskMs: 0, loops: [] };
    await test.clock.advance(1000);
    expect(test.take()).toEqual([{ WATCHDOG: "1", STATUS: "devices 1 of 1" }]);
    expect(test.logged).toEqual([
      "the gateway is not healthy: the service manager is left to start it anew",
      "the gateway is healthy again",
    ]);
  });

  it("knows of a reload, also of one that fails", async () => {
    const { opened, take } = manager();
    const applied = await opened.reloading(async () => {
      expect(take()).toEqual([{ RELOADING: "1", MONOTONIC_USEC: "60000000" }]);
      return "applied";
    });
    expect(applied).toBe("applied");
    expect(take()).toEqual([{ READY: "1" }]);
    await expect(opened.reloading(() => Promise.reject(new Error("no")))).rejects.toThrow("no");
    expect(take().at(-1)).toEqual({ READY: "1" });
  });

  it("is told once that the end has begun, and nothing afterwards", async () => {
    const { clock, opened, watched, take } = manager();
    opened.ready(watched);
    take();
    const end = Promise.withResolvers<void>();
    const reload = opened.reloading(() => end.promise);
    take();
    opened.stopping();
    opened.stopping();
    expect(take()).toEqual([{ STOPPING: "1", STATUS: "the gateway stops" }]);
    end.resolve();
    await reload;
    opened.ready(watched);
    await clock.advance(60_000);
    expect(take()).toEqual([]);
  });
});

describe("the status line", () => {
  const status = (changes: Partial<GatewayStatus>): GatewayStatus => ({
    gateway: "gw-1",
    version: "0.1.0",
    run: "run",
    uptimeS: 1,
    clock: { trusted: true },
    devices: [],
    connections: [],
    northbound: [],
    quarantined: [],
    position: undefined,
    timeZone: "Europe/Stockholm",
    memoryMB: 70,
    ...changes,
  });
  const device = (state: "available" | "unavailable" | "unknown") => ({
    id: state,
    profile: "a/b",
    connection: "roof",
    state,
    errors: {},
  });
  const outbox = {
    packs: 0,
    bytes: 0,
    readings: 0,
    oldestMs: 0,
    lanes: { urgent: 0, live: 0, backlog: 0 },
    disk: "ok",
    volatile: 0,
    quarantined: 0,
  } as const;

  it("counts devices, names far sides and says what waits", () => {
    expect(statusLine(status({}))).toBe("devices 0 of 0");
    expect(
      statusLine(
        status({
          devices: [device("available"), device("unavailable"), device("unknown")],
          northbound: [
            { name: "city", connected: true, peer: "broker", outbox },
            { name: "harbour", connected: false, peer: "", outbox: { ...outbox, packs: 12, disk: "full" } },
          ],
          quarantined: [{ kind: "device", id: "lamp", reason: "no profile" }],
        }),
      ),
    ).toBe("devices 1 of 3; city connected; harbour away, 12 packs wait, disk full; 1 parts did not start");
  });
});
