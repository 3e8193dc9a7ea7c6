import { existsSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import type { CityConnection, CityDevice } from "../../../simulators/scenes/city.ts";
import { ConfigError } from "../../model/errors.ts";

export const gatewayId = "demo-gateway";
/** Who commands in the demonstration, and the name of its key. */
export const issuer = "city-control";
export const keyName = "city-demo";
export const keyFile = "city-demo.pem";

export interface DemoCity {
  readonly connections: readonly CityConnection[];
  readonly devices: readonly CityDevice[];
}

export interface DemoPorts {
  /** Of the HTTPS door. */
  readonly https?: number | undefined;
  /** Of Node-RED's editor. */
  readonly nodeRed?: number | undefined;
}

/** The gateway.yaml of the demonstration: an ordinary one, on the lines that the simulators opened. */
export function configuration(city: DemoCity, brokerUrl: string, ports: DemoPorts = {}): string {
  const connections = city.connections.map(
    ({ id, protocol, settings }) => `  ${id}: ${JSON.stringify({ protocol, ...settings })}`,
  );
  const devices = city.devices.map(
    ({ id, model, connection, settings }) =>
      `  ${id}: ${JSON.stringify({ profile: model, connection, ...settings, audience: audienceOf(model) })}`,
  );
  const https = ports.https === undefined ? "" : `, https: {port: ${ports.https}, host: 127.0.0.1}`;
  const nodeRed =
    ports.nodeRed === undefined
      ? ""
      : `nodeRed: {enabled: true, port: ${ports.nodeRed}, userDir: node-red}\n`;
  // An hour's hold, as usual, and nobody would ever see a flow command the lamp that the city dims as well.
  const hold = ports.nodeRed === undefined ? "" : "  hold: {operator: 8s}\n";
  return `gateway:
  id: ${gatewayId}
  pen: 32474
  title: {en: Demonstration, sv: Demonstration}
  position: {lat: 59.3293, lon: 18.0686}
profiles: [${JSON.stringify(profileFolder())}]
connections:
${connections.join("\n")}
devices:
${devices.join("\n")}
poll: {fast: 1s, normal: 2s, slow: 5s}
audiences:
  energy: {title: {en: Energy department, sv: Energienheten}, personal: true}
  operations: {title: {en: Street operations, sv: Gatudriften}}
  care: {title: {en: Remote care, sv: Trygghetstjänsten}, personal: true}
derivedPoints:
${derivedPoints}
northbound:
  city: {type: mqtt, url: ${JSON.stringify(brokerUrl)}}
commands:
  issuers: {${issuer}: {devices: ["*"], points: ["*"], priority: operator}}
  trust: {${keyName}: {key: ${keyFile}, issuers: [${issuer}]}}
${hold}schedules:
  square-light-on: {device: square-relays, point: relay_1, value: on, at: dusk - 10m}
  square-light-off: {device: square-relays, point: relay_1, value: off, at: dawn + 10m}
  fountain-on: {device: square-relays, point: relay_2, value: on, at: "0 * * * *"}
  fountain-off: {device: square-relays, point: relay_2, value: off, at: "30 * * * *"}
storage: {folder: store, maxBytes: 50MB}
telemetry: {maxAge: 1s}
local: {socket: stadsnod.sock${https}}
clock: {trust: always}
${nodeRed}`;
}

/** What the example flows of Node-RED hand in. */
const derivedPoints = [
  "bins-to-empty: {unit: count, audience: operations}",
  'care-1-presence: {unit: "%", range: [0, 100], audience: care}',
  "library-heat-leak: {type: boolean, audience: operations}",
  "quay-free-spaces: {unit: count, range: [0, 3], audience: open}",
  "traffic-eastbound: {unit: count, audience: open}",
  "traffic-westbound: {unit: count, audience: open}",
]
  .map((line) => `  ${line}`)
  .join("\n");

/** Whose data it is: lamps and the weather are for everybody, who draws how much power is not. */
function audienceOf(model: string): string {
  if (/sdm|meter|multical|keba/.test(model)) return "energy";
  // What tells about people goes to those who need it; the square's sensor counts them too.
  if (/ld2410|elsys/.test(model)) return "care";
  return /pump|lock|relay/.test(model) ? "operations" : "open";
}

/** The profiles beside this program, in a checkout and in an installation. */
function profileFolder(): string {
  const here = dirname(fileURLToPath(import.meta.url));
  for (const up of ["../..", "../../..", "..", "."]) {
    const folder = resolve(here, up, "device-profiles");
    if (existsSync(folder)) return folder;
  }
  throw new ConfigError("device-profiles/ is not beside this program", { code: "no-profiles" });
}
