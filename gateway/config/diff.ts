import type { Device } from "../model/device.ts";
import type { GatewayConfig } from "./config.ts";
import { same } from "./same.ts";

/** What a reload has to do. Names and ids; everything not named here is left running. */
export interface ConfigChange {
  readonly addedDevices: readonly string[];
  readonly removedDevices: readonly string[];
  /** Also those whose profile has changed on disk. */
  readonly changedDevices: readonly string[];
  readonly addedConnections: readonly string[];
  readonly removedConnections: readonly string[];
  /** To be closed and opened again; their devices stay as they are. */
  readonly changedConnections: readonly string[];
  readonly addedNorthbounds: readonly string[];
  readonly removedNorthbounds: readonly string[];
  readonly changedNorthbounds: readonly string[];
  /** Whether schedules, holidays or what they act on differ: they are begun anew. */
  readonly schedulesChanged: boolean;
  /** Whether the log level differs; applied without a restart. */
  readonly logChanged: boolean;
  /** Whether the rules of commands differ; applied without a restart. */
  readonly commandsChanged: boolean;
  /** Whether Node-RED's part differs: nothing for the daemon to do. */
  readonly nodeRedChanged: boolean;
  /** Sections that differ and only count after a restart; a reload is refused when there are any. */
  readonly restartNeeded: readonly (typeof atStart)[number][];
}

const atStart = [
  "gateway",
  "audiences",
  "derived",
  "storage",
  "telemetry",
  "local",
  "history",
  "auditLog",
  "updates",
  "clock",
] as const;

/** The difference between the running configuration and a new one. Pure. */
export function diffConfig(running: GatewayConfig, wanted: GatewayConfig): ConfigChange {
  const devices = compare(byId(running.devices), byId(wanted.devices), sameDevice);
  const connections = compare(
    running.connections,
    wanted.connections,
    (a, b) => a.protocol.name === b.protocol.name && same(a.settings, b.settings),
  );
  const northbounds = compare(
    running.northbound,
    wanted.northbound,
    (a, b) => a.kind.name === b.kind.name && same(a.settings, b.settings),
  );
  return {
    addedDevices: devices.added,
    removedDevices: devices.removed,
    changedDevices: devices.changed,
    addedConnections: connections.added,
    removedConnections: connections.removed,
    changedConnections: connections.changed,
    addedNorthbounds: northbounds.added,
    removedNorthbounds: northbounds.removed,
    changedNorthbounds: northbounds.changed,
    schedulesChanged: !same(running.schedules, wanted.schedules) || !same(running.holidays, wanted.holidays),
    logChanged: running.log.level !== wanted.log.level,
    commandsChanged: !same(running.commands, wanted.commands),
    nodeRedChanged: !same(running.nodeRed, wanted.nodeRed),
    restartNeeded: atStart.filter((section) =>
      section === "derived"
        ? !same(derivedOf(running), derivedOf(wanted))
        : !same(running[section], wanted[section]),
    ),
  };
}

/** Derived points have periods of their own: how often devices are asked is nothing to them. */
function derivedOf({ derived }: GatewayConfig): unknown {
  return derived && { ...derived, poll: undefined };
}

function sameDevice(a: Device, b: Device): boolean {
  const { profile: profileA, ...restA } = a;
  const { profile: profileB, ...restB } = b;
  // Two files with one hash compile to the same profile.
  return profileA.id === profileB.id && profileA.hash === profileB.hash && same(restA, restB);
}

function byId(devices: readonly Device[]): Map<string, Device> {
  return new Map(devices.map((device) => [device.id, device]));
}

function compare<T>(
  before: ReadonlyMap<string, T>,
  after: ReadonlyMap<string, T>,
  equal: (a: T, b: T) => boolean,
): { added: string[]; removed: string[]; changed: string[] } {
  return {
    added: [...after.keys()].filter((name) => !before.has(name)),
    removed: [...before.keys()].filter((name) => !after.has(name)),
    changed: Array.from(after)
      .filter(([name, value]) => {
        const old = before.get(name);
        return old !== undefined && !equal(old, value);
      })
      .map(([name]) => name),
  };
}

/** One line per change, for people. */
export function describeChange(change: ConfigChange, config: GatewayConfig): string[] {
  const lines: [string, readonly string[]][] = [
    ["added device", change.addedDevices],
    ["changed device", change.changedDevices],
    ["removed device", change.removedDevices],
    ["opened connection", change.addedConnections],
    ["reopened connection", change.changedConnections],
    ["closed connection", change.removedConnections],
    ["added northbound", change.addedNorthbounds],
    ["reopened northbound", change.changedNorthbounds],
    ["removed northbound", change.removedNorthbounds],
  ];
  const changes = lines.flatMap(([what, names]) => names.map((name) => `${what} ${name}`));
  if (change.schedulesChanged) changes.push("schedules begin anew");
  if (change.logChanged) changes.push(`log level ${config.log.level}`);
  if (change.commandsChanged) changes.push("rules of commands");
  if (change.nodeRedChanged) changes.push("Node-RED takes its part when `stadsnod node-red` starts anew");
  return changes.length > 0 ? changes : ["nothing has changed"];
}
