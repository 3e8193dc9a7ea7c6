import { existsSync } from "node:fs";
import type { PlatformReading } from "../../simulators/platform.ts";
import type { City } from "./city.ts";
import { type Machine, type MachineOptions, startMachine } from "./qemu.ts";

// A new card's way from power to the city's platform, in QEMU, with the image as it is shipped.

export const gateway = "gw-image-test";

/** What the guest says of itself, by heading. */
export type Report = ReadonlyMap<string, string>;

/** What a gateway with a new card did between power and the city's platform. */
export interface FieldTrial {
  /** A reading of the meter, decoded from its pack at the platform. */
  readonly reading: PlatformReading;
  readonly report: Report;
  /** Seconds from power-on. */
  readonly times: Readonly<Record<"kernel" | "services" | "reading", number>>;
}

/** Headings and what prints them, in the guest. */
const headings: Readonly<Record<string, string>> = {
  release: "cat /etc/os-release",
  machine: "cat /etc/machine-id",
  hostname: "uname -n",
  zone: "date +%%Z",
  arguments: "cat /proc/cmdline",
  mounts:
    "findmnt -rno TARGET,FSTYPE,OPTIONS,SIZE / ; findmnt -rno TARGET,FSTYPE,OPTIONS,SIZE /data; findmnt -rno TARGET,FSTYPE,OPTIONS /boot/gw",
  ports: "ss -Htuln",
  failed: "systemctl list-units --failed --plain --no-legend",
  slots: "rauc status --output-format=json",
  bootstate: "fw_printenv",
  watchdog: "systemctl show -p RuntimeWatchdogUSec",
  watchdogs: "(cd /sys/class/watchdog/watchdog0 && cat identity state timeout) 2>/dev/null || echo none",
  memory: "grep -E 'MemTotal|MemAvailable|SwapTotal' /proc/meminfo",
  security:
    "for unit in /usr/lib/systemd/system/stadsnod*.service; do systemd-analyze security --no-pager $${unit##*/} | tail -n 1; done",
  provision: "cat /boot/gw/provision.json",
  owners:
    "stat -c '%%U:%%G %%a %%n' /etc/stadsnod /etc/stadsnod/gateway.yaml /var/lib/stadsnod/identity/key.pem /run/stadsnod",
  identity: "stadsnod identity --json",
  native: "/opt/stadsnod/bin/node /run/systemd/system/native.cjs 2>&1",
  update: "stadsnod update status --json",
  certificate: "sha256sum </var/lib/stadsnod/identity/certificate.pem",
};

/** Loads what is compiled, in the Node of the image, and uses it. */
const nativeScript = `const load = require("node:module").createRequire("/opt/stadsnod/dist/stadsnod.js");
const serial = load("@serialport/bindings-cpp").autoDetect();
const strings = load("cbor-extract").extractStrings;
// What is no serial line is refused by the native part.
serial.open({ path: "/dev/null", baudRate: 9600 }).then(() => "opened", ({ message }) => message).then((said) =>
  console.log(JSON.stringify({ arch: process.arch, node: process.version, serial: said, strings: typeof strings })));
`;

/** Prints the report, which the log on the same console must not run into, once the gateway's door is open and it is enrolled; part of no image. */
const reportUnit = (asked: readonly string[]) => `[Unit]
After=stadsnod.service
[Service]
Type=oneshot
StandardOutput=tty
StandardError=tty
TTYPath=/dev/console
ExecStart=/bin/sh -c 'until [ -S /run/stadsnod/stadsnod.sock ] && [ -s /var/lib/stadsnod/identity/certificate.pem ] && ! grep -q token /boot/gw/provision.json; do sleep 1; done; systemctl kill -s STOP gateway-log.service; echo; echo REPORT-BEGIN; ${Object.entries(
  headings,
)
  .filter(([heading]) => asked.includes(heading))
  .map(([heading, command]) => `echo "=== ${heading}"; ${command.replaceAll("'", '"')}`)
  .join("; ")}; echo REPORT-END; systemctl kill -s CONT gateway-log.service'
`;

/** The gateway's own log on the console, to see what went wrong. */
const logUnit = `[Unit]
DefaultDependencies=no
After=systemd-journald.service
[Service]
StandardOutput=tty
TTYPath=/dev/console
ExecStart=/bin/journalctl -b -f -n all -o cat --no-pager -u stadsnod -u stadsnod-first-boot -u stadsnod-configuration -u stadsnod-enrol -u stadsnod-update -u stadsnod-trial -u stadsnod-node-red -u rauc
`;

export interface GatewayOptions {
  /** That outlives the machine; made where it is not there, as a new card. */
  readonly disk?: string;
  readonly units?: Readonly<Record<string, string>>;
  readonly gateway?: string;
  readonly board?: MachineOptions["board"];
  /** Which headings of its report are wanted; all, where not given. */
  readonly asked?: readonly string[];
  /** File that gets the console. */
  readonly log?: string;
  /** More arguments for QEMU. */
  readonly more?: readonly string[];
}

/** Switches a gateway with a new card of 2 GB on. */
export function switchOn(image: string, city: City, options: GatewayOptions = {}): Promise<Machine> {
  const { disk, units, more, board, asked = Object.keys(headings) } = options;
  return startMachine({
    image,
    ...(board ? { board } : {}),
    log: options.log ?? `${image}.console.log`,
    restarts: true,
    units: {
      "report.service": reportUnit(asked),
      "gateway-log.service": logUnit,
      "native.cjs": nativeScript,
      ...units,
    },
    size: 2048,
    ...(disk ? { disk } : {}),
    ...(more ? { more } : {}),
    // A card that has been in use keeps what it has.
    ...(disk && existsSync(disk)
      ? {}
      : { files: { "provision.json": city.provision(options.gateway ?? gateway) } }),
  });
}

/** What the guest says of itself after its next start. */
export async function nextReport(machine: Machine, seconds = 600): Promise<Report> {
  await machine.seen(/REPORT-BEGIN/, seconds);
  const [, text = ""] = await machine.seen(/([\s\S]*?)REPORT-END/, 240);
  // The gateway's log goes on meanwhile.
  const parts = text.replace(/^\{"level":.*\n/gm, "").split(/^=== (\w+)\n/m);
  return new Map(parts.flatMap((part, at) => (at % 2 === 1 ? [[part, (parts[at + 1] ?? "").trim()]] : [])));
}

/** Watches a gateway that was just switched on until its readings arrive. */
export async function fieldTrial(machine: Machine, city: City): Promise<FieldTrial> {
  const started = performance.now();
  const since = () => Math.round((performance.now() - started) / 100) / 10;
  const arrived = city.reading(({ name }) => name.endsWith("voltage_l1"));
  await machine.seen(/stadsnod: starting slot A/, 120);
  const kernel = since();
  const report = await nextReport(machine);
  const services = since();
  const reading = await orMachineEnds(machine, arrived, 300);
  return { reading, report, times: { kernel, services, reading: since() } };
}

/** What comes from outside, or the machine's last lines, which say more than a test's time limit. */
export function orMachineEnds<T>(machine: Machine, arrives: Promise<T>, seconds: number): Promise<T> {
  return Promise.race([arrives, machine.seen(/nothing prints this/, seconds).then(() => arrives)]);
}
