import type { PortFacts } from "../model/commissioning.ts";
import { lookForIntruders, type PortTrouble, troublesOf } from "./port-troubles.ts";
import { type SerialPort, serialPorts } from "./serial-ports.ts";
import { type GatewayUser, gatewayUser, type System } from "./system.ts";

/** A serial port that gateway.yaml names. */
export interface ConfiguredPort {
  readonly connection: string;
  /** As written there. */
  readonly port: string;
  readonly parity?: string | undefined;
}

/** A port with all that is known about it. */
export interface PortLook extends SerialPort {
  /** Connections of gateway.yaml that lead here; more than one is a mistake. */
  readonly connections: readonly string[];
  readonly troubles: readonly PortTrouble[];
}

/**
 * Looks at all serial ports of the machine. Never rejects.
 * @param user who is to open them; the gateway's own user unless given
 */
export async function lookAtPorts(
  system: System,
  configured: readonly ConfiguredPort[],
  user?: GatewayUser,
): Promise<readonly PortLook[]> {
  const who = user ?? (await gatewayUser(system));
  const ports = await serialPorts(system);
  const intruders = await lookForIntruders(system, ports, who);
  const leads = new Map<string, string[]>();
  for (const { connection, port } of configured) {
    const real = await system.realpath(port);
    if (real !== undefined) leads.set(real, [...(leads.get(real) ?? []), connection]);
  }
  return Promise.all(
    ports.map(async (port) => ({
      ...port,
      connections: leads.get(port.device) ?? [],
      troubles: await troublesOf(system, port, who, intruders),
    })),
  );
}

/** The same in the words of the local API. */
export async function portFacts(
  system: System,
  configured: readonly ConfiguredPort[],
): Promise<readonly PortFacts[]> {
  const looks = await lookAtPorts(system, configured);
  const seen = new Set(looks.flatMap(({ connections }) => connections));
  const others = configured.filter(({ connection }) => !seen.has(connection));
  return [...looks.map(toFacts), ...(await Promise.all(others.map((one) => unlisted(system, one))))];
}

/** A port that gateway.yaml names and this machine does not list: unplugged, or of an uncommon kind. */
async function unlisted(system: System, { connection, port }: ConfiguredPort): Promise<PortFacts> {
  const facts = { name: port, names: [port], what: "gateway.yaml", stable: true, connection };
  if ((await system.realpath(port)) !== undefined) return facts;
  return {
    ...facts,
    problem: {
      message: { en: `${port} is not there.`, sv: `${port} finns inte.` },
      fix: {
        en: "Plug the adapter in, or choose another port for the connection in gateway.yaml",
        sv: "Sätt i adaptern, eller välj en annan port för anslutningen i gateway.yaml",
      },
    },
  };
}

export function toFacts(port: PortLook): PortFacts {
  const { name, names, what, stable, note, connections, troubles } = port;
  const [worst] = troubles;
  return {
    name,
    names,
    what,
    stable,
    ...(note ? { note } : {}),
    ...(connections[0] === undefined ? {} : { connection: connections[0] }),
    ...(worst ? { problem: { message: worst.message, fix: worst.fix } } : {}),
  };
}
