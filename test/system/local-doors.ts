import { mkdirSync, writeFileSync } from "node:fs";
import { request as httpRequest, type IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";
import { join } from "node:path";
import type { Door } from "../../gateway/local/identity.ts";
import { type LocalServer, openLocalServer, type ServerLimits } from "../../gateway/local/server.ts";
import type { LocalCommands, LocalSurface } from "../../gateway/local/surface.ts";
import type { Clock } from "../../gateway/model/clock.ts";
import type { Command, CommandResult } from "../../gateway/model/command.ts";
import type { Device } from "../../gateway/model/device.ts";
import type { Log } from "../../gateway/model/log.ts";
import type { Bases } from "../../gateway/profiles/expand.ts";
import { loadProfile } from "../../gateway/profiles/load.ts";
import { loadProtocols } from "../../gateway/southbound/index.ts";
import { SimulatedDisk } from "../fault/simulated-disk.ts";
import { realClock } from "../mqtt/real-clock.ts";
import { newFolder } from "./daemon.ts";

// The local API in this process, with both doors open and a gateway behind it that a test owns.

export interface Asked {
  readonly door?: Door;
  readonly method?: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

export interface Told {
  readonly status: number;
  readonly headers: IncomingMessage["headers"];
  readonly text: string;
  // biome-ignore lint/suspicious/noExplicitAny: a test looks at what it likes
  readonly json: any;
}

export interface Doors extends AsyncDisposable {
  readonly server: LocalServer;
  readonly socket: string;
  readonly port: number;
  readonly fingerprint: string;
  readonly disk: SimulatedDisk;
  /** The first password of `admin`. */
  readonly password: string;
  readonly audit: { what: string; who: string; detail: Readonly<Record<string, unknown>> }[];
  /** Everything that was logged, as JSON. */
  readonly logged: string[];
  readonly surface: FakeSurface;
  /** Folder of the page. */
  readonly page: string;
  ask(asked: Asked): Promise<Told>;
  /** Logs in, changes the first password if need be, and gives the token of the session. */
  login(user: string, password: string): Promise<string>;
  /** A user of its own with this role, and a session; or an API token. */
  sessionOf(role: string, name?: string): Promise<string>;
  tokenOf(role: string, priority?: string): Promise<string>;
}

export interface DoorsOptions {
  readonly clock?: Clock;
  readonly limits?: Partial<ServerLimits>;
  readonly surface?: Partial<LocalSurface>;
}

export async function openDoors({
  clock = realClock,
  limits,
  surface: parts = {},
}: DoorsOptions = {}): Promise<Doors> {
  const socket = join(newFolder(), "s.sock");
  const audit: Doors["audit"] = [];
  const logged: string[] = [];
  const surface = await fakeSurface(parts);
  const disk = new SimulatedDisk({ random: () => 0.5 });
  const page = newFolder();
  mkdirSync(join(page, "assets"));
  writeFileSync(join(page, "index.html"), "<!doctype html><title>Stadsnod</title>");
  writeFileSync(join(page, "assets", "main-1a2b3c4d.js"), "console.log(1);\n");
  const server = await openLocalServer({
    socket,
    surface: () => surface,
    clock,
    log: listLog(logged),
    audit: {
      record: async (entry) => {
        audit.push(entry);
      },
    },
    limits,
    page,
  });
  let password = "";
  const { port, fingerprint } = await server.openHttps({
    port: 0,
    host: "127.0.0.1",
    openDisk: async () => disk,
    names: ["gw-test", "localhost", "127.0.0.1"],
    firstPassword: (_user, given) => {
      password = given;
    },
  });
  const ask = (asked: Asked) => askDoor(asked, { socket, port });
  const admin = <T>(path: string, body: unknown): Promise<T> =>
    ask({ door: "socket", method: "POST", path, body }).then(({ status, json }) => {
      if (status >= 300) throw new Error(JSON.stringify(json));
      return json as T;
    });
  const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
  const doors: Doors = {
    server,
    socket,
    port,
    fingerprint,
    disk,
    audit,
    logged,
    surface,
    page,
    get password() {
      return password;
    },
    ask,
    async login(user, given) {
      const { status, json } = await ask({
        method: "POST",
        path: "/v1/login",
        body: { user, password: given },
      });
      if (status !== 200) throw new Error(JSON.stringify(json));
      if (json.mustChange) {
        const changed = await ask({
          method: "POST",
          path: "/v1/password",
          headers: bearer(json.token),
          body: { old: given, new: `quite-another-${given}` },
        });
        if (changed.status !== 200) throw new Error(changed.text);
      }
      return json.token;
    },
    async sessionOf(role, name = `${role}-${surface.made++}`) {
      const { password: made } = await admin<{ password: string }>("/v1/users", { name, role });
      return doors.login(name, made);
    },
    async tokenOf(role, priority = "automation") {
      const name = `token-${surface.made++}`;
      return (await admin<{ secret: string }>("/v1/tokens", { name, role, priority })).secret;
    },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
  return doors;
}

/** One request to its end; of an event stream only the head. */
export function askDoor(
  { door = "https", method = "GET", path, headers = {}, body }: Asked,
  { socket, port }: { socket: string; port: number },
): Promise<Told> {
  return new Promise((resolve, reject) => {
    const text = body === undefined ? undefined : typeof body === "string" ? body : JSON.stringify(body);
    const all = { ...(text === undefined ? {} : { "content-type": "application/json" }), ...headers };
    const asked =
      door === "socket"
        ? httpRequest({ socketPath: socket, method, path, headers: all })
        : httpsRequest({ port, host: "127.0.0.1", method, path, headers: all, rejectUnauthorized: false });
    asked.on("error", reject);
    asked.on("response", (response) => {
      const told = (given: string) => {
        // The answer to a HEAD has the headers of one with a body.
        const isJson = method !== "HEAD" && response.headers["content-type"]?.startsWith("application/json");
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          text: given,
          json: isJson ? JSON.parse(given) : undefined,
        });
      };
      if (response.headers["content-type"] === "text/event-stream") {
        told("");
        asked.off("error", reject).on("error", () => {});
        asked.destroy();
        return;
      }
      let given = "";
      response.setEncoding("utf8").on("data", (chunk: string) => {
        given += chunk;
      });
      response.on("end", () => told(given));
      response.on("error", reject);
    });
    asked.end(text);
  });
}

function listLog(lines: string[]): Log {
  const add = (fields: Record<string, unknown>, text: string) => {
    const { err } = fields;
    lines.push(JSON.stringify({ ...fields, ...(err instanceof Error ? { err: err.stack } : {}), text }));
  };
  return { debug: add, info: add, warn: add, error: add, child: () => listLog(lines) };
}

const lampProfile = `profile: test/lamp
version: 1.0.0
title: {en: Lamp of the tests, sv: Testlampa}
manufacturer: Test
models: [L]
category: lighting
sources: [{document: made for the tests}]
status: draft
protocol: modbus
modbus: {addressing: protocol}
points:
  level: {at: {holding: 0}, unit: "%", range: [0, 100], class: fast, write: {range: [0, 100]}}
  total: {at: {holding: 2, type: u64}, unit: Wh, kind: counter, write: {}}
  mode: {at: {holding: 6}, values: {0: {en: off, sv: av}, 1: {en: on, sv: på}}, class: fast}
  alarms: {at: {holding: 7}, bits: {0: door, 3: fire}, class: fast}
`;

export async function lampDevice(id = "lamp-1"): Promise<Device> {
  const bases: Bases = { ids: ["test/lamp"], find: () => undefined };
  const protocols = await loadProtocols(({ name }) => name === "modbus");
  const { profile, diagnostics } = loadProfile(
    lampProfile,
    "device-profiles/test/lamp.yaml",
    protocols,
    bases,
  );
  if (!profile) throw new Error(JSON.stringify(diagnostics));
  return {
    id,
    title: { en: "Lamp", sv: "Lampa" },
    profile,
    connection: "roof",
    settings: { unit: 1 },
    urn: `urn:dev:ops:32474-gw-${id}:`,
    audience: "restricted",
    audiences: new Map([["mode", "open"]]),
    poll: { fast: 1000, normal: 10_000, slow: 60_000 },
  };
}

export interface FakeSurface extends LocalSurface {
  /** Commands that were submitted. */
  readonly submitted: Command[];
  /** Numbers for names. */
  made: number;
  /** Readings for whoever listens. */
  tell(readings: readonly { device: string; point: string; value: number }[]): void;
  /** Those who take readings from the gateway now. */
  readonly listeners: number;
}

async function fakeSurface(parts: Partial<LocalSurface>): Promise<FakeSurface> {
  const device = await lampDevice();
  const submitted: Command[] = [];
  const listeners = new Set<
    (readings: readonly { device: string; point: string; value: number }[]) => void
  >();
  const reading = (point: string, value: number) => ({
    device: "lamp-1",
    point,
    value,
    unit: "%",
    quality: "good",
    time: "2026-11-22T05:00:00.000Z",
  });
  const resultOf = ({ id, point, issuer, value }: Command): CommandResult => ({
    id,
    device: "lamp-1",
    point,
    issuer,
    state: "accepted",
    value,
    time: { base: "unix", ms: 1_790_000_000_000 },
    last: false,
  });
  const commands: LocalCommands = {
    async submit(command) {
      submitted.push(command);
      return resultOf(command);
    },
    check: (command) =>
      command.device === "lamp-1"
        ? undefined
        : { ...resultOf(command), state: "failed", code: "unknown-device", last: true },
    async *follow(id) {
      const found = submitted.find((one) => one.id === id);
      if (!found) return;
      yield resultOf(found);
      yield { ...resultOf(found), state: "succeeded", verified: true, last: true };
    },
    async *results(signal) {
      await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
    },
    list: () => submitted.map(resultOf),
    holds: () => [
      {
        device: "lamp-1",
        point: "level",
        priority: "operator",
        issuer: "kim",
        value: 80,
        until: 1_790_000_000_000,
      },
    ],
    status: () => ({
      open: 0,
      accepted: 1,
      succeeded: 1,
      failed: 0,
      expired: 0,
      refused: { rate: 2 },
      unanswered: 0,
    }),
  };
  return {
    submitted,
    made: 1,
    get listeners() {
      return listeners.size;
    },
    tell: (readings) => {
      for (const listener of listeners) listener(readings);
    },
    status: () => ({
      gateway: "gw-test",
      version: "0.0.0",
      run: "r",
      uptimeS: 1,
      clock: { trusted: true },
      devices: [
        {
          id: "lamp-1",
          profile: "test/lamp",
          connection: "roof",
          state: "available",
          errors: { timeout: 1 },
        },
      ],
      connections: [{ name: "roof", state: "open", utilisation: 0.5 }],
      northbound: [],
      quarantined: [],
      memoryMB: 70,
    }),
    devices: () => [device],
    latest: () => [reading("level", 80), reading("mode", 1)],
    async *readings(_filter, signal) {
      const queue: { device: string; point: string; value: number }[][] = [];
      let wake = Promise.withResolvers<void>();
      const listener = (readings: readonly { device: string; point: string; value: number }[]) => {
        queue.push([...readings]);
        wake.resolve();
      };
      listeners.add(listener);
      signal.addEventListener("abort", () => wake.resolve(), { once: true });
      try {
        while (!signal.aborted) {
          for (const batch of queue.splice(0)) yield batch.map((one) => ({ ...one, quality: "good" }));
          await wake.promise;
          wake = Promise.withResolvers();
        }
      } finally {
        listeners.delete(listener);
      }
    },
    readNow: async () => [reading("level", 80)],
    connections: () => [{ connection: "roof" }],
    accounting: () => ({ gateway: "gw-test" }),
    reload: async () => ({ applied: true, changes: ["nothing has changed"], diagnostics: [] }),
    commands,
    history: async () => ({ device: "lamp-1", series: [{ point: "level", unit: "%", rows: [] }] }),
    auditLog: async () => ({ lines: ['{"what":"start"}'], next: 1 }),
    logs: () => ["{}"],
    configText: async () => "gateway: {id: gw-test}\n",
    checkConfig: async () => [],
    ...parts,
  };
}
