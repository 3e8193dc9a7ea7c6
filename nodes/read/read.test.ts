import type { NodeStatus } from "node-red";
import { afterEach, describe, expect, it } from "vitest";
import { gatewayItem, openFlow, type TestFlow } from "../test/flow.ts";
import { type LocalGateway, openLocalGateway } from "../test/local-gateway.ts";
import read from "./read.ts";

let gateway: LocalGateway;
let flow: TestFlow;
afterEach(async () => {
  await flow[Symbol.asyncDispose]();
  await gateway[Symbol.asyncDispose]();
});

async function start(settings: object = {}): Promise<void> {
  const item = {
    id: "n",
    type: "stadsnod-read",
    gateway: "gw",
    device: "lamp-1",
    point: "level",
    what: "latest",
    minutes: 60,
    limit: 1000,
    quality: "all",
    wires: [["out"], ["bad"]],
    ...settings,
  };
  flow = await openFlow(
    [read],
    [gatewayItem(gateway), item, { id: "out", type: "helper" }, { id: "bad", type: "helper" }],
  );
}

const shows = (text: string) => (status: NodeStatus) => status.text === text;

describe("stadsnod-read", () => {
  it("gives the latest reading of a point and keeps the rest of the message", async () => {
    gateway = await openLocalGateway();
    gateway.tell(
      { device: "lamp-1", point: "level", value: 80, unit: "%" },
      { device: "lamp-1", point: "power", value: 9 },
    );
    await start();
    flow.node("n").receive({ payload: "go", mine: 1 });
    expect(await flow.messages("out").take()).toMatchObject({
      payload: 80,
      topic: "lamp-1/level",
      mine: 1,
      reading: { unit: "%", quality: "good" },
    });
    await flow.statuses("n").until(shows("80 %"));
  });

  it("takes the point from msg.topic, bits too", async () => {
    gateway = await openLocalGateway();
    gateway.tell({ device: "lamp-2", point: "alarms/fire", value: false });
    await start({ device: "", point: "" });
    flow.node("n").receive({ topic: "lamp-2/alarms/fire" });
    expect(await flow.messages("out").take()).toMatchObject({ payload: false, topic: "lamp-2/alarms/fire" });
    flow.node("n").receive({ topic: "" });
    expect((await flow.errors("n").take()).text).toMatch(/no device and point/);
    flow.node("n").receive({ topic: "lamp-2/level" });
    expect((await flow.errors("n").take()).text).toMatch(/no reading of lamp-2\/level yet/);
  });

  it("gives several as a list", async () => {
    gateway = await openLocalGateway();
    gateway.tell(
      { device: "lamp-1", point: "level", value: 1 },
      { device: "lamp-2", point: "level", value: 2 },
    );
    await start({ device: "lamp-*" });
    flow.node("n").receive({});
    expect((await flow.messages("out").take()).payload).toMatchObject([{ value: 1 }, { value: 2 }]);
  });

  it("routes a reading that is not good to the second output", async () => {
    gateway = await openLocalGateway();
    gateway.tell({ device: "lamp-1", point: "level", quality: "stale" });
    await start({ quality: "route" });
    flow.node("n").receive({ payload: 5 });
    const bad = await flow.messages("bad").take();
    expect(bad).toMatchObject({ reading: { quality: "stale" } });
    expect(bad.payload).toBeUndefined();
    expect(await flow.statuses("n").until(shows("quality.stale"))).toMatchObject({ fill: "yellow" });
  });

  it("polls now, one device at a time", async () => {
    gateway = await openLocalGateway();
    gateway.tell(
      { device: "lamp-1", point: "level", value: 3 },
      { device: "lamp-1", point: "power", value: 4 },
    );
    await start({ what: "poll", device: "", point: "" });
    flow.node("n").receive({ topic: "lamp-1/power" });
    expect((await flow.messages("out").take()).payload).toBe(4);
    flow.node("n").receive({ topic: "lamp-1/*" });
    expect((await flow.messages("out").take()).payload).toHaveLength(2);
    flow.node("n").receive({ topic: "lamp-*/power" });
    expect((await flow.errors("n").take()).text).toMatch(/only one device/);
    flow.node("n").receive({ topic: "lamp-7/power" });
    expect((await flow.errors("n").take()).text).toMatch(/no device lamp-7/);
    await flow.statuses("n").until(shows("failed.unknown-device"));
  });

  it("reads the history of a window", async () => {
    gateway = await openLocalGateway();
    for (let minute = 0; minute < 10; minute++)
      gateway.kept.push({
        device: "lamp-1",
        point: "level",
        value: minute,
        quality: "good",
        time: new Date(Date.UTC(2026, 10, 22, 5, minute)).toISOString(),
      });
    await start({ what: "history", limit: 3 });
    flow.node("n").receive({ from: "2026-11-22T05:02:00Z", to: Date.UTC(2026, 10, 22, 5, 4) });
    const some = await flow.messages("out").take();
    expect(some).toMatchObject({ payload: [{ value: 2 }, { value: 3 }], more: false, topic: "lamp-1/level" });
    flow.node("n").receive({ from: new Date(Date.UTC(2026, 10, 22, 5)), to: "2026-11-22T06:00:00Z" });
    expect(await flow.messages("out").take()).toMatchObject({
      payload: [
        { device: "lamp-1", point: "level", value: 0, quality: "good", time: "2026-11-22T05:00:00.000Z" },
        { value: 1 },
        { value: 2 },
      ],
      more: true,
    });
    flow.node("n").receive({ from: "soon" });
    expect((await flow.errors("n").take()).text).toMatch(/msg.from is no moment/);
    flow.node("n").receive({ from: 2, to: 1 });
    expect((await flow.errors("n").take()).text).toMatch(/not before/);
  });

  it("has no more than twenty questions open", async () => {
    gateway = await openLocalGateway();
    gateway.tell({ device: "lamp-1", point: "level", value: 80 });
    await start();
    for (let index = 0; index < 30; index++) flow.node("n").receive({});
    for (let index = 0; index < 10; index++)
      expect((await flow.errors("n").take()).text).toMatch(/20 questions are open/);
    for (let index = 0; index < 20; index++) await flow.messages("out").take();
    flow.node("n").receive({});
    expect((await flow.messages("out").take()).payload).toBe(80);
  });

  it("says when the gateway is away", async () => {
    gateway = await openLocalGateway();
    await start();
    await gateway.stop();
    flow.node("n").receive({});
    expect((await flow.errors("n").take()).text).toMatch(/no gateway answers on .*s\.sock/);
    await flow.statuses("n").until(shows("failed.unreachable"));
  });
});
