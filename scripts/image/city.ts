import { createHash, generateKeyPairSync } from "node:crypto";
import { createReadStream, readFileSync, statSync } from "node:fs";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { basename } from "node:path";
import { decode } from "cborg";
import { connectAsync } from "mqtt";
import { CityCa } from "../../simulators/ca/city-ca.ts";
import { serveCa } from "../../simulators/ca/server.ts";
import { desiredState } from "../../simulators/city-updates.ts";
import { openModbusServer } from "../../simulators/modbus/server.ts";
import { brokerAt } from "../../simulators/mqtt-client.ts";
import { openTimeServer } from "../../simulators/ntp.ts";
import { openPlatform, type Platform, type PlatformReading } from "../../simulators/platform.ts";
import { startMosquitto } from "../../test/ci/mosquitto.ts";

// What a gateway on QEMU meets on this machine: a meter, the city's CA, time, a broker with certificates, bundles.

/** As QEMU's user network shows the host to its guest. */
const host = "10.0.2.2";

/** What a gateway says of its updates: docs/update.md. */
export interface UpdateReport {
  readonly phase: string;
  readonly version: string;
  readonly slot?: string;
  readonly target?: string;
  readonly why?: { readonly code: string; readonly text: string };
}

export interface City extends AsyncDisposable {
  readonly ca: CityCa;
  readonly platform: Platform;
  /** Requests that the meter got. */
  readonly requests: number;
  /** Requests for the time. */
  readonly asked: number;
  /** What the flash tool would write onto the card of a gateway. */
  provision(gateway: string): string;
  /** The first reading from now on that passes. */
  reading(passes: (reading: PlatformReading) => boolean): Promise<PlatformReading>;
  /** Everything the gateway said of its updates, in order. */
  readonly reports: readonly UpdateReport[];
  report(passes: (report: UpdateReport) => boolean): Promise<UpdateReport>;
  /** Signs that one gateway is to run a bundle, and hands it out. */
  want(gateway: string, version: string, bundle: string): Promise<void>;
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

export async function openCity(): Promise<City> {
  await using opened = new AsyncDisposableStack();
  // 230.5 V on phase 1, as a big-endian float.
  const meter = opened.use(
    await openModbusServer({
      listen: { tcp: 0 },
      units: { 1: { unmapped: "zeros", registers: { input: { 0: "43668000" } } } },
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
  const platform = opened.use(
    await openPlatform({ url: broker.url, client, onReading: (reading) => readings.add(reading) }),
  );
  const reports = new Notes<UpdateReport>();
  const control = await connectAsync({ ...brokerAt(broker.url), ...client, clientId: "city-control" });
  opened.defer(() => control.endAsync(true));
  control.on("message", (_topic, body) => reports.add(decode(body) as UpdateReport));
  await control.subscribeAsync("stadsnod/v1/+/state/update", { qos: 1 });

  const bundles = new Map<string, string>();
  const download = createServer(ca.server([host]), (request, response) => {
    const file = bundles.get((request.url ?? "").slice(1));
    if (!file) return void response.writeHead(404).end();
    const { size } = statSync(file);
    const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? "")?.[1] ?? 0);
    if (from > 0)
      response.writeHead(206, {
        "content-range": `bytes ${from}-${size - 1}/${size}`,
        "content-length": size - from,
      });
    else response.writeHead(200, { "content-length": size });
    createReadStream(file, { start: from })
      .on("error", () => response.destroy())
      .pipe(response);
  });
  await new Promise<void>((resolve) => download.listen(0, "127.0.0.1", resolve));
  opened.defer(() => {
    download.closeAllConnections();
    download.close();
  });
  const address = `https://${host}:${(download.address() as AddressInfo).port}`;
  const keys = generateKeyPairSync("ed25519");
  const pem = keys.publicKey.export({ type: "spki", format: "pem" }).toString();
  let serial = 0;
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
        config: configuration(gateway, Number(new URL(broker.url).port), meter.port, pem),
      });
    },
    reading: (passes) => readings.next(passes),
    reports: reports.all,
    report: (passes) => reports.next(passes),
    async want(gateway, version, bundle) {
      const name = basename(bundle);
      bundles.set(name, bundle);
      const sha256 = createHash("sha256").update(readFileSync(bundle)).digest("hex");
      const { topic, body } = desiredState(
        { serial: ++serial, system: { version, url: `${address}/${name}`, sha256 } },
        { key: { kid: "city", privateKey: keys.privateKey }, kind: "gateway", name: gateway },
      );
      await control.publishAsync(topic, Buffer.from(body), { qos: 1, retain: true });
    },
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}

/** gateway.yaml as an integrator would write it for this city. */
function configuration(gateway: string, broker: number, meter: number, updates: string): string {
  const identity = "/var/lib/stadsnod/identity";
  return `gateway: {id: ${gateway}, pen: 32474}
profiles: [/etc/stadsnod/profiles.d, /opt/stadsnod/device-profiles]
connections: {roof: {protocol: modbus, tcp: {host: ${host}, port: ${meter}}}}
devices: {meter: {profile: eastron/sdm630, connection: roof, unit: 1, audience: open}}
northbound:
  city:
    type: mqtt
    url: "mqtts://${host}:${broker}"
    ca: ${identity}/ca.pem
    cert: ${identity}/certificate.pem
    key: ${identity}/key.pem
updates: {trust: {city: {key: ${JSON.stringify(updates)}}}}
local: {socket: /run/stadsnod/stadsnod.sock}
storage: {folder: /var/lib/stadsnod}
telemetry: {maxAge: 1s}
`;
}
