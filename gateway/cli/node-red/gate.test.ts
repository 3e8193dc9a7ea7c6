import { request } from "node:http";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { VirtualClock } from "../../../test/fault/virtual-clock.ts";
import { newFolder } from "../../../test/system/daemon.ts";
import { askDoor, type Doors, openDoors } from "../../../test/system/local-doors.ts";
import { localClient } from "../../local/client.ts";
import { openGate } from "./gate.ts";
import { GatewayToken } from "./token.ts";

async function open(): Promise<
  { doors: Doors; token: GatewayToken; socket: string; file: string; clock: VirtualClock } & AsyncDisposable
> {
  await using opening = new AsyncDisposableStack();
  const doors = opening.use(await openDoors());
  const folder = newFolder();
  const socket = join(folder, "gate.sock");
  const file = join(folder, "token");
  const clock = new VirtualClock();
  const token = new GatewayToken(file, localClient(doors.socket));
  const dropped: Promise<void>[] = [];
  opening.use(
    await openGate({
      socket,
      gateway: doors.socket,
      clock,
      token: () => token.get(),
      onRefused: () => dropped.push(token.refused()),
    }),
  );
  const all = opening.move();
  return { doors, token, socket, file, clock, [Symbol.asyncDispose]: () => all.disposeAsync() };
}

const ask = (
  socket: string,
  path: string,
  more: { method?: string; body?: unknown; headers?: Record<string, string> } = {},
) => askDoor({ door: "socket", path, ...more }, { socket, port: 0 });

describe("the gate between Node-RED and the gateway", () => {
  it("asks with Node-RED's token, which can command with priority automation and no more", async () => {
    await using gate = await open();
    expect(await ask(gate.socket, "/v1/latest")).toMatchObject({ status: 200 });
    const body = { device: "lamp-1", point: "level", value: 10 };
    expect(await ask(gate.socket, "/v1/commands", { method: "POST", body })).toMatchObject({ status: 202 });
    expect(gate.doors.surface.submitted).toMatchObject([
      { issuer: "token:node-red", priority: "automation" },
    ]);
    const stronger = { ...body, priority: "operator" };
    expect(await ask(gate.socket, "/v1/commands", { method: "POST", body: stronger })).toMatchObject({
      status: 403,
    });
    for (const path of ["/v1/users", "/v1/tokens", "/v1/configuration"])
      expect(await ask(gate.socket, path)).toMatchObject({ status: 403 });
  });

  it("makes the token once, and anew when it was removed", async () => {
    await using gate = await open();
    await Promise.all([ask(gate.socket, "/v1/latest"), ask(gate.socket, "/v1/latest")]);
    const made = () => gate.doors.audit.filter(({ detail }) => detail.action === "add-token").length;
    expect(made()).toBe(1);
    await ask(gate.doors.socket, "/v1/tokens/node-red", { method: "DELETE" });
    expect(await ask(gate.socket, "/v1/latest")).toMatchObject({ status: 401 });
    expect(await ask(gate.socket, "/v1/latest")).toMatchObject({ status: 200 });
    expect(made()).toBe(2);
  });

  it("says what to do when the secret of the token is lost", async () => {
    await using gate = await open();
    await gate.doors.ask({ door: "socket", method: "POST", path: "/v1/tokens", body: { name: "node-red" } });
    await expect(gate.token.get()).rejects.toMatchObject({ code: "token-lost" });
    expect(await ask(gate.socket, "/v1/latest")).toMatchObject({
      status: 503,
      json: { error: "gateway-away" },
    });
  });

  it("passes on a login of one's own", async () => {
    await using gate = await open();
    const session = await gate.doors.sessionOf("viewer", "kim");
    const answer = await ask(gate.socket, "/v1/session", { headers: { authorization: `Bearer ${session}` } });
    expect(answer.json).toMatchObject({ user: "kim", role: "viewer" });
  });

  it("streams", async () => {
    await using gate = await open();
    const first = await new Promise<string>((resolve, reject) => {
      const asked = request({ socketPath: gate.socket, path: "/v1/readings" }, (response) => {
        response.setEncoding("utf8").once("data", (text: string) => {
          resolve(text);
          asked.destroy();
        });
        response.on("error", () => {});
      });
      asked.once("error", reject).end();
    });
    expect(first).toContain("lamp-1");
  });

  it("keeps a flood from the gateway", async () => {
    await using gate = await open();
    const answers = [];
    for (let batch = 0; batch < 10; batch++)
      answers.push(...(await Promise.all(Array.from({ length: 50 }, () => ask(gate.socket, "/v1/holds")))));
    const statuses = answers.map(({ status }) => status);
    expect(statuses.filter((status) => status === 200)).toHaveLength(300);
    expect(statuses.filter((status) => status === 429)).toHaveLength(200);
    await gate.clock.advance(1000);
    expect(await ask(gate.socket, "/v1/holds")).toMatchObject({ status: 200 });
  });
});
