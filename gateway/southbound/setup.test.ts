import { afterEach, describe, expect, it } from "vitest";
import {
  device,
  point,
  type Started,
  start as startLine,
  verifies,
  WritableLine,
  writable,
} from "../../test/writable-line.ts";
import type { Device, DeviceProfile } from "../model/device.ts";
import type { SetupStep } from "../model/write-rule.ts";

const loops: Started[] = [];
afterEach(async () => {
  for (const { loop } of loops.splice(0)) await loop[Symbol.asyncDispose]();
});

async function start(line: WritableLine, devices: Device[]): Promise<Started> {
  const started = await startLine(line, devices);
  loops.push(started);
  return started;
}

const watchdog: SetupStep = { point: "watchdog", address: 20, raw: 60, value: 60, verify: verifies };
/** A place that is no point. */
const place: SetupStep = { address: 30, raw: 3, value: 3, verify: verifies };

function charger(setup: SetupStep[] = [watchdog], more: Partial<DeviceProfile> = {}): Device {
  return device(
    "charger",
    [point("power", 6), point("serial", 7, { pollClass: "once" }), writable("watchdog", 20)],
    { setup, ...more },
    { fast: 1000, normal: 1000, slow: 1000 },
  );
}

const statusOf = ({ loop }: Started) => loop.status().devices[0]!;

describe("the setup of a device", () => {
  it("that is right already is read, and nothing is written", async () => {
    const line = new WritableLine();
    line.set("charger", 20, 60);
    line.set("charger", 30, 3);
    const started = await start(line, [charger([watchdog, place])]);
    await line.clock.advance(5000);
    expect(line.writes()).toEqual([]);
    expect(line.went[0]).toMatchObject({ kind: "read", what: "watchdog,setup_2" });
    expect(statusOf(started)).toMatchObject({ availability: "available", problem: undefined });
    expect(new Set(started.readings.map(({ name }) => name))).toEqual(
      new Set(["power", "serial", "watchdog"]),
    );
  });

  it("that is wrong is written once, in order, and only what differs, before anything is polled", async () => {
    const line = new WritableLine();
    line.set("charger", 20, 60);
    const last: SetupStep = { address: 31, raw: 9, value: 9, verify: verifies };
    const started = await start(line, [charger([place, watchdog, last])]);
    await line.clock.advance(100);
    expect(started.readings).toEqual([]);
    await line.clock.advance(5000);
    expect(line.writes()).toEqual(["30=3", "31=9"]);
    const written = line.went.findLastIndex(({ kind }) => kind === "write");
    const polled = line.went.findIndex(({ what }) => what.includes("power"));
    expect(polled).toBeGreaterThan(written);
    expect(started.readings.find(({ name }) => name === "serial")).toMatchObject({ quality: "good" });
    await line.clock.advance(600_000);
    expect(line.writes()).toEqual(["30=3", "31=9"]);
  });

  it("that shows nowhere is written once per connection", async () => {
    const line = new WritableLine();
    const blind: SetupStep = { address: 1001, raw: 1, value: 1 };
    await start(line, [charger([blind])]);
    await line.clock.advance(300_000);
    expect(line.writes()).toEqual(["1001=1"]);
    line.break();
    await line.clock.advance(300_000);
    expect(line.writes()).toEqual(["1001=1", "1001=1"]);
  });

  it("a step that shows nowhere goes with the others only when one of them differs", async () => {
    const line = new WritableLine();
    line.set("charger", 20, 60);
    const unlock: SetupStep = { address: 1001, raw: 1, value: 1 };
    await start(line, [charger([unlock, watchdog])]);
    await line.clock.advance(5000);
    expect(line.writes()).toEqual([]);
    line.set("charger", 20, 5);
    line.break();
    await line.clock.advance(60_000);
    expect(line.writes()).toEqual(["1001=1", "20=60"]);
  });

  it("that the device refuses makes it unavailable, and is tried again with growing pauses", async () => {
    const line = new WritableLine();
    line.fate = () => "refused";
    const started = await start(line, [charger()]);
    await line.clock.advance(1000);
    expect(statusOf(started)).toMatchObject({ availability: "unavailable" });
    expect(statusOf(started).problem).toContain("setup-failed");
    expect(started.readings.length).toBe(3);
    expect(
      started.readings.every(
        ({ quality, detail }) => quality === "config-error" && detail === "setup-failed",
      ),
    ).toBe(true);
    await expect(
      started.loop.write("charger", started.order(charger(), "watchdog", 30)),
    ).rejects.toMatchObject({
      code: "setup-failed",
    });
    expect(await readNow(started, line)).toEqual(["config-error"]);
    await line.clock.advance(3_600_000);
    // 1, 2, 4, 8, 16 and 32 minutes.
    const times = line.went.filter(({ kind }) => kind === "write").map(({ at }) => at);
    expect(times.length).toBeGreaterThanOrEqual(5);
    expect(times.length).toBeLessThanOrEqual(7);
    for (let index = 2; index < times.length; index++)
      expect(times[index]! - times[index - 1]!).toBeGreaterThan(
        1.8 * (times[index - 1]! - times[index - 2]!),
      );
    expect(started.readings.length).toBe(3);
    line.fate = () => "done";
    await line.clock.advance(3_700_000);
    expect(statusOf(started)).toMatchObject({ availability: "available", problem: undefined });
    expect(line.get("charger", 20)).toBe(60);
  });

  it("that does not stay is a failure too, and reconnects do not make it a loop", async () => {
    const line = new WritableLine();
    line.fate = () => "ignored";
    const started = await start(line, [charger([{ ...watchdog, verify: { ...verifies, retries: 0 } }])]);
    for (let index = 0; index < 20; index++) {
      await line.clock.advance(15_000);
      line.break();
    }
    expect(statusOf(started).availability).toBe("unavailable");
    // 5 minutes: at 0, 1 and 3.
    expect(line.writes().length).toBeLessThanOrEqual(3);
  });

  it("is looked at again when the line was lost, or the device away, and written only if it forgot", async () => {
    const line = new WritableLine();
    const started = await start(line, [charger()]);
    await line.clock.advance(100_000);
    expect(line.writes()).toEqual(["20=60"]);
    line.break();
    await line.clock.advance(60_000);
    expect(line.writes()).toEqual(["20=60"]);
    line.dead.add("charger");
    await line.clock.advance(60_000);
    line.set("charger", 20, 10);
    line.dead.clear();
    await line.clock.advance(60_000);
    expect(line.writes()).toEqual(["20=60", "20=60"]);
    expect(statusOf(started)).toMatchObject({ availability: "available", breaker: "closed" });
  });

  it("of a device that does not answer is no failure: it is found dead as ever, and set up when it is back", async () => {
    const line = new WritableLine();
    line.dead.add("charger");
    const started = await start(line, [charger()]);
    await line.clock.advance(60_000);
    expect(statusOf(started)).toMatchObject({ availability: "unavailable", breaker: "open" });
    expect(started.readings.every(({ quality }) => quality === "comm-error")).toBe(true);
    expect(line.writes()).toEqual([]);
    line.dead.clear();
    await line.clock.advance(60_000);
    expect(line.writes()).toEqual(["20=60"]);
    expect(statusOf(started)).toMatchObject({ availability: "available" });
  });

  it("is left alone while it is not known who the device is, or when it is another one", async () => {
    const line = new WritableLine();
    const identify = {
      identifyPoints: [point("model", 900)],
      identify: [{ point: "model", test: { in: [7] } }],
    };
    line.set("charger", 900, 8);
    const started = await start(line, [charger([watchdog], identify)]);
    await line.clock.advance(30_000);
    expect(line.writes()).toEqual([]);
    expect(statusOf(started).problem).toContain("wrong-device");
    line.set("charger", 900, 7);
    await line.clock.advance(90_000);
    expect(line.writes()).toEqual(["20=60"]);
    expect(statusOf(started)).toMatchObject({ availability: "available" });
  });

  it("comes before a write to a device that was away, and another model gets neither", async () => {
    const line = new WritableLine();
    const identify = {
      identifyPoints: [point("model", 900)],
      identify: [{ point: "model", test: { in: [7] } }],
    };
    const limit = writable("limit", 21);
    const one = device("charger", [writable("watchdog", 20), limit], { setup: [watchdog], ...identify });
    line.set("charger", 900, 7);
    const started = await start(line, [one]);
    const away = async (change: () => void) => {
      line.dead.add("charger");
      await line.clock.advance(120_000);
      change();
      line.dead.clear();
      const written = started.loop.write("charger", started.order(one, "limit", 16)).catch((error) => error);
      await line.clock.advance(1000);
      return written;
    };
    await line.clock.advance(5000);
    expect(await away(() => line.set("charger", 20, 5))).toMatchObject({ value: 16, verified: true });
    expect(line.writes()).toEqual(["20=60", "20=60", "21=16"]);
    expect(await away(() => line.set("charger", 900, 8))).toMatchObject({ code: "wrong-device" });
    await line.clock.advance(120_000);
    expect(line.writes()).toEqual(["20=60", "20=60", "21=16"]);
    expect(statusOf(started).problem).toContain("wrong-device");
  });

  it("comes before a write to a device without a name of its own that was away", async () => {
    const line = new WritableLine();
    const one = device("charger", [writable("watchdog", 20), writable("limit", 21)], { setup: [watchdog] });
    const started = await start(line, [one]);
    await line.clock.advance(5000);
    line.dead.add("charger");
    await line.clock.advance(120_000);
    line.set("charger", 20, 5);
    line.dead.clear();
    const written = started.loop.write("charger", started.order(one, "limit", 16));
    await line.clock.advance(1000);
    expect(await written).toMatchObject({ value: 16, verified: true });
    expect(line.writes()).toEqual(["20=60", "20=60", "21=16"]);
  });

  it("comes before a write and before a read on demand", async () => {
    const line = new WritableLine();
    const started = await start(line, [charger()]);
    const written = started.loop.write("charger", started.order(charger(), "watchdog", 30));
    await line.clock.advance(1000);
    expect(await written).toMatchObject({ value: 30, before: 60, verified: true });
    expect(line.writes()).toEqual(["20=60", "20=30"]);
    const again = new WritableLine();
    const other = await start(again, [charger()]);
    const read = other.loop.readNow("charger", ["power"]);
    await again.clock.advance(1000);
    expect(await read).toMatchObject([{ name: "power", quality: "good" }]);
    expect(again.went.findIndex(({ what }) => what === "power")).toBeGreaterThan(
      again.went.findIndex(({ kind }) => kind === "write"),
    );
  });

  it("of points that the device sends by itself waits for its first word", async () => {
    const line = new WritableLine();
    const report: SetupStep = { point: "period", address: 1020, raw: 60, value: 60, verify: verifies };
    const period = writable("period", 2020, { address: 1020 });
    const one = device("charger", [period], { setup: [report] });
    const started = await start(line, [one]);
    await line.clock.advance(60_000);
    expect(line.writes()).toEqual([]);
    const say = (raw: number) => line.emit?.(one, [{ point: period, at: line.clock.stamp(), raw }]);
    await say(60);
    await line.clock.advance(15_000);
    expect(line.writes()).toEqual([]);
    await say(60);
    await line.clock.advance(1);
    expect(started.readings).toMatchObject([{ name: "period", value: 60 }]);
  });
});

async function readNow({ loop }: Started, line: WritableLine): Promise<string[]> {
  const read = loop.readNow("charger", ["power"]);
  await line.clock.advance(100);
  return (await read).map(({ quality }) => quality);
}
