import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import {
  type Actuators,
  actuatorUnits,
  lockAddress,
  openActuators,
} from "../../simulators/actuators/open.ts";
import { type CityControl, openCityControl, type SendOptions } from "../../simulators/city-control.ts";
import { ask, type Daemon, newFolder, root, startDaemon } from "../system/daemon.ts";
import { writeProfiles } from "../system/field.ts";
import { type Mosquitto, startMosquitto } from "./mosquitto.ts";

// A running gateway between a broker and actuators: every case has devices of its own, so that the rates,
// holds and budgets of one are none of another's.

export const gateway = "gw-commands";
export const ways = ["mqtt", "api"] as const;
export type Way = (typeof ways)[number];
export const kinds = ["lamp", "relays", "pump", "lock"] as const;
export type Kind = (typeof kinds)[number];

/** What is asked in one step. */
export interface Asking {
  readonly on?: Kind;
  /** Instead of the case's own device. */
  readonly device?: string;
  readonly point: string;
  readonly value?: number | bigint | string | boolean | undefined;
  readonly action?: "write" | "release" | "confirm";
  /** The step whose command is confirmed. */
  readonly confirms?: number | string;
  /** The step whose id is used again. */
  readonly again?: number;
  readonly expiresIn?: number | undefined;
  readonly priority?: string;
  readonly issuer?: string;
  /** More of the body, MQTT only. */
  readonly more?: Readonly<Record<string, unknown>>;
}

/** A result in few words: `succeeded 50 verified`, `failed out-of-range`, `accepted armed`. */
export function words(result: Readonly<Record<string, unknown>>): string {
  const { state, code, stage, value, unchanged, verified } = result;
  const shown = unchanged ? "unchanged" : verified ? "verified" : undefined;
  return [state, code ?? stage, value, shown].filter((one) => one !== undefined).join(" ");
}

/** What was said of a level, as expected where the lamp showed that within its profile's tolerance: it fades. */
export function faded(said: string, expected: string): string {
  const wanted = /^succeeded (\S+) verified$/.exec(expected)?.[1];
  const seen = /^succeeded (\S+) verified$/.exec(said)?.[1];
  return Math.abs(Number(seen) - Number(wanted)) <= 0.5 ? expected : said;
}

export interface Sent {
  readonly id: string;
  readonly ask: Asking;
  /** What was said first. */
  first(): Promise<string>;
  last(): Promise<string>;
}

/** One case on one way: its devices, and the two ends of the gateway. */
export class Place {
  readonly way: Way;
  readonly actuators: Actuators;
  readonly #bench: CommandBench;
  readonly #name: string;
  readonly #on: Kind;
  readonly #before = new Map<Kind, number>();
  readonly sent: Sent[] = [];

  constructor(bench: CommandBench, name: string, way: Way, on: Kind, actuators: Actuators) {
    this.#bench = bench;
    this.#name = name;
    this.#on = on;
    this.way = way;
    this.actuators = actuators;
  }

  device(kind = this.#on): string {
    return `${kind}-${this.#name}`;
  }

  /** What was written up to now does not count. */
  begin(): void {
    for (const kind of kinds) this.#before.set(kind, this.actuators[kind].written.length);
  }

  /** What was really taken over since then, oldest first. */
  written(kind = this.#on): number[] {
    return this.actuators[kind].written.slice(this.#before.get(kind)).map(({ value }) => value);
  }

  /** Polls now. */
  async read(point: string, kind = this.#on): Promise<unknown> {
    const body = JSON.stringify({ device: this.device(kind), points: [point] });
    const { body: readings } = await ask<{ value?: unknown; quality: string }[]>(
      this.#bench.daemon.socket,
      "POST",
      "/v1/read",
      body,
    );
    return readings[0]?.value ?? readings[0]?.quality;
  }

  async send(asking: Asking): Promise<Sent> {
    const {
      on,
      again,
      confirms,
      action,
      more,
      expiresIn = 20_000,
      issuer = "city-control",
      device,
      ...body
    } = asking;
    const id = again === undefined ? randomUUID() : (this.sent[again]?.id ?? "");
    const to = device ?? this.device(on);
    const named = typeof confirms === "number" ? this.sent[confirms]?.id : confirms;
    const full = { ...body, id, action, confirms: named };
    const sent =
      this.way === "mqtt"
        ? await this.#overMqtt(to, { ...full, expiresIn, issuer, ...more }, asking)
        : this.#overApi({ ...full, device: to, expiresIn: `${expiresIn}ms` }, asking);
    this.sent.push(sent);
    return sent;
  }

  async #overMqtt(
    device: string,
    body: Record<string, unknown> & { point: string; id: string },
    asking: Asking,
  ) {
    const { city } = this.#bench;
    const { id } = body;
    const before = city.results(id).length;
    const more = () => city.results(id).slice(before);
    await city.command(gateway, device, body);
    const found = (holds: (result: Readonly<Record<string, unknown>>) => boolean) => async () => {
      await city.until(() => more().some(holds));
      return words(more().find(holds) ?? {});
    };
    return { id, ask: asking, first: found(() => true), last: found(({ last }) => last === true) };
  }

  #overApi(body: Record<string, unknown> & { id: string }, asking: Asking): Sent {
    const { socket } = this.#bench.daemon;
    const text = JSON.stringify(body, (_, value) => (typeof value === "bigint" ? String(value) : value));
    const posted = ask<Record<string, unknown>>(socket, "POST", "/v1/commands", text);
    posted.catch(() => {});
    const saying = ({ status, body: said }: { status: number; body: Record<string, unknown> }) =>
      status >= 400 ? `refused ${said.error}` : words(said);
    const { id } = body;
    return {
      id,
      ask: asking,
      first: async () => saying(await posted),
      last: async () => {
        const first = await posted;
        if (first.status >= 400 || first.body.last === true) return saying(first);
        for (;;) {
          const { body: now } = await ask<Record<string, unknown>>(socket, "GET", `/v1/commands/${id}`);
          if (now.last === true) return words(now);
          await breath();
        }
      },
    };
  }

  /** Looks until it holds: nobody tells of what happens inside a simulated device. */
  async until(holds: () => boolean): Promise<void> {
    while (!holds()) await breath();
  }
}

const breath = () => new Promise((resolve) => setTimeout(resolve, 10));

export interface BenchOptions {
  /** Name of each case, with its kind and the others that it needs. */
  readonly places: readonly {
    readonly name: string;
    readonly on: Kind;
    readonly and?: readonly Kind[];
    readonly poll?: string | undefined;
  }[];
  /** Profiles instead of the shipped ones, by name of the place. */
  readonly profiles?: Readonly<Record<string, string>>;
  /** Lines under `commands:`. */
  readonly commands: string;
  readonly clock?: string;
  readonly files?: Readonly<Record<string, string>>;
  readonly sign?: SendOptions["key"];
}

/** A profile of this repository with another name and other words in it. */
export function changedProfile(from: string, to: string, ...changes: readonly (readonly [string, string])[]) {
  let text = readFileSync(join(root, "device-profiles", `${from}.yaml`), "utf8").replace(from, to);
  for (const [old, next] of changes) {
    if (!text.includes(old)) throw new Error(`${from} has no ${old}`);
    text = text.replace(old, next);
  }
  return text;
}

export class CommandBench implements AsyncDisposable {
  readonly broker: Mosquitto;
  readonly city: CityControl;
  readonly folder: string;
  readonly #yaml: string;
  readonly #files: Readonly<Record<string, string>>;
  readonly #places: ReadonlyMap<string, Place>;
  readonly #stack: AsyncDisposableStack;
  daemon!: Daemon;

  private constructor(
    parts: Pick<CommandBench, "broker" | "city" | "folder">,
    options: BenchOptions,
    actuators: readonly Actuators[],
    stack: AsyncDisposableStack,
  ) {
    this.broker = parts.broker;
    this.city = parts.city;
    this.folder = parts.folder;
    this.#stack = stack;
    this.#files = options.files ?? {};
    this.#yaml = configuration(parts.broker.url, options, actuators);
    this.#places = new Map(
      options.places.flatMap(({ name, on }, index) =>
        ways.map((way, second): [string, Place] => {
          const full = `${name}-${way}`;
          return [full, new Place(this, full, way, on, actuators[2 * index + second]!)];
        }),
      ),
    );
  }

  static async open(options: BenchOptions): Promise<CommandBench> {
    await using stack = new AsyncDisposableStack();
    const folder = newFolder();
    writeProfiles(
      folder,
      Object.fromEntries(
        Object.values(options.profiles ?? {}).map((text) => [/^profile: (.*)$/m.exec(text)?.[1] ?? "", text]),
      ),
    );
    const broker = await startMosquitto({ port: 0 });
    stack.defer(() => broker.stop());
    const city = stack.use(await openCityControl({ url: broker.url, key: options.sign ?? undefined }));
    const actuators: Actuators[] = [];
    for (const _ of options.places) for (const _way of ways) actuators.push(stack.use(await openActuators()));
    const bench = new CommandBench({ broker, city, folder }, options, actuators, stack.move());
    bench.#stack.defer(() => bench.daemon?.[Symbol.asyncDispose]());
    try {
      await bench.start();
      return bench;
    } catch (error) {
      await bench[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Starts the gateway, once more if need be, and waits until every device is set up and listens to commands. */
  async start(): Promise<void> {
    this.daemon = await startDaemon({ folder: this.folder, yaml: this.#yaml, files: this.#files });
    await this.daemon.until(
      ({ devices, northbound }) =>
        devices.every(({ state, problem }) => state === "available" && problem === undefined) &&
        northbound.every(({ connected }) => connected),
    );
  }

  place(name: string, way: Way): Place {
    const place = this.#places.get(`${name}-${way}`);
    if (!place) throw new Error(`no place ${name}`);
    return place;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#stack.disposeAsync();
  }
}

function configuration(
  url: string,
  { places, profiles = {}, commands, clock }: BenchOptions,
  all: readonly Actuators[],
) {
  const connections: string[] = [];
  const devices: string[] = [];
  for (const [index, { name, on, and = [], poll }] of places.entries())
    for (const [second, way] of ways.entries()) {
      const { port, lockPath } = all[2 * index + second]!;
      const full = `${name}-${way}`;
      const needed = [on, ...and];
      if (needed.some((kind) => kind !== "lock"))
        connections.push(`  m-${full}: {protocol: modbus, tcp: {host: 127.0.0.1, port: ${port}}}`);
      if (needed.includes("lock"))
        connections.push(`  s-${full}: {protocol: serial-frame, serial: {port: ${lockPath}, baud: 9600}}`);
      for (const kind of needed) {
        const own = kind === on ? /^profile: (.*)$/m.exec(profiles[name] ?? "")?.[1] : undefined;
        const profile = own ?? shipped[kind];
        const where =
          kind === "lock" ? `s-${full}, address: ${lockAddress}` : `m-${full}, unit: ${actuatorUnits[kind]}`;
        const slowly = poll === undefined ? "" : `, poll: ${poll}`;
        devices.push(`  ${kind}-${full}: {profile: ${profile}, connection: ${where}${slowly}}`);
      }
    }
  return `gateway: {id: ${gateway}, pen: 32474}
profiles: [device-profiles, ${join(root, "device-profiles")}]
connections:
${connections.join("\n")}
devices:
${devices.join("\n")}
poll: {fast: 1s, normal: 5s, slow: 5s}
northbound: {city: {type: mqtt, url: "${url}"}}
storage: {folder: store, maxBytes: 50MB}
log: {level: info}
${clock === undefined ? "" : `clock: ${clock}\n`}commands:
${commands}
`;
}

const shipped: Readonly<Record<Kind, string>> = {
  lamp: "generic/dali-lamp",
  relays: "generic/relay-board",
  pump: "generic/pump",
  lock: "generic/door-lock",
};
