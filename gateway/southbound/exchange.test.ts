import { describe, expect, it } from "vitest";
import { VirtualClock } from "../../test/fault/virtual-clock.ts";
import { memoryPair } from "../transport/memory.ts";
import { type Deframer, Exchange } from "./exchange.ts";

/** Frames end with a full stop, or by silence. */
class Sentences implements Deframer<string> {
  readonly quietMs = 50;
  readonly statistics = { frames: 0 };
  #held = "";

  push(chunk: Uint8Array): string[] {
    const parts = (this.#held + Buffer.from(chunk).toString("latin1")).split(".");
    this.#held = parts.pop() ?? "";
    this.statistics.frames += parts.length;
    return parts;
  }

  quiet(): string[] {
    const held = this.#held;
    this.#held = "";
    return held === "" ? [] : [`${held}?`];
  }

  reset(): void {
    this.#held = "";
  }
}

function line() {
  const clock = new VirtualClock();
  const [near, far] = memoryPair(clock);
  const heard: string[] = [];
  const sent: string[] = [];
  far.receive((chunk) => sent.push(Buffer.from(chunk).toString("latin1")));
  const exchange = new Exchange(near, new Sentences(), clock, (frame) => heard.push(frame));
  return { clock, near, heard, sent, exchange, never: new AbortController().signal };
}

const bytes = (text: string) => new Uint8Array(Buffer.from(text, "latin1"));

describe("exchange", () => {
  it("gives the request the first frame it accepts, and everybody else the rest", async () => {
    const { clock, near, heard, sent, exchange, never } = line();
    const answer = exchange.request(bytes("?"), (frame) => frame.startsWith("a"), { timeoutMs: 100 }, never);
    await clock.advance(1);
    expect(sent).toEqual(["?"]);
    near.deliver(bytes(""));
    near.deliver(bytes("wind 5.a1.a2.rain 0."));
    expect((await answer).frame).toBe("a1");
    expect(heard).toEqual(["wind 5", "a2", "rain 0"]);
    expect(exchange.statistics).toMatchObject({ frames: 4, requests: 1, unasked: 3, timeouts: 0 });
  });

  it("lets what is on its way arrive after the close only when everything was answered", async () => {
    const answered = line();
    const answer = answered.exchange.request(bytes("?"), () => true, { timeoutMs: 100 }, answered.never);
    await answered.clock.advance(1);
    answered.near.deliver(bytes("a."));
    await answer;
    await answered.exchange[Symbol.asyncDispose]();
    expect(answered.near.lateIsAllowed).toBe(true);
    const owed = line();
    const written = owed.exchange.write(bytes("!"));
    await owed.clock.advance(1);
    await written;
    owed.near.deliver(bytes("unasked."));
    await owed.exchange[Symbol.asyncDispose]();
    expect(owed.near.lateIsAllowed).toBe(false);
  });

  it("times out without a byte, and counts from the last byte while they come", async () => {
    const { clock, near, exchange, never } = line();
    const silent = exchange.request(bytes("?"), () => true, { timeoutMs: 100 }, never);
    const refused = expect(silent).rejects.toMatchObject({ code: "timeout" });
    await clock.advance(101);
    await refused;

    const slow = exchange.request(bytes("?"), () => true, { timeoutMs: 100, longestMs: 1000 }, never);
    for (const piece of ["a", "b", "c", "d."]) {
      await clock.advance(40);
      near.deliver(bytes(piece));
    }
    expect((await slow).frame).toBe("abcd");
  });

  it("does not wait for ever for a line that babbles", async () => {
    const { clock, near, exchange, never } = line();
    const babble = exchange.request(bytes("?"), () => false, { timeoutMs: 100, longestMs: 300 }, never);
    const refused = expect(babble).rejects.toMatchObject({ code: "bad-reply" });
    for (let count = 0; count < 12; count++) {
      await clock.advance(30);
      near.deliver(bytes("no."));
    }
    await refused;
  });

  it("ends frames by silence", async () => {
    const { clock, near, heard } = line();
    near.deliver(bytes("half"));
    await clock.advance(30);
    near.deliver(bytes(" a frame"));
    await clock.advance(49);
    expect(heard).toEqual([]);
    await clock.advance(60);
    expect(heard).toEqual(["half a frame?"]);
  });

  it("forgets what an earlier request left behind", async () => {
    const { clock, near, exchange, never } = line();
    near.deliver(bytes("left over"));
    const answer = exchange.request(bytes("?"), () => true, { timeoutMs: 100 }, never);
    await clock.advance(1);
    near.deliver(bytes("fresh."));
    expect((await answer).frame).toBe("fresh");
  });

  it("rejects with the lost link, and with the caller's reason", async () => {
    const { clock, near, exchange, never } = line();
    const aborted = new AbortController();
    const given = exchange.request(bytes("?"), () => true, { timeoutMs: 100 }, aborted.signal);
    await clock.advance(1);
    aborted.abort(new Error("changed my mind"));
    await expect(given).rejects.toThrow("changed my mind");
    const cut = exchange.request(bytes("?"), () => true, { timeoutMs: 100 }, never);
    await clock.advance(1);
    near.lose();
    await expect(cut).rejects.toMatchObject({ code: "lost" });
    await expect(exchange.write(bytes("?"))).rejects.toMatchObject({ code: "lost" });
  });
});
