import type { RouteContext } from "./context.ts";
import type { GatewayStatus, LocalDeskStatus } from "./surface.ts";

/** Prometheus text exposition format. */
export const contentType = "text/plain; version=0.0.4; charset=utf-8";

type Labels = Readonly<Record<string, string>>;
type Sample = readonly [labels: Labels, value: number];

interface Family {
  readonly name: string;
  readonly type: "gauge" | "counter";
  readonly help: string;
  readonly samples: readonly Sample[];
}

/** Values of labels come from the configuration and from codes: what could grow without end is cut. */
const mostCodes = 32;

/** What a Prometheus server is told. */
export function renderMetrics(context: RouteContext): string {
  const status = context.surface().status();
  const desk = context.surface().commands?.status();
  return [
    ...ofProcess(status),
    ...ofDevices(status),
    ...ofNorthbounds(status),
    ...(desk ? ofCommands(desk) : []),
    ...ofApi(context),
  ]
    .map(render)
    .join("");
}

function ofProcess(status: GatewayStatus): Family[] {
  const { gateway, version, run } = status;
  return [
    gauge("stadsnod_info", "The gateway and its version.", [[{ gateway, version, run }, 1]]),
    gauge("stadsnod_uptime_seconds", "Seconds since the start.", [[{}, status.uptimeS]]),
    gauge("process_resident_memory_bytes", "Resident memory.", [[{}, status.memoryMB * 1e6]]),
    gauge("stadsnod_clock_trusted", "1 when the wall clock is to be believed.", [
      [{}, Number(status.clock.trusted)],
    ]),
    gauge("stadsnod_quarantined", "Parts of the configuration that did not start.", [
      [{}, status.quarantined.length],
    ]),
  ];
}

function ofDevices({ devices, connections }: GatewayStatus): Family[] {
  return [
    gauge(
      "stadsnod_device_available",
      "1 when the device answers, 0 when it does not; absent while nobody knows.",
      devices
        .filter(({ state }) => state !== "unknown")
        .map(({ id, connection, state }) => [{ device: id, connection }, Number(state === "available")]),
    ),
    counter(
      "stadsnod_device_errors_total",
      "Failed reads by code.",
      devices.flatMap(({ id, errors }) =>
        Object.entries(errors)
          .slice(0, mostCodes)
          .map(([code, count]): Sample => [{ device: id, code }, count]),
      ),
    ),
    gauge(
      "stadsnod_connection_open",
      "1 when the connection is open.",
      connections.map(({ name, state }) => [{ connection: name }, Number(state === "open")]),
    ),
    gauge(
      "stadsnod_connection_utilisation_ratio",
      "Part of the connection's time that was busy over the last minute.",
      connections.map(({ name, utilisation }) => [{ connection: name }, utilisation]),
    ),
  ];
}

function ofNorthbounds({ northbound }: GatewayStatus): Family[] {
  const each = (value: (one: GatewayStatus["northbound"][number]) => number): Sample[] =>
    northbound.map((one) => [{ northbound: one.name }, value(one)]);
  return [
    gauge(
      "stadsnod_northbound_connected",
      "1 when the far side is connected.",
      each(({ connected }) => Number(connected)),
    ),
    gauge(
      "stadsnod_outbox_packs",
      "Packs that wait.",
      each(({ outbox }) => outbox.packs),
    ),
    gauge(
      "stadsnod_outbox_bytes",
      "Bytes that wait.",
      each(({ outbox }) => outbox.bytes),
    ),
    gauge(
      "stadsnod_outbox_readings",
      "Readings that wait.",
      each(({ outbox }) => outbox.readings),
    ),
    gauge(
      "stadsnod_outbox_oldest_seconds",
      "Age of the oldest pack that waits.",
      each(({ outbox }) => outbox.oldestMs / 1000),
    ),
    gauge(
      "stadsnod_outbox_disk_ok",
      "1 when the disk takes packs.",
      each(({ outbox }) => Number(outbox.disk === "ok")),
    ),
    gauge(
      "stadsnod_outbox_volatile_packs",
      "Packs that only memory holds.",
      each(({ outbox }) => outbox.volatile),
    ),
  ];
}

function ofCommands(desk: LocalDeskStatus): Family[] {
  return [
    gauge("stadsnod_commands_open", "Commands without a last word.", [[{}, desk.open]]),
    gauge("stadsnod_commands_unanswered", "Answers that no far side has taken.", [[{}, desk.unanswered]]),
    counter(
      "stadsnod_commands_total",
      "Commands by what became of them.",
      (["accepted", "succeeded", "failed", "expired"] as const).map((state) => [{ state }, desk[state]]),
    ),
    counter(
      "stadsnod_commands_refused_total",
      "Refused commands by code.",
      Object.entries(desk.refused)
        .slice(0, 2 * mostCodes)
        .map(([code, count]) => [{ code }, count]),
    ),
  ];
}

function ofApi({ streams, accounts, counts }: RouteContext): Family[] {
  return [
    gauge("stadsnod_api_streams", "Event streams that are open.", [[{}, streams.size]]),
    gauge("stadsnod_api_sessions", "Sessions that are kept.", [[{}, accounts?.sessions.size ?? 0]]),
    counter(
      "stadsnod_api_requests_total",
      "Answered requests by class of their status.",
      Array.from(counts.byClass, ([status, count]) => [{ status }, count]),
    ),
    counter("stadsnod_api_logins_total", "Logins by outcome.", [
      [{ outcome: "succeeded" }, counts.loginsSucceeded],
      [{ outcome: "failed" }, counts.loginsFailed],
    ]),
  ];
}

function gauge(name: string, help: string, samples: readonly Sample[]): Family {
  return { name, type: "gauge", help, samples };
}

function counter(name: string, help: string, samples: readonly Sample[]): Family {
  return { name, type: "counter", help, samples };
}

function render({ name, type, help, samples }: Family): string {
  if (samples.length === 0) return "";
  const lines = samples.map(([labels, value]) => `${name}${renderLabels(labels)} ${value}\n`);
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines.join("")}`;
}

function renderLabels(labels: Labels): string {
  const pairs = Object.entries(labels).map(([key, value]) => `${key}="${escaped(value)}"`);
  return pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
}

/** Of a label's value: backslash, quote and line feed. */
function escaped(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}
