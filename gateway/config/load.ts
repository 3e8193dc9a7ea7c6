import { dirname, resolve } from "node:path";
import { checkSchema } from "../codec/check.ts";
import { diagnose, parseYaml, sorted, type YamlDocument } from "../codec/yaml.ts";
import type { Calendar } from "../commands/schedules/calendar.ts";
import type { Schedule } from "../commands/schedules/targets.ts";
import type { Device } from "../model/device.ts";
import type { Diagnostic } from "../model/diagnostic.ts";
import type { NorthboundKind } from "../northbound/northbound.ts";
import { toText } from "../profiles/compile.ts";
import type { ProfileLibrary } from "../profiles/library.ts";
import type { Protocol } from "../southbound/protocol.ts";
import { catalogueOf } from "./catalogue.ts";
import { buildCommands } from "./commands.ts";
import type {
  AudienceConfig,
  ConnectionConfig,
  GatewayConfig,
  NorthboundConfig,
  Quarantined,
} from "./config.ts";
import { buildDerivedPoint, type DerivedPoint, derivedDevice } from "./derived-points.ts";
import { buildDevice } from "./device.ts";
import { Entry } from "./entry.ts";
import { historyConfig } from "./history.ts";
import { localOf } from "./local.ts";
import { nodeRedOf } from "./node-red.ts";
import { buildSchedule, calendarOf } from "./schedules.ts";
import {
  configSchema,
  connectionHead,
  defaultAudience,
  documentationPen,
  northboundHead,
  type WrittenConfig,
} from "./schema.ts";
import type { SecretSources } from "./secrets.ts";
import { buildUpdates } from "./updates.ts";

export interface ConfigOptions extends SecretSources {
  readonly protocols: readonly Protocol[];
  readonly northbounds: readonly NorthboundKind[];
  readonly profiles: ProfileLibrary;
}

export interface LoadedConfig {
  /** Missing only when the file as a whole cannot be used. Single bad parts are in `config.quarantined`. */
  readonly config?: GatewayConfig;
  /** Everything found, of quarantined parts and used profiles too, in reading order per file. */
  readonly diagnostics: readonly Diagnostic[];
}

/** Reads gateway.yaml. Never rejects because of what it says. */
export async function loadConfig(text: string, file: string, options: ConfigOptions): Promise<LoadedConfig> {
  const { document, diagnostics } = parseYaml(text, file);
  if (!document) return { diagnostics };
  const top = checkTop(document);
  if (!top.value) return { diagnostics: top.diagnostics };
  const written = top.value;
  const builder = new Builder(document, written, options);
  const connections = builder.connections();
  const devices = builder.devices(connections);
  const northbound = builder.northbounds();
  const calendar = calendarOf(written.gateway.timeZone, written.holidays);
  const schedules = await builder.schedules(devices, calendar);
  const derivedPoints = builder.derivedPoints();
  const usedProfiles = options.profiles.quarantined.filter(({ id }) => builder.profilesWanted.has(id));
  const quarantined = [...usedProfiles, ...builder.quarantined];
  const base = dirname(file);
  const commands = buildCommands(written.commands, {
    document,
    base,
    readFile: options.readFile,
    devices: Object.keys(written.devices),
  });
  const updates = buildUpdates(written.updates, { document, base, readFile: options.readFile });
  const ofRules = [...commands.diagnostics, ...updates.diagnostics];
  const found = [...top.diagnostics, ...ofRules, ...builder.diagnostics];
  if (ofRules.some(({ severity }) => severity === "error"))
    return { diagnostics: [...options.profiles.diagnostics, ...sorted(found)] };
  const config: GatewayConfig = {
    gateway: {
      id: written.gateway.id,
      pen: written.gateway.pen,
      title: written.gateway.title === undefined ? undefined : toText(written.gateway.title),
      position: written.gateway.position,
      timeZone: written.gateway.timeZone,
    },
    profiles: written.profiles.map((folder) => resolve(base, folder)),
    connections,
    devices,
    derived: derivedDevice(written.gateway, derivedPoints, builder.poll, builder.audiences),
    poll: builder.poll,
    audiences: builder.audiences,
    catalogue: catalogueOf(written.catalogue),
    northbound,
    schedules,
    holidays: written.holidays,
    storage: {
      folder: resolve(base, written.storage.folder),
      maxBytes: written.storage.maxBytes,
      maxAgeMs: written.storage.maxAge,
    },
    telemetry: {
      maxAgeMs: written.telemetry.maxAge,
      maxReadings: written.telemetry.maxReadings,
      maxBytes: written.telemetry.maxBytes,
    },
    commands: commands.rules,
    updates: updates.rules,
    local: localOf(written.local, base),
    nodeRed: nodeRedOf(written.nodeRed, base),
    history: historyConfig(written.history),
    auditLog: written.auditLog,
    log: written.log,
    clock: written.clock,
    quarantined,
  };
  const ofProfiles = usedProfiles.flatMap((one) => one.diagnostics);
  return {
    config,
    diagnostics: [...options.profiles.diagnostics, ...ofProfiles, ...sorted(found)],
  };
}

/** What must be known before profiles can be read: their folders (absolute), and which ones are used. Undefined when the file cannot be used. */
export function profilesOf(text: string, file: string): { folders: string[]; used: Set<string> } | undefined {
  const { document } = parseYaml(text, file);
  const written = document && checkTop(document).value;
  if (!written) return undefined;
  const named = Object.values(written.devices).map((device) =>
    typeof device === "object" && device !== null ? Reflect.get(device, "profile") : undefined,
  );
  return {
    folders: written.profiles.map((folder) => resolve(dirname(file), folder)),
    used: new Set(named.filter((id) => typeof id === "string")),
  };
}

function checkTop(document: YamlDocument): { value?: WrittenConfig; diagnostics: readonly Diagnostic[] } {
  const checked = checkSchema(document, configSchema);
  if (!checked.value) return checked;
  return { ...checked, diagnostics: [...checked.diagnostics, ...warningsOf(document, checked.value)] };
}

function warningsOf(document: YamlDocument, { gateway, nodeRed, local }: WrittenConfig): Diagnostic[] {
  const found: Diagnostic[] = [];
  const message = `device names use the enterprise number ${documentationPen}, which is for documentation only`;
  const hint = "write the number that IANA gave your organisation as gateway.pen (free of charge)";
  const finding = { severity: "warning", code: "documentation-pen", message, hint } as const;
  if (gateway.pen === documentationPen) found.push(diagnose(document, ["gateway", "pen"], "value", finding));
  // The daemon works all the same: it has nothing to do with Node-RED.
  if (nodeRed.enabled && !local.https) {
    found.push(
      diagnose(document, ["nodeRed", "enabled"], "value", {
        severity: "warning",
        code: "node-red-without-users",
        message: "nobody can log in to Node-RED: its users are those of the HTTPS door, which is not open",
        hint: "set `local: {https: {port: 8443}}`",
      }),
    );
  }
  return found;
}

/** Builds the parts one by one; what is bad goes to `quarantined` and leaves the rest alone. */
class Builder {
  readonly quarantined: Quarantined[] = [];
  readonly diagnostics: Diagnostic[] = [];
  readonly profilesWanted = new Set<string>();
  readonly poll: GatewayConfig["poll"];
  readonly audiences: ReadonlyMap<string, AudienceConfig>;
  readonly #document: YamlDocument;
  readonly #written: WrittenConfig;
  readonly #options: ConfigOptions;

  constructor(document: YamlDocument, written: WrittenConfig, options: ConfigOptions) {
    this.#document = document;
    this.#written = written;
    this.#options = options;
    const { fast = 1000, normal = 10_000, slow = 60_000 } = written.poll;
    this.poll = { fast, normal, slow };
    this.audiences = audiencesOf(written);
  }

  connections(): Map<string, ConnectionConfig> {
    const found = new Map<string, ConnectionConfig>();
    for (const [name, value] of Object.entries(this.#written.connections)) {
      const entry = new Entry(this.#document, ["connections", name], value, this.#options);
      const protocol = entry.choose("protocol", this.#options.protocols);
      const settings = protocol && entry.check(protocol.connection, connectionHead);
      if (this.#take("connection", name, entry) && protocol && settings)
        found.set(name, { name, protocol, settings: settings.value });
    }
    return found;
  }

  northbounds(): Map<string, NorthboundConfig> {
    const found = new Map<string, NorthboundConfig>();
    for (const [name, value] of Object.entries(this.#written.northbound)) {
      const entry = new Entry(this.#document, ["northbound", name], value, this.#options);
      const kind = entry.choose("type", this.#options.northbounds);
      const settings = kind && entry.check(kind.settings, northboundHead);
      if (this.#take("northbound", name, entry) && kind && settings)
        found.set(name, { name, kind, settings: settings.value });
    }
    return found;
  }

  devices(connections: ReadonlyMap<string, ConnectionConfig>): Device[] {
    const found: Device[] = [];
    for (const [id, value] of Object.entries(this.#written.devices)) {
      const entry = new Entry(this.#document, ["devices", id], value, this.#options);
      const device = buildDevice(id, entry, {
        connections,
        connectionNames: Object.keys(this.#written.connections),
        profiles: this.#options.profiles,
        audiences: this.audiences,
        poll: this.poll,
        pen: this.#written.gateway.pen,
        others: found,
        wantProfile: (profile) => this.profilesWanted.add(profile),
      });
      if (this.#take("device", id, entry) && device) found.push(device);
    }
    return found;
  }

  async schedules(devices: readonly Device[], calendar: Calendar): Promise<Schedule[]> {
    const found: Schedule[] = [];
    for (const [name, value] of Object.entries(this.#written.schedules)) {
      const entry = new Entry(this.#document, ["schedules", name], value, this.#options);
      const schedule = await buildSchedule(name, entry, {
        devices,
        deviceNames: Object.keys(this.#written.devices),
        calendar,
        position: this.#written.gateway.position,
      });
      if (this.#take("schedule", name, entry) && schedule) found.push(schedule);
    }
    return found;
  }

  derivedPoints(): DerivedPoint[] {
    const { derivedPoints, gateway, devices } = this.#written;
    const found: DerivedPoint[] = [];
    for (const [name, value] of Object.entries(derivedPoints)) {
      const entry = new Entry(this.#document, ["derivedPoints", name], value, this.#options);
      if (Object.hasOwn(devices, gateway.id))
        entry.report([], "key", {
          code: "duplicate-device",
          message: `derived points belong to the device "${gateway.id}", and there is another one of that name`,
          hint: "give the device another id than the gateway's",
        });
      const point = buildDerivedPoint(name, entry, this.audiences);
      if (this.#take("derived-point", name, entry) && point) found.push(point);
    }
    return found;
  }

  /** Whether an entry can be used; if not, it is quarantined. */
  #take(kind: Quarantined["kind"], id: string, entry: Entry): boolean {
    const diagnostics = sorted(entry.diagnostics);
    this.diagnostics.push(...diagnostics);
    const broken = diagnostics.some((one) => one.severity === "error");
    if (broken) this.quarantined.push({ kind, id, diagnostics });
    return !broken;
  }
}

function audiencesOf(written: WrittenConfig): Map<string, AudienceConfig> {
  const { storage } = written;
  const named: WrittenConfig["audiences"] = { open: null, [defaultAudience]: null, ...written.audiences };
  return new Map(
    Object.entries(named).map(([name, audience]) => [
      name,
      {
        name,
        title: audience?.title === undefined ? undefined : toText(audience.title),
        maxAgeMs: audience?.maxAge ?? storage.maxAge,
        maxBytes: audience?.maxBytes ?? storage.maxBytes,
        personal: audience?.personal ?? name === defaultAudience,
      },
    ]),
  );
}
