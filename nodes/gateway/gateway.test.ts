import { afterEach, describe, expect, it } from "vitest";
import { gatewayItem, openFlow, type TestFlow } from "../test/flow.ts";
import { type LocalGateway, openLocalGateway } from "../test/local-gateway.ts";

let gateway: LocalGateway | undefined;
let flow: TestFlow | undefined;
afterEach(async () => {
  await flow?.[Symbol.asyncDispose]();
  await gateway?.[Symbol.asyncDispose]();
  flow = undefined;
  gateway = undefined;
});

describe("stadsnod-gateway", () => {
  it("lists devices with their points and what these are now, bits one by one", async () => {
    gateway = await openLocalGateway();
    gateway.tell({ device: "lamp-1", point: "level", value: 80, unit: "%" });
    flow = await openFlow([], [gatewayItem(gateway)]);
    const { status, body } = await flow.request().get("/stadsnod/gw/devices");
    expect(status).toBe(200);
    expect(body.map(({ id }: { id: string }) => id)).toEqual(["lamp-1", "lamp-2"]);
    const names = body[0].points.map(({ name }: { name: string }) => name);
    expect(names).toEqual(["level", "power", "mode", "relay", "lock", "alarms/door", "alarms/fire"]);
    expect(body[0].points[0]).toMatchObject({
      unit: "%",
      write: { range: [0, 100] },
      latest: { value: 80, quality: "good" },
    });
    expect(body[1].points[0].latest).toBeUndefined();
  });

  it("says why there is no list", async () => {
    gateway = await openLocalGateway();
    flow = await openFlow([], [gatewayItem(gateway)]);
    expect((await flow.request().get("/stadsnod/none/devices")).body.code).toBe("not-deployed");
    await gateway.stop();
    const { status, body } = await flow.request().get("/stadsnod/gw/devices");
    expect(status).toBe(502);
    expect(body).toMatchObject({ code: "unreachable" });
  });

  it("tries a connection that is not deployed yet", async () => {
    gateway = await openLocalGateway();
    flow = await openFlow([], [gatewayItem(gateway)]);
    const test = (settings: object) => flow!.request().post("/stadsnod/test").send(settings);
    const { socket } = gateway;
    expect((await test({ connection: "socket", socket })).body).toEqual({
      gateway: "gw-test",
      version: "0.0.0",
      devices: 2,
    });
    expect((await test({ connection: "socket", socket: `${socket}x` })).body.code).toBe("unreachable");
    const { url, token, fingerprint } = await gateway.openHttps();
    const https = { connection: "https", url, token, fingerprint };
    expect((await test(https)).body.gateway).toBe("gw-test");
    expect((await test({ ...https, fingerprint: "" })).body.code).toBe("untrusted-certificate");
    expect((await test({ ...https, fingerprint: "AB".repeat(32) })).body.code).toBe("wrong-certificate");
    expect((await test({ ...https, token: "sn_wrongwrongwrongwrongwrong" })).body.code).toBe("login-needed");
    expect((await test({ ...https, token: "" })).body.code).toBe("bad-address");
    expect((await test({ ...https, url: "http://127.0.0.1" })).body.code).toBe("bad-address");
  });

  it("lists the devices of a gateway that is not deployed yet", async () => {
    gateway = await openLocalGateway();
    flow = await openFlow([], []);
    const asked = { id: "new", connection: "socket", socket: gateway.socket };
    const { body } = await flow.request().post("/stadsnod/devices").send(asked);
    expect(body.map(({ id }: { id: string }) => id)).toEqual(["lamp-1", "lamp-2"]);
    const refused = await flow
      .request()
      .post("/stadsnod/devices")
      .send({ ...asked, connection: "https" });
    expect(refused).toMatchObject({ status: 502, body: { code: "bad-address" } });
  });

  it("takes the token that is stored for a node where none was typed", async () => {
    gateway = await openLocalGateway();
    const { url, token, fingerprint } = await gateway.openHttps();
    const item = { ...gatewayItem(gateway), connection: "https", url, fingerprint };
    flow = await openFlow([], [item], { credentials: { gw: { token } } });
    const settings = { id: "gw", connection: "https", url, fingerprint, token: "__PWRD__" };
    expect((await flow.request().post("/stadsnod/test").send(settings)).body.gateway).toBe("gw-test");
    expect((await flow.request().get("/stadsnod/gw/devices")).body).toHaveLength(2);
  });

  it("starts without a link when it is wrongly set up, and says why", async () => {
    gateway = await openLocalGateway();
    flow = await openFlow([], [{ ...gatewayItem(gateway), connection: "https", url: "nowhere" }]);
    expect((await flow.errors("gw").take()).text).toMatch(/"nowhere" is no address \(it looks like https/);
    expect((await flow.request().get("/stadsnod/gw/devices")).body.code).toBe("bad-address");
  });
});
