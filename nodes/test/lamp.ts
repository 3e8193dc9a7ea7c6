import type { Device } from "../../gateway/model/device.ts";
import { loadProfile } from "../../gateway/profiles/load.ts";
import { loadProtocols } from "../../gateway/southbound/index.ts";

const profileText = `profile: test/lamp
version: 1.0.0
title: {en: Lamp of the tests, sv: Testlampa}
manufacturer: Test
models: [L]
category: lighting
sources: [{document: made for the tests}]
status: draft
protocol: modbus
modbus: {addressing: protocol}
points:
  level: {title: {en: Light level, sv: Ljusnivå}, at: {holding: 0}, unit: "%", range: [0, 100], class: fast, write: {range: [0, 100]}}
  power: {title: {en: Power, sv: Effekt}, at: {holding: 2}, unit: W, class: fast}
  mode: {at: {holding: 6}, values: {0: {en: off, sv: av}, 1: {en: on, sv: på}, 2: {en: auto, sv: auto}}, class: fast, write: {}}
  relay: {at: {coil: 1}, class: fast, write: {}}
  lock: {at: {holding: 8}, values: {0: {en: locked, sv: låst}, 1: {en: open, sv: öppen}}, class: fast, write: {confirm: two-step}}
  alarms: {at: {holding: 7}, bits: {0: door, 3: fire}, class: fast}
`;

export async function testDevice(
  id: string,
  title = { en: `Lamp ${id}`, sv: `Lampa ${id}` },
): Promise<Device> {
  const protocols = await loadProtocols(({ name }) => name === "modbus");
  const bases = { ids: ["test/lamp"], find: () => undefined };
  const { profile, diagnostics } = loadProfile(
    profileText,
    "device-profiles/test/lamp.yaml",
    protocols,
    bases,
  );
  if (!profile) throw new Error(JSON.stringify(diagnostics));
  return {
    id,
    title,
    profile,
    connection: "roof",
    settings: { unit: 1 },
    urn: `urn:dev:ops:32474-gw-${id}:`,
    audience: "restricted",
    audiences: new Map([["mode", "open"]]),
    poll: { fast: 1000, normal: 10_000, slow: 60_000 },
  };
}
