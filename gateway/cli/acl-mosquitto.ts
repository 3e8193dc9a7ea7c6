import { matchesAny } from "../commands/rules.ts";
import type { GatewayConfig } from "../config/config.ts";
import { tellingDevices } from "../config/config.ts";
import { audienceOf, type Device, sentPoints } from "../model/device.ts";
import { openAudience } from "../model/privacy.ts";
import type { Broker } from "./brokers.ts";

/** User names at the broker; what is left out has a name of its own, see `aclOf`. */
export interface AclUsers {
  readonly gateway?: string | undefined;
  /** By audience. `anonymous` is whoever gives no name. */
  readonly readers?: Readonly<Record<string, readonly string[]>> | undefined;
  /** By issuer of commands. */
  readonly commanders?: Readonly<Record<string, readonly string[]>> | undefined;
}

/** Devices that each issuer may command, as patterns with `*`. */
export type Issuers = ReadonlyMap<string, readonly string[]>;

/** Nobody gives a name. */
const anonymous = "anonymous";

/**
 * An ACL file of mosquitto for one gateway: who may read each audience, who may command which device,
 * and what the gateway itself may do. Everything that is not named is denied, as mosquitto does once
 * there is a file. Without other names the gateway is its user name at the broker or its id, a reader
 * `<audience>-reader`, a commander the issuer.
 */
export function aclOf(config: GatewayConfig, broker: Broker, issuers: Issuers, users: AclUsers): string {
  const { topics } = broker;
  const rights = new Map<string, Set<string>>();
  const grant = (user: string, ...lines: string[]): void => {
    const known = rights.get(user) ?? new Set();
    rights.set(user, known);
    for (const line of lines) known.add(line);
  };
  grant(
    users.gateway ?? broker.username ?? config.gateway.id,
    ...["telemetry/#", "backlog/#", "state", "description/+", "result/+"].map(
      (end) => `topic write ${topics}/${end}`,
    ),
    `topic read ${topics}/command/+`,
  );
  // Who may write what the city wants is the city's own business: no gateway may.
  if (config.updates.trust.size > 0)
    grant(
      users.gateway ?? broker.username ?? config.gateway.id,
      `topic write ${topics}/state/update`,
      ...[`gateway/${config.gateway.id}`, ...config.updates.groups.map((group) => `group/${group}`)].map(
        (scope) => `topic read ${topics.slice(0, -config.gateway.id.length - 1)}/desired/${scope}`,
      ),
    );
  for (const audience of config.audiences.keys()) {
    for (const user of users.readers?.[audience] ?? [`${audience}-reader`]) {
      grant(
        user,
        `topic read ${topics}/telemetry/${audience}/#`,
        `topic read ${topics}/backlog/${audience}/#`,
      );
      // Which devices there are is nobody's business who only reads open data.
      if (audience !== openAudience) grant(user, `topic read ${topics}/state`);
      const seen = tellingDevices(config).filter((device) => reads(device, audience));
      grant(user, ...seen.map(({ id }) => `topic read ${topics}/description/${id}`));
    }
  }
  for (const [issuer, patterns] of issuers) {
    const devices = config.devices.filter((device) => isWritable(device) && matchesAny(patterns, device.id));
    for (const user of users.commanders?.[issuer] ?? [issuer]) {
      for (const { id } of devices)
        grant(user, `topic write ${topics}/command/${id}`, `topic read ${topics}/result/${id}`);
    }
  }
  return written(config, broker, rights, issuers.size > 0);
}

function written(
  { gateway }: GatewayConfig,
  { name }: Broker,
  rights: ReadonlyMap<string, ReadonlySet<string>>,
  commanded: boolean,
): string {
  const lines = [
    `# Rights at the broker "${name}" for the gateway ${gateway.id}, made by stadsnod acl.`,
    "# What is not granted here is denied. Made anew when audiences, devices or issuers change.",
    ...(commanded ? [] : ["# Nobody may command: gateway.yaml names no issuers."]),
  ];
  const named = [...rights.keys()].filter((user) => user !== anonymous);
  // Rights in front of the first user are those of clients without a name.
  for (const user of [anonymous, ...named]) {
    const granted = rights.get(user);
    if (!granted || granted.size === 0) continue;
    lines.push("", ...(user === anonymous ? [] : [`user ${user}`]), ...granted);
  }
  return `${lines.join("\n")}\n`;
}

function reads(device: Device, audience: string): boolean {
  return sentPoints(device).some((point) => audienceOf(device, point) === audience);
}

function isWritable({ profile }: Device): boolean {
  return (profile.commands ?? []).length > 0 || profile.points.some(({ write }) => write !== undefined);
}
