import type { CheckDone } from "../../model/commissioning.ts";
import { propertiesOf, readLine } from "../system.ts";
import { checkFailed, checkOk, checkWarning, notApplicable, said } from "../words.ts";
import type { Check } from "./look.ts";

const leastNode = 24;

export const nodeCheck: Check = {
  id: "node",
  doing: said("Looking at Node.js", "Tittar på Node.js"),
  async look({ system }) {
    const { version } = system.node;
    const message = said(`Node.js ${version}.`, `Node.js ${version}.`);
    if (Number.parseInt(version.slice(1), 10) >= leastNode) return [checkOk("node", message)];
    return [
      checkFailed(
        "node",
        said(
          `Node.js ${version} is too old: ${leastNode} or later is needed.`,
          `Node.js ${version} är för gammal: ${leastNode} eller senare behövs.`,
        ),
        said(
          "Install the present LTS version from nodejs.org or your distribution",
          "Installera den aktuella LTS-versionen från nodejs.org eller distributionen",
        ),
      ),
    ];
  },
};

/** Names that images come with: in a city with a thousand of them nobody knows which is which. */
const unchanged = /^(raspberrypi|localhost|raspbian|debian|ubuntu|linux|alarm|dietpi)$/i;

export const hostNameCheck: Check = {
  id: "host-name",
  doing: said("Looking at the machine's name", "Tittar på maskinens namn"),
  async look({ system }) {
    const name = await readLine(system, "/proc/sys/kernel/hostname");
    if (name === undefined) return [];
    const fix = said(
      "sudo hostnamectl set-hostname gw-<place>, for instance gw-slussen-3",
      "sudo hostnamectl set-hostname gw-<plats>, till exempel gw-slussen-3",
    );
    if (unchanged.test(name))
      return [
        checkWarning(
          "host-name",
          said(
            `The machine is still called ${name}: two of them on one network cannot be told apart.`,
            `Maskinen heter fortfarande ${name}: två sådana på samma nät går inte att skilja åt.`,
          ),
          fix,
        ),
      ];
    // RFC 1123, section 2.1.
    if (!/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9-]+)*$/i.test(name))
      return [
        checkWarning(
          "host-name",
          said(`"${name}" is no valid host name.`, `"${name}" är inget giltigt värdnamn.`),
          fix,
        ),
      ];
    return [checkOk("host-name", said(`The machine is called ${name}.`, `Maskinen heter ${name}.`))];
  },
};

export const watchdogCheck: Check = {
  id: "watchdog",
  doing: said("Looking at the watchdog", "Tittar på watchdogen"),
  async look({ system }): Promise<readonly CheckDone[]> {
    const [first] = await system.list("/sys/class/watchdog");
    if (first === undefined)
      return [
        notApplicable(
          "watchdog",
          said("This machine has no hardware watchdog.", "Maskinen har ingen hårdvaruwatchdog."),
        ),
      ];
    const state = await readLine(system, `/sys/class/watchdog/${first}/state`);
    const asked = (await propertiesOf(system, "systemctl", ["--property=RuntimeWatchdogUSec"])).get(
      "RuntimeWatchdogUSec",
    );
    if (state === "active" || (asked !== undefined && asked !== "0" && asked !== "infinity"))
      return [
        checkOk(
          "watchdog",
          said(
            "The hardware watchdog restarts the machine when it hangs.",
            "Hårdvaruwatchdogen startar om maskinen om den hänger sig.",
          ),
        ),
      ];
    const command =
      "sudo mkdir -p /etc/systemd/system.conf.d && printf '[Manager]\\nRuntimeWatchdogSec=15s\\n' | sudo tee /etc/systemd/system.conf.d/stadsnod-watchdog.conf && sudo systemctl daemon-reexec";
    return [
      checkWarning(
        "watchdog",
        said(
          "Nobody feeds the hardware watchdog: a machine that hangs stays so until somebody climbs the pole.",
          "Hårdvaruwatchdogen används inte: en maskin som hänger sig förblir så tills någon klättrar upp i stolpen.",
        ),
        said(command, command),
      ),
    ];
  },
};
