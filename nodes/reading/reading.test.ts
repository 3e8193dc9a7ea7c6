import type { NodeStatus } from "node-red";
import { afterEach, describe, expect, it } from "vitest";
import { gatewayItem, openFlow, type TestFlow, testClock } from "../test/flow.ts";
import { type LocalGateway, openLocalGateway } from "../test/local-gateway.ts";
import reading from "./reading.ts";

let gateway: LocalGateway;
let flow: TestFlow;
afterEach(async () => {
  await flow[Symbol.asyncDispose]();
  await gateway[Symbol.asyncDispose]();
});

async function start(settings: object, clock?: ReturnType<typeof testClock>): Promise<void> {
  const item = {
    id: "n",
    type: "stadsnod-reading",
    gateway: "gw",
    device: "lamp-1",
    point: "level",
    audience: "",
    emit: "all",
    everyS: 60,
    quality: "all",
    initial: true,
    wires: [["out"], ["bad"]],
    ...settings,
  };
  flow = await openFlow(
    [reading],
    [gatewayItem(gateway), item, { id: "out", type: "helper" }, { id: "bad", type: "helper" }],
    clock ? { clock } : {},
  );
}

const shows = (text: string) => (status: NodeStatus) => status.text === text;

describe("stadsnod-reading", () => {
  it("sends the latest value at the start, then each new one, as Node-RED has it", async () => {
    gateway = await openLocalGateway();
    gateway.tell({ device: "lamp-1", point: "level", value: 80, unit: "%" });
    await start({});
    const first = await flow.messages("out").take();
    expect(first).toMatchObject({
      payload: 80,
      topic: "lamp-1/level",
      reading: { device: "lamp-1", point: "level", value: 80, unit: "%", quality: "good" },
    });
    expect(first.reading).toHaveProperty("ageMs");
    expect(first).not.toHaveProperty("lost");
    await gateway.listened();
    gateway.tell(
      { device: "lamp-1", point: "level", value: 81, unit: "%" },
      { device: "lamp-2", point: "level", value: 1 },
    );
    expect((await flow.messages("out").take()).payload).toBe(81);
    expect(await flow.statuses("n").until(shows("81 %"))).toMatchObject({ fill: "green", shape: "dot" });
  });

  it("matches `*` in devices and points, and all bits of a point", async () => {
    gateway = await openLocalGateway();
    await start({ device: "lamp-*", point: "alarms" });
    await gateway.listened();
    gateway.tell(
      { device: "lamp-1", point: "alarms/door", value: true },
      { device: "lamp-1", point: "level", value: 1 },
      { device: "lamp-2", point: "alarms/fire", value: false },
      { device: "mast-1", point: "alarms/fire", value: false },
      { device: "lamp-9", point: "alarms/fire", value: true },
    );
    const topics = [];
    for (let i = 0; i < 3; i++) topics.push((await flow.messages("out").take()).topic);
    expect(topics).toEqual(["lamp-1/alarms/door", "lamp-2/alarms/fire", "lamp-9/alarms/fire"]);
  });

  it("routes readings that are not good to the second output, without a value", async () => {
    gateway = await openLocalGateway();
    await start({ quality: "route" });
    await gateway.listened();
    gateway.tell({ device: "lamp-1", point: "level", quality: "stale" });
    const bad = await flow.messages("bad").take();
    expect(bad.payload).toBeUndefined();
    expect(bad).toMatchObject({ topic: "lamp-1/level", reading: { quality: "stale" } });
    expect(flow.messages("out").all).toEqual([]);
    expect(await flow.statuses("n").until(shows("quality.stale"))).toMatchObject({
      fill: "yellow",
      shape: "ring",
    });
  });

  it("leaves out what is not good, or what has not changed, when told so", async () => {
    gateway = await openLocalGateway();
    await start({ quality: "good", emit: "change" });
    await gateway.listened();
    for (const value of [1, 1, 2]) gateway.tell({ device: "lamp-1", point: "level", value });
    gateway.tell({ device: "lamp-1", point: "level", quality: "comm-error" });
    gateway.tell({ device: "lamp-1", point: "level", value: 2 });
    gateway.tell({ device: "lamp-1", point: "level", value: 3 });
    await flow.messages("out").until(({ payload }) => payload === 3);
    // 2 again after the error: its quality is another one.
    expect(flow.messages("out").all.map(({ payload }) => payload)).toEqual([1, 2, 2, 3]);
  });

  it("only begins with the first reading when the latest is not wanted at the start", async () => {
    gateway = await openLocalGateway();
    gateway.tell({ device: "lamp-1", point: "level", value: 80 });
    await start({ initial: false });
    await flow.statuses("n").until(shows("80"));
    gateway.tell({ device: "lamp-1", point: "level", value: 81 });
    expect((await flow.messages("out").take()).payload).toBe(81);
  });

  it("sends the latest of each point so often, and shows how old it is", async () => {
    gateway = await openLocalGateway();
    const clock = testClock();
    const time = new Date(clock.now()).toISOString();
    gateway.tell({ device: "lamp-1", point: "level", value: 80, unit: "%", time });
    await start({ emit: "every", everyS: 30 }, clock);
    while (!flow.statuses("n").all.some(shows("80 %"))) await clock.advance(500);
    expect(flow.messages("out").all).toEqual([]);
    await clock.advance(30_000);
    expect(await flow.messages("out").take()).toMatchObject({ payload: 80, reading: { ageMs: 30_000 } });
    await clock.advance(30_000);
    expect(await flow.messages("out").take()).toMatchObject({ payload: 80, reading: { ageMs: 60_000 } });
    await flow.statuses("n").until(shows("80 % · 1 min"));
  });

  it("lets only one audience's points through", async () => {
    gateway = await openLocalGateway();
    await start({ device: "*", point: "*", audience: "open" });
    await gateway.listened();
    gateway.tell(
      { device: "lamp-1", point: "level", value: 1 },
      { device: "lamp-1", point: "mode", value: "on" },
      { device: "unheard-of", point: "mode", value: "on" },
      { device: "lamp-2", point: "mode", value: "off" },
    );
    await flow.messages("out").until(({ topic }) => topic === "lamp-2/mode");
    expect(flow.messages("out").all.map(({ topic }) => topic)).toEqual(["lamp-1/mode", "lamp-2/mode"]);
  });

  it("shows that the gateway is away, comes back by itself and repeats nothing", async () => {
    gateway = await openLocalGateway();
    await start({});
    await gateway.listened();
    gateway.tell({ device: "lamp-1", point: "level", value: 1 });
    await flow.messages("out").take();
    await gateway.stop();
    expect(await flow.statuses("n").until(shows("status.away"))).toMatchObject({
      fill: "red",
      shape: "ring",
    });
    await gateway.start();
    await gateway.listened();
    gateway.tell({ device: "lamp-1", point: "level", value: 2 });
    expect((await flow.messages("out").take()).payload).toBe(2);
  });

  it("tells a flow what it has missed", async () => {
    gateway = await openLocalGateway();
    await start({});
    await gateway.listened();
    gateway.lose(7);
    gateway.tell({ device: "lamp-1", point: "level", value: 1 });
    expect(await flow.messages("out").take()).toMatchObject({ payload: 1, lost: 7 });
    gateway.tell({ device: "lamp-1", point: "level", value: 2 });
    expect(await flow.messages("out").take()).not.toHaveProperty("lost");
  });

  it("shares one stream among all nodes, and ends it with the last of them", async () => {
    gateway = await openLocalGateway();
    gateway.tell(
      { device: "lamp-1", point: "level", value: 1 },
      { device: "lamp-2", point: "level", value: 2 },
    );
    const item = (id: string, device: string) => ({
      id,
      type: "stadsnod-reading",
      gateway: "gw",
      device,
      point: "level",
      audience: "",
      emit: "all",
      everyS: 60,
      quality: "all",
      initial: true,
      wires: [["out"]],
    });
    flow = await openFlow(
      [reading],
      [gatewayItem(gateway), item("a", "lamp-1"), item("b", "lamp-2"), { id: "out", type: "helper" }],
    );
    const payloads = [await flow.messages("out").take(), await flow.messages("out").take()].map(
      ({ payload }) => payload,
    );
    expect(payloads).toEqual([1, 2]);
    expect(gateway.listeners).toBe(1);
    await flow.node("a").close(true);
    gateway.tell(
      { device: "lamp-1", point: "level", value: 3 },
      { device: "lamp-2", point: "level", value: 4 },
    );
    expect((await flow.messages("out").take()).payload).toBe(4);
    await flow.node("b").close(true);
    await gateway.deserted();
  });

  it("says when no gateway is chosen", async () => {
    gateway = await openLocalGateway();
    await start({ gateway: "" });
    expect(await flow.statuses("n").take()).toMatchObject({ fill: "red", text: "status.no-gateway" });
  });
});
