import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { configuration } from "../gateway/cli/demo/configuration.ts";
import { radioDevices } from "../gateway/cli/demo/index.ts";
import { runCli } from "../gateway/cli/index.ts";
import type { DeviceProfile, Point } from "../gateway/model/device.ts";
import { loadProfiles } from "../gateway/profiles/library.ts";
import { loadProtocols } from "../gateway/southbound/index.ts";
import { openCity } from "../simulators/scenes/city.ts";
import { loraCity } from "../simulators/scenes/lorawan.ts";
import { openNeighbourhood } from "../simulators/scenes/neighbourhood.ts";
import { openStreet } from "../simulators/scenes/street.ts";
import { nodeNames } from "./build.ts";
import { matches } from "./client/filter.ts";

// The flows of Node-RED's import menu: what a city may copy must work, and look tidy.

interface ExampleNode {
  readonly id: string;
  readonly type: string;
  readonly z?: string;
  readonly name?: string;
  readonly label?: string;
  readonly info?: string;
  readonly gateway?: string;
  readonly device?: string;
  readonly point?: string;
  readonly x?: number;
  readonly y?: number;
  readonly wires?: readonly (readonly string[])[];
  readonly [property: string]: unknown;
}

const root = resolve(import.meta.dirname, "..");
const folder = join(import.meta.dirname, "examples");
const files = readdirSync(folder).filter((file) => file.endsWith(".json"));
const flowOf = (file: string): ExampleNode[] => JSON.parse(readFileSync(join(folder, file), "utf8"));

const own = (await nodeNames()).map((name) => `stadsnod-${name}`);
/** Of Node-RED itself; `exec` and `file` are excluded in the supervised runtime, and a function is the last resort. */
const core = ["tab", "comment", "inject", "debug", "change", "switch", "split", "catch"];
const grid = 20;

/** What the devices of the examples are. Those of `npm start` have the same names. */
const models: Readonly<Record<string, string>> = {
  "cabinet-lock": "generic/door-lock",
  "charger-1": "keba/p30",
  "charger-2": "keba/p30",
  "charger-3": "keba/p30",
  "flat-climate": "elsys/ers",
  "flat-presence": "hi-link/ld2410",
  "hornsgatan-traffic": "parametric/tcr",
  "lamp-1": "generic/dali-lamp",
  "library-cellar": "milesight/em300-zld",
  "library-heat": "kamstrup/multical-601",
  "quay-parking": "bosch/tps110",
  "quay-parking-13": "bosch/tps110",
  "quay-parking-14": "bosch/tps110",
  "square-bin": "milesight/em400-mud",
  "square-noise": "elsys/ers-sound",
  "square-relays": "generic/relay-board",
  "street-presence": "hi-link/ld2410",
  "town-hall-meter": "eastron/sdm630",
  "tunnel-pump": "generic/pump",
  "tunnel-rain": "hydreon/rg-15",
};
const { profiles } = loadProfiles(
  [join(root, "device-profiles")],
  {
    list: (path) => readdirSync(path, { recursive: true, encoding: "utf8" }),
    read: (path) => readFileSync(path, "utf8"),
  },
  await loadProtocols(),
  new Set(Object.values(models)),
);

/** Points of the examples' devices that a node means by its device and point. */
function pointsOf({ device, point }: Pick<ExampleNode, "device" | "point">): Point[] {
  const filter = { device: String(device), point: String(point) };
  return Object.entries(models).flatMap(([id, model]) => {
    const profile: DeviceProfile | undefined = profiles.get(model)?.profile;
    const points = [...(profile?.points ?? []), ...(profile?.commands ?? [])];
    return points.filter(({ name }) => matches(filter, { device: id, point: name }));
  });
}

/** What `npm start` has, by id. */
async function demonstration(): Promise<Map<string, string>> {
  const nature = { now: () => Date.UTC(2026, 3, 14, 11), random: () => 0.5 };
  await using stack = new AsyncDisposableStack();
  const quarters = [
    stack.use(await openCity()),
    stack.use(await openStreet()),
    stack.use(await openNeighbourhood({ nature })),
  ];
  const devices = [
    ...quarters.flatMap((one) => one.devices),
    ...loraCity(nature).filter(({ id }) => radioDevices.includes(id)),
  ];
  return new Map(devices.map(({ id, model }) => [id, model]));
}

describe("example flows", () => {
  it("find their devices, of the same models, and their derived points in the demonstration", async () => {
    const there = await demonstration();
    expect(Object.fromEntries(Object.keys(models).map((id) => [id, there.get(id)]))).toEqual(models);
    const yaml = configuration({ connections: [], devices: [] }, "mqtt://127.0.0.1");
    const declared = Array.from(
      yaml.split("derivedPoints:")[1]!.matchAll(/^ {2}([a-z0-9-]+): \{/gm),
      ([, name]) => name,
    );
    const published = files.flatMap(flowOf).filter(({ type }) => type === "stadsnod-publish");
    expect(published.map(({ point }) => point).filter((point) => !declared.includes(point))).toEqual([]);
    expect(there.size).toBe(28);
  });

  it("are one for each use of the city", () => {
    expect(files).toEqual([
      "door-lock.json",
      "ev-peak-shedding.json",
      "flooding-pump.json",
      "heating-leak.json",
      "noise-alarm.json",
      "parking-guidance.json",
      "remote-care.json",
      "sensor-payload.json",
      "street-lighting.json",
      "traffic-counts.json",
      "waste-bin-route.json",
    ]);
  });

  it("can all be imported side by side", () => {
    const ids = files.flatMap((file) => flowOf(file).map(({ id }) => id));
    expect(ids.filter((id, index) => ids.indexOf(id) !== index)).toEqual([]);
    expect(ids.filter((id) => !/^[0-9a-f]{16}$/.test(id))).toEqual([]);
  });
});

describe.each(files)("example %s", (file) => {
  const flow = flowOf(file);
  const tabs = flow.filter(({ type }) => type === "tab");
  const gateways = flow.filter(({ type }) => type === "stadsnod-gateway");
  const placed = flow.filter(({ z }) => z !== undefined);

  it("is a tab with nodes of ours and harmless ones of Node-RED", () => {
    expect(tabs).toHaveLength(1);
    expect(
      flow.map(({ type }) => type).filter((type) => !own.includes(type) && !core.includes(type)),
    ).toEqual([]);
    expect(flow.filter((node) => !tabs.includes(node) && !gateways.includes(node))).toEqual(placed);
    expect(placed.filter(({ z }) => z !== tabs[0]?.id)).toEqual([]);
  });

  it("says in English and Swedish what it does and what to change", () => {
    const [comment] = flow.filter(({ type }) => type === "comment");
    const [english = "", swedish = ""] = comment?.info?.split("\n\n") ?? [];
    for (const text of [english, swedish]) expect(text.match(/[.](?= |$)/g)?.length).toBe(2);
    expect(english).toMatch(/\b(Change|Replace|Add)\b/);
    expect(swedish).toMatch(/Byt |[Ää]ndra |Lägg /);
  });

  it("asks the gateway that is here", () => {
    expect(gateways).toMatchObject([{ connection: "socket", socket: "", url: "", fingerprint: "" }]);
    const asked = new Set(placed.flatMap(({ gateway }) => gateway ?? []));
    expect([...asked]).toEqual([gateways[0]?.id]);
  });

  it("names its nodes, on the grid, from left to right", () => {
    const byId = new Map(placed.map((node) => [node.id, node]));
    const places = placed.map(({ x, y }) => `${x},${y}`);
    expect(new Set(places).size).toBe(places.length);
    for (const { name, x = Number.NaN, y = Number.NaN, wires = [] } of placed) {
      expect(name).toMatch(/\S/);
      expect([x % grid, y % grid], name).toEqual([0, 0]);
      for (const id of wires.flat()) expect(byId.get(id)?.x, `${name} to ${id}`).toBeGreaterThan(x);
    }
  });

  it("means devices and points of the profiles that we ship, and commands what may be commanded", () => {
    for (const node of placed.filter(
      ({ point, type }) => point !== undefined && type !== "stadsnod-publish" && type !== "stadsnod-senml",
    )) {
      const points = pointsOf(node);
      expect(points.length, `${node.name}: ${node.device}/${node.point}`).toBeGreaterThan(0);
      if (node.type === "stadsnod-command") expect(points[0]?.write, node.name).toBeDefined();
    }
    for (const { terms } of flow)
      for (const { topic } of Array.isArray(terms) ? terms : []) {
        const [device = "", point = ""] = String(topic).split("/");
        if (device in models) expect(pointsOf({ device, point }), topic).toHaveLength(1);
      }
  });

  it("has a test beside it", () => {
    expect(existsSync(join(folder, file.replace(/\.json$/, ".test.yaml")))).toBe(true);
  });
});

describe("stadsnod flow test nodes/examples", () => {
  const reports = new Map<string, { passed: boolean; problems: string[]; results: object[] }>();
  let code = -1;

  beforeAll(async () => {
    let out = "";
    code = await runCli(["flow", "test", "nodes/examples", "--json"], {
      cwd: root,
      env: process.env,
      signal: AbortSignal.timeout(170_000),
      onReload: () => {},
      out: (text) => {
        out += text;
      },
      err: () => {},
      columns: undefined,
      rows: undefined,
    });
    for (const line of out.trim().split("\n")) {
      const { flow, ...report } = JSON.parse(line);
      reports.set(flow, report);
    }
  }, 180_000);

  it("tests all of them", () => {
    expect([...reports.keys()].sort()).toEqual(files.map((file) => `nodes/examples/${file}`));
    expect(code).toBe(0);
  });

  it.each(files)("passes %s", (file) => {
    const report = reports.get(`nodes/examples/${file}`);
    expect(report?.results.filter((result) => !Reflect.get(result, "passed"))).toEqual([]);
    expect(report).toMatchObject({ passed: true });
    expect(report?.results.length).toBeGreaterThan(4);
  });
});
