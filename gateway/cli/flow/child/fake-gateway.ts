// Too long: the pretended commands could be a file of their own. The routes share the readings, holds and results.
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { parseDuration } from "../../../model/duration.ts";
import type { PointGiven, ReadingGiven, Scenario } from "../scenario.ts";
import type { VirtualTime } from "./virtual-time.ts";

// The local API (docs/local-api.md) as far as nodes ask it, with devices that say what a scenario says and
// do what they are told. Longer than other files, because it is one server: its routes share all they know.

type JsonValue = number | boolean | string;

export interface ReadingTold {
  readonly device: string;
  readonly point: string;
  readonly value?: JsonValue;
  readonly unit?: string;
  readonly quality: string;
  readonly time: string;
}

/** A command that a flow gave. */
export interface CommandGiven {
  readonly id: string;
  readonly device: string;
  readonly point: string;
  readonly action: string;
  readonly value?: JsonValue;
  readonly priority?: string;
  readonly confirms?: string;
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
}

interface Result extends Record<string, unknown> {
  readonly id: string;
}

interface Stream {
  readonly kind: string;
  readonly device: string | null;
  readonly point: string | null;
  readonly response: ServerResponse;
}

class Refusal extends Error {
  readonly status: number;
  readonly code: string;
  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

/** As the gateway does, so that nobody takes it for gone. */
const heartbeatMs = 15_000;
/** How long a command of two steps waits for its confirmation, unless it expires before. */
const armingMs = 60_000;
/** Device of the derived points. */
const gatewayId = "flow-test";
const largestBody = 64 * 1024;
const mostReadings = 100_000;

export class FakeGateway implements AsyncDisposable {
  readonly #time: VirtualTime;
  readonly #scenario: Scenario;
  readonly #points = new Map<string, Map<string, PointGiven>>();
  readonly #latest = new Map<string, ReadingTold>();
  readonly #history: ReadingTold[] = [];
  readonly #results = new Map<string, Result>();
  readonly #states = new Map<string, { kind: string; id: string; state: string; problem?: string }>();
  readonly #failing = new Map<string, string>();
  readonly #streams = new Set<Stream>();
  readonly #server = createServer((asked, answer) => void this.#serve(asked, answer));
  readonly #on: FlowDeeds;
  /** Commands that wait for their confirmation, by id. */
  readonly #armed = new Map<string, { readonly command: CommandGiven; readonly timer: Disposable }>();
  #made = 0;
  /** Requests that are not answered yet. */
  open = 0;
  /** Counts what was asked and told. */
  activity = 0;

  constructor(scenario: Scenario, time: VirtualTime, on: FlowDeeds) {
    this.#scenario = scenario;
    this.#time = time;
    this.#on = on;
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
      for (const { response } of this.#streams) response.write(":\n\n");
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
    this.#stream("readings", readings);
  }

  state(device: string, state: string, problem?: string): void {
    const told = { kind: "device", id: device, state, ...(problem === undefined ? {} : { problem }) };
    this.#states.set(device, told);
    this.#stream("states", [told]);
  }

  /** Commands to this point fail from now on; `none`: no longer. */
  fail(device: string, point: string, code: string): void {
    if (code === "none") this.#failing.delete(`${device}/${point}`);
    else this.#failing.set(`${device}/${point}`, code);
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
    if (asked.method === "GET" && stream) return this.#join(stream, url, answer);
    this.open++;
    answer.once("close", () => {
      this.open--;
      this.activity++;
    });
    try {
      const body = await bodyOf(asked);
      send(answer, 200, this.#answer(`${asked.method} ${url.pathname}`, url.searchParams, body));
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
      case "GET /v1/history": {
        const [from, to] = [query.get("from"), query.get("to")].map((text) =>
          text === null ? undefined : Date.parse(text),
        );
        const limit = Number(query.get("limit") ?? 1000);
        const found = this.#history.filter(
          (one) =>
            mine(one) &&
            Date.parse(one.time) >= (from ?? 0) &&
            Date.parse(one.time) < (to ?? Number.POSITIVE_INFINITY),
        );
        return { readings: found.slice(0, limit), more: found.length > limit };
      }
      case "POST /v1/read": {
        const points = Array.isArray(body.points) ? body.points : [];
        return [...this.#latest.values()].filter(
          (one) => one.device === body.device && (points.length === 0 || points.includes(one.point)),
        );
      }
      case "POST /v1/commands":
        return this.#command(body, query.get("dry-run") === "true");
      case "POST /v1/points":
        return this.#publish(body);
      case "GET /v1/commands/:id": {
        const result = this.#results.get(path?.[2] ?? "");
        if (!result) throw new Refusal(404, "unknown-command", "no such command");
        return result;
      }
      case "GET /v1/commands":
        return [...this.#results.values()];
      case "GET /v1/holds":
        return [];
      default:
        throw new Refusal(404, "not-found", "the simulated gateway has no such route");
    }
  }

  #command(body: Record<string, unknown>, dry: boolean): unknown {
    const { device, point, value, priority, confirms } = body;
    const action = body.action ?? "write";
    if (typeof device !== "string" || typeof point !== "string" || typeof action !== "string")
      throw new Refusal(400, "bad-request", "a command needs device and point");
    const known = this.#points.get(device)?.get(point);
    if (!known)
      throw new Refusal(
        404,
        this.#points.has(device) ? "unknown-point" : "unknown-device",
        `no ${device}/${point} in this scenario`,
      );
    const command: CommandGiven = {
      id: typeof body.id === "string" ? body.id : `simulated-${++this.#made}`,
      device,
      point,
      action,
      ...(isValue(value) ? { value } : {}),
      ...(typeof priority === "string" ? { priority } : {}),
      ...(typeof confirms === "string" ? { confirms } : {}),
    };
    const armed = action === "confirm" ? this.#armed.get(command.confirms ?? "") : undefined;
    const code = this.#failing.get(`${device}/${point}`) ?? refusalOf(command, known, armed !== undefined);
    if (dry) return { accepted: code === undefined, result: this.#result(command, { code }) };
    this.#on.command(command);
    if (code !== undefined) return this.#word(this.#result(command, { code }));
    if (armed) {
      armed.timer[Symbol.dispose]();
      this.#armed.delete(armed.command.id);
      this.#carryOut(armed.command);
    } else if (action === "write" && known.write?.confirm === "two-step")
      return this.#arm(command, lifeMs(body.expiresIn));
    return this.#carryOut(command);
  }

  #arm(command: CommandGiven, life: number): Result {
    const timer = this.#time.clock.timer(Math.min(armingMs, life), () => {
      this.#armed.delete(command.id);
      const text = "nobody confirmed it in time";
      this.#word({ ...this.#result(command, {}), state: "expired", text });
    });
    this.#armed.set(command.id, { command, timer });
    return this.#word({ ...this.#result(command, {}), state: "accepted", stage: "armed", last: false });
  }

  #carryOut(command: CommandGiven): Result {
    const { device, point, action, value } = command;
    const result = this.#word(this.#result(command, {}));
    if (action === "write" && value !== undefined) this.tell([{ device, point, value }]);
    return result;
  }

  /** The last word on a command, as it would be now. */
  #result({ id, device, point, value }: CommandGiven, { code }: { code?: string | undefined }): Result {
    const before = this.#latest.get(`${device}/${point}`)?.value;
    return {
      id,
      device,
      point,
      issuer: "token:node-red",
      ...(code === undefined
        ? { state: "succeeded", verified: true, unchanged: before === value }
        : { state: "failed", code, text: `the simulated gateway refuses: ${code}` }),
      ...(value === undefined ? {} : { value }),
      ...(before === undefined ? {} : { before }),
      time: new Date(this.#time.now()).toISOString(),
      last: true,
    };
  }

  #word(result: Result): Result {
    this.#results.set(result.id, result);
    this.#stream("results", [result]);
    return result;
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
      profile: "simulated",
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

  #join(kind: string, url: URL, response: ServerResponse): void {
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.flushHeaders();
    const stream = {
      kind,
      device: url.searchParams.get("device"),
      point: url.searchParams.get("point"),
      response,
    };
    this.#streams.add(stream);
    response.once("close", () => this.#streams.delete(stream));
    const first =
      kind === "readings" ? [...this.#latest.values()] : kind === "states" ? [...this.#states.values()] : [];
    this.#write(stream, first);
  }

  #stream(kind: string, items: readonly object[]): void {
    for (const stream of this.#streams) if (stream.kind === kind) this.#write(stream, items);
  }

  #write({ kind, device, point, response }: Stream, items: readonly object[]): void {
    const mine = items.filter(
      (one) =>
        (device === null || Reflect.get(one, "device") === device) &&
        (point === null || Reflect.get(one, "point") === point),
    );
    if (mine.length === 0) return;
    this.activity++;
    const text =
      kind === "results"
        ? mine.map((one) => `data: ${JSON.stringify(one)}\n\n`).join("")
        : `data: ${JSON.stringify(mine)}\n\n`;
    response.write(text, () => this.activity++);
  }
}

function kindOf(value: unknown): string {
  return typeof value === "boolean" ? "switch" : typeof value === "string" ? "text" : "measurement";
}

function isValue(value: unknown): value is JsonValue {
  return typeof value === "number" || typeof value === "boolean" || typeof value === "string";
}

/** Throws Refusal. */
function lifeMs(expiresIn: unknown): number {
  if (typeof expiresIn !== "string") return Number.POSITIVE_INFINITY;
  try {
    return parseDuration(expiresIn);
  } catch (error) {
    throw new Refusal(400, "bad-request", error instanceof Error ? error.message : String(error));
  }
}

/** Why a command is not taken. */
function refusalOf({ action, value }: CommandGiven, known: PointGiven, isArmed: boolean): string | undefined {
  if (action === "write") return unacceptable(known, value);
  return action === "confirm" && !isArmed ? "not-armed" : undefined;
}

/** Why a point does not take a value. */
function unacceptable({ write }: PointGiven, value: JsonValue | undefined): string | undefined {
  if (!write) return "read-only";
  if (write.allowed && (value === undefined || !write.allowed.includes(value))) return "unknown-value";
  const [low, high] = write.range ?? [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
  return write.range && (typeof value !== "number" || value < low || value > high)
    ? "out-of-range"
    : undefined;
}

async function bodyOf(asked: IncomingMessage): Promise<Record<string, unknown>> {
  let text = "";
  for await (const chunk of asked.setEncoding("utf8")) {
    text += chunk;
    if (text.length > largestBody) throw new Refusal(413, "body-too-large", "the body is too large");
  }
  if (text === "") return {};
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null) return { ...value };
  } catch {
    // Told below.
  }
  throw new Refusal(400, "bad-request", "the body is no JSON object");
}

function send(answer: ServerResponse, status: number, value: unknown): void {
  answer.writeHead(status, { "content-type": "application/json" });
  answer.end(JSON.stringify(value));
}
