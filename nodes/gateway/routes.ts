import type { NodeAPI } from "node-red";
import type { ReadingJson } from "../../gateway/model/json.ts";
import { type AddressSettings, addressOf } from "../client/address.ts";
import type { DeviceJson, PointJson } from "../client/answers.ts";
import { openClient } from "../client/client.ts";
import { ClientError, codeOf, describeError } from "../client/client-error.ts";
import type { Clock } from "../clock.ts";
import { gatewayNodeOf } from "./gateway-node.ts";

/** A point with its latest reading, where there is one: what the editor's lists are made of. */
export type ListedPoint = PointJson & { readonly latest?: ReadingJson };
export type ListedDevice = Omit<DeviceJson, "points"> & { readonly points: readonly ListedPoint[] };

/** What a test of a connection found. */
export interface TestAnswer {
  readonly gateway: string;
  readonly version: string;
  readonly devices: number;
}

interface TestSettings extends AddressSettings {
  /** Of the node, whose stored token is taken where none was typed. */
  readonly id?: string;
  readonly token?: string;
}

/** What the editor shows in place of a stored password. */
const hidden = "__PWRD__";

/**
 * For the editor: `GET stadsnod/:id/devices`, and `POST stadsnod/test` with the settings of a gateway node
 * that is not deployed yet. Refusals are 502 with {code, message}.
 */
export function addRoutes(RED: NodeAPI, clock: Clock): void {
  RED.httpAdmin.get(
    "/stadsnod/:id/devices",
    RED.auth.needsPermission("stadsnod.read"),
    (request, response) => {
      listDevices(RED, String(request.params.id)).then(
        (devices) => response.json(devices),
        (error: unknown) => response.status(502).json(refusal(error)),
      );
    },
  );
  RED.httpAdmin.post("/stadsnod/test", RED.auth.needsPermission("stadsnod.write"), (request, response) => {
    tryConnection(RED, clock, request.body ?? {}).then(
      (found) => response.json(found),
      (error: unknown) => response.status(502).json(refusal(error)),
    );
  });
}

function refusal(error: unknown) {
  return { code: codeOf(error), message: describeError(error) };
}

async function listDevices(RED: NodeAPI, id: string): Promise<readonly ListedDevice[]> {
  const node = gatewayNodeOf(RED, id);
  if (!node?.link) throw node?.problem ?? new ClientError("not-deployed", "this gateway is not deployed yet");
  const { client, catalog } = node.link;
  const [devices, readings] = await Promise.all([
    catalog.devices(),
    client.get<readonly ReadingJson[]>("/v1/latest"),
  ]);
  const latest = new Map(readings.map((one) => [`${one.device}/${one.point}`, one]));
  return devices.map((device) => ({
    ...device,
    points: device.points.flatMap((point) => listed(device.id, point, latest)),
  }));
}

/** A point, or the bits of one. */
function listed(device: string, point: PointJson, latest: ReadonlyMap<string, ReadingJson>): ListedPoint[] {
  return (point.bits ?? [point.name]).map((name) => {
    const reading = latest.get(`${device}/${name}`);
    return { ...point, name, ...(reading ? { latest: reading } : {}) };
  });
}

async function tryConnection(RED: NodeAPI, clock: Clock, settings: TestSettings): Promise<TestAnswer> {
  const { id = "", token } = settings;
  const stored: unknown = Reflect.get(RED.nodes.getCredentials(id) ?? {}, "token");
  const known = typeof stored === "string" ? stored : undefined;
  using client = openClient(addressOf(settings, !token || token === hidden ? known : token), clock);
  const { gateway, version, devices } = await client.get<{
    gateway: string;
    version: string;
    devices: readonly unknown[];
  }>("/v1/status");
  return { gateway, version, devices: devices.length };
}
