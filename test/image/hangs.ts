import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";
import type { GatewayStatus } from "../../gateway/local/surface.ts";
import { askLocal } from "../ci/ask-local.ts";
import { type Machine, until } from "./machine.ts";

/** How a daemon can hang, as far as a machine without broken parts can show it. */
export type Hang =
  /** Its process is stopped. */
  | "stops"
  /** JavaScript does not end: an endless loop, or microtasks that always bring new ones. */
  | "loops"
  | "starves"
  /** A call of the system does not come back. */
  | "waits"
  /** The heart beats, but nothing is stored any more: health.ts finds it after a minute. */
  | "store";

export interface Restart {
  /** From the hang until the next daemon was READY, s, by systemd's clock. */
  readonly seconds: number;
  /** Packs on its disk before, and that the next daemon had. */
  readonly before: number;
  readonly after: number;
}

const unit = "stadsnod.service";
const node = "/opt/stadsnod/bin/node";
const field = "/run/field";

const profile = `profile: test/meter
version: 1.0.0
title: Meter of the tests
manufacturer: Test
models: [M]
category: energy-meter
sources: [{document: made for the tests}]
status: draft
protocol: modbus
modbus: {addressing: protocol}
points:
  voltage: {at: {holding: 0}, unit: V, class: fast}
`;

const configuration = `gateway: {id: gw-test, pen: 32473}
profiles: [${field}/profiles]
connections:
  roof: {protocol: modbus, tcp: {host: 127.0.0.1, port: 1502}}
devices:
  meter-1: {profile: test/meter, connection: roof, unit: 1, audience: open}
poll: {fast: 200ms, normal: 500ms, slow: 1s}
northbound: {city: {type: mqtt, url: "mqtt://127.0.0.1:1883"}}
storage: {folder: /var/lib/stadsnod}
local: {socket: /run/stadsnod/stadsnod.sock}
telemetry: {maxAge: 100ms}
`;

/** Puts the programs of the field into a machine that has the package; before it boots, or later. */
export async function layOutField(root: string): Promise<void> {
  mkdirSync(join(root, "field/profiles/test"), { recursive: true });
  writeFileSync(join(root, "field/profiles/test/meter.yaml"), profile);
  writeFileSync(join(root, "field/gateway.yaml"), configuration);
  for (const name of ["field", "make-hang"])
    await build({
      entryPoints: [join(import.meta.dirname, `${name}.ts`)],
      outfile: join(root, "field", `${name}.mjs`),
      bundle: true,
      platform: "node",
      format: "esm",
      logLevel: "error",
      banner: {
        js: 'import { createRequire as requireOf } from "node:module"; const require = requireOf(import.meta.url);',
      },
    });
}

/** The installed gateway with a meter that it reads and a platform that is away, until `settle`. */
export class WatchedGateway implements AsyncDisposable {
  readonly #machine: Machine;
  #hangs = 0;

  private constructor(machine: Machine) {
    this.#machine = machine;
  }

  /** @param dropIn lines for [Service], besides the unit's own */
  static async start(machine: Machine, dropIn: readonly string[]): Promise<WatchedGateway> {
    const watched = new WatchedGateway(machine);
    await machine.must("systemd-run", "--quiet", "--unit=field-meter", node, `${field}/field.mjs`, "meter");
    const lines = ["[Service]", ...dropIn].map((line) => `${line}\\n`).join("");
    await machine.must(
      "sh",
      "-ec",
      `cp /etc/stadsnod/gateway.yaml /run/kept; cat ${field}/gateway.yaml >/etc/stadsnod/gateway.yaml
       mkdir -p /run/systemd/system/${unit}.d; printf '${lines}' >/run/systemd/system/${unit}.d/test.conf
       systemctl daemon-reload; systemctl restart ${unit}`,
    );
    return watched;
  }

  /** Makes it hang, once it has stored something, and waits until another daemon is READY. */
  async hang(kind: Hang): Promise<Restart> {
    const machine = this.#machine;
    const stored = await this.#packs();
    const before = await until(async () => {
      const packs = await this.#packs();
      return packs > stored ? packs : undefined;
    });
    const hung = await machine.property(unit, "MainPID");
    const since = Number(await machine.must(node, `${field}/make-hang.mjs`, hung, kind));
    this.#hangs++;
    // The times are systemd's own: it does not matter how often anybody looks.
    const ready = await until(async () => {
      const now = await this.#properties();
      const again = now.ActiveState === "active" && Number(now.NRestarts) === this.#hangs;
      return again ? Number(now.ActiveEnterTimestampMonotonic) : undefined;
    }, 500);
    return { seconds: (ready - since) / 1e6, before, after: await this.#packs() };
  }

  /** How often systemd says that the unit failed because of its watchdog. */
  async watchdogs(): Promise<number> {
    const lines = await this.#machine.must("journalctl", "--no-pager", "--output=cat", "--unit", unit);
    return lines.split("Failed with result 'watchdog'").length - 1;
  }

  /** Brings the platform back, and what it says when everything that waited is with it, judged by `stadsnod audit`. */
  async settle(): Promise<{ readonly received: number; readonly missing: number; readonly streams: number }> {
    const machine = this.#machine;
    const record = `${field}/record.jsonl`;
    await machine.must(
      ...(["systemd-run", "--quiet", "--unit=field-platform"] as const),
      ...([node, `${field}/field.mjs`, "platform", record] as const),
    );
    await until(async () => (await this.#packs()) < 3 || undefined, 500);
    const { out } = await machine.run("stadsnod", "audit", record, "--json");
    const { received, missing, streams } = JSON.parse(out.slice(out.indexOf("{")));
    return { received, missing, streams: streams.length };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#machine.run("systemctl", "stop", "field-meter", "field-platform");
    await this.#machine.must(
      "sh",
      "-ec",
      `cat /run/kept >/etc/stadsnod/gateway.yaml; rm -r /run/systemd/system/${unit}.d
       systemctl daemon-reload; systemctl restart ${unit}`,
    );
  }

  /** Packs that wait in its outbox. */
  async #packs(): Promise<number> {
    const socket = this.#machine.outside("/run/stadsnod/stadsnod.sock");
    const { northbound } = await askLocal<GatewayStatus>(socket, "GET", "/v1/status");
    return northbound[0]!.outbox.packs;
  }

  async #properties(): Promise<Readonly<Record<string, string>>> {
    const names = "ActiveState,NRestarts,ActiveEnterTimestampMonotonic";
    const text = await this.#machine.must("systemctl", "show", "--property", names, unit);
    return Object.fromEntries(
      text.split("\n").map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)]),
    );
  }
}
