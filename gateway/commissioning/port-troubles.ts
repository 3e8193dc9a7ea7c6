import type { Text } from "../model/device.ts";
import type { SerialPort } from "./serial-ports.ts";
import { type GatewayUser, groupName, isActive, isAlive, permits, readLine, type System } from "./system.ts";
import { said } from "./words.ts";

/** What keeps a port from being used. */
export interface PortTrouble {
  readonly id: "port-permission" | "port-console" | "port-modem-manager" | "port-busy";
  readonly message: Text;
  readonly fix: Text;
}

/** What is true of the machine, whatever the port. Looked at once. */
export interface Intruders {
  /** ModemManager is running, and asks every new port whether it is a modem. */
  readonly modemManager: boolean;
  /** Names of ports that the kernel writes its messages to. */
  readonly consoles: readonly string[];
  /** By device: who has it open, besides the gateway. */
  readonly holders: ReadonlyMap<string, Holder>;
  /** /boot/firmware/cmdline.txt or its place in older images; undefined where there is none. */
  readonly bootFile?: string | undefined;
}

export interface Holder {
  readonly pid: number;
  readonly program: string;
}

export async function lookForIntruders(
  system: System,
  ports: readonly SerialPort[],
  user: GatewayUser,
): Promise<Intruders> {
  return {
    modemManager: (await isActive(system, "ModemManager.service")) ?? false,
    consoles: await consolesOf(system),
    holders: await holdersOf(system, ports, user),
    bootFile: await bootFileOf(system),
  };
}

/** Everything that is wrong with a port, the worst first. */
export async function troublesOf(
  system: System,
  port: SerialPort,
  user: GatewayUser,
  intruders: Intruders,
): Promise<readonly PortTrouble[]> {
  const found = [
    await consoleTrouble(system, port, intruders),
    await permissionTrouble(system, port, user),
    await modemTrouble(system, port, intruders),
    busyTrouble(port, intruders),
  ];
  return found.filter((one) => one !== undefined);
}

async function permissionTrouble(
  system: System,
  { device }: SerialPort,
  user: GatewayUser,
): Promise<PortTrouble | undefined> {
  const file = await system.stat(device);
  if (!file || permits(file, user, 6)) return undefined;
  const group = await groupName(system, file.gid);
  const groupMay = (file.mode & 0o060) === 0o060;
  const id = "port-permission";
  // A group of everybody who logs in must not be handed out.
  if (groupMay && file.gid !== 0 && group !== "tty") {
    const fix =
      user.by === "self"
        ? `sudo usermod -aG ${group} ${user.name}`
        : `sudo usermod -aG ${group} ${user.name} && sudo systemctl restart stadsnod`;
    return {
      id,
      message: said(
        `The user ${user.name} may not open ${device}: it belongs to the group ${group}.`,
        `Användaren ${user.name} får inte öppna ${device}: porten hör till gruppen ${group}.`,
      ),
      fix: said(
        `${fix}${user.by === "self" ? ", then log in again" : ""}`,
        `${fix}${user.by === "self" ? " och logga sedan in på nytt" : ""}`,
      ),
    };
  }
  const rule = `echo 'SUBSYSTEM=="tty", KERNEL=="${device.slice(5).replace(/\d+$/, "*")}", GROUP="dialout", MODE="0660"' | sudo tee /etc/udev/rules.d/60-stadsnod-serial.rules && sudo udevadm control --reload && sudo udevadm trigger --subsystem-match=tty && sudo usermod -aG dialout ${user.name}`;
  return {
    id,
    message: said(
      `The user ${user.name} may not open ${device} (group ${group}, mode ${file.mode.toString(8)}). A login may have changed it.`,
      `Användaren ${user.name} får inte öppna ${device} (grupp ${group}, rättigheter ${file.mode.toString(8)}). En inloggning kan ha ändrat dem.`,
    ),
    fix: said(rule, rule),
  };
}

async function consoleTrouble(
  system: System,
  { tty, device }: SerialPort,
  { consoles, bootFile }: Intruders,
): Promise<PortTrouble | undefined> {
  const getty = (await isActive(system, `serial-getty@${tty}.service`)) ?? false;
  const kernel = consoles.includes(tty);
  if (!getty && !kernel) return undefined;
  const stop = getty ? [`sudo systemctl disable --now serial-getty@${tty}.service`] : [];
  const all = [...stop, ...(kernel ? [quietCommand(tty, bootFile)] : [])].join(" && ");
  const what = getty && kernel ? "both" : getty ? "getty" : "kernel";
  const messages = {
    both: said(
      `A login and the kernel's messages are on ${device}: every byte on the line is taken for typing.`,
      `En inloggning och kärnans meddelanden ligger på ${device}: varje byte på linjen tas för tangenttryckningar.`,
    ),
    getty: said(
      `A login is on ${device}: it eats what devices answer and writes "login:" to the line.`,
      `En inloggning ligger på ${device}: den slukar enheternas svar och skriver "login:" på linjen.`,
    ),
    kernel: said(
      `The kernel writes its messages to ${device}, into whatever the gateway sends.`,
      `Kärnan skriver sina meddelanden på ${device}, mitt i det som gatewayen sänder.`,
    ),
  };
  return {
    id: "port-console",
    message: messages[what],
    fix: kernel
      ? said(`${all}, then restart the machine: sudo reboot`, `${all} och starta sedan om: sudo reboot`)
      : said(all, all),
  };
}

/** The firmware of a Raspberry Pi writes serial0 as the real name; elsewhere the boot loader is GRUB. */
function quietCommand(tty: string, bootFile: string | undefined): string {
  if (bootFile !== undefined) return `sudo sed -i -E 's/console=(${tty}|serial0)(,[^ ]*)? ?//' ${bootFile}`;
  return `sudo sed -i -E 's/console=${tty}(,[^ "]*)? ?//' /etc/default/grub && sudo update-grub`;
}

async function modemTrouble(
  system: System,
  { tty, device, usb }: SerialPort,
  { modemManager }: Intruders,
): Promise<PortTrouble | undefined> {
  if (!modemManager || !usb || (await isLeftAlone(system, tty))) return undefined;
  const rule = `echo 'SUBSYSTEM=="tty", ATTRS{idVendor}=="${usb.vendor}", ATTRS{idProduct}=="${usb.product}", ENV{ID_MM_DEVICE_IGNORE}="1"' | sudo tee /etc/udev/rules.d/61-stadsnod-no-modem.rules && sudo udevadm control --reload && sudo udevadm trigger --subsystem-match=tty && sudo systemctl restart ModemManager`;
  const off = "sudo systemctl disable --now ModemManager";
  return {
    id: "port-modem-manager",
    message: said(
      `ModemManager is running and sends AT commands to ${device} whenever it is plugged in, to see whether it is a modem.`,
      `ModemManager körs och skickar AT-kommandon till ${device} varje gång den ansluts, för att se om det är ett modem.`,
    ),
    fix: said(
      `Without a mobile modem: ${off}. With one, have it leave this adapter alone: ${rule}`,
      `Utan mobilmodem: ${off}. Med modem, låt den lämna adaptern i fred: ${rule}`,
    ),
  };
}

/** What udev's rules told ModemManager of a port. */
async function isLeftAlone(system: System, tty: string): Promise<boolean> {
  const number = await readLine(system, `/sys/class/tty/${tty}/dev`);
  const known = number && (await system.read(`/run/udev/data/c${number}`));
  return known ? /^E:ID_MM_(DEVICE|PORT)_IGNORE=1$/m.test(known) : false;
}

function busyTrouble({ device }: SerialPort, { holders }: Intruders): PortTrouble | undefined {
  const holder = holders.get(device);
  if (!holder) return undefined;
  return {
    id: "port-busy",
    message: said(
      `Another program has ${device} open: ${holder.program} (process ${holder.pid}).`,
      `Ett annat program har ${device} öppen: ${holder.program} (process ${holder.pid}).`,
    ),
    fix: said(
      `Find the service that it belongs to and stop that: systemctl status ${holder.pid}`,
      `Ta reda på vilken tjänst det hör till och stoppa den: systemctl status ${holder.pid}`,
    ),
  };
}

/** `ttyS0` of `console=ttyS0,115200`; what the kernel really uses counts. */
async function consolesOf(system: System): Promise<readonly string[]> {
  const active = await readLine(system, "/sys/class/tty/console/active");
  const asked = (await readLine(system, "/proc/cmdline")) ?? "";
  const written = Array.from(asked.matchAll(/(?:^|\s)console=([^\s,]+)/g), ([, name]) => name ?? "");
  const serial0 = await system.realpath("/dev/serial0");
  const named = written.map((name) => (name === "serial0" && serial0 ? serial0.slice(5) : name));
  return [...new Set([...(active?.split(/\s+/) ?? []), ...named])];
}

async function bootFileOf(system: System): Promise<string | undefined> {
  for (const path of ["/boot/firmware/cmdline.txt", "/boot/cmdline.txt"])
    if (await system.stat(path)) return path;
  return undefined;
}

const mostProcesses = 4096;
const mostFiles = 1024;

/** Lock files (UUCP style), and processes whose open files may be seen. The gateway itself is left out. */
async function holdersOf(
  system: System,
  ports: readonly SerialPort[],
  user: GatewayUser,
): Promise<ReadonlyMap<string, Holder>> {
  const wanted = new Set(ports.map(({ device }) => device));
  const found = new Map<string, Holder>();
  if (wanted.size === 0) return found;
  const isOurs = async (pid: number): Promise<boolean> => {
    if (pid === user.pid) return true;
    const line = (await system.read(`/proc/${pid}/cmdline`))?.replaceAll("\0", " ") ?? "";
    return /\bstadsnod(\.js)?\b.* run\b/.test(line) || /gateway\/main\.ts run\b/.test(line);
  };
  const take = async (device: string, pid: number): Promise<void> => {
    if (found.has(device) || (await isOurs(pid))) return;
    found.set(device, { pid, program: (await readLine(system, `/proc/${pid}/comm`)) ?? "?" });
  };
  for (const device of wanted) {
    const lock = await readLine(system, `/run/lock/LCK..${device.slice(5)}`);
    const pid = Number.parseInt(lock ?? "", 10);
    if (pid > 0 && (await isAlive(system, pid))) await take(device, pid);
  }
  const pids = (await system.list("/proc")).filter((name) => /^\d+$/.test(name)).slice(0, mostProcesses);
  for (const pid of pids) {
    for (const file of (await system.list(`/proc/${pid}/fd`)).slice(0, mostFiles)) {
      const target = await system.readlink(`/proc/${pid}/fd/${file}`);
      if (target !== undefined && wanted.has(target)) await take(target, Number(pid));
    }
  }
  return found;
}
