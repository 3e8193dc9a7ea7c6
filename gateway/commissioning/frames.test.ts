import { describe, expect, it } from "vitest";
import { VirtualClock } from "../../test/fault/virtual-clock.ts";
import { memoryPair } from "../transport/memory.ts";
import type { Endpoint } from "../transport/transport.ts";
import { type FrameSeen, FrameTaps } from "./frames.ts";

const tcp: Endpoint = { kind: "tcp", host: "10.0.0.1", port: 502 };
const serial: Endpoint = {
  kind: "serial",
  port: "/dev/x",
  baud: 9600,
  dataBits: 8,
  parity: "none",
  stopBits: 1,
};
const bytes = (...values: number[]) => Uint8Array.from(values);

async function open(endpoint: Endpoint = tcp) {
  const clock = new VirtualClock();
  const taps = new FrameTaps(clock);
  const [near, far] = memoryPair(clock, { endpoint });
  const connect = taps.tap("roof", async () => near);
  const transport = await connect(endpoint, new AbortController().signal);
  return { clock, taps, transport, far };
}

type Told = readonly FrameSeen[] | { readonly lost: number };

/** Collects what a listener is told. */
function listen(taps: FrameTaps, connection = "roof") {
  const leaving = new AbortController();
  const told: Told[] = [];
  const done = (async () => {
    for await (const one of taps.listen(connection, leaving.signal)) told.push(one);
  })();
  return {
    told,
    frames: () => told.flatMap((one) => ("lost" in one ? [] : one)),
    leave: async () => {
      leaving.abort();
      await done;
    },
    done,
  };
}

describe("what goes over a wire", () => {
  it("is kept for whoever comes, and told as it comes", async () => {
    const { clock, taps, transport, far } = await open();
    const answers: string[] = [];
    far.receive(() => void far.write(bytes(1, 3, 2)));
    transport.receive((chunk) => answers.push(Buffer.from(chunk).toString("hex")));
    void transport.write(bytes(1, 3, 0));
    await clock.advance(1000);
    const listener = listen(taps);
    await clock.advance(200);
    expect(listener.frames()).toMatchObject([
      { direction: "sent", hex: "010300", bytes: 3 },
      { direction: "received", hex: "010302", bytes: 3 },
    ]);
    expect(new Date(listener.frames()[0]!.at).getTime()).toBeLessThanOrEqual(clock.now() - 1000);
    void transport.write(bytes(9));
    await clock.advance(500);
    expect(listener.frames().map(({ hex }) => hex)).toEqual(["010300", "010302", "09", "010302"]);
    expect(answers).toEqual(["010302", "010302"]);
    await listener.leave();
  });

  it("is bounded: the newest frames, and of each the first bytes", async () => {
    const { clock, taps, transport } = await open();
    for (let at = 0; at < 100; at++) void transport.write(new Uint8Array(600).fill(at));
    await clock.advance(100);
    const listener = listen(taps);
    await clock.advance(200);
    const frames = listener.frames();
    expect(frames).toHaveLength(32);
    expect(frames.at(-1)).toMatchObject({ bytes: 600, hex: "63".repeat(512) });
    expect(frames[0]?.hex.startsWith("44")).toBe(true);
    // More while somebody looks, and who is too slow is told.
    for (let at = 0; at < 600; at++) void transport.write(bytes(at % 256));
    await clock.advance(200);
    expect(listener.told).toContainEqual({ lost: 88 });
    expect(listener.frames()).toHaveLength(32 + 512);
    await listener.leave();
    const later = listen(taps);
    await clock.advance(200);
    expect(later.frames()).toHaveLength(32);
    await later.leave();
  });

  it("is one frame where a serial port gives it in pieces, and several on a network", async () => {
    for (const [endpoint, expected] of [
      [serial, ["0103aabb", "0104"]],
      [tcp, ["01", "03", "aabb", "0104"]],
    ] as const) {
      const { clock, taps, transport, far } = await open(endpoint);
      transport.receive(() => {});
      for (const piece of [bytes(1), bytes(3), bytes(0xaa, 0xbb)]) {
        void far.write(piece);
        await clock.advance(5);
      }
      await clock.advance(50);
      void far.write(bytes(1, 4));
      await clock.advance(50);
      const listener = listen(taps);
      await clock.advance(200);
      expect(listener.frames().map(({ hex }) => hex)).toEqual(expected);
      await listener.leave();
    }
  });

  it("ends with its connection, and waits for one that is not open yet", async () => {
    const { clock, taps } = await open();
    const early = listen(taps, "cellar");
    await clock.advance(500);
    const [near] = memoryPair(clock);
    const transport = await taps.tap("cellar", async () => near)(tcp, new AbortController().signal);
    void transport.write(bytes(7));
    await clock.advance(500);
    expect(early.frames().map(({ hex }) => hex)).toEqual(["07"]);
    taps.forget("cellar");
    await clock.advance(500);
    await early.done;
  });
});
