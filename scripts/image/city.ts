import { createHash, generateKeyPairSync } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { basename } from "node:path";
import { decode, encode } from "cborg";
import { connectAsync } from "mqtt";
import { CityCa } from "../../simulators/ca/city-ca.ts";
import { serveCa } from "../../simulators/ca/server.ts";
import { signBeside } from "../../simulators/city-control.ts";
import { desiredState, type Wanted } from "../../simulators/city-updates.ts";
import { openModbusServer } from "../../simulators/modbus/server.ts";
import { brokerAt } from "../../simulators/mqtt-client.ts";
import { openTimeServer } from "../../simulators/ntp.ts";
import {
  openPlatform,
  type Platform,
  type PlatformReading,
  type RecordLine,
} from "../../simulators/platform.ts";
import { startMosquitto } from "../../test/ci/mosquitto.ts";

// What a gateway on QEMU meets on this machine: a meter, the city's CA, time, a broker with certificates, bundles.

/** As QEMU's user network shows the host to its guest. */
const host = "10.0.2.2";

/** What a gateway says of its updates: docs/update.md. */
export interface UpdateReport {
  readonly gateway: string;
  readonly phase: string;
  readonly version: string;
  readonly slot?: string;
  readonly target?: string;
  readonly why?: { readonly code: string; readonly text: string };
  readonly configuration?: {
    readonly phase: string;
    readonly version?: string;
    readonly changes: readonly string[];
  };
}

export interface CityOptions {
  /** Gateways run Node-RED and have users; `flowPoint` takes what a flow computes. */
  readonly nodeRed?: boolean;
}

/** The point that flows hand in, where gateways run Node-RED. */
export const flowPoint = "from-flow";

export interface City extends AsyncDisposable {
  readonly ca: CityCa;
  readonly platform: Platform;
  /** Requests that the meter got. */
  readonly requests: number;
  /** Requests for the time. */
  readonly asked: number;
  /** Whether the city's time server answers. */
  tellsTime: boolean;
  /** What the flash tool would write onto the card of a gateway. */
  provision(gateway: string): string;
  /** Each reading once, in the order in which they came. */
  readonly readings: readonly PlatformReading[];
  /** The first reading from now on that passes. */
  reading(passes: (reading: PlatformReading) => boolean): Promise<PlatformReading>;
  /** The platform's books: what came and what is to come, in order. */
  readonly books: readonly RecordLine[];
  /** The first line of the books from now on that passes. */
  booked(passes: (line: RecordLine) => boolean): Promise<RecordLine>;
  /** Everything the gateways said of their updates, in order. */
  readonly reports: readonly UpdateReport[];
  report(passes: (report: UpdateReport) => boolean): Promise<UpdateReport>;
  /** Signs that one gateway is to run a bundle, and hands it out. */
  want(gateway: string, version: string, bundle: string): Promise<void>;
  /** Signs a configuration for one gateway, its own with a second meter, and hands it out. */
  configure(gateway: string, version: string): Promise<void>;
  /** Paths that were fetched from the city's server. */
  readonly fetched: readonly string[];
}

class Notes<T> {
  readonly all: T[] = [];
  readonly #waiting = new Set<(note: T) => void>();

  add(note: T): void {
    this.all.push(note);
    for (const look of this.#waiting) look(note);
  }

  next(passes: (note: T) => boolean): Promise<T> {
    return new Promise((resolve) => {
      const look = (note: T) => {
        if (!passes(note)) return;
        this.#waiting.delete(look);
        resolve(note);
      };
      this.#waiting.add(look);
    });
  }
}

export async function openCity(options: CityOptions = {}): Promise<City> {
  await using opened = new AsyncDisposableStack();
  // 230.5 V on phase 1 and, of the second meter, 230.0 V, as big-endian floats.
  const meter = opened.use(
    await openModbusServer({
      listen: { tcp: 0 },
      units: {
        1: { unmapped: "zeros", registers: { input: { 0: "43668000" } } },
        2: { unmapped: "zeros", registers: { input: { 0: "43660000" } } },
      },
    }),
  );
  const ca = new CityCa({ now: Date.now });
  const est = opened.use(await serveCa(ca, { server: ca.server([host]) }));
  const time = opened.use(await openTimeServer({ port: 123 }));
  const certificate = ca.server(["localhost", host]);
  const broker = await startMosquitto({
    port: 0,
    tls: true,
    files: {
      "ca.pem": ca.pem,
      "broker.pem": certificate.cert,
      "broker.key": certificate.key,
      acl: "user city-platform\ntopic readwrite stadsnod/#\n\npattern readwrite stadsnod/v1/%u/#\npattern read stadsnod/v1/desired/gateway/%u\npattern read stadsnod/v1/desired/group/#\n",
    },
    config: [
      "cafile FOLDER/ca.pem",
      "certfile FOLDER/broker.pem",
      "keyfile FOLDER/broker.key",
      "require_certificate true",
      "use_identity_as_username true",
      "acl_file FOLDER/acl",
    ],
  });
  opened.defer(() => broker.stop());
  const client = { ca: ca.pem, ...ca.client("city-platform") };
  const readings = new Notes<PlatformReading>();
  const books = new Notes<RecordLine>();
  const platform = opened.use(
    await openPlatform({
      url: broker.url,
      client,
      onReading: (reading) => readings.add(reading),
      onRecord: (line) => books.add(line),
    }),
  );
  const reports = new Notes<UpdateReport>();
  const control = await connectAsync({ ...brokerAt(broker.url), ...client, clientId: "city-control" });
  opened.defer(() => control.endAsync(true));
  control.on("message", (topic, body) => {
    const [, , gateway = ""] = topic.split("/");
    reports.add({ ...(decode(body) as UpdateReport), gateway });
  });
  await control.subscribeAsync("stadsnod/v1/+/state/update", { qos: 1 });

  const files = new Map<string, () => Uint8Array>();
  const fetched: string[] = [];
  const download = createServer(ca.server([host]), (request, response) => {
    const name = (request.url ?? "").slice(1);
    const bytes = files.get(name)?.();
    if (!bytes) return void response.writeHead(404).end();
    fetched.push(name);
    const size = bytes.length;
    const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? "")?.[1] ?? 0);
    if (from > 0)
      response.writeHead(206, {
        "content-range": `bytes ${from}-${size - 1}/${size}`,
        "content-length": size - from,
      });
    else response.writeHead(200, { "content-length": size });
    response.end(bytes.subarray(from));
  });
  await new Promise<void>((resolve) => download.listen(0, "127.0.0.1", resolve));
  opened.defer(() => {
    download.closeAllConnections();
    download.close();
  });
  const address = `https://${host}:${(download.address() as AddressInfo).port}`;
  const keys = generateKeyPairSync("ed25519");
  const pem = keys.publicKey.export({ type: "spki", format: "pem" }).toString();
  const key = { kid: "city", privateKey: keys.privateKey };
  /** Puts a file there for everybody to fetch. */
  const offered = (name: string, bytes: () => Uint8Array) => {
    files.set(name, bytes);
    return {
      url: `${address}/${name}`,
      sha256: createHash("sha256").update(bytes()).digest("hex"),
    };
  };
  const written = (gateway: string, more: readonly string[] = []) =>
    configuration(gateway, Number(new URL(broker.url).port), meter.port, pem, options.nodeRed ?? false, more);
  let serial = 0;
  let wanted: Omit<Wanted, "serial"> = {};
  const publish = async (gateway: string, more: Omit<Wanted, "serial">) => {
    wanted = { ...wanted, ...more };
    const { topic, body } = desiredState(
      { serial: ++serial, ...wanted },
      { key, kind: "gateway", name: gateway },
    );
    await control.publishAsync(topic, Buffer.from(body), { qos: 1, retain: true });
  };
  const held = opened.move();
  return {
    ca,
    platform,
    get requests() {
      return meter.unit(1).requests;
    },
    get asked() {
      return time.asked;
    },
    get tellsTime() {
      return time.answers;
    },
    set tellsTime(wanted) {
      time.answers = wanted;
    },
    provision(gateway) {
      const token = `token-of-${gateway}`;
      ca.allow(gateway, token);
      return JSON.stringify({
        format: 1,
        gateway,
        site: "Slussen",
        timeZone: "Europe/Stockholm",
        network: { ntp: [host] },
        enrolment: { url: est.url.replace("localhost", host), ca: ca.pem, token },
        config: offered(`${gateway}.yaml`, () => Buffer.from(written(gateway))),
      });
    },
    readings: readings.all,
    reading: (passes) => readings.next(passes),
    books: books.all,
    booked: (passes) => books.next(passes),
    reports: reports.all,
    report: (passes) => reports.next(passes),
    want: (gateway, version, bundle) =>
      publish(gateway, { system: { version, ...offered(basename(bundle), () => readFileSync(bundle)) } }),
    configure(gateway, version) {
      const text = written(gateway, [
        "second: {profile: eastron/sdm630, connection: roof, unit: 2, audience: open}",
      ]);
      const context = ["stadsnod-configuration-v1", "gateway", gateway] as const;
      const bytes = signBeside(encode({ version, gateway: text }), key, [...context]);
      return publish(gateway, {
        configuration: { version, ...offered(`${version}.configuration`, () => bytes) },
      });
    },
    fetched,
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}

/** gateway.yaml as an integrator would write it for this city. */
function configuration(
  gateway: string,
  broker: number,
  meter: number,
  updates: string,
  nodeRed: boolean,
  devices: readonly string[],
): string {
  const identity = "/var/lib/stadsnod/identity";
  return `gateway: {id: ${gateway}, pen: 32474}
profiles: [/etc/stadsnod/profiles.d, /opt/stadsnod/device-profiles]
connections: {roof: {protocol: modbus, tcp: {host: ${host}, port: ${meter}}}}
devices: {${["meter: {profile: eastron/sdm630, connection: roof, unit: 1, audience: open}", ...devices].join(", ")}}
northbound:
  city:
    type: mqtt
    url: "mqtts://${host}:${broker}"
    ca: ${identity}/ca.pem
    cert: ${identity}/certificate.pem
    key: ${identity}/key.pem
updates: {trust: {city: {key: ${JSON.stringify(updates)}}}}
local: {socket: /run/stadsnod/stadsnod.sock${nodeRed ? ", https: {port: 8443}" : ""}}
storage: {folder: /var/lib/stadsnod}
telemetry: {maxAge: 1s}
${nodeRed ? withNodeRed : ""}`;
}

const withNodeRed = `derivedPoints: {${flowPoint}: {unit: V, audience: open}}
nodeRed: {enabled: true, userDir: /var/lib/stadsnod-node-red, user: stadsnod-nodered}
`;
