import type { CheckDone } from "../../model/commissioning.ts";
import type { ConfiguredPort, PortLook } from "../ports.ts";
import { checkFailed, checkOk, checkWarning, notApplicable, said } from "../words.ts";
import type { Check, Look } from "./look.ts";

/** The ports that gateway.yaml names: there, free, allowed, and each of one connection. */
export const portsCheck: Check = {
  id: "ports",
  doing: said("Looking at the serial ports", "Tittar på serieportarna"),
  async look(look) {
    const { facts, ports, system } = look;
    if (facts.ports.length === 0) return [notApplicable("ports", noneConfigured(ports))];
    const found: CheckDone[] = [];
    for (const configured of facts.ports) {
      const real = await system.realpath(configured.port);
      const port = ports.find(({ device }) => device === real);
      if (real === undefined) found.push(missing(configured, look));
      else if (!port) found.push(...(await noPort(configured, real, look)));
      else found.push(...ofPort(configured, port));
    }
    return found;
  },
};

function noneConfigured(ports: readonly PortLook[]) {
  if (ports.length === 0)
    return said(
      "gateway.yaml names no serial port, and this machine has none.",
      "gateway.yaml anger ingen serieport, och maskinen har ingen.",
    );
  const list = ports.map(({ name }) => name).join(", ");
  return said(
    `gateway.yaml names no serial port. This machine has: ${list}`,
    `gateway.yaml anger ingen serieport. Maskinen har: ${list}`,
  );
}

function missing({ connection, port }: ConfiguredPort, { ports, facts }: Look): CheckDone {
  const free = ports.filter(({ connections }) => connections.length === 0);
  const list = free.map(({ name, what }) => `${name} (${what})`).join(", ");
  const dangling = facts.ports.length > 0 && port.includes("/by-path/");
  const moved = dangling
    ? said(
        " A name by-path is that of the USB socket: has it been plugged in elsewhere?",
        " Ett namn under by-path hör till USB-uttaget: sitter den i ett annat uttag?",
      )
    : said("", "");
  return checkFailed(
    "port-missing",
    said(
      `The port of ${connection} is not there: ${port}.${moved.en}`,
      `Porten till ${connection} finns inte: ${port}.${moved.sv}`,
    ),
    list === ""
      ? said(
          "Plug the adapter in, and look at its cable and power. No other serial port is free on this machine.",
          "Anslut adaptern och kontrollera kabel och strömmatning. Ingen annan serieport är ledig på maskinen.",
        )
      : said(
          `Plug the adapter in, or write one of these as the port of ${connection}: ${list}`,
          `Anslut adaptern, eller skriv någon av dessa som port för ${connection}: ${list}`,
        ),
    connection,
  );
}

/** A path that leads to something else: a pseudo terminal of a simulator, or a mistake. */
async function noPort(
  { connection, port }: ConfiguredPort,
  real: string,
  { system }: Look,
): Promise<readonly CheckDone[]> {
  const file = await system.stat(real);
  if (file?.kind === "device")
    return [checkOk("port", said(`${port} leads to ${real}.`, `${port} leder till ${real}.`), connection)];
  return [
    checkFailed(
      "port-not-serial",
      said(
        `The port of ${connection} is no serial port: ${port} leads to ${real}.`,
        `Porten till ${connection} är ingen serieport: ${port} leder till ${real}.`,
      ),
      said("See which ports there are: stadsnod ports", "Se vilka portar som finns: stadsnod ports"),
      connection,
    ),
  ];
}

function ofPort({ connection, port, parity }: ConfiguredPort, look: PortLook): readonly CheckDone[] {
  const found: CheckDone[] = [];
  const others = look.connections.filter((name) => name !== connection);
  if (others.length > 0)
    found.push(
      checkFailed(
        "port-shared",
        said(
          `${connection} and ${others.join(", ")} lead to the same port, ${look.device}: only one can have it.`,
          `${connection} och ${others.join(", ")} leder till samma port, ${look.device}: bara en kan ha den.`,
        ),
        said(
          "Put the devices on one connection, or give each connection an adapter of its own: stadsnod ports",
          "Lägg enheterna på en och samma anslutning, eller ge varje anslutning en egen adapter: stadsnod ports",
        ),
        connection,
      ),
    );
  for (const { id, message, fix } of look.troubles) {
    // It disturbs only when the adapter is plugged in; the line works between.
    const make = id === "port-modem-manager" ? checkWarning : checkFailed;
    found.push(make(id, message, fix, connection));
  }
  if (look.mini && (parity ?? "none") !== "none")
    found.push(
      checkFailed(
        "port-mini-uart",
        said(
          `${look.device} is the mini UART of the Raspberry Pi, which has no parity; ${connection} wants parity ${parity}.`,
          `${look.device} är Raspberry Pi:s mini-UART, som saknar paritet; ${connection} ska ha paritet ${parity}.`,
        ),
        said(
          "Give the pins the full UART: add dtoverlay=disable-bt to /boot/firmware/config.txt, sudo systemctl disable hciuart, restart, and use /dev/ttyAMA0. Or use a USB adapter.",
          "Ge stiften den fullständiga UART:en: lägg till dtoverlay=disable-bt i /boot/firmware/config.txt, kör sudo systemctl disable hciuart, starta om och använd /dev/ttyAMA0. Eller använd en USB-adapter.",
        ),
        connection,
      ),
    );
  if (port !== look.name && look.stable && /^\/dev\/tty(USB|ACM)\d+$/.test(port))
    found.push(
      checkWarning(
        "port-name",
        said(
          `${connection} uses ${port}, a number that may be another adapter's after a restart.`,
          `${connection} använder ${port}, ett nummer som kan höra till en annan adapter efter en omstart.`,
        ),
        said(`Write in gateway.yaml: port: ${look.name}`, `Skriv i gateway.yaml: port: ${look.name}`),
        connection,
      ),
    );
  if (found.length > 0) return found;
  return [
    checkOk(
      "port",
      said(
        `${look.name}: ${look.what}. Free and allowed.`,
        `${look.name}: ${look.what}. Ledig och tillåten.`,
      ),
      connection,
    ),
  ];
}
