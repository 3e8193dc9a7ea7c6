import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { nodeNames } from "../../nodes/build.ts";
import { type LocalGateway, openLocalGateway } from "../../nodes/test/local-gateway.ts";
import { type NodeRed, startNodeRed } from "./node-red.ts";

let gateway: LocalGateway;
let nodeRed: NodeRed;
beforeAll(async () => {
  gateway = await openLocalGateway();
  nodeRed = await startNodeRed();
});
afterAll(async () => {
  await nodeRed?.[Symbol.asyncDispose]();
  await gateway?.[Symbol.asyncDispose]();
});

const flowOf = (...nodes: object[]) => [
  { id: "tab", type: "tab", label: "Test" },
  { id: "gw", type: "stadsnod-gateway", name: "", connection: "socket", socket: gateway.socket },
  ...nodes.map((node) => ({ z: "tab", gateway: "gw", x: 100, y: 100, ...node })),
];

describe("node-red-contrib-stadsnod from a tarball, in a bare Node-RED", () => {
  it("registers every type, without an error", async () => {
    const sets = await nodeRed.get<{ module: string; types: string[]; err?: string }[]>("/nodes");
    const ours = sets.filter(({ module }) => module === "node-red-contrib-stadsnod");
    const names = await nodeNames();
    expect(ours.flatMap(({ types }) => types).sort()).toEqual(names.map((name) => `stadsnod-${name}`).sort());
    expect(ours.filter(({ err }) => err)).toEqual([]);
    expect(nodeRed.log()).not.toMatch(/stadsnod.*(error|missing)/i);
  });

  it("reads through a flow, and commands a lamp from it", async () => {
    await nodeRed.deploy(
      flowOf(
        {
          id: "in",
          type: "stadsnod-reading",
          device: "lamp-1",
          point: "power",
          audience: "",
          emit: "change",
          everyS: 60,
          quality: "good",
          initial: true,
          wires: [["out"]],
        },
        {
          id: "out",
          type: "stadsnod-command",
          device: "lamp-2",
          point: "level",
          value: "",
          valueType: "msg",
          priority: "",
          expiresS: 30,
          reason: "follows lamp-1",
          confirm: "message",
          inFlight: 10,
          wires: [[], []],
        },
      ),
    );
    await gateway.listened();
    gateway.tell({ device: "lamp-1", point: "power", value: 42, unit: "W" });
    const [command] = await gateway.commanded(1);
    expect(command).toMatchObject({ device: "lamp-2", point: "level", value: 42, reason: "follows lamp-1" });
  });

  it("offers the gateway's devices to the editor once it is deployed", async () => {
    const devices = await nodeRed.get<{ id: string }[]>("/stadsnod/gw/devices");
    expect(devices.map(({ id }) => id)).toEqual(["lamp-1", "lamp-2"]);
  });

  it("gives the editor its pages and words in Swedish", async () => {
    const response = await fetch(`${nodeRed.url}/nodes`, {
      headers: { accept: "text/html", "accept-language": "sv" },
    });
    const page = await response.text();
    for (const name of await nodeNames()) {
      expect(page).toContain(`data-template-name="stadsnod-${name}"`);
      expect(page).toContain(`data-help-name="stadsnod-${name}"`);
    }
    expect(page).toContain("avläsning");
    const catalogue = await nodeRed.get<object>("/locales/node-red-contrib-stadsnod/stadsnod-reading?lng=sv");
    expect(catalogue).toMatchObject({ label: { palette: "avläsning" }, status: { away: "ingen gateway" } });
  });
});
