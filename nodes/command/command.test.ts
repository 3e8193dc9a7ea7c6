import type { NodeStatus } from "node-red";
import { afterEach, describe, expect, it } from "vitest";
import { gatewayItem, openFlow, type TestFlow, testClock } from "../test/flow.ts";
import { type LocalGateway, openLocalGateway } from "../test/local-gateway.ts";
import command from "./command.ts";

let gateway: LocalGateway;
let flow: TestFlow;
afterEach(async () => {
  await flow[Symbol.asyncDispose]();
  await gateway[Symbol.asyncDispose]();
});

async function start(settings: object = {}, clock?: ReturnType<typeof testClock>): Promise<void> {
  const item = {
    id: "n",
    type: "stadsnod-command",
    gateway: "gw",
    device: "lamp-1",
    point: "level",
    value: "",
    valueType: "msg",
    priority: "",
    expiresS: 30,
    reason: "",
    confirm: "message",
    inFlight: 10,
    wires: [["good"], ["bad"]],
    ...settings,
  };
  flow = await openFlow(
    [command],
    [gatewayItem(gateway), item, { id: "good", type: "helper" }, { id: "bad", type: "helper" }],
    clock ? { clock } : {},
  );
}

const shows = (text: string) => (status: NodeStatus) => status.text === text;

describe("stadsnod-command", () => {
  it("commands msg.payload and gives the last word to the first output", async () => {
    gateway = await openLocalGateway();
    await start({ reason: "evening", priority: "automation", expiresS: 12 });
    flow.node("n").receive({ payload: 40, mine: "kept" });
    expect(await flow.messages("good").take()).toMatchObject({
      payload: 40,
      mine: "kept",
      command: {
        state: "succeeded",
        verified: true,
        value: 40,
        last: true,
        device: "lamp-1",
        point: "level",
      },
    });
    expect(gateway.submitted).toMatchObject([
      {
        device: "lamp-1",
        point: "level",
        value: 40,
        priority: "automation",
        reason: "evening",
        expiry: { inMs: 12_000 },
      },
    ]);
    expect(await flow.statuses("n").until(shows("✓ 40"))).toMatchObject({ fill: "green" });
    expect(flow.messages("bad").all).toEqual([]);
  });

  it("commands a fixed value: number, switch or state", async () => {
    gateway = await openLocalGateway();
    await start({ point: "relay", valueType: "bool", value: "true" });
    flow.node("n").receive({ payload: "whatever" });
    await flow.messages("good").take();
    await flow[Symbol.asyncDispose]();
    await start({ point: "mode", valueType: "str", value: "auto" });
    flow.node("n").receive({});
    await flow.messages("good").take();
    await flow[Symbol.asyncDispose]();
    await start({ valueType: "num", value: "55" });
    flow.node("n").receive({});
    await flow.messages("good").take();
    expect(gateway.submitted.map(({ value }) => value)).toEqual([true, "auto", 55]);
  });

  it("takes device and point from msg.topic where the node has none", async () => {
    gateway = await openLocalGateway();
    await start({ device: "", point: "" });
    flow.node("n").receive({ topic: "lamp-2/level", payload: 5, reason: "a test" });
    await flow.messages("good").take();
    expect(gateway.submitted).toMatchObject([
      { device: "lamp-2", point: "level", value: 5, reason: "a test" },
    ]);
    flow.node("n").receive({ topic: "nonsense", payload: 5 });
    expect((await flow.errors("n").take()).text).toMatch(/no device and point/);
    flow.node("n").receive({ topic: "lamp-2/level", payload: { an: "object" } });
    expect((await flow.errors("n").take()).text).toMatch(/msg.payload is no value/);
    expect(gateway.submitted).toHaveLength(1);
  });

  it("gives a refusal and a failure to the second output, with code and text", async () => {
    gateway = await openLocalGateway();
    await start();
    flow.node("n").receive({ payload: 140 });
    expect(await flow.messages("bad").take()).toMatchObject({
      payload: 140,
      command: { state: "failed", code: "out-of-range", text: "140 is not within 0..100" },
    });
    expect(await flow.statuses("n").until(shows("failed.out-of-range"))).toMatchObject({ fill: "red" });
    gateway.answer(() => [
      { state: "executing" },
      { state: "failed", code: "no-answer", text: "no answer within 1 s" },
    ]);
    flow.node("n").receive({ payload: 40 });
    expect(await flow.messages("bad").take()).toMatchObject({
      command: { state: "failed", code: "no-answer" },
    });
    gateway.answer(() => [{ state: "expired" }]);
    flow.node("n").receive({ payload: 40 });
    expect(await flow.messages("bad").take()).toMatchObject({ command: { state: "expired" } });
    expect(flow.messages("good").all).toEqual([]);
  });

  it("shows how far a slow command is and waits for its last word, over a restart of the connection too", async () => {
    gateway = await openLocalGateway();
    await start();
    await flow.statuses("n").until(shows("status.connected"));
    gateway.answer(undefined);
    flow.node("n").receive({ payload: 40 });
    const [{ id } = { id: "" }] = await gateway.commanded(1);
    gateway.say(id, { state: "accepted", stage: "queued" });
    await flow.statuses("n").until(shows("stage.queued"));
    gateway.say(id, { state: "executing" });
    await flow.statuses("n").until(shows("state.executing"));
    await gateway.stop();
    await flow.statuses("n").until(shows("status.away"));
    gateway.say(id, { state: "succeeded", value: 40 });
    await gateway.start();
    expect((await flow.messages("good").take()).command).toMatchObject({ id, state: "succeeded" });
  });

  it("arms a command of two steps, and confirms it when a message says so", async () => {
    gateway = await openLocalGateway();
    await start({ point: "lock", valueType: "str", value: "open", reason: "visit" });
    flow.node("n").receive({ confirm: true });
    expect((await flow.errors("n").take()).text).toMatch(/no command of this node waits/);
    gateway.answer(undefined);
    flow.node("n").receive({});
    const [first] = await gateway.commanded(1);
    gateway.say(first!.id, { state: "accepted", stage: "armed" });
    await flow.statuses("n").until(shows("stage.armed"));
    gateway.answer(() => [{ state: "succeeded" }]);
    flow.node("n").receive({ confirm: true });
    const [, second] = await gateway.commanded(2);
    expect(second).toMatchObject({ action: "confirm", confirms: first!.id, point: "lock", reason: "visit" });
    expect(flow.messages("good").all).toEqual([]);
    gateway.say(first!.id, { state: "succeeded", value: "open" });
    expect(await flow.messages("good").take()).toMatchObject({ payload: "open", command: { id: first!.id } });
  });

  it("confirms by itself when it is set to", async () => {
    gateway = await openLocalGateway();
    await start({ point: "lock", valueType: "str", value: "open", confirm: "itself" });
    gateway.answer(({ action }) =>
      action === "confirm" ? [{ state: "succeeded" }] : [{ state: "accepted", stage: "armed" }],
    );
    flow.node("n").receive({});
    const [first, second] = await gateway.commanded(2);
    expect(second).toMatchObject({ action: "confirm", confirms: first!.id });
    gateway.say(first!.id, { state: "succeeded", value: "open" });
    await flow.messages("good").take();
  });

  it("releases a point when a message says so", async () => {
    gateway = await openLocalGateway();
    await start();
    flow.node("n").receive({ release: true });
    await flow.messages("good").take();
    expect(gateway.submitted).toMatchObject([{ action: "release", value: undefined }]);
  });

  it("has no more on the way than it may, whatever a flow sends", async () => {
    gateway = await openLocalGateway();
    await start({ inFlight: 4 });
    await flow.statuses("n").until(shows("status.connected"));
    gateway.answer(undefined);
    for (let index = 0; index < 10_000; index++) flow.node("n").receive({ payload: index % 100 });
    await gateway.commanded(4);
    while (flow.errors("n").all.length < 9996) await flow.errors("n").take();
    expect(gateway.submitted).toHaveLength(4);
    expect(flow.errors("n").all[0]?.text).toMatch(/4 commands are on their way/);
    for (const { id } of [...gateway.submitted]) gateway.say(id, { state: "succeeded" });
    for (let index = 0; index < 4; index++) await flow.messages("good").take();
    gateway.answer(() => [{ state: "succeeded" }]);
    flow.node("n").receive({ payload: 7 });
    expect((await flow.messages("good").take()).payload).toBe(7);
  });

  it("tells when the gateway is away, and sends nothing later", async () => {
    gateway = await openLocalGateway();
    await start();
    await gateway.stop();
    flow.node("n").receive({ payload: 1 });
    expect(await flow.messages("bad").take()).toMatchObject({
      command: { state: "failed", code: "unreachable" },
    });
    await gateway.start();
    await flow.statuses("n").until(shows("status.connected"));
    expect(gateway.submitted).toEqual([]);
  });

  it("gives up a command of which nobody knows long after its expiry", async () => {
    gateway = await openLocalGateway();
    const clock = testClock();
    await start({}, clock);
    gateway.answer(undefined);
    flow.node("n").receive({ payload: 1 });
    await gateway.commanded(1);
    while (flow.messages("bad").all.length === 0) await clock.advance(10_000);
    expect((await flow.messages("bad").take()).command).toMatchObject({ code: "no-last-word" });
  });

  it("ends what waits when the flow is stopped", async () => {
    gateway = await openLocalGateway();
    await start();
    gateway.answer(undefined);
    flow.node("n").receive({ payload: 1 });
    await gateway.commanded(1);
    await flow.node("n").close(true);
    expect((await flow.errors("n").take()).text).toMatch(/the flow was stopped/);
  });
});
