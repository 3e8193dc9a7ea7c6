import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, it } from "vitest";
import type { Bases } from "../../gateway/profiles/expand.ts";
import { loadProfile } from "../../gateway/profiles/load.ts";
import { loadProtocols } from "../../gateway/southbound/index.ts";
import { type Excuses, protocolContract, type ShippedProfile } from "./protocol.contract.ts";

const protocols = await loadProtocols();

const folder = resolve(import.meta.dirname, "../../device-profiles");
const ids = readdirSync(folder, { recursive: true, encoding: "utf8" })
  .filter((name) => name.endsWith(".yaml"))
  .map((name) => name.replaceAll("\\", "/").replace(/\.yaml$/, ""))
  .toSorted();
const read = (id: string) => readFileSync(join(folder, `${id}.yaml`), "utf8");
const bases: Bases = {
  ids,
  find: (id) => (ids.includes(id) ? { file: `device-profiles/${id}.yaml`, text: read(id) } : undefined),
};

const shipped = ids.map((id): ShippedProfile => {
  const loaded = loadProfile(read(id), `device-profiles/${id}.yaml`, protocols, bases);
  if (!loaded.profile) throw new Error(`${id}: ${loaded.diagnostics[0]?.message}`);
  return { id, loaded: { ...loaded, profile: loaded.profile } };
});

const excuses: Readonly<Record<string, Excuses>> = {
  lorawan: {
    wire: "its devices are heard through a broker",
    tools: {
      simulate: "simulators/network-server.ts is a whole network",
      probe: "stadsnod status lists the devices that are heard and not configured",
      record: "mosquitto_sub writes down what a network server says",
    },
  },
};

describe("protocols", () => {
  it("have different names", () => {
    const names = protocols.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
  });

  it("are all of the shipped profiles' protocols", () => {
    const names = new Set(protocols.map(({ name }) => name));
    expect(shipped.filter(({ loaded }) => !names.has(loaded.profile.protocol))).toEqual([]);
    expect(shipped.length).toBeGreaterThanOrEqual(86);
  });
});

for (const protocol of protocols) {
  const mine = shipped.filter(({ loaded }) => loaded.profile.protocol === protocol.name);
  protocolContract(protocol, mine, excuses[protocol.name]);
}
