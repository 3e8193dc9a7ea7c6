import { type KeyObject, randomUUID, sign } from "node:crypto";
import { decode, encode } from "cborg";
import { connect, type IClientOptions, type IClientPublishOptions, type MqttClient } from "mqtt";
import { brokerAt, firstConnect } from "./mqtt-client.ts";

// A city's control room in small: it asks gateways for something and collects what they answer. Written
// from docs/telemetry.md with libraries that the gateway does not use, so that an error in one of the
// two is seen.

export interface SigningKey {
  /** Name of the key at the gateway (`commands.trust`). */
  readonly kid: string;
  /** Ed25519, or EC on P-256. */
  readonly privateKey: KeyObject;
}

export interface ControlOptions {
  /** mqtt:// or mqtts:// */
  readonly url: string;
  /** Topic levels before `v1`. */
  readonly root?: string | undefined;
  /** Signs every command that is not told otherwise. */
  readonly key?: SigningKey | undefined;
  /** More for the client: version, certificates, account. */
  readonly client?: IClientOptions | undefined;
  /** Called with everything that is told, as it comes. */
  readonly onTold?: ((told: Told) => void) | undefined;
  /** The newest of what is sent and told are kept; all unless given. */
  readonly keep?: number | undefined;
}

/** What is asked; `id`, `issuer` and the expiry have defaults. Keys that are given as undefined are left out. */
export interface Ask {
  readonly id?: string | undefined;
  readonly point: string;
  readonly value?: number | bigint | string | boolean | Uint8Array | undefined;
  readonly issuer?: string | undefined;
  readonly [key: string]: unknown;
}

export interface SendOptions {
  /** Overrides the control room's own; null: not signed. */
  readonly key?: SigningKey | null | undefined;
  readonly qos?: 0 | 1 | 2 | undefined;
  readonly retain?: boolean | undefined;
  /** MQTT 5. */
  readonly properties?: IClientPublishOptions["properties"] | undefined;
}

export interface Told {
  readonly topic: string;
  readonly gateway: string;
  readonly device: string;
  readonly retained: boolean;
  /** The decoded body: a result as docs/telemetry.md says. Empty when `problem` says why it is none. */
  readonly result: Readonly<Record<string, unknown>>;
  readonly problem?: string | undefined;
  /** MQTT 5. */
  readonly correlation?: Uint8Array | undefined;
  readonly contentType?: string | undefined;
}

export interface CityControl extends AsyncDisposable {
  /** Asks for a write; resolves with the id when the broker has it. Default expiry: 60 s from now. */
  command(gateway: string, device: string, ask: Ask, options?: SendOptions): Promise<string>;
  /** Any bytes to the topic of commands: for replays and worse. */
  raw(gateway: string, device: string, body: Uint8Array, options?: SendOptions): Promise<void>;
  /** Any message at all. */
  publish(topic: string, body: Uint8Array, options?: SendOptions): Promise<void>;
  /** Every body that was sent with `command`, by id: for replays. */
  readonly sent: ReadonlyMap<string, Uint8Array>;
  /** Everything that was told, in the order in which it came. */
  readonly told: readonly Told[];
  /** Results of one command, in the order in which they came. */
  results(id: string): readonly Told["result"][];
  /** The last word on a command, once it is there. */
  last(id: string): Promise<Told["result"]>;
  /** Resolves when `holds` does; looked at after every message. */
  until(holds: () => boolean): Promise<void>;
}

/** A control room that listens. Rejects when the broker cannot be reached; later it reconnects by itself. */
export async function openCityControl(options: ControlOptions): Promise<CityControl> {
  const root = options.root ?? "stadsnod";
  const client = connect({
    ...brokerAt(options.url),
    clientId: `city-control-${randomUUID().slice(0, 8)}`,
    reconnectPeriod: 100,
    ...options.client,
  });
  const control = new Control(client, root, options);
  try {
    await firstConnect(client);
    await client.subscribeAsync([`${root}/v1/+/result/#`, `${root}/replies/#`], { qos: 1 });
    return control;
  } catch (error) {
    await client.endAsync(true);
    throw error;
  }
}

/** COSE_Sign1 (RFC 9052) around a command: algorithm and key id signed, gateway and device signed beside it. */
export function signCommand(
  body: Uint8Array,
  { key, gateway, device }: { readonly key: SigningKey; readonly gateway: string; readonly device: string },
): Uint8Array {
  return signBeside(body, key, ["stadsnod-command-v1", gateway, device]);
}

/** COSE_Sign1 around a body; `beside` is signed with it and not sent. */
export function signBeside(body: Uint8Array, key: SigningKey, beside: readonly string[]): Uint8Array {
  const ecdsa = key.privateKey.asymmetricKeyType === "ec";
  const header = encode(
    new Map<number, unknown>([
      [1, ecdsa ? -9 : -19],
      [4, Buffer.from(key.kid)],
    ]),
  );
  const external = encode(beside);
  const toSign = encode(["Signature1", header, external, body]);
  const signature = ecdsa
    ? sign("sha256", toSign, { key: key.privateKey, dsaEncoding: "ieee-p1363" })
    : sign(null, toSign, key.privateKey);
  const message = encode([header, new Map(), body, signature]);
  return Uint8Array.from([0xd2, ...message]);
}

function readResult(payload: Uint8Array): Pick<Told, "result" | "problem"> {
  try {
    const result: unknown = decode(payload, { rejectDuplicateMapKeys: true, strict: true });
    if (typeof result !== "object" || result === null) return { result: {}, problem: "not a map" };
    return { result: Object.fromEntries(Object.entries(result)) };
  } catch (error) {
    return { result: {}, problem: error instanceof Error ? error.message : String(error) };
  }
}

class Control implements CityControl {
  readonly sent = new Map<string, Uint8Array>();
  readonly told: Told[] = [];
  readonly #client: MqttClient;
  readonly #root: string;
  readonly #key: SigningKey | undefined;
  readonly #keep: number;
  #waiters: { readonly holds: () => boolean; readonly resolve: () => void }[] = [];

  constructor(
    client: MqttClient,
    root: string,
    { key, onTold, keep = Number.POSITIVE_INFINITY }: ControlOptions,
  ) {
    this.#client = client;
    this.#root = root;
    this.#key = key;
    this.#keep = keep;
    client.on("error", () => {});
    client.on("message", (topic, payload, packet) => {
      const { correlationData, contentType } = packet.properties ?? {};
      const [gateway = "", , device = ""] = topic.split("/").slice(root.split("/").length + 1);
      const told: Told = {
        topic,
        gateway,
        device,
        retained: packet.retain,
        ...readResult(payload),
        correlation: correlationData,
        contentType,
      };
      this.told.push(told);
      if (this.told.length > this.#keep) this.told.shift();
      onTold?.(told);
      const ready = this.#waiters.filter(({ holds }) => holds());
      this.#waiters = this.#waiters.filter((waiter) => !ready.includes(waiter));
      for (const { resolve } of ready) resolve();
    });
  }

  async command(gateway: string, device: string, ask: Ask, options: SendOptions = {}): Promise<string> {
    const id = ask.id ?? randomUUID();
    const own = "expiresIn" in ask || "expiresAt" in ask ? {} : { expiresAt: Date.now() + 60_000 };
    const all = { issuer: "city-control", ...own, ...ask, id };
    const body = encode(Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined)));
    const key = options.key === undefined ? this.#key : (options.key ?? undefined);
    const message = key ? signCommand(body, { key, gateway, device }) : body;
    this.sent.set(id, message);
    const [oldest] = this.sent.keys();
    if (this.sent.size > this.#keep && oldest !== undefined) this.sent.delete(oldest);
    await this.raw(gateway, device, message, options);
    return id;
  }

  raw(gateway: string, device: string, body: Uint8Array, options: SendOptions = {}): Promise<void> {
    return this.publish(`${this.#root}/v1/${gateway}/command/${device}`, body, options);
  }

  async publish(topic: string, body: Uint8Array, options: SendOptions = {}): Promise<void> {
    const { qos = 1, retain = false, properties } = options;
    await this.#client.publishAsync(topic, Buffer.from(body), {
      qos,
      retain,
      ...(properties ? { properties } : {}),
    });
  }

  results(id: string): readonly Told["result"][] {
    return this.told.map(({ result }) => result).filter((result) => result.id === id);
  }

  async last(id: string): Promise<Told["result"]> {
    const found = () => this.results(id).find(({ last }) => last === true);
    await this.until(() => found() !== undefined);
    return found() ?? {};
  }

  until(holds: () => boolean): Promise<void> {
    if (holds()) return Promise.resolve();
    return new Promise((resolve) => this.#waiters.push({ holds, resolve }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client.endAsync(true);
  }
}
