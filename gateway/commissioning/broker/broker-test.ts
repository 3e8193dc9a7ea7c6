// A line too long: one test of one broker, a method for each layer.
import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import type { MqttClient } from "mqtt";
import type { Clock, Random } from "../../model/clock.ts";
import type { CheckDone } from "../../model/commissioning.ts";
import { ConfigError, GatewayError, LinkError } from "../../model/errors.ts";
import { ConnectRefusal, connectClient } from "../../transport/mqtt/client.ts";
import { asksForOlder } from "../../transport/mqtt/failures.ts";
import { type BrokerAddress, type BrokerSettings, reveal } from "../../transport/mqtt/settings.ts";
import { openSocket, tlsFacts } from "../../transport/mqtt/socket.ts";
import { checkOk, notApplicable, said } from "../words.ts";
import { within } from "./deadline.ts";
import { checkPublish, checkSubscribe } from "./rights.ts";
import { checkTls } from "./tls.ts";
import { failedBy } from "./words.ts";

/** A broker of gateway.yaml, and who the gateway is there. */
export interface NorthboundFacts {
  readonly name: string;
  /** The gateway's id. */
  readonly gateway: string;
  /** Topic levels before `v1`. */
  readonly root: string;
  /** Whether commands are asked for over it. */
  readonly commands: boolean;
  readonly settings: BrokerSettings;
}

/** How long each layer may take, ms. All of them together bound the test. */
export interface NorthboundLimits {
  readonly nameMs: number;
  readonly connectMs: number;
  readonly tlsMs: number;
  /** From CONNECT to CONNACK, and of each question after it. */
  readonly answerMs: number;
}

const usualLimits: NorthboundLimits = { nameMs: 10_000, connectMs: 10_000, tlsMs: 15_000, answerMs: 20_000 };

export interface BrokerTestContext {
  readonly clock: Clock;
  readonly random: Random;
  readonly limits?: Partial<NorthboundLimits> | undefined;
}

/** The layers, from the wire up. What lies above a failed one cannot be looked at. */
export const layers = [
  "broker-name",
  "broker-tcp",
  "broker-tls",
  "broker-mqtt",
  "broker-subscribe",
  "broker-publish",
] as const;
export type Layer = (typeof layers)[number];

/** One test: what a layer found out that the next one needs. */
export class BrokerTest {
  readonly #facts: NorthboundFacts;
  readonly #address: BrokerAddress;
  readonly #clock: Clock;
  readonly #limits: NorthboundLimits;
  readonly #clientId: string;
  #session: { readonly client: MqttClient; readonly version: 4 | 5 } | undefined;

  constructor(facts: NorthboundFacts, address: BrokerAddress, context: BrokerTestContext) {
    this.#facts = facts;
    this.#address = address;
    this.#clock = context.clock;
    this.#limits = { ...usualLimits, ...context.limits };
    const own = facts.settings.clientId ?? `stadsnod-${facts.gateway}`;
    const some = Math.floor(context.random() * 0x10000)
      .toString(16)
      .padStart(4, "0");
    // A broker that knows the gateway's id ends the running session: this one must be another.
    this.#clientId = `${own}-test-${some}`;
  }

  get #at(): string {
    return `${this.#address.host}:${this.#address.port}`;
  }

  /** What went wrong below becomes a finding; anything else is the caller's. */
  async orFailed(
    layer: Layer,
    signal: AbortSignal,
    look: (signal: AbortSignal) => Promise<readonly CheckDone[]>,
  ): Promise<readonly CheckDone[]> {
    try {
      return await look(signal);
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      const cause = error instanceof ConnectRefusal ? error.failure : error;
      const detail = cause instanceof ConfigError ? `(${cause.message})` : "";
      return [failedBy(layer, cause, this.#at, this.#facts.name, { en: "", sv: detail })];
    }
  }

  async name(signal: AbortSignal): Promise<readonly CheckDone[]> {
    const { host } = this.#address;
    const subject = this.#facts.name;
    if (isIP(host) !== 0)
      return [
        notApplicable(
          "broker-name",
          said(`${host} is an address: no name to look up.`, `${host} är en adress: inget namn att slå upp.`),
          subject,
        ),
      ];
    const since = this.#clock.monotonic();
    const found = await within(
      { clock: this.#clock, ms: this.#limits.nameMs, at: `DNS (${host})` },
      signal,
      async () => {
        try {
          return await lookup(host, { all: true });
        } catch (cause) {
          const code = cause instanceof Error && "code" in cause ? String(cause.code) : "";
          const local = host.endsWith(".local");
          throw new LinkError(`the name ${host} cannot be resolved (${code})`, {
            code: "unknown-host",
            hint: local
              ? "names that end in .local need mDNS: sudo apt install libnss-mdns; or write the address"
              : code === "EAI_AGAIN"
                ? "no DNS server answers: resolvectl status, and look at the network's cable and address"
                : "check the name in `url:` and the gateway's DNS servers: resolvectl status",
            cause,
          });
        }
      },
    );
    const list = found.map(({ address }) => address).join(", ");
    const ms = this.#since(since);
    return [
      checkOk(
        "broker-name",
        said(`${host} is ${list} (${ms} ms).`, `${host} är ${list} (${ms} ms).`),
        subject,
      ),
    ];
  }

  async tcp(signal: AbortSignal): Promise<readonly CheckDone[]> {
    const since = this.#clock.monotonic();
    const plain = { ...this.#address, tls: false };
    const socket = await within(
      { clock: this.#clock, ms: this.#limits.connectMs, at: this.#at },
      signal,
      (inner) => openSocket(this.#facts.settings, plain, this.#clock, inner),
    );
    const peer = socket.remoteAddress ?? this.#address.host;
    socket.destroy();
    const ms = this.#since(since);
    const { port } = this.#address;
    return [
      checkOk(
        "broker-tcp",
        said(`${peer} port ${port} answers (${ms} ms).`, `${peer} port ${port} svarar (${ms} ms).`),
        this.#facts.name,
      ),
    ];
  }

  async tls(signal: AbortSignal): Promise<readonly CheckDone[]> {
    const { name, settings } = this.#facts;
    if (!this.#address.tls)
      return [
        notApplicable(
          "broker-tls",
          said(
            "No TLS (mqtt://): whoever is on the way can read and change everything.",
            "Ingen TLS (mqtt://): den som finns på vägen kan läsa och ändra allt.",
          ),
          name,
        ),
      ];
    return await within({ clock: this.#clock, ms: this.#limits.tlsMs, at: this.#at }, signal, (inner) =>
      checkTls(settings, this.#address, this.#clock, name, inner),
    );
  }

  async mqtt(signal: AbortSignal): Promise<readonly CheckDone[]> {
    const { protocol, username } = this.#facts.settings;
    const since = this.#clock.monotonic();
    try {
      await this.#connect(protocol === "3.1.1" ? 4 : 5, signal);
    } catch (error) {
      if (!(error instanceof ConnectRefusal) || protocol !== "auto") throw error;
      // Closing without an answer is how some old brokers refuse MQTT 5.
      if (error.reason !== undefined && !asksForOlder(error.reason)) throw error;
      await this.#connect(4, signal);
    }
    const version = this.#session?.version === 5 ? "MQTT 5" : "MQTT 3.1.1";
    const who = username === undefined ? "" : `, ${username}`;
    const ms = this.#since(since);
    return [
      checkOk(
        "broker-mqtt",
        said(
          `The broker lets us in (${version}${who}, ${ms} ms). Tested as client ${this.#clientId}, beside the running session.`,
          `Brokern släpper in oss (${version}${who}, ${ms} ms). Testat som klient ${this.#clientId}, vid sidan av den pågående sessionen.`,
        ),
        this.#facts.name,
      ),
    ];
  }

  async subscribe(signal: AbortSignal): Promise<readonly CheckDone[]> {
    const { name, commands } = this.#facts;
    if (!commands)
      return [
        notApplicable(
          "broker-subscribe",
          said("gateway.yaml lets nobody command.", "gateway.yaml låter ingen ge kommandon."),
          name,
        ),
      ];
    return this.#ask(signal, ({ client }) => checkSubscribe(client, `${this.#topics}/command/+`, name));
  }

  async publish(signal: AbortSignal): Promise<readonly CheckDone[]> {
    const topic = `${this.#topics}/telemetry/connection-test`;
    return this.#ask(signal, ({ client, version }) => checkPublish(client, topic, version, this.#facts.name));
  }

  async end(): Promise<void> {
    const client = this.#session?.client;
    this.#session = undefined;
    if (!client) return;
    if (!client.connected) {
      client.end(true);
      return;
    }
    const { promise, resolve } = Promise.withResolvers<void>();
    using _patience = this.#clock.timer(1000, resolve);
    // With DISCONNECT, so that the broker logs no lost client.
    client.end(false, () => resolve());
    await promise;
    client.end(true);
  }

  get #topics(): string {
    return `${this.#facts.root}/v1/${this.#facts.gateway}`;
  }

  async #ask(
    signal: AbortSignal,
    question: (session: { client: MqttClient; version: 4 | 5 }) => Promise<CheckDone>,
  ): Promise<readonly CheckDone[]> {
    const ms = this.#limits.answerMs;
    return await within({ clock: this.#clock, ms, at: this.#at }, signal, async (inner) => {
      // A refusal may have cost the connection.
      if (!this.#session?.client.connected) await this.#connect(this.#session?.version ?? 4, inner);
      if (!this.#session) throw new GatewayError("no session", { code: "connection-lost" });
      return [await question(this.#session)];
    });
  }

  async #connect(version: 4 | 5, signal: AbortSignal): Promise<void> {
    const { settings } = this.#facts;
    const ms = this.#limits.answerMs;
    const client = await within({ clock: this.#clock, ms, at: this.#at }, signal, async (inner) => {
      const socket = await openSocket(settings, this.#address, this.#clock, inner);
      const opened = await connectClient(
        socket,
        {
          address: this.#address,
          version,
          clientId: this.#clientId,
          username: settings.username,
          password: settings.password === undefined ? undefined : reveal(settings.password),
          keepalive: settings.keepalive,
          clean: true,
          receiveMaximum: 16,
          maximumPacketSize: 65_536,
          tls: tlsFacts(settings, this.#clock),
          // A command that comes meanwhile is the running session's.
          prepare: (one) => {
            one.handleMessage = (_packet, done) => done(notOurs);
          },
        },
        inner,
      );
      return opened.client;
    });
    client.on("error", () => {});
    this.#session?.client.end(true);
    this.#session = { client, version };
  }

  #since(from: number): string {
    return Math.max(0, this.#clock.monotonic() - from).toFixed(0);
  }
}

/** Told to mqtt.js, which then sends no PUBACK. */
const notOurs = new Error("not taken by a test");
