import { dirname } from "node:path";
import * as z from "zod";
import { type DoctorContext, doctorJob, type GatewayFacts } from "../../commissioning/doctor/doctor.ts";
import { heardJob } from "../../commissioning/heard.ts";
import type { JobKinds, JobStep, PreparedJob } from "../../commissioning/jobs.ts";
import { listenJob } from "../../commissioning/listen.ts";
import { northboundTestJob } from "../../commissioning/northbound-test.ts";
import { lineSettingsJob, type ScanContext, scanCost, scanJob } from "../../commissioning/scan.ts";
import { lineSettingsWhat, listenWhat, scanWhat } from "../../commissioning/scan-input.ts";
import { wiringJob } from "../../commissioning/wiring/index.ts";
import type { ConnectionConfig } from "../../config/config.ts";
import type { Gateway } from "../../gateway.ts";
import { localClient } from "../../local/client.ts";
import { ConfigError } from "../../model/errors.ts";
import type { Log } from "../../model/log.ts";
import { buildTime } from "../../model/version.ts";
import { loadProtocols } from "../../southbound/index.ts";
import type { SouthboundContext } from "../../southbound/protocol.ts";
import { openSystem } from "../../store/system.ts";
import { connectBy } from "../../transport/connect.ts";
import type { Connect } from "../../transport/transport.ts";
import { northboundOf, readGatewayFacts } from "../gateway-facts.ts";
import { configuredPorts, type JobLine, jobLine, onLine } from "./lines.ts";
import { ScanProfiles } from "./scan-profiles.ts";

export interface KindsOptions {
  readonly gateway: Gateway;
  readonly log: Log;
  /** Absolute path of gateway.yaml. */
  readonly file: string;
  readonly sandbox?: SouthboundContext["sandbox"];
}

/** Every kind of job that a running gateway does, each with what it needs of it. */
export function jobKinds({ gateway, log, file, sandbox }: KindsOptions): Required<JobKinds> {
  const { clock } = gateway;
  const random = Math.random;
  const doctor: DoctorContext = {
    system: openSystem(),
    clock,
    random,
    facts: () => factsOf(gateway, file),
  };
  const scanProfiles = new ScanProfiles(() => gateway.config.profiles);
  const scanContext = (connect: Connect, signal?: AbortSignal): ScanContext => ({
    clock,
    random,
    log,
    connect,
    protocols: () => loadProtocols(),
    profiles: () => scanProfiles.all(signal),
    connections: async () =>
      Array.from(gateway.config.connections.values(), ({ name, protocol, settings }) => ({
        id: name,
        protocol: protocol.name,
        settings,
        devices: gateway.config.devices.filter(({ connection }) => connection === name),
      })),
  });
  const alone = (
    line: JobLine,
    by: string,
    work: (connect: Connect, signal: AbortSignal) => AsyncIterable<JobStep>,
  ): PreparedJob => ({
    subject: line.subject,
    lines: line.keys,
    run: (signal) => onLine(gateway, line, { by, connect: connectBy(clock), signal }, work),
  });
  const heardOn = ({ name, protocol }: ConnectionConfig): PreparedJob => {
    const heard = () => gateway.loops.get(name)?.status().unknown ?? [];
    return {
      subject: name,
      run: (signal) =>
        heardJob(
          { connection: name, protocol, heard: heard() },
          { profiles: () => scanProfiles.all(signal), sandbox },
          signal,
        ),
      cost: async () => ({ asks: heard().length, worstS: 5 + Math.ceil(heard().length / 4) }),
    };
  };
  return {
    scan(what, by) {
      const asked = scanWhat(what);
      const { connection } = jobLine(gateway, asked);
      // Devices of a network server speak when they want to: what it has heard is all there is to find.
      if (connection?.protocol.fit) return heardOn(connection);
      const job = alone(jobLine(gateway, asked), by, (connect, signal) =>
        scanJob(asked, scanContext(connect, signal), signal),
      );
      return {
        ...job,
        async cost() {
          const { asks, worstMs } = await scanCost(asked, scanContext(connectBy(clock)));
          return { asks, worstS: Math.ceil(worstMs / 1000) };
        },
      };
    },
    "line-settings"(what, by) {
      const asked = lineSettingsWhat(what);
      return alone(jobLine(gateway, asked), by, (connect, signal) =>
        lineSettingsJob(asked, scanContext(connect), signal),
      );
    },
    listen(what, by) {
      const asked = listenWhat(what);
      return alone(jobLine(gateway, asked), by, (connect, signal) =>
        listenJob(asked, scanContext(connect, signal), signal),
      );
    },
    async wiring(what, by) {
      const asked = understood(wiringWhat, what);
      const line = jobLine(gateway, asked);
      const { protocol, settings } = line.connection ?? (await bare(line));
      return alone(line, by, (connect, signal) =>
        wiringJob(
          {
            name: line.subject,
            protocol,
            connection: settings,
            devices: gateway.config.devices.filter(({ connection }) => connection === line.connection?.name),
            seconds: asked.seconds,
          },
          { clock, random, connect },
          signal,
        ),
      );
    },
    doctor: () => ({
      subject: gateway.config.gateway.id,
      run: (signal) => doctorJob({}, doctor, signal),
    }),
    diagnostics(what) {
      const input = understood(diagnosticsWhat, what);
      return {
        subject: gateway.config.gateway.id,
        run: (signal) => bundleJob(input, doctor, { gateway, file }, signal),
      };
    },
    "northbound-test"(what) {
      const { northbound } = understood(northboundWhat, what);
      if (!gateway.config.northbound.has(northbound))
        throw new ConfigError(`gateway.yaml has no northbound ${northbound}`, {
          code: "bad-job",
          hint: `it has ${[...gateway.config.northbound.keys()].join(", ") || "none"}`,
        });
      return {
        subject: northbound,
        run: (signal) => northboundTestJob({ northbound }, doctor, signal),
      };
    },
  };
}

const wiringWhat = z.strictObject({
  connection: z.string().min(1).max(63).optional(),
  /** One that no connection has yet: nothing answered there, so nothing could be added. */
  port: z.string().min(1).max(255).optional(),
  seconds: z.int().min(10).max(300).default(20),
});
const diagnosticsWhat = z.strictObject({ withValues: z.boolean().optional() });
const northboundWhat = z.strictObject({ northbound: z.string().min(1).max(63) });

function understood<T>(schema: z.ZodType<T>, what: unknown): T {
  const result = schema.safeParse(what);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw new ConfigError([...(issue?.path ?? []), issue?.message].join(": "), { code: "bad-job" });
}

/** A port of which nothing is known, as Modbus devices are delivered. */
async function bare({ port }: JobLine) {
  const [protocol] = await loadProtocols(({ name }) => name === "modbus");
  const settings = protocol?.connection.safeParse({ serial: { port, baud: 9600 } });
  if (!protocol || !settings?.success)
    throw new ConfigError("a diagnosis looks at a serial port", { code: "bad-job" });
  return { protocol, settings: settings.data };
}

/** The bundle, which the job keeps for whoever fetches it; the gateway is asked at its own door. */
async function* bundleJob(
  input: z.output<typeof diagnosticsWhat>,
  doctor: DoctorContext,
  { gateway, file }: Pick<KindsOptions, "gateway" | "file">,
  signal: AbortSignal,
): AsyncGenerator<JobStep> {
  // Loaded when somebody wants one: it is hardly ever.
  const { diagnosticsJob } = await import("../../commissioning/diagnostics.ts");
  const { diagnosticsSources } = await import("../diagnostics-sources.ts");
  const context = { cwd: dirname(file), env: process.env };
  let content: Uint8Array | undefined;
  const steps = diagnosticsJob(
    input,
    {
      ...doctor,
      sources: async () =>
        diagnosticsSources(
          context,
          await readGatewayFacts(context, file),
          localClient(gateway.config.local.socket),
        ),
      save: async (_name, bytes) => {
        content = bytes;
      },
    },
    signal,
  );
  for await (const step of steps)
    yield step.finding?.kind === "file" && content ? { ...step, content } : step;
}

/** The file as it is now, and what the gateway runs with. */
async function factsOf({ config }: Gateway, file: string): Promise<GatewayFacts> {
  const { facts } = await readGatewayFacts({ cwd: dirname(file), env: process.env }, file);
  return {
    configuration: facts.configuration,
    ports: configuredPorts({ config }),
    storageFolder: config.storage.folder,
    socket: config.local.socket,
    northbound: northboundOf(config),
    buildTime,
  };
}
