import { describe, expect, it } from "vitest";
import { VirtualClock } from "../../../test/fault/virtual-clock.ts";
import type { Command, CommandCode, CommandResult } from "../../model/command.ts";
import { StorageError } from "../../model/errors.ts";
import { silentLog } from "../../model/log.ts";
import type { CommandDesk, Hold } from "../command-desk.ts";
import { parseAt } from "./at.ts";
import { Calendar } from "./calendar.ts";
import { openSchedules, type Schedules } from "./schedules.ts";
import type { Schedule } from "./targets.ts";

const hour = 3_600_000;
const calendar = new Calendar("Etc/UTC", { sweden: false, eves: false, extra: new Set() });
const noon = Date.UTC(2026, 10, 22, 12);

/** A desk that answers as it is told and remembers what was asked of it. */
class FakeDesk implements Pick<CommandDesk, "submit" | "follow" | "results" | "holds"> {
  readonly commands: Command[] = [];
  held: Hold[] = [];
  answer: (command: Command) => { state: CommandResult["state"]; code?: CommandCode } | Error = () => ({
    state: "succeeded",
  });
  #news: CommandResult[] = [];
  #wake = Promise.withResolvers<void>();

  async submit(command: Command): Promise<CommandResult> {
    this.commands.push(command);
    const answer = this.answer(command);
    if (answer instanceof Error) throw answer;
    return { ...resultOf(command), ...answer };
  }

  async *follow(): AsyncGenerator<CommandResult> {}

  async *results(signal: AbortSignal): AsyncGenerator<CommandResult> {
    signal.addEventListener("abort", () => this.#wake.resolve());
    while (!signal.aborted) {
      const next = this.#news.shift();
      if (next) yield next;
      else {
        await this.#wake.promise;
        this.#wake = Promise.withResolvers();
      }
    }
  }

  holds(): readonly Hold[] {
    return this.held;
  }

  tell(result: CommandResult): void {
    this.#news.push(result);
    this.#wake.resolve();
  }
}

function resultOf({ id, device, point, issuer }: Command): CommandResult {
  return { id, device, point, issuer, state: "succeeded", time: { base: "unix", ms: 0 }, last: true };
}

const entry = (name: string, at: string, value: number, more: Partial<Schedule> = {}): Schedule => ({
  name,
  targets: [{ device: "lamp-1", point: "level", expiryMs: 30_000 }],
  value,
  timing: { at: parseAt(at), days: [0, 1, 2, 3, 4, 5, 6], holidays: "same" },
  missed: "apply",
  ...more,
});

const evening = [entry("evening", "18:00", 80), entry("night", "23:00", 50), entry("morning", "07:00", 0)];

async function run(schedules: readonly Schedule[], desk: FakeDesk, clock: VirtualClock): Promise<Schedules> {
  return openSchedules({
    schedules,
    calendar,
    position: undefined,
    clock,
    log: silentLog,
    desk,
    run: "feed",
  });
}

const values = (desk: FakeDesk) => desk.commands.map(({ value }) => value);

describe("schedules", () => {
  it("set what holds now at the start, and each value at its moment", async () => {
    const desk = new FakeDesk();
    const clock = new VirtualClock({ unix: noon });
    await using schedules = await run(evening, desk, clock);
    await clock.advance(1);
    expect(values(desk)).toEqual([0]);
    await clock.advance(6 * hour);
    await clock.advance(5 * hour);
    await clock.advance(8 * hour);
    expect(values(desk)).toEqual([0, 80, 50, 0]);
    expect(desk.commands[1]).toMatchObject({
      device: "lamp-1",
      point: "level",
      issuer: "schedule:evening",
      priority: "schedule",
      expiry: { inMs: 30_000 },
    });
    expect(new Set(desk.commands.map(({ id }) => id)).size).toBe(4);
    expect(schedules.status().map(({ name, targets }) => [name, targets[0]?.state])).toEqual([
      ["evening", "waiting"],
      ["night", "waiting"],
      ["morning", "applied"],
    ]);
  });

  it("leave moments of before the start alone where they are told to", async () => {
    const desk = new FakeDesk();
    const clock = new VirtualClock({ unix: noon });
    await using _ = await run([entry("bell", "11:00", 1, { missed: "skip" })], desk, clock);
    await clock.advance(22 * hour);
    expect(desk.commands).toEqual([]);
    await clock.advance(2 * hour);
    expect(values(desk)).toEqual([1]);
  });

  it("wait until the time is known", async () => {
    const desk = new FakeDesk();
    const clock = new VirtualClock({ unix: noon, trusted: false });
    await using schedules = await run(evening, desk, clock);
    await clock.advance(24 * hour);
    expect(desk.commands).toEqual([]);
    expect(schedules.status()[0]).not.toHaveProperty("next", expect.any(Number));
    clock.trust();
    await clock.advance(1);
    expect(values(desk)).toEqual([0]);
  });

  it("try again what may go better, ever more seldom, and stop at the next moment", async () => {
    const desk = new FakeDesk();
    desk.answer = () => ({ state: "failed", code: "no-answer" });
    const clock = new VirtualClock({ unix: noon });
    await using _ = await run(evening, desk, clock);
    await clock.advance(10 * 60_000);
    // At 0, 0:30, 1:30, 3:30 and 7:30.
    expect(values(desk)).toEqual([0, 0, 0, 0, 0]);
    await clock.advance(6 * hour);
    desk.answer = () => ({ state: "succeeded" });
    await clock.advance(hour);
    expect(values(desk).at(-1)).toBe(80);
    const count = desk.commands.length;
    await clock.advance(hour);
    expect(desk.commands.length).toBe(count);
  });

  it("survive a desk whose disk fails", async () => {
    const desk = new FakeDesk();
    desk.answer = () => new StorageError("full", { code: "disk-full" });
    const clock = new VirtualClock({ unix: noon });
    await using _ = await run(evening, desk, clock);
    await clock.advance(1);
    desk.answer = () => ({ state: "succeeded" });
    await clock.advance(31_000);
    expect(values(desk)).toEqual([0, 0]);
  });

  it("give up what was refused for good, until the next moment", async () => {
    const desk = new FakeDesk();
    desk.answer = () => ({ state: "failed", code: "refused-by-device" });
    const clock = new VirtualClock({ unix: noon });
    await using schedules = await run(evening, desk, clock);
    await clock.advance(2 * hour);
    expect(values(desk)).toEqual([0]);
    expect(schedules.status()[2]?.targets[0]).toMatchObject({ state: "given-up", code: "refused-by-device" });
    await clock.advance(4 * hour);
    expect(values(desk)).toEqual([0, 80]);
  });

  it("come back when an operator's hold ends by itself", async () => {
    const desk = new FakeDesk();
    const clock = new VirtualClock({ unix: noon });
    await using schedules = await run(evening, desk, clock);
    await clock.advance(1);
    const hold = { device: "lamp-1", point: "level", issuer: "user:eva", value: 100 } as const;
    desk.held = [{ ...hold, priority: "operator", until: noon + hour }];
    desk.tell({ ...resultOf(desk.commands[0]!), id: "x", issuer: "user:eva" });
    await clock.advance(30 * 60_000);
    expect(schedules.status()[2]?.targets[0]?.state).toBe("overridden");
    expect(values(desk)).toEqual([0]);
    desk.held = [];
    await clock.advance(31 * 60_000);
    expect(values(desk)).toEqual([0, 0]);
  });

  it("come back when an operator releases, and are told when they come too early", async () => {
    const desk = new FakeDesk();
    const clock = new VirtualClock({ unix: noon });
    const hold = { device: "lamp-1", point: "level", issuer: "user:eva", value: 100 } as const;
    desk.held = [{ ...hold, priority: "operator" }];
    desk.answer = () => ({ state: "failed", code: "overridden" });
    await using _ = await run(evening, desk, clock);
    await clock.advance(3 * hour);
    expect(values(desk)).toEqual([0]);
    desk.held = [];
    desk.answer = () => ({ state: "succeeded" });
    desk.tell({ ...resultOf(desk.commands[0]!), id: "x", issuer: "user:eva" });
    await clock.advance(1);
    expect(values(desk)).toEqual([0, 0]);
  });

  it("follow a wall clock that is set", async () => {
    const desk = new FakeDesk();
    const clock = new VirtualClock({ unix: noon });
    await using _ = await run(evening, desk, clock);
    await clock.advance(1);
    clock.jump(7 * hour);
    await clock.advance(61_000);
    expect(values(desk)).toEqual([0, 80]);
  });

  it("of two with the same moment the later in the file wins", async () => {
    const desk = new FakeDesk();
    const clock = new VirtualClock({ unix: noon });
    await using _ = await run([entry("a", "07:00", 1), entry("b", "07:00", 2)], desk, clock);
    await clock.advance(1);
    expect(values(desk)).toEqual([2]);
  });
});
