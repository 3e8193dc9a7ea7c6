import { stringify } from "yaml";
import type { CheckDone, DeviceFound, SettingsFound, TrafficHeard } from "../model/commissioning.ts";
import { table } from "./table.ts";

// What `stadsnod scan` and `stadsnod listen` say to people, and the lines for gateway.yaml.

/** `1 min 30 s`. */
export function duration(seconds: number): string {
  const whole = Math.ceil(seconds);
  return whole < 90 ? `${whole} s` : `${Math.floor(whole / 60)} min ${whole % 60} s`;
}

export function settingsTable(found: readonly SettingsFound[]): string {
  return table(
    ["line", "protocol", "whole answers", "damaged"],
    found.map((one) => [flow(one.connection), one.protocol, String(one.whole), String(one.damaged)]),
  );
}

export function deviceTable(found: readonly DeviceFound[], width: number | undefined): string {
  return table(
    ["line", "device", "says", "profile", "", "why"],
    found.map(({ connection, settings, says, known, profiles: [best, ...others] }) => {
      const rivals = others.filter(({ fit }) => best && fit > 0.9 * best.fit).length;
      return [
        flow(connection),
        `${flow(settings)}${known === undefined ? "" : ` = ${known}`}`,
        says ?? "",
        best ? `${best.profile}${rivals > 0 ? ` or ${rivals} more` : ""}` : "none fits",
        best ? `${best.by} ${Math.round(100 * best.fit)} %` : "",
        best?.evidence.join(", ") ?? "",
      ];
    }),
    width,
  );
}

export function trafficTable(heard: readonly TrafficHeard[], width: number | undefined): string {
  return table(
    ["device", "asked by the other master", "profile", "", "why"],
    heard.map(({ settings, requests, profiles: [best, ...others] }) => {
      const rivals = others.filter(({ fit }) => best && fit > 0.9 * best.fit).length;
      return [
        flow(settings),
        requests.length > 3
          ? `${requests.slice(0, 3).join("; ")}; ${requests.length - 3} more`
          : requests.join("; "),
        best ? `${best.profile}${rivals > 0 ? ` or ${rivals} more` : ""}` : "none fits",
        best ? `${best.by} ${Math.round(100 * best.fit)} %` : "",
        best?.evidence.join(", ") ?? "",
      ];
    }),
    width,
  );
}

/** Heard devices of which a profile is known, as found ones. */
export function proposed(heard: readonly TrafficHeard[]): readonly DeviceFound[] {
  return heard
    .filter(({ profiles }) => profiles.length > 0)
    .map(({ protocol, connection, settings, profiles }) => ({
      kind: "device",
      protocol,
      connection,
      settings,
      profiles,
    }));
}

export function checkText({ message, fix }: CheckDone): string {
  return fix ? `${message.en}\n  ${fix.en}` : message.en;
}

/** Connections and devices that gateway.yaml does not have yet; empty without any. */
export function yamlOf(found: readonly DeviceFound[]): string {
  const fresh = found.filter(({ known }) => known === undefined);
  if (fresh.length === 0) return "";
  const byLine = Map.groupBy(fresh, ({ protocol, connection }) => JSON.stringify([protocol, connection]));
  const connections: Record<string, unknown> = {};
  const devices: Record<string, unknown> = {};
  for (const group of byLine.values()) {
    const [first] = group;
    if (!first) continue;
    const line = `${first.protocol}-${Object.keys(connections).length + 1}`;
    connections[line] = { protocol: first.protocol, ...first.connection };
    for (const { settings, profiles } of group) {
      const name = idOf(profiles[0]?.profile ?? first.protocol, settings, devices);
      devices[name] = { profile: profiles[0]?.profile ?? "?", connection: line, ...settings };
    }
  }
  return stringify({ connections, devices }, { lineWidth: 0, flowCollectionPadding: false });
}

function idOf(profile: string, settings: DeviceFound["settings"], taken: Readonly<Record<string, unknown>>) {
  const [address = ""] = Object.values(settings).map(String);
  const base = `${profile.split("/").at(-1)}-${address}`
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "-")
    .replaceAll(/^-+|-+$/g, "")
    .slice(0, 58);
  let id = base;
  for (let count = 2; id in taken; count++) id = `${base}-${count}`;
  return id;
}

/** `serial /dev/ttyUSB0 9600 even`: the values, with the first word that names them. */
function flow(record: Readonly<Record<string, unknown>>): string {
  return Object.entries(record)
    .map(([key, value]) =>
      typeof value === "object" && value !== null
        ? Object.values(value).join(" ")
        : `${key} ${String(value)}`,
    )
    .join(", ");
}
