import { join } from "node:path";
import { gzipSync } from "node:zlib";
import type { Alarm, EnrolmentFacts, FrameSeen, LocalService } from "../../../gateway/local/commissioning.ts";
import { type LocalServer, openLocalServer } from "../../../gateway/local/server.ts";
import type { LocalSurface } from "../../../gateway/local/surface.ts";
import type { PortFacts } from "../../../gateway/model/commissioning.ts";
import type { Device } from "../../../gateway/model/device.ts";
import type { ReadingJson } from "../../../gateway/model/json.ts";
import { silentLog } from "../../../gateway/model/log.ts";
import { SimulatedDisk } from "../../fault/simulated-disk.ts";
import { realClock } from "../../mqtt/real-clock.ts";
import { newFolder, root } from "../../system/daemon.ts";
import { Commissioning } from "./commissioning.ts";
import { Configuration } from "./configuration.ts";
import { Desk } from "./desk.ts";
import { enrolled } from "./enrolment.ts";
import { Fan } from "./fan.ts";
import { ftdi, modem, profiles } from "./found.ts";
import { Jobs } from "./jobs.ts";
import { machine } from "./machine.ts";
import { auditLog, history, logs } from "./records.ts";
import { connectionsOf, statusOf } from "./status.ts";
import { ImageUpdates } from "./updates.ts";
import { Wire } from "./wire.ts";

// The real local API over HTTPS, with a gateway behind it that a test of the page owns.

type Told = Omit<ReadingJson, "time" | "quality"> & { quality?: string; time?: string };

export interface PageGateway extends AsyncDisposable {
  readonly port: number;
  /** The first password of `admin`. */
  readonly password: string;
  readonly server: LocalServer;
  /** To the browser. */
  readonly wire: Wire;
  /** What outlives a restart: the users. */
  readonly disk: SimulatedDisk;
  readonly desk: Desk;
  readonly jobs: Jobs;
  readonly configuration: Configuration;
  readonly commissioning: Commissioning;
  readonly updates: ImageUpdates;
  readonly ports: PortFacts[];
  /** Undefined: nobody has begun. */
  enrolment: EnrolmentFacts | undefined;
  alarms: Alarm[];
  /** Streams of readings that are open. */
  readonly listeners: number;
  tell(readings: readonly Told[]): void;
  /** Frames on the line. */
  sendFrames(frames: readonly FrameSeen[]): void;
}

/** Opens it on a port of 127.0.0.1; on the same one again after a restart, with the same users. */
export async function openPageGateway(
  configured: readonly Device[],
  again?: { readonly port: number; readonly disk: SimulatedDisk },
): Promise<PageGateway> {
  const latest = new Map<string, ReadingJson>();
  const readings = new Fan<readonly ReadingJson[]>();
  const frames = new Fan<readonly FrameSeen[]>();
  const started = Date.now();
  const disk = again?.disk ?? new SimulatedDisk({ random: () => 0.5 });
  const devices = [...configured];
  const ports = [ftdi, modem];
  const desk = new Desk();
  const jobs = new Jobs();
  const owned = {
    disk,
    desk,
    jobs,
    ports,
    commissioning: new Commissioning({ devices, ports, desk, jobs }),
    configuration: new Configuration(),
    updates: new ImageUpdates(),
    enrolment: enrolled() as EnrolmentFacts | undefined,
    alarms: [] as Alarm[],
    get listeners() {
      return readings.size;
    },
    tell(told: readonly Told[]) {
      const time = new Date().toISOString();
      const all = told.map((one) => ({ quality: "good", time, ...one }));
      for (const one of all) latest.set(`${one.device} ${one.point}`, one);
      readings.tell(all);
    },
    sendFrames: (told: readonly FrameSeen[]) => frames.tell(told),
  };
  const { configuration } = owned;
  const service: Partial<LocalService> = {
    ports: async () => ports,
    profiles: async () => ({ tag: "1", gzip: gzipSync(JSON.stringify(profiles)) }),
    machine: async () => machine,
    alarms: () => owned.alarms,
    enrolment: async () => owned.enrolment,
    frames: (_connection, signal) => frames.listen(signal),
    jobs,
    configuration,
    commissioning: owned.commissioning,
    updates: owned.updates,
  };
  const surface: LocalSurface = {
    service,
    commands: desk,
    status: () => statusOf(devices, owned.alarms, Math.round((Date.now() - started) / 1000) + 93_784),
    devices: () => devices,
    latest: (filter) =>
      [...latest.values()].filter(
        ({ device, point }) =>
          (filter.device === undefined || device === filter.device) &&
          (filter.point === undefined || point === filter.point),
      ),
    readings: (_filter, signal) => readings.listen(signal),
    readNow: async (device) => [...latest.values()].filter((one) => one.device === device),
    connections: () => connectionsOf(devices),
    accounting: () => ({}),
    reload: async () => ({ applied: true, changes: [], diagnostics: [] }),
    history,
    auditLog,
    logs,
    configText: async () => configuration.text,
    checkConfig: async (text) => (await configuration.check(text)).diagnostics,
  };
  const server = await openLocalServer({
    socket: join(newFolder(), "s.sock"),
    surface: () => surface,
    clock: realClock,
    log: silentLog,
    page: join(root, "dist/web"),
  });
  let password = "";
  const https = await server.openHttps({
    port: 0,
    host: "127.0.0.1",
    openDisk: async () => disk,
    names: ["localhost", "127.0.0.1"],
    firstPassword: (_user, given) => {
      password = given;
    },
  });
  const wire = await Wire.to(https.port, again?.port ?? 0);
  return Object.assign(owned, {
    port: wire.port,
    wire,
    server,
    password,
    async [Symbol.asyncDispose]() {
      await wire[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    },
  });
}
