import type { Response } from "express";
import type { NodeAPI } from "node-red";
import type { ReadingJson } from "../../gateway/model/json.ts";
import { type AddressSettings, addressOf } from "../client/address.ts";
import type { DeviceJson, PointJson } from "../client/answers.ts";
import { Catalog } from "../client/catalog.ts";
import { type Client, openClient } from "../client/client.ts";
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

/** Of a gateway node as it stands in the editor. */
interface TestSettings extends AddressSettings {
  /** Of the node, whose stored token is taken where none was typed. */
  readonly id?: string;
  readonly token?: string;
}

/** What the editor shows in place of a stored password. */
const hidden = "__PWRD__";

/**
 * For the editor: `GET stadsnod/:id/devices`; and, with the settings of a gateway node that is not deployed
 * yet, `POST stadsnod/devices` and `POST stadsnod/test`. Refusals are 502 with {code, message}.
 */
export function addRoutes(RED: NodeAPI, clock: Clock): void {
  const may = (permission: string) => RED.auth.needsPermission(`stadsnod.${permission}`);
  const answer = (response: Response, found: Promise<unknown>) => {
    found.then(
      (value) => response.json(value),
      (error: unknown) => response.status(502).json(refusal(error)),
    );
  };
  RED.httpAdmin.get("/stadsnod/:id/devices", may("read"), (request, response) =>
    answer(response, listDeployed(RED, String(request.params.id))),
  );
  RED.httpAdmin.post("/stadsnod/devices", may("write"), (request, response) =>
    answer(
      response,
      withClient(RED, clock, request.body ?? {}, (client) => listDevices(client, new Catalog(client, clock))),
    ),
  );
  RED.httpAdmin.post("/stadsnod/test", may("write"), (request, response) =>
    answer(response, withClient(RED, clock, request.body ?? {}, test)),
  );
}

function refusal(error: unknown) {
  return { code: codeOf(error), message: describeError(error) };
}

async function listDeployed(RED: NodeAPI, id: string): Promise<readonly ListedDevice[]> {
  const node = gatewayNodeOf(RED, id);
  if (!node?.link) throw node?.problem ?? new ClientError("not-deployed", "this gateway is not deployed yet");
  return listDevices(node.link.client, node.link.catalog);
}

async function listDevices(client: Client, catalog: Catalog): Promise<readonly ListedDevice[]> {
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

/** A client that lives as long as one question. */
async function withClient<T>(
  RED: NodeAPI,
  clock: Clock,
  settings: TestSettings,
  run: (client: Client) => Promise<T>,
): Promise<T> {
  const { id = "", token } = settings;
  const stored: unknown = Reflect.get(RED.nodes.getCredentials(id) ?? {}, "token");
  const known = typeof stored === "string" ? stored : undefined;
  using client = openClient(addressOf(settings, !token || token === hidden ? known : token), clock);
  return await run(client);
}

async function test(client: Client): Promise<TestAnswer> {
  const { gateway, version, devices } = await client.get<{
    gateway: string;
    version: string;
    devices: readonly unknown[];
  }>("/v1/status");
  return { gateway, version, devices: devices.length };
}
