import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { gatewayItem } from "../test/flow.ts";
import { type LocalGateway, openLocalGateway } from "../test/local-gateway.ts";
import { openLogicNode } from "../test/logic-node.ts";
import register from "./publish.ts";

describe("stadsnod-publish", () => {
  let gateway: LocalGateway;
  beforeEach(async () => {
    gateway = await openLocalGateway();
  });
  afterEach(() => gateway[Symbol.asyncDispose]());

  const open = (fields: object = {}) =>
    openLogicNode(
      register,
      "stadsnod-publish",
      { gateway: "gw", point: "occupancy", ...fields },
      { outputs: 0, others: [gatewayItem(gateway)] },
    );

  it("hands in the value with unit and time, as a reading of the gateway's own device", async () => {
    await using node = await open();
    const time = new Date(Date.now() - 60_000).toISOString();
    const reading = { device: "park", point: "occupancy", unit: "%", quality: "good", time };
    await node.give({ payload: 73, reading });
    await expect
      .poll(() => gateway.published)
      .toMatchObject([
        { device: "gw-test", point: "occupancy", value: 73, unit: "%", quality: "good", time },
      ]);
    await expect.poll(() => node.statuses.at(-1)).toEqual({ fill: "green", shape: "dot", text: "73 %" });
  });

  it("hands in nothing where there is no value", async () => {
    await using node = await open();
    await node.give({ reading: { device: "park", point: "occupancy", quality: "stale" } });
    await node.give({ payload: 5 });
    await expect.poll(() => gateway.published.length).toBe(1);
    expect(gateway.published[0]?.value).toBe(5);
    expect(node.errors).toEqual([]);
  });

  it.each([
    [{ payload: 101 }, "occupancy", "101 is not within 0..100"],
    [{ payload: "many" }, "occupancy", "occupancy takes a number"],
    [{ payload: 1 }, "elsewhere", "no derived point elsewhere (declare it under derivedPoints"],
    [
      { payload: 1, reading: { device: "d", point: "p", quality: "good", unit: "W" } },
      "occupancy",
      "is in %, not in W",
    ],
    [{ payload: {} }, "occupancy", "msg.payload must be a value"],
  ])("tells why the gateway does not take %o", async (message, point, reason) => {
    await using node = await open({ point });
    await node.give(message);
    await expect.poll(() => node.errors[0]).toContain(reason);
    expect(gateway.published).toEqual([]);
  });

  it("says that the gateway is away", async () => {
    await using node = await open();
    await gateway.stop();
    await node.give({ payload: 1 });
    await expect.poll(() => node.errors[0]).toContain("no gateway answers");
    await expect.poll(() => node.statuses.at(-1)?.text).toBe("status.away");
  });
});
