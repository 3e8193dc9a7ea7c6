// A little long: its routes share the readings and states.
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { PointGiven, ReadingGiven, Scenario } from "../scenario.ts";
import { type CommandGiven, isValue, type JsonValue, PretendedCommands } from "./pretended-commands.ts";
import { bodyOf, Refusal, send } from "./pretended-http.ts";
import { PretendedStreams } from "./pretended-streams.ts";
import type { VirtualTime } from "./virtual-time.ts";

// The local API (docs/local-api.md) as far as nodes ask it, with devices that say what a scenario says and
// do what they are told.

export interface ReadingTold {
  readonly device: string;
  readonly point: string;
  readonly value?: JsonValue;
  readonly unit?: string;
  readonly quality: string;
  readonly time: string;
}

/** A value that a flow handed in for a derived point. */
export interface ValuePublished {
  readonly point: string;
  readonly value: JsonValue;
  readonly unit?: string;
}

interface FlowDeeds {
  readonly command: (command: CommandGiven) => void;
  readonly published: (value: ValuePublished) => void;
  readonly problem: (problem: string) => void;
  /** A payload, decoded or encoded as a gateway does it. Rejects with an Error whose `code` says why not. */
  readonly payload: (route: string, body: Readonly<Record<string, unknown>>) => Promise<unknown>;
}

/** As the gateway does, so that nobody takes it for gone. */
const heartbeatMs = 15_000;
/** Device of the derived points. */
const gatewayId = "flow-test";
const mostReadings = 100_000;

export class FakeGateway implements AsyncDisposable {
  readonly #time: VirtualTime;
  readonly #scenario: Scenario;
  readonly #points = new Map<string, Map<string, PointGiven>>();
  readonly #latest = new Map<string, ReadingTold>();
  readonly #history: ReadingTold[] = [];
  readonly #states = new Map<string, { kind: string; id: string; state: string; problem?: string }>();
  readonly #commands: PretendedCommands;
  readonly #streams = new PretendedStreams(() => {
    this.activity++;
  });
  readonly #server = createServer((asked, answer) => void this.#serve(asked, answer));
  readonly #on: FlowDeeds;
  /** Requests that are not answered yet. */
  open = 0;
  /** Counts what was asked and told. */
  activity = 0;

  constructor(scenario: Scenario, time: VirtualTime, on: FlowDeeds) {
    this.#scenario = scenario;
    this.#time = time;
    this.#on = on;
    this.#commands = new PretendedCommands(time, {
      has: (device) => this.#points.has(device),
      point: (device, point) => this.#points.get(device)?.get(point),
      latest: (device, point) => this.#latest.get(`${device}/${point}`)?.value,
      given: on.command,
      take: (write) => this.tell([write]),
      say: (result) => this.#streams.tell("results", [result]),
    });
    for (const [device, { points }] of Object.entries(scenario.devices))
      for (const [name, point] of Object.entries(points)) this.#know(device, name, point);
    for (const { reading } of scenario.steps)
      for (const { device, point, unit, value } of [reading ?? []].flat())
        this.#know(device, point, { unit, kind: kindOf(value) });
  }

  async listen(socket: string): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen(socket, resolve);
    });
  }

  /** Says what is at the start, and lets its own time begin: once time stands still. */
  begin(): void {
    for (const [device, { points }] of Object.entries(this.#scenario.devices))
      for (const [point, { value, unit }] of Object.entries(points))
        if (value !== undefined) this.tell([{ device, point, value, unit }]);
    const beat = () => {
      this.#streams.beat();
      this.#time.clock.timer(heartbeatMs, beat);
    };
    this.#time.clock.timer(heartbeatMs, beat);
  }

  /** What devices say now. */
  tell(given: readonly ReadingGiven[]): void {
    const time = new Date(this.#time.now()).toISOString();
    const readings = given.map(({ device, point, value, unit, quality }): ReadingTold => {
      const known = unit ?? this.#points.get(device)?.get(point)?.unit;
      const good = quality ?? (value === undefined ? "stale" : "good");
      return {
        device,
        point,
        ...(value === undefined || good !== "good" ? {} : { value }),
        ...(known === undefined ? {} : { unit: known }),
        quality: good,
        time,
      };
    });
    for (const one of readings) {
      this.#latest.set(`${one.device}/${one.point}`, one);
      if (this.#history.length < mostReadings) this.#history.push(one);
    }
    this.#streams.tell("readings", readings);
  }

  state(device: string, state: string, problem?: string): void {
    const told = { kind: "device", id: device, state, ...(problem === undefined ? {} : { problem }) };
    this.#states.set(device, told);
    this.#streams.tell("states", [told]);
  }

  /** Commands to this point fail from now on; `none`: no longer. */
  fail(device: string, point: string, code: string): void {
    this.#commands.fail(device, point, code);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #know(device: string, name: string, point: PointGiven): void {
    const points = this.#points.get(device) ?? new Map<string, PointGiven>();
    this.#points.set(device, points);
    points.set(name, { ...point, ...points.get(name) });
    if (!this.#states.has(device))
      this.#states.set(device, { kind: "device", id: device, state: "available" });
  }

  async #serve(asked: IncomingMessage, answer: ServerResponse): Promise<void> {
    this.activity++;
    const url = new URL(asked.url ?? "/", "http://local");
    const stream = /^\/v1\/(readings|states|results)$/.exec(url.pathname)?.[1];
    if (asked.method === "GET" && stream)
      return this.#streams.join(stream, url, answer, this.#present(stream));
    this.open++;
    answer.once("close", () => {
      this.open--;
      this.activity++;
    });
    try {
      const body = await bodyOf(asked);
      send(answer, 200, await this.#answer(`${asked.method} ${url.pathname}`, url.searchParams, body));
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      if (error.code === "not-found")
        this.#on.problem(`the flow asked for ${asked.method} ${url.pathname}: ${error.message}`);
      send(answer, error.status, { error: error.code, message: error.message });
    }
  }

  #answer(route: string, query: URLSearchParams, body: Record<string, unknown>): unknown {
    const device = query.get("device");
    const point = query.get("point");
    const mine = (one: { device: string; point: string }) =>
      (device === null || one.device === device) && (point === null || one.point === point);
    const path = /^(\w+ \/v1\/(?:devices|commands))\/([^/]+)$/.exec(route);
    switch (path ? `${path[1]}/:id` : route) {
      case "GET /v1/status":
        return this.#status();
      case "GET /v1/devices":
        return [...this.#points.keys()].map((id) => this.#device(id));
      case "GET /v1/devices/:id":
        return {
          ...this.#device(decodeURIComponent(path?.[2] ?? "")),
          points: this.#pointsOf(decodeURIComponent(path?.[2] ?? "")),
        };
      case "GET /v1/latest":
        return [...this.#latest.values()].filter(mine);
      case "GET /v1/history":
        return this.#historyOf(query);
      case "POST /v1/read": {
        const points = Array.isArray(body.points) ? body.points : [];
        return [...this.#latest.values()].filter(
          (one) => one.device === body.device && (points.length === 0 || points.includes(one.point)),
        );
      }
      case "POST /v1/commands":
        return this.#commands.submit(body, query.get("dry-run") === "true");
      case "POST /v1/decode":
      case "POST /v1/encode":
        return this.#payload(route, body);
      case "POST /v1/points":
        return this.#publish(body);
      case "GET /v1/commands/:id": {
        const result = this.#commands.results.get(path?.[2] ?? "");
        if (!result) throw new Refusal(404, "unknown-command", "no such command");
        return result;
      }
      case "GET /v1/commands":
        return [...this.#commands.results.values()];
      case "GET /v1/holds":
        return [];
      default:
        throw new Refusal(404, "not-found", "the simulated gateway has no such route");
    }
  }

  #present(kind: string): readonly object[] {
    if (kind === "readings") return [...this.#latest.values()];
    return kind === "states" ? [...this.#states.values()] : [];
  }

  #historyOf(query: URLSearchParams): object {
    const [device, points] = [query.get("device"), query.getAll("point")];
    const moment = (key: string, otherwise: number) => {
      const text = query.get(key);
      return text === null ? otherwise : Date.parse(text);
    };
    const [from, to] = [moment("from", 0), moment("to", Number.POSITIVE_INFINITY)];
    const found = this.#history
      .filter((one) => one.device === device && (points.length === 0 || points.includes(one.point)))
      .map(({ time, ...one }) => ({ ...one, time: Date.parse(time) }))
      .filter(({ time }) => time >= from && time < to);
    const limit = Number(query.get("limit") ?? 1000);
    const rows = found.slice(0, limit);
    const series = [...new Set(rows.map(({ point }) => point))].map((point) => {
      const mine = rows.filter((one) => one.point === point);
      const unit = mine.find((one) => one.unit !== undefined)?.unit;
      return {
        point,
        ...(unit === undefined ? {} : { unit }),
        rows: mine.map(({ time, quality, value }) => ({
          time,
          quality,
          ...(value === undefined ? {} : { value }),
        })),
      };
    });
    return { device, series, ...(found.length > limit ? { next: String(limit) } : {}) };
  }

  async #payload(route: string, body: Readonly<Record<string, unknown>>): Promise<unknown> {
    try {
      return await this.#on.payload(route, body);
    } catch (error) {
      const code: unknown = Reflect.get(Object(error), "code");
      const message = error instanceof Error ? error.message : String(error);
      throw new Refusal(422, typeof code === "string" ? code : "bad-request", message);
    }
  }

  /** Any point is declared here: which ones are is said in gateway.yaml, which a flow does not see. */
  #publish({ point, value, unit }: Record<string, unknown>): unknown {
    if (typeof point !== "string" || !isValue(value))
      throw new Refusal(400, "bad-request", "a derived point needs point and value");
    const published = { point, value, ...(typeof unit === "string" ? { unit } : {}) };
    this.#on.published(published);
    this.tell([{ device: gatewayId, ...published }]);
    return { device: gatewayId, ...published, quality: "good" };
  }

  #status(): unknown {
    const { position, timeZone } = this.#scenario;
    return {
      gateway: gatewayId,
      version: "0.0.0",
      run: "flow-test",
      uptimeS: Math.floor(this.#time.passed / 1000),
      clock: { trusted: true, now: new Date(this.#time.now()).toISOString() },
      position,
      timeZone,
      devices: [...this.#points.keys()].map((id) => ({
        id,
        profile: "simulated",
        connection: "simulated",
        state: this.#states.get(id)?.state ?? "available",
        errors: {},
      })),
      connections: [],
      northbound: [],
      quarantined: [],
      memoryMB: 0,
    };
  }

  #device(id: string): object {
    if (!this.#points.has(id)) throw new Refusal(404, "unknown-device", `no device ${id} in this scenario`);
    return {
      id,
      category: "simulated",
      connection: "simulated",
      audience: "restricted",
      profile: { id: "simulated" },
      state: this.#states.get(id)?.state ?? "available",
    };
  }

  #pointsOf(id: string): object[] {
    return Array.from(this.#points.get(id) ?? [], ([name, { unit, kind = "measurement", write }]) => ({
      name,
      kind,
      ...(unit === undefined ? {} : { unit }),
      audience: "restricted",
      personal: false,
      readable: true,
      ...(write ? { write: { ...write, verified: true, confirm: write.confirm ?? "none" } } : {}),
    }));
  }
}

function kindOf(value: unknown): string {
  return typeof value === "boolean" ? "switch" : typeof value === "string" ? "text" : "measurement";
}
