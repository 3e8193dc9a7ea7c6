import { describe, expect, it } from "vitest";
import { seeded } from "../../test/fault/random.ts";
import { VirtualClock } from "../../test/fault/virtual-clock.ts";
import type { CommandResult, CommandState } from "../model/command.ts";
import { LinkError, RefusedError } from "../model/errors.ts";
import { silentLog } from "../model/log.ts";
import { AnswerSender, type AnswerSenderOptions, type Tellable } from "./answer-sender.ts";

const state = (id: string, of: CommandState): CommandResult => ({
  id,
  device: "d",
  point: "p",
  issuer: "i",
  state: of,
  time: { base: "unix", ms: 1 },
  last: of !== "accepted" && of !== "executing",
});
const tellable = (id: string, ...states: CommandState[]): Tellable & { states: CommandResult[] } => ({
  states: states.map((one) => state(id, one)),
  tellings: new Map([["city", { told: 0 }]]),
});

function sender(answer: (text: string) => Promise<void>, over: Partial<AnswerSenderOptions> = {}) {
  const clock = new VirtualClock();
  const told: string[] = [];
  const made = new AnswerSender({
    northbounds: () => ["city"],
    answerers: {
      answer: (_northbound, { body }) => answer(Buffer.from(body).toString()),
      connected: async () => {},
    },
    codec: { encodeResult: ({ id, state: of }) => new TextEncoder().encode(`${id} ${of}`) },
    clock,
    random: seeded(1),
    log: silentLog,
    told: (one) => told.push(String(one.states[0]?.id)),
    ...over,
  });
  return { made, clock, told };
}

describe("answers", () => {
  it("go out in order per command, a few commands at once", async () => {
    const open: { text: string; done: () => void }[] = [];
    const { made, clock } = sender((text) => new Promise((done) => open.push({ text, done })));
    for (let index = 0; index < 20; index++) made.offer(tellable(`c${index}`, "accepted", "succeeded"));
    await clock.advance(0);
    expect(open.map(({ text }) => text)).toEqual(
      Array.from({ length: 8 }, (_, index) => `c${index} accepted`),
    );
    open[3]?.done();
    await clock.advance(0);
    expect(open.at(-1)?.text).toBe("c3 succeeded");
    expect(made.waiting).toBe(39);
  });

  it("that cannot be written as bytes keep no other waiting", async () => {
    const heard: string[] = [];
    const { made, clock } = sender(async (text) => void heard.push(text), {
      codec: {
        encodeResult: ({ id }) => {
          if (id === "odd") throw new RangeError("no such bytes");
          return new TextEncoder().encode(id);
        },
      },
    });
    made.offer(tellable("odd", "succeeded"));
    made.offer(tellable("even", "succeeded"));
    await clock.advance(0);
    expect(heard).toEqual(["even"]);
    expect(made).toMatchObject({ waiting: 0, dropped: 1 });
  });

  it("are tried again with growing pauses, and given up when they are refused", async () => {
    const tries: string[] = [];
    const { made, clock, told } = sender(async (text) => {
      tries.push(text);
      if (text === "b accepted") throw new RefusedError("too large", { code: "too-large" });
      if (tries.length < 6) throw new LinkError("gone", { code: "closed" });
    });
    made.offer(tellable("b", "accepted"));
    await clock.advance(0);
    expect([tries, made.dropped, made.waiting, told]).toEqual([["b accepted"], 1, 0, ["b"]]);
    made.offer(tellable("a", "accepted"));
    await clock.advance(1000);
    expect(tries).toHaveLength(3);
    await clock.advance(15_000);
    expect([tries.length, made.waiting]).toEqual([6, 0]);
  });

  it("are dropped beyond a bound: first what was said on the way, the oldest first", async () => {
    const taken: string[] = [];
    let up = false;
    const { made, clock } = sender(
      async (text) => {
        if (!up) throw new LinkError("gone", { code: "closed" });
        taken.push(text);
      },
      { maxWaiting: 40 },
    );
    for (let index = 0; index < 60; index++)
      made.offer(tellable(`c${index}`, "accepted", "executing", "succeeded"));
    await clock.advance(0);
    expect(made.waiting).toBeLessThanOrEqual(60);
    expect(made.waiting + made.dropped).toBe(180);
    up = true;
    await clock.advance(120_000);
    expect(made.waiting).toBe(0);
    expect(taken.slice(-3)).toEqual(["c57 succeeded", "c58 succeeded", "c59 succeeded"]);
    // Eight were on their way with all they had; of the rest the newest last words are kept.
    expect(taken.filter((text) => text.endsWith("succeeded"))).toHaveLength(24);
  });

  it("for a far side that is gone from gateway.yaml are nobody's", async () => {
    const { made, told } = sender(async () => {}, { northbounds: () => [] });
    made.offer(tellable("a", "accepted", "succeeded"));
    expect([made.dropped, made.waiting, told]).toEqual([2, 0, ["a"]]);
  });
});
