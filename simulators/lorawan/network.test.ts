import { describe, expect, it } from "vitest";
import { VirtualClock } from "../../test/fault/virtual-clock.ts";
import type { QueueItem, QueuePolicy } from "./downlink-queue.ts";
import type { EndDeviceSettings } from "./end-device.ts";
import type { NetworkEvent, NetworkOptions } from "./events.ts";
import { createNetwork } from "./network.ts";

const chirpstackPolicy: QueuePolicy = { countsAtQueue: false, resends: false, classCTimeoutMs: 5000 };
const stackPolicy: QueuePolicy = { countsAtQueue: true, resends: true };

const meter: EndDeviceSettings = {
  devEui: "a81758fffe050001",
  name: "Meter 1",
  model: { profile: "Meter" },
  payload: ({ fCnt }) => ({ fPort: 2, bytes: Uint8Array.of(fCnt) }),
};
const lamp: EndDeviceSettings = { ...meter, devEui: "a81758fffe050002", name: "Lamp 1", class: "C" };

function open(options: Partial<NetworkOptions> = {}, policy = chirpstackPolicy) {
  const clock = new VirtualClock();
  const network = createNetwork({
    devices: [meter, lamp],
    now: () => clock.now(),
    after: (ms, callback) => clock.timer(ms, callback),
    ...options,
  });
  const events: NetworkEvent[] = [];
  const listening = network.listen((event) => events.push(event), policy);
  const kinds = () => events.splice(0).map((event) => `${event.kind}${detail(event)}`);
  return { clock, network, events, kinds, listening, a: network.devices[0]!, c: network.devices[1]! };
}

function detail(event: NetworkEvent): string {
  if (event.kind === "up") return ` ${event.record.fCnt}`;
  if (event.kind === "sent") return ` ${event.window.replace(/\d/, "")} ${event.item.fCntDown}`;
  if (event.kind === "ack") return ` ${event.acknowledged}`;
  return event.kind === "discarded" ? ` ${event.why}` : "";
}

let made = 0;
const item = (more: Partial<QueueItem> = {}): QueueItem => ({
  id: `00000000-0000-4000-8000-${String(++made).padStart(12, "0")}`,
  fPort: 10,
  bytes: Uint8Array.of(1),
  confirmed: false,
  correlationIds: [],
  ...more,
});

describe("a class A device", () => {
  it("joins with its first uplink and gets a downlink only after the next one, in a receive window", async () => {
    const { a, clock, kinds, network } = open();
    a.send();
    await clock.advance(10_000);
    expect(kinds()).toEqual(["join", "up 0"]);
    network.enqueue(a, item());
    network.enqueue(a, item());
    await clock.advance(3_600_000);
    expect(kinds()).toEqual(["queued", "queued"]);
    expect(a.received).toEqual([]);
    a.send();
    await clock.advance(200);
    expect(kinds()).toContain("sent rx 0");
    expect(a.received).toEqual([]);
    await clock.advance(5000);
    expect(a.received.length).toBe(1);
    expect(a.received[0]!.time - a.send().time).toBeLessThan(0);
    await clock.advance(5000);
    expect(a.received.length).toBe(2);
    expect(kinds().filter((kind) => !kind.startsWith("status"))).toEqual(["up 2", "sent rx 1"]);
  });

  it("acknowledges a confirmed downlink with its next uplink", async () => {
    const { a, clock, kinds, network } = open();
    network.enqueue(a, item({ confirmed: true }));
    network.enqueue(a, item());
    a.send();
    await clock.advance(10_000);
    kinds();
    a.send();
    await clock.advance(10_000);
    expect(kinds().filter((kind) => kind !== "status")).toEqual(["up 1", "ack true", "sent rx 1"]);
  });

  it("does not acknowledge what it did not hear: ChirpStack gives up, The Things Stack sends again", async () => {
    for (const [policy, after] of [
      [chirpstackPolicy, ["up 1", "ack false"]],
      [stackPolicy, ["up 1", "ack false", "sent rx 1"]],
    ] as const) {
      const { a, clock, kinds, network } = open({}, policy);
      a.loseDownlinks(1);
      network.enqueue(a, item({ confirmed: true }));
      a.send();
      await clock.advance(10_000);
      expect(a.received).toEqual([]);
      kinds();
      a.send();
      await clock.advance(10_000);
      expect(kinds().filter((kind) => kind !== "status")).toEqual(after);
      expect(a.received.length).toBe(policy.resends ? 1 : 0);
    }
  });

  it("loses its acknowledgement with the uplink that carried it", async () => {
    const { a, clock, kinds, network } = open();
    network.enqueue(a, item({ confirmed: true }));
    a.send();
    await clock.advance(10_000);
    a.loseUplinks(1);
    a.send();
    await clock.advance(10_000);
    kinds();
    a.send();
    await clock.advance(10_000);
    expect(kinds().slice(0, 2)).toEqual(["up 2", "ack false"]);
    expect(network.uplinks.map(({ heard }) => heard)).toEqual([true, false, true]);
  });

  it("never gets what has expired or is too long: that shows with the next uplink only", async () => {
    const { a, clock, kinds, network } = open();
    network.enqueue(a, item({ expiresAt: clock.now() + 60_000 }));
    network.enqueue(a, item({ bytes: new Uint8Array(243) }));
    network.enqueue(a, item());
    await clock.advance(61_000);
    kinds();
    a.send();
    await clock.advance(10_000);
    expect(kinds()).toEqual(["join", "up 0", "discarded expired", "discarded too-long", "sent rx 0"]);
    expect(a.received.length).toBe(1);
  });

  it("keeps a downlink that the gateway refuses", async () => {
    const { a, clock, kinds, network } = open({ gatewayRefusal: 1 });
    network.enqueue(a, item());
    a.send();
    await clock.advance(10_000);
    expect(kinds()).toEqual(["queued", "join", "up 0", "gateway-refused"]);
    expect(a.queue.items.length).toBe(1);
  });

  it("starts its counters again when it joins again; without a join the server refuses its frames", async () => {
    const { a, clock, kinds } = open();
    for (let count = 0; count < 3; count++) {
      a.send();
      await clock.advance(10_000);
    }
    const before = a.devAddr;
    a.rejoin();
    a.send();
    await clock.advance(10_000);
    expect(a.devAddr).not.toBe(before);
    a.send();
    await clock.advance(10_000);
    a.resetCounter();
    a.send();
    await clock.advance(10_000);
    expect(kinds().filter((kind) => kind !== "status")).toEqual([
      "join",
      "up 0",
      "up 1",
      "up 2",
      "join",
      "up 0",
      "up 1",
      "counter-reset",
    ]);
  });
});

describe("a class C device", () => {
  it("gets all downlinks at once, as soon as it was heard once", async () => {
    const { c, clock, kinds, network } = open();
    network.enqueue(c, item());
    await clock.advance(60_000);
    expect(kinds()).toEqual(["queued"]);
    c.send();
    await clock.advance(10_000);
    network.enqueue(c, item());
    network.enqueue(c, item());
    await clock.advance(10_000);
    expect(c.received.length).toBe(3);
  });

  it("has its time to acknowledge, and holds up what comes after", async () => {
    const { c, clock, kinds, network } = open();
    c.send();
    await clock.advance(10_000);
    kinds();
    network.enqueue(c, item({ confirmed: true }));
    network.enqueue(c, item());
    await clock.advance(4000);
    expect(kinds()).toEqual(["queued", "queued", "sent class-c 0"]);
    await clock.advance(4000);
    expect(kinds()).toEqual(["ack false", "sent class-c 1"]);
  });

  it("may speak of its own accord when it got something", async () => {
    const levels: number[] = [];
    const speaking: EndDeviceSettings = {
      ...lamp,
      payload: () => ({ fPort: 24, bytes: Uint8Array.from(levels) }),
      onDownlink: ({ bytes }) => {
        levels.push(...bytes);
        return 1000;
      },
    };
    const { clock, network, kinds, events } = open({ devices: [speaking] });
    const [c] = network.devices;
    c!.send();
    await clock.advance(10_000);
    kinds();
    network.enqueue(c!, item({ confirmed: true, bytes: Uint8Array.of(50) }));
    await clock.advance(4500);
    const up = events.find((event) => event.kind === "up");
    expect(up?.kind === "up" && up.record.payload).toBe("32");
    expect(kinds().filter((kind) => kind !== "status")).toEqual([
      "queued",
      "sent class-c 0",
      "up 1",
      "ack true",
    ]);
  });
});

describe("the network", () => {
  const busy = async (seed: number) => {
    const many = Array.from({ length: 20 }, (_, index) => ({
      ...meter,
      devEui: `a81758fffe06${String(index).padStart(4, "0")}`,
      everyMs: 600_000,
    }));
    const { clock, events, network } = open({ devices: many, seed, uplinkLoss: 0.1, downlinkLoss: 0.2 });
    network.start();
    await clock.advance(3 * 3_600_000);
    network[Symbol.dispose]();
    return { network, events, story: events.map((event) => [event.kind, event.device.settings.devEui]) };
  };

  it("tells the same story for the same seed, and another one for another", async () => {
    const [one, again, other] = [await busy(7), await busy(7), await busy(8)];
    expect(again.story).toEqual(one.story);
    expect(again.network.uplinks).toEqual(one.network.uplinks);
    expect(other.story).not.toEqual(one.story);
    const { uplinks } = one.network;
    expect(uplinks.length).toBeGreaterThan(20 * 17);
    const heard = uplinks.filter((uplink) => uplink.heard).length;
    expect(one.events.filter(({ kind }) => kind === "up").length).toBe(heard);
    expect(heard / uplinks.length).toBeGreaterThan(0.8);
    expect(heard / uplinks.length).toBeLessThan(0.97);
  });

  it("loses what is said while no server listens, and nothing that waits for a device", async () => {
    const { a, clock, network, kinds, listening } = open();
    a.send();
    await clock.advance(1000);
    network.enqueue(a, item());
    expect(() => network.listen(() => {}, chirpstackPolicy)).toThrow("connected to this network already");
    listening[Symbol.dispose]();
    a.send();
    await clock.advance(1000);
    const seen: string[] = [];
    using _ = network.listen((event) => seen.push(event.kind), chirpstackPolicy);
    a.send();
    await clock.advance(5000);
    expect(kinds()).toEqual(["join", "up 0", "queued"]);
    expect(seen).toContain("sent");
    expect(network.uplinks.map(({ heard }) => heard)).toEqual([true, false, true]);
  });

  it("takes no more downlinks than its limit", () => {
    const { a, network } = open({ queueLimit: 2 });
    network.enqueue(a, item());
    network.enqueue(a, item());
    expect(() => network.enqueue(a, item())).toThrow("the queue of a81758fffe050001 is full");
  });

  it("asks for the status now and then, never before the second uplink", async () => {
    const { a, clock, events } = open({ statusEvery: 3, devices: [{ ...meter, supply: () => 88 }] });
    for (let count = 0; count < 7; count++) {
      a.send();
      await clock.advance(10_000);
    }
    expect(events.map(({ kind }) => kind)).toEqual([
      "join",
      "up",
      "up",
      "status",
      "up",
      "up",
      "up",
      "status",
      "up",
      "up",
    ]);
    const status = events.find((event) => event.kind === "status");
    expect(status?.kind === "status" && status.supply).toBe(88);
  });
});
