import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join, normalize, resolve } from "node:path";
import type {
  CommissioningState,
  DeviceCheck,
  DeviceVerdict,
  MachineFacts,
  NewDevice,
  PointVerdict,
  ProfileSummary,
} from "../../gateway/local/commissioning.ts";
import type { GatewayStatus } from "../../gateway/local/surface.ts";
import type { Finding, PortFacts } from "../../gateway/model/commissioning.ts";
import type { Job, JobKind } from "../../gateway/model/job.ts";

// A gateway that a test owns, as far as the wizard looks at it: what it answers is what the test says. For what a
// real gateway does seldom and late: refusals, jobs of others, positions, doors. The whole journey on the real one
// is in commissioning-page.test.ts as well.

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

export interface WizardGateway extends AsyncDisposable {
  readonly url: string;
  role: "viewer" | "technician" | "operator" | "admin";
  readonly status: Mutable<GatewayStatus>;
  ports: PortFacts[];
  readonly devices: Mutable<DeviceVerdict>[];
  readonly jobs: Job[];
  /** What was sent to change something: `POST /v1/jobs`, and the body. */
  readonly asked: { readonly what: string; readonly body: unknown }[];
  /** Answers with this error, once, whatever is asked of `METHOD path`. */
  refuse(what: string, status: number, body: { error: string; message: string; hint?: string }): void;
  /** Changes a job and tells who follows it. */
  tell(id: string, change: Partial<Job>): void;
  /** A job that somebody else began. */
  begin(kind: JobKind, subject: string, by: string): Job;
  /** What a command becomes: its words after `accepted`, in order. */
  words: (body: Record<string, unknown>) => readonly Record<string, unknown>[];
  /** Nobody answers, until `back`. */
  away(): void;
  back(): void;
}

const root = resolve(import.meta.dirname, "../..");
const types: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
  ".css": "text/css",
  ".svg": "image/svg+xml",
};

export async function openWizardGateway(): Promise<WizardGateway> {
  const followers = new Map<string, Set<ServerResponse>>();
  const refusals = new Map<string, { status: number; body: unknown }>();
  const commands = new Map<string, Record<string, unknown>[]>();
  const reports: Mutable<CommissioningState["reports"][number]>[] = [];
  const northbound: Mutable<CommissioningState["northbound"][number]>[] = [];
  let gone = false;
  let count = 0;

  const jobNow = (id: string) => gateway.jobs.find((job) => job.id === id);
  const gateway: WizardGateway = {
    url: "",
    role: "technician",
    status: {
      gateway: "sodermalm-07",
      version: "0.1.0",
      run: "r",
      uptimeS: 100,
      clock: { trusted: true, now: new Date().toISOString() },
      position: { lat: 59.315, lon: 18.071 },
      devices: [],
      connections: [],
      northbound: [
        {
          name: "city",
          connected: true,
          peer: "mqtts://broker.city.example:8883",
          outbox: {} as GatewayStatus["northbound"][number]["outbox"],
        },
      ],
      quarantined: [],
      memoryMB: 70,
    },
    ports: [ftdi, modem],
    devices: [],
    jobs: [],
    asked: [],
    words: ({ value }) => [
      { state: "executing", last: false },
      { state: "succeeded", value, before: false, verified: true, last: true },
    ],
    refuse: (what, status, body) => void refusals.set(what, { status, body }),
    begin(kind, subject, by) {
      const job: Job = {
        id: `${kind}-${++count}`,
        kind,
        state: "running",
        subject,
        by,
        startedAt: new Date(Date.now() + count).toISOString(),
        progress: {
          done: 0,
          total: 120,
          leftS: 200,
          doing: { en: "asking address 1", sv: "frågar adress 1" },
        },
        findings: [],
      };
      gateway.jobs.push(job);
      return job;
    },
    tell(id, change) {
      const at = gateway.jobs.findIndex((job) => job.id === id);
      const before = gateway.jobs[at];
      if (!before) throw new Error(`no job ${id}`);
      const job = { ...before, ...change };
      gateway.jobs[at] = job;
      if (job.kind === "northbound-test" && job.state === "done") {
        northbound.splice(0, northbound.length, {
          name: job.subject,
          ok: job.findings.every((finding) => finding.kind !== "check" || finding.result !== "failed"),
          at: new Date().toISOString(),
        });
      }
      for (const response of followers.get(id) ?? []) response.write(`data: ${JSON.stringify(job)}\n\n`);
    },
    away() {
      gone = true;
      server.closeAllConnections();
    },
    back() {
      gone = false;
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };

  const server = createServer((request, response) => {
    if (gone) request.socket.destroy();
    else answer(request, response).catch((error: unknown) => response.destroy(error as Error));
  });

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname } = new URL(request.url ?? "/", "http://gateway");
    const method = request.method ?? "GET";
    if (!pathname.startsWith("/v1/")) return file(pathname, response);
    const body: Record<string, unknown> = method === "POST" ? JSON.parse(await textOf(request)) : {};
    const what = `${method} ${pathname}`;
    if (method !== "GET" && !pathname.endsWith("/cost")) gateway.asked.push({ what, body });
    const refusal = refusals.get(what);
    refusals.delete(what);
    if (refusal) return json(response, refusal.body, refusal.status);
    const parts = pathname.split("/").slice(2).map(decodeURIComponent);
    const [first = "", second = "", third = ""] = parts;
    if (first === "readings" || first === "states") return void stream(response).write("data: []\n\n");
    if (first === "jobs" && third === "events") {
      const told = stream(response);
      followers.set(second, (followers.get(second) ?? new Set()).add(told));
      response.on("close", () => followers.get(second)?.delete(told));
      return void told.write(`data: ${JSON.stringify(jobNow(second))}\n\n`);
    }
    if (first === "commissioning" && second === "reports") return report(third, response);
    const answers: Readonly<Record<string, () => unknown>> = {
      "GET /v1/session": () => ({ user: "kim", role: gateway.role, mustChange: false }),
      "GET /v1/status": () => ({
        ...gateway.status,
        clock: { trusted: gateway.status.clock.trusted, now: new Date().toISOString() },
      }),
      "GET /v1/alarms": () => [],
      "GET /v1/machine": () => machine,
      "GET /v1/ports": () => gateway.ports,
      "GET /v1/profiles": () => profiles,
      "GET /v1/latest": () => [
        { device: "gnss", point: "latitude", value: 59.334591, unit: "lat", quality: "good" },
        { device: "gnss", point: "longitude", value: 18.06324, unit: "lon", quality: "good" },
      ],
      "GET /v1/jobs": () => gateway.jobs.toReversed(),
      "POST /v1/jobs/cost": () => ({ asks: body.effort === "quick" ? 120 : 247, worstS: 200 }),
      "POST /v1/jobs": () => {
        const { kind, port, connection, host, northbound: far } = body;
        return gateway.begin(kind as JobKind, String(port ?? connection ?? host ?? far ?? "gateway"), "kim");
      },
      "GET /v1/commissioning": (): CommissioningState => ({
        devices: gateway.devices,
        missing: [],
        northbound,
        reports,
      }),
      "POST /v1/commissioning/devices": () => add(body as unknown as NewDevice),
      "POST /v1/commissioning/checks": () => check(body as unknown as DeviceCheck),
      "POST /v1/commissioning/test": () => begin(body),
      "POST /v1/commissioning/accept": () => accept(String(body.technician)),
    };
    const known = answers[what];
    if (known) return json(response, known());
    if (first === "devices") return json(response, detailOf(second));
    if (first === "commands") return json(response, nextWord(second));
    if (first === "jobs") {
      if (method === "DELETE") gateway.tell(second, { state: "stopped" });
      return json(response, method === "DELETE" ? { ok: true } : jobNow(second));
    }
    if (what.startsWith("DELETE /v1/commissioning/devices/")) {
      gateway.devices.splice(
        0,
        gateway.devices.length,
        ...gateway.devices.filter((one) => one.device !== third),
      );
      return json(response, { changes: [] });
    }
    return json(response, { error: "not-found", message: `nothing at ${pathname}` }, 404);
  }

  function add(device: NewDevice): unknown {
    const isMeter = device.profile.startsWith("eastron");
    const points: PointVerdict[] = isMeter ? meterPoints : relayPoints;
    gateway.devices.push({
      device: device.id,
      profile: device.profile,
      connection: device.connection,
      settings: device.settings,
      ...(device.title ? { title: { en: device.title } } : {}),
      ...(device.place ? { place: device.place } : {}),
      points: points.map((point) => ({ ...point })),
      actuators: isMeter ? [] : [{ point: "k1" }, { point: "lock" }],
      ok: false,
      missing: isMeter
        ? [{ what: "point-not-good", device: device.id, point: "power" }]
        : [{ what: "actuator-untested", device: device.id }],
    });
    if (!gateway.status.connections.some(({ name }) => name === device.connection))
      gateway.status.connections = [
        ...gateway.status.connections,
        { name: device.connection, state: "open", utilisation: 0.1 },
      ];
    gateway.ports = gateway.ports.map((port) =>
      port.name === ftdi.name ? { ...port, connection: device.connection } : port,
    );
    gateway.status.devices = [
      ...gateway.status.devices,
      {
        id: device.id,
        profile: device.profile,
        connection: device.connection,
        state: "available",
        errors: {},
      },
    ];
    return { changes: [`added ${device.id}`] };
  }

  function check({ device: id, point, result }: DeviceCheck): unknown {
    const device = gateway.devices.find((one) => one.device === id);
    if (!device) throw new Error(`no device ${id}`);
    const actuator = device.actuators.some((one) => one.point === point);
    if (actuator)
      device.actuators = device.actuators.map((one) =>
        one.point === point ? { ...one, seen: result } : one,
      );
    device.points = device.points.map((one) => (one.point === point ? { ...one, seen: result } : one));
    return { ok: true };
  }

  function begin(body: Record<string, unknown>): unknown {
    if (body.action === "confirm") {
      // What becomes of it is told of the command that waited.
      commands.set(String(body.confirms), wordsOf(String(body.confirms), body, gateway.words(body)));
      return { ...body, id: `c-${++count}`, state: "succeeded", last: true };
    }
    const id = `c-${++count}`;
    commands.set(id, wordsOf(id, body, [{ state: "accepted", last: false }, ...gateway.words(body)]));
    return nextWord(id);
  }

  function wordsOf(
    id: string,
    { device, point }: Record<string, unknown>,
    said: readonly Record<string, unknown>[],
  ) {
    return said.map((word) => ({
      id,
      device,
      point,
      issuer: "kim",
      time: new Date().toISOString(),
      ...word,
    }));
  }

  /** The words come one by one; the last one stays. */
  function nextWord(id: string): unknown {
    const all = commands.get(id) ?? [];
    return all.length > 1 ? all.shift() : all[0];
  }

  function accept(technician: string): unknown {
    const id = `2026-01-0${reports.length + 1}`;
    reports.push({ id, at: new Date().toISOString(), by: technician, ok: true });
    for (const device of gateway.devices) device.accepted = id;
    return { id };
  }

  function report(name: string, response: ServerResponse): void {
    if (name.endsWith(".json")) {
      json(response, { report: name });
      return;
    }
    const page = `<!doctype html><title>Report</title><h1>${name}</h1><svg viewBox="0 0 3 3"><path d="M0 0h1v1H0zM2 2h1v1H2z"/></svg>`;
    response.writeHead(200, { "content-type": "text/html" }).end(page);
  }

  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return Object.assign(gateway, { url: `http://localhost:${port}/` });
}

function stream(response: ServerResponse): ServerResponse {
  return response.writeHead(200, { "content-type": "text/event-stream" });
}

function json(response: ServerResponse, body: unknown, status = 200): void {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}

async function file(path: string, response: ServerResponse): Promise<void> {
  const name = normalize(path === "/" ? "/index.html" : path);
  const content = await readFile(join(root, "dist/web", name)).catch(() => undefined);
  if (!content) return void response.writeHead(404).end();
  response
    .writeHead(200, { "content-type": types[extname(name)] ?? "application/octet-stream" })
    .end(content);
}

async function textOf(request: IncomingMessage): Promise<string> {
  let text = "";
  for await (const chunk of request.setEncoding("utf8")) text += chunk;
  return text || "{}";
}

export const ftdi: PortFacts = {
  name: "/dev/serial/by-id/usb-FTDI_FT232R_USB_UART_A10ABCDE-if00-port0",
  names: ["/dev/ttyUSB0"],
  what: "FT232R USB UART, FTDI, A10ABCDE",
  stable: true,
};

export const modem: PortFacts = {
  name: "/dev/serial/by-id/usb-Prolific_PL2303-if00-port0",
  names: ["/dev/ttyUSB1"],
  what: "PL2303, Prolific",
  stable: true,
  problem: {
    message: { en: "ModemManager holds this port.", sv: "ModemManager håller porten." },
    fix: {
      en: "`sudo systemctl disable --now ModemManager`",
      sv: "`sudo systemctl disable --now ModemManager`",
    },
  },
};

const serial = { serial: { port: ftdi.name, baud: 9600, parity: "none" } };

export const foundMeter: Finding = {
  kind: "device",
  protocol: "modbus",
  connection: serial,
  settings: { unit: 1 },
  says: "SDM630",
  profiles: [
    {
      profile: "eastron/sdm630",
      title: { en: "Three-phase meter SDM630", sv: "Trefasmätare SDM630" },
      by: "identified",
      fit: 1,
      evidence: ["voltage 231.4 V", "frequency 50.0 Hz"],
    },
  ],
};
export const foundRelay: Finding = {
  kind: "device",
  protocol: "modbus",
  connection: serial,
  settings: { unit: 3 },
  profiles: [
    {
      profile: "wiren-board/wb-mr6c",
      title: { en: "Relay board WB-MR6C", sv: "Reläkort WB-MR6C" },
      by: "plausible",
      fit: 0.8,
      evidence: [],
    },
  ],
};

const profiles: readonly ProfileSummary[] = [
  ["eastron/sdm630", "Three-phase meter SDM630", "Trefasmätare SDM630", "energy"],
  ["eastron/sdm120", "Single-phase meter SDM120", "Enfasmätare SDM120", "energy"],
  ["wiren-board/wb-mr6c", "Relay board WB-MR6C", "Reläkort WB-MR6C", "actuator"],
  ["abb/b23", "Three-phase meter B23", "Trefasmätare B23", "energy"],
].map(([id = "", en = "", sv = "", category = ""]) => ({
  id,
  version: "1.0.0",
  title: { en, sv },
  manufacturer: id.split("/")[0] ?? "",
  models: [],
  category,
  status: "bench-tested",
  protocol: "modbus",
  points: [],
  options: id === "abb/b23" ? [{ name: "transformer", values: ["5A", "65A"] }] : [],
}));

const machine: MachineFacts = {
  model: "Raspberry Pi 4 Model B Rev 1.5",
  os: "Debian 13",
  hostname: "sodermalm-07",
  addresses: ["192.168.1.7"],
  uptimeS: 100,
  load: 0.1,
  memory: { totalMB: 2000, freeMB: 1500 },
  disk: { totalMB: 30_000, freeMB: 28_000 },
  node: "24",
};

const good = (
  point: string,
  value: number | boolean | string,
  more: Partial<PointVerdict> = {},
): PointVerdict => ({
  point,
  quality: "good",
  value,
  ageS: 1,
  ok: true,
  ...more,
});
const meterPoints = [
  good("voltage_l1", 231.4, { unit: "V", range: [180, 260] }),
  good("voltage_l2", 230.9, { unit: "V", range: [180, 260] }),
  good("frequency", 50, { unit: "Hz", range: [45, 55] }),
  { point: "power", quality: "comm-error", unit: "W", ok: false },
];
const relayPoints = [good("k1", false), good("lock", "locked")];

function detailOf(device: string): unknown {
  const plain = (name: string, en: string, sv: string, more: Record<string, unknown> = {}) => ({
    name,
    title: { en, sv },
    kind: "gauge",
    audience: "restricted",
    personal: false,
    readable: true,
    ...more,
  });
  const labels = [
    { en: "locked", sv: "låst" },
    { en: "open", sv: "öppet" },
  ];
  const points = [
    plain("voltage_l1", "Voltage L1", "Spänning L1", { unit: "V" }),
    plain("voltage_l2", "Voltage L2", "Spänning L2", { unit: "V" }),
    plain("frequency", "Frequency", "Frekvens", { unit: "Hz" }),
    plain("power", "Power", "Effekt", { unit: "W" }),
    plain("k1", "Relay 1", "Relä 1", { write: { takes: "boolean", verified: true, confirm: "none" } }),
    plain("lock", "Door lock", "Dörrlås", {
      labels,
      write: { takes: "label", labels, verified: true, confirm: "two-step" },
    }),
  ];
  return {
    id: device,
    category: "energy",
    connection: "line-1",
    audience: "restricted",
    state: "available",
    points,
  };
}
