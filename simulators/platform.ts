import { appendFileSync } from "node:fs";
import { Decoder } from "cbor-x";
import { connect, type IClientOptions, type MqttClient } from "mqtt";
import { Account, type Summary } from "./account.ts";
import { brokerAt, firstConnect } from "./mqtt-client.ts";
import { type CityPack, type CityReading, readPack, unpack } from "./senml.ts";

// A city's platform in small: it subscribes to what gateways publish, reads it with code of its own
// and keeps books of what came. Runs against the embedded broker or any other.

export interface PlatformOptions {
  /** mqtt:// or mqtts:// */
  readonly url: string;
  /** Topic levels before `v1`. */
  readonly root?: string | undefined;
  /** Each reading once, duplicates removed. */
  readonly onReading?: ((reading: PlatformReading) => void) | undefined;
  /** File that gets a JSON line per message, for `stadsnod audit`. */
  readonly record?: string | undefined;
  /** The same lines, as they come. */
  readonly onRecord?: ((line: RecordLine) => void) | undefined;
  /** More for the client: version 5, certificates, account. */
  readonly client?: IClientOptions | undefined;
}

export interface PlatformReading extends CityReading {
  readonly gateway: string;
  readonly audience: string;
  readonly run: string;
  /** The time is the best that the gateway knew; absent: it is right. */
  readonly estimated?: true;
}

/** A line of the record. */
export type RecordLine =
  | {
      readonly type: "pack";
      readonly gateway: string;
      readonly run: string;
      readonly audience: string;
      readonly seq: number;
      readonly seqTo: number;
      /** Records inside, and how many of them were new. */
      readonly readings: number;
      readonly fresh: number;
      readonly via: "telemetry" | "backlog";
    }
  | {
      readonly type: "gap";
      readonly gateway: string;
      readonly run: string;
      readonly audience: string;
      readonly from: number;
      readonly to: number;
      readonly readings: number;
      readonly reason: string;
    }
  | {
      /** What `state` says of a run: every pack up to this seq was stored and must come. */
      readonly type: "state";
      readonly gateway: string;
      readonly run: string;
      readonly audience: string;
      readonly lastSeq: number;
    };

export interface Platform extends AsyncDisposable {
  /** All gateways together, or one. */
  summary(gateway?: string): Summary;
  readonly gateways: readonly string[];
  /** The last retained `state` of a gateway, decoded. */
  state(gateway: string): unknown;
  /** Why the last malformed message was refused. */
  readonly lastProblem: string | undefined;
  /** Resolves when `holds` does; looked at after every message. */
  until(holds: () => boolean): Promise<void>;
}

/** A subscribed platform. Rejects when the broker cannot be reached; later it reconnects by itself. */
export async function openPlatform(options: PlatformOptions): Promise<Platform> {
  const root = options.root ?? "stadsnod";
  const client = connect({
    ...brokerAt(options.url),
    clientId: "city-platform",
    clean: false,
    reconnectPeriod: 500,
    ...options.client,
  });
  // Before the connection is up: the broker may have kept messages for us.
  const platform = new CityPlatform(client, root, options);
  try {
    await firstConnect(client);
    const topics = ["telemetry/#", "backlog/#", "state", "description/#"].map(
      (part) => `${root}/v1/+/${part}`,
    );
    await client.subscribeAsync(topics, { qos: 1 });
    return platform;
  } catch (error) {
    await client.endAsync(true);
    throw error;
  }
}

interface Waiter {
  readonly holds: () => boolean;
  readonly resolve: () => void;
}

class CityPlatform implements Platform {
  lastProblem: string | undefined;
  readonly #client: MqttClient;
  readonly #options: PlatformOptions;
  readonly #account = new Account();
  readonly #states = new Map<string, unknown>();
  /** What the record says already, so that a state that comes every 30 s does not fill it. */
  readonly #told = new Map<string, number>();
  readonly #plain = new Decoder({ mapsAsObjects: true, useRecords: false });
  readonly #rootLevels: number;
  #waiters: Waiter[] = [];

  constructor(client: MqttClient, root: string, options: PlatformOptions) {
    this.#client = client;
    this.#options = options;
    this.#rootLevels = root.split("/").length;
    client.on("message", (topic, payload) => this.#message(topic, payload));
    client.on("error", (error) => {
      this.lastProblem = error.message;
    });
  }

  get gateways(): readonly string[] {
    return this.#account.gateways;
  }

  summary(gateway?: string): Summary {
    return this.#account.summary(gateway);
  }

  state(gateway: string): unknown {
    return this.#states.get(gateway);
  }

  until(holds: () => boolean): Promise<void> {
    if (holds()) return Promise.resolve();
    return new Promise((resolve) => this.#waiters.push({ holds, resolve }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client.endAsync();
  }

  #message(topic: string, payload: Buffer): void {
    const [gateway = "", kind, audience = "", format = ""] = topic.split("/").slice(this.#rootLevels + 1);
    try {
      if (kind === "state") this.#state(gateway, this.#plain.decode(payload));
      else if (kind === "telemetry" || kind === "backlog")
        this.#pack(gateway, audience, kind, readPack(unpack(format, payload)));
    } catch (error) {
      this.#account.malformed(gateway);
      this.lastProblem = `${topic}: ${error instanceof Error ? error.message : String(error)}`;
    }
    const ready = this.#waiters.filter(({ holds }) => holds());
    this.#waiters = this.#waiters.filter((waiter) => !ready.includes(waiter));
    for (const { resolve } of ready) resolve();
  }

  #state(gateway: string, state: unknown): void {
    this.#states.set(gateway, state);
    for (const { run, audience, lastSeq } of storedRuns(state)) {
      const key = `${gateway} ${run} ${audience}`;
      if (this.#told.get(key) === lastSeq) continue;
      this.#told.set(key, lastSeq);
      this.#record({ type: "state", gateway, run, audience, lastSeq });
    }
  }

  #pack(gateway: string, audience: string, via: "telemetry" | "backlog", pack: CityPack): void {
    if (pack.gateway !== gateway) throw new Error(`a pack of ${pack.gateway} in the topic of ${gateway}`);
    if (pack.audience !== undefined && pack.audience !== audience)
      throw new Error(`a pack for ${pack.audience} in the topic of ${audience}`);
    const { fresh } = this.#account.receive(pack, audience);
    const { run, seq, seqTo, readings, gaps } = pack;
    this.#record({
      type: "pack",
      gateway,
      run,
      audience,
      seq,
      seqTo,
      readings: readings.length,
      fresh: fresh.length,
      via,
    });
    for (const gap of gaps) this.#record({ type: "gap", gateway, audience, ...gap });
    const known = pack.estimated ? ({ estimated: true } as const) : {};
    for (const reading of fresh) this.#options.onReading?.({ gateway, audience, run, ...known, ...reading });
  }

  #record(line: RecordLine): void {
    this.#options.onRecord?.(line);
    if (this.#options.record !== undefined) appendFileSync(this.#options.record, `${JSON.stringify(line)}\n`);
  }
}

/** `seq` and `previous` of a gateway's `state`: what was stored in this run and in earlier ones. Throws when they are no such thing. */
function storedRuns(state: unknown): { run: string; audience: string; lastSeq: number }[] {
  const found: { run: string; audience: string; lastSeq: number }[] = [];
  const add = (run: unknown, audience: unknown, seq: unknown) => {
    const lastSeq = Number(seq);
    if (typeof run !== "string" || typeof audience !== "string" || !Number.isSafeInteger(lastSeq))
      throw new Error("a state without proper runs");
    found.push({ run, audience, lastSeq });
  };
  const run = key(state, "run");
  for (const [audience, seq] of Object.entries(key(state, "seq") ?? {})) add(run, audience, seq);
  const previous = key(state, "previous");
  for (const one of Array.isArray(previous) ? previous : [])
    add(key(one, "run"), key(one, "aud"), key(one, "seq"));
  return found;
}

function key(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null ? Reflect.get(value, name) : undefined;
}

/** What came, as a table for people: one line per gateway. */
export function formatSummary(platform: Platform): string {
  const columns = ["devices", "readings", "packs", "duplicates", "lost", "missing", "malformed"] as const;
  const rows = platform.gateways.map((gateway) => {
    const summary = platform.summary(gateway);
    return [gateway, ...columns.map((column) => String(summary[column]))];
  });
  const table = [["gateway", ...columns], ...rows];
  const widths = table[0]?.map((_, index) => Math.max(...table.map((row) => row[index]?.length ?? 0))) ?? [];
  return table
    .map((row) =>
      row.map((cell, index) =>
        index === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[index] ?? 0),
      ),
    )
    .map((row) => row.join("  "))
    .join("\n");
}
