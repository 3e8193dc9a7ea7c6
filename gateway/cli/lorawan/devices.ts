import { dirname, resolve } from "node:path";
import type { Command } from "commander";
import type { GatewayConfig } from "../../config/config.ts";
import type { GatewayStatus } from "../../local/surface.ts";
import type { DeviceProfile } from "../../model/device.ts";
import { ConfigError } from "../../model/errors.ts";
import { loadProfiles } from "../../profiles/library.ts";
import { openSandbox } from "../../sandbox/sandbox.ts";
import type { Protocol } from "../../southbound/protocol.ts";
import { openClock } from "../../store/clock.ts";
import { type CliContext, inFolder, readNamed } from "../context.ts";
import { command, configArgument, daemonOf, socketOption } from "../daemon.ts";
import { files, requireConfiguration } from "../files.ts";
import { table } from "../table.ts";
import { type ListedDevice, parseDeviceList } from "./device-list.ts";
import { type Proposal, proposalFor, proposalYaml, unheardProposal } from "./proposals.ts";

interface Options {
  readonly socket?: string;
  readonly list?: string;
  readonly json?: boolean;
  readonly yaml?: boolean;
}

interface Known {
  readonly id: string;
  readonly connection: string;
  readonly profile: string;
  readonly settings: unknown;
  readonly state: string;
  readonly lastSeen: string | undefined;
}

export function devicesCommand(context: CliContext): Command {
  return command("devices", "LoRaWAN devices that are configured, and those that are heard and are not", [
    "stadsnod lorawan devices",
    "stadsnod lorawan devices --yaml > new-devices.txt",
    "stadsnod lorawan devices --list devices.csv --yaml",
  ])
    .argument(...configArgument)
    .addOption(socketOption())
    .option("--list <file>", "CSV of devices that are expected: devEui,profile,id,audience")
    .option("--json", "known and unknown devices as JSON")
    .option("--yaml", "lines for gateway.yaml's devices, and nothing else")
    .action(async (path: string, options: Options) => {
      const config = await requireConfiguration(context, path);
      const lines = [...config.connections.values()].filter(({ protocol }) => protocol.name === "lorawan");
      const [line] = lines;
      if (!line)
        throw new ConfigError(`${path} has no LoRaWAN connection`, {
          code: "no-lorawan",
          hint: "docs/lorawan.md shows one for ChirpStack and one for The Things Stack",
        });
      const status = await (await daemonOf(context, options)).get<GatewayStatus>("/v1/status");
      const listed =
        options.list === undefined
          ? new Map<string, ListedDevice>()
          : parseDeviceList(readNamed(context, options.list).toString("utf8"), options.list);
      const known = knownDevices(config, status);
      const profiles = lorawanProfiles(context, path, config, line.protocol);
      for (const { devEui, profile } of listed.values())
        if (!profiles.has(profile))
          throw new ConfigError(`${devEui}: there is no LoRaWAN profile ${profile}`, {
            code: "missing-profile",
          });
      const proposals = await propose(status, known, profiles, listed, line);
      if (options.json) context.out(`${JSON.stringify({ known, unknown: proposals })}\n`);
      else if (options.yaml) context.out(proposals.map(proposalYaml).join(""));
      else context.out(render(known, proposals));
    });
}

function knownDevices(config: GatewayConfig, status: GatewayStatus): readonly Known[] {
  const states = new Map(status.devices.map((device) => [device.id, device]));
  return config.devices
    .filter(({ profile }) => profile.protocol === "lorawan")
    .map(({ id, connection, profile, settings }) => ({
      id,
      connection,
      profile: profile.id,
      settings,
      state: states.get(id)?.state ?? "not loaded yet",
      lastSeen: states.get(id)?.lastSeen,
    }));
}

/** Only those: a library has hundreds of others, which take their time to compile. */
function lorawanProfiles(
  context: CliContext,
  path: string,
  config: GatewayConfig,
  protocol: Protocol,
): ReadonlyMap<string, DeviceProfile> {
  const folders = config.profiles.map((folder) => resolve(dirname(inFolder(context, path)), folder));
  const ids = folders.flatMap((folder) =>
    files
      .list(folder)
      .filter((name) => /^protocol: lorawan\s*$/m.test(files.read(`${folder}/${name}`)))
      .map((name) => name.replace(/\.yaml$/, "")),
  );
  const { profiles } = loadProfiles(folders, files, [protocol], new Set(ids));
  return new Map(
    Array.from(profiles).flatMap(([id, { profile }]) => (profile ? [[id, profile] as const] : [])),
  );
}

async function propose(
  status: GatewayStatus,
  known: readonly Known[],
  profiles: ReadonlyMap<string, DeviceProfile>,
  listed: ReadonlyMap<string, ListedDevice>,
  line: { readonly name: string; readonly protocol: Protocol },
): Promise<readonly Proposal[]> {
  using clock = openClock({ trust: "always", floor: 0 });
  await using sandbox = openSandbox({ clock });
  const proposals: Proposal[] = [];
  const met = new Set(known.map(({ settings }) => devEuiOf(settings)));
  for (const { name, unknown = [] } of status.connections)
    for (const heard of unknown) {
      const devEui = devEuiOf(heard.settings);
      met.add(devEui);
      const own = listed.get(devEui);
      proposals.push(await proposalFor(name, heard, profiles, own, line.protocol, sandbox));
    }
  for (const one of listed.values())
    if (!met.has(one.devEui)) proposals.push(unheardProposal(line.name, one));
  return proposals;
}

function devEuiOf(settings: unknown): string {
  const told =
    typeof settings === "object" && settings !== null ? Reflect.get(settings, "devEui") : undefined;
  return typeof told === "string" ? told : "";
}

function render(known: readonly Known[], proposals: readonly Proposal[]): string {
  const parts = [
    table(
      ["device", "DevEUI", "profile", "connection", "state", "last seen"],
      known.map(({ id, settings, profile, connection, state, lastSeen }) => [
        id,
        devEuiOf(settings),
        profile,
        connection,
        state,
        lastSeen?.slice(0, 19) ?? "never",
      ]),
    ),
  ];
  if (proposals.length > 0)
    parts.push(
      table(
        ["not configured", "name", "model", "heard", "profile", "fit", "by", "it says"],
        proposals.flatMap(({ settings, name, model, heard, suggestions }) => {
          const who = [
            devEuiOf(settings) || (settings.deviceId ?? ""),
            name ?? "",
            model ?? "",
            String(heard),
          ];
          if (suggestions.length === 0) return [[...who, "none fits", "", "", ""]];
          return suggestions.map(({ profile, fit, by, sample }, index) => [
            ...(index === 0 ? who : ["", "", "", ""]),
            profile,
            fit.toFixed(2),
            by,
            Object.entries(sample)
              .map(([point, value]) => `${point} ${String(value)}`)
              .join(", "),
          ]);
        }),
      ),
      `To take them in, put these lines below devices: of gateway.yaml and run stadsnod reload:\n${proposals
        .map(proposalYaml)
        .join("")}`.trimEnd(),
    );
  return `${parts.join("\n\n")}\n`;
}
