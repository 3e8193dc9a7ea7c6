import type { NodeStatus } from "node-red";
import { afterEach, describe, expect, it } from "vitest";
import { gatewayItem, openFlow, type TestFlow } from "../test/flow.ts";
import { type LocalGateway, openLocalGateway } from "../test/local-gateway.ts";
import deviceStatus from "./device-status.ts";

let gateway: LocalGateway;
let flow: TestFlow;
afterEach(async () => {
  await flow[Symbol.asyncDispose]();
  await gateway[Symbol.asyncDispose]();
});

async function start(settings: object = {}): Promise<void> {
  const type = "stadsnod-device-status";
  const item = { id: "n", type, gateway: "gw", kind: "device", device: "", initial: true, wires: [["out"]] };
  flow = await openFlow(
    [deviceStatus],
    [gatewayItem(gateway), { ...item, ...settings }, { id: "out", type: "helper" }],
  );
}

const shows = (text: string) => (status: NodeStatus) => status.text === text;

describe("stadsnod-device-status", () => {
  it("sends the present states first, then each change", async () => {
    gateway = await openLocalGateway();
    await start();
    expect(await flow.messages("out").take()).toMatchObject({
      payload: "available",
      topic: "device/lamp-1",
      ok: true,
      state: { kind: "device", id: "lamp-1", state: "available" },
    });
    expect((await flow.messages("out").take()).topic).toBe("device/lamp-2");
    await flow.statuses("n").until(shows("2 / 2"));
    gateway.state("lamp-2", "unavailable", "no answer since 05:00");
    expect(await flow.messages("out").take()).toMatchObject({
      payload: "unavailable",
      topic: "device/lamp-2",
      ok: false,
      state: { problem: "no answer since 05:00" },
    });
    expect(await flow.statuses("n").until(shows("lamp-2: unavailable"))).toMatchObject({ fill: "yellow" });
  });

  it("watches one device, and only what changes when told so", async () => {
    gateway = await openLocalGateway();
    await start({ device: "lamp-2", initial: false });
    await flow.statuses("n").until(shows("state.available"));
    gateway.state("lamp-1", "unavailable");
    gateway.state("lamp-2", "unavailable");
    expect((await flow.messages("out").take()).topic).toBe("device/lamp-2");
    expect(flow.messages("out").all).toHaveLength(1);
    await flow.statuses("n").until(shows("state.unavailable"));
  });

  it("watches connections, and what is no longer configured", async () => {
    gateway = await openLocalGateway();
    await start({ kind: "all" });
    await flow.messages("out").until(({ topic }) => topic === "connection/roof");
    gateway.devices.pop();
    expect(await flow.messages("out").take()).toMatchObject({ payload: "gone", topic: "device/lamp-2" });
  });

  it("shows that the gateway is away, and repeats nothing when it is back", async () => {
    gateway = await openLocalGateway();
    await start({ device: "lamp-1" });
    await flow.messages("out").take();
    await gateway.stop();
    await flow.statuses("n").until(shows("status.away"));
    await gateway.start();
    await flow.statuses("n").until(shows("state.available"));
    gateway.state("lamp-1", "unavailable");
    expect((await flow.messages("out").take()).payload).toBe("unavailable");
  });

  it("says when no gateway is chosen", async () => {
    gateway = await openLocalGateway();
    await start({ gateway: "" });
    await flow.statuses("n").until(shows("status.no-gateway"));
  });
});
