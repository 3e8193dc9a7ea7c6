import { answerAuditLog } from "../commands/audit-query.ts";
import { tellingDevices } from "../config/config.ts";
import type { Gateway } from "../gateway.ts";
import type {
  ConnectionSummary,
  DeviceStatus,
  GatewayStatus,
  LocalSurface,
  ReadingFilter,
} from "../local/surface.ts";
import type { Instant } from "../model/clock.ts";
import type { Diagnostic } from "../model/diagnostic.ts";
import { formatDiagnostic } from "../model/diagnostic.ts";
import { readingToJson } from "../model/json.ts";
import { version } from "../model/version.ts";
import { derivedReading } from "../telemetry/derived-value.ts";
import { answerHistory } from "../telemetry/history-answer.ts";

/** What the local API is told by who started the gateway. */
export type SurfaceExtras = Pick<
  LocalSurface,
  "logs" | "configText" | "checkConfig" | "payloads" | "service"
> & {
  readonly https?: () => GatewayStatus["https"];
};

/** The running gateway as the local API shows it. */
export function localSurface(gateway: Gateway, { https, ...extras }: SurfaceExtras = {}): LocalSurface {
  const { clock, pipeline, history, auditLog } = gateway;
  const wanted = ({ device, point }: ReadingFilter) => ({
    devices: device === undefined ? undefined : [device],
    points: point === undefined ? undefined : [point],
  });
  return {
    ...extras,
    status: () => ({ ...statusOf(gateway), https: https?.() }),
    devices: () => tellingDevices(gateway.config),
    latest: (filter) => pipeline.latest.list(wanted(filter)).map((reading) => readingToJson(reading, clock)),
    async *readings(filter, signal) {
      const subscription = pipeline.latest.subscribe(wanted(filter));
      signal.addEventListener("abort", () => subscription.close(), { once: true });
      for await (const { readings, lost } of subscription) {
        if (lost > 0) yield { lost };
        yield readings.map((reading) => readingToJson(reading, clock));
      }
    },
    async readNow(device, points, signal) {
      const readings = await gateway.readNow(device, points, signal);
      return readings.map((reading) => readingToJson(reading, clock));
    },
    connections: () => Array.from(gateway.loops.values(), (loop) => loop.status()),
    accounting: () => ({
      gateway: gateway.config.gateway.id,
      run: gateway.run,
      audiences: gateway.builder.accounting(),
      northbound: Array.from(gateway.sides.values(), (side) => ({
        name: side.name,
        ...side.forwarder.status(),
        outbox: side.outbox.status(),
        previousRuns: side.outbox.previousRuns,
      })),
    }),
    reload: () => gateway.reload(),
    get publish() {
      const { derived } = gateway.config;
      if (!derived) return undefined;
      return async (value: Parameters<typeof derivedReading>[1]) => {
        const reading = derivedReading(derived, value, clock);
        await pipeline.take([reading]);
        return readingToJson(reading, clock);
      };
    },
    get commands() {
      return gateway.control.desk;
    },
    ...(history && { history: (query: URLSearchParams) => answerHistory(history, query, clock.now()) }),
    ...(auditLog && { auditLog: (query: URLSearchParams) => answerAuditLog(auditLog, query) }),
  };
}

/** What the gateway does now. */
export function statusOf(gateway: Gateway): GatewayStatus {
  const { clock, config } = gateway;
  const iso = (instant: Instant | undefined) => {
    const unix = instant && clock.toUnix(instant);
    return unix === undefined ? undefined : new Date(unix).toISOString();
  };
  const lines = Array.from(gateway.loops.values(), (loop) => loop.status());
  const now = iso(clock.stamp());
  return {
    gateway: config.gateway.id,
    version,
    run: gateway.run,
    uptimeS: Math.round((clock.monotonic() - gateway.startedAt) / 1000),
    clock: { trusted: clock.trusted, ...(now === undefined ? {} : { now }) },
    devices: lines.flatMap((line) =>
      line.devices.map(
        (status): DeviceStatus => ({
          id: status.device,
          profile: config.devices.find(({ id }) => id === status.device)?.profile.id ?? "",
          connection: line.connection,
          state: status.availability,
          problem: status.problem,
          lastSeen: iso(status.lastSeen),
          errors: status.errors,
        }),
      ),
    ),
    connections: lines.map(
      (line): ConnectionSummary => ({
        name: line.connection,
        state: line.state,
        utilisation: line.utilisation,
        error: line.lastError?.message,
        unknown: line.unknown,
      }),
    ),
    northbound: Array.from(gateway.sides.values(), (side) => {
      const { connected, peer, lastError } = side.northbound.status();
      return { name: side.name, connected, peer, error: lastError?.message, outbox: side.outbox.status() };
    }),
    quarantined: [
      ...config.quarantined.map(({ kind, id, diagnostics }) => ({ kind, id, reason: reasonOf(diagnostics) })),
      ...Array.from(gateway.problems, ([key, error]) => {
        const [kind = "", ...id] = key.split(" ");
        return { kind, id: id.join(" "), reason: error.message };
      }),
    ],
    position: config.gateway.position,
    timeZone: config.gateway.timeZone,
    memoryMB: Math.round(residentBytes() / 1e6),
  };
}

function reasonOf(diagnostics: readonly Diagnostic[]): string {
  const [first] = diagnostics.filter(({ severity }) => severity === "error");
  return first ? (formatDiagnostic(first, "").split("\n")[0] ?? first.message) : "unknown";
}

/** Where no file descriptor is left to ask the kernel with, the most that it ever was. */
function residentBytes(): number {
  try {
    return process.memoryUsage().rss;
  } catch {
    return process.resourceUsage().maxRSS * 1024;
  }
}
