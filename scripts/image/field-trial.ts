import { openModbusServer } from "../../simulators/modbus/server.ts";
import { openPlatform, type PlatformReading } from "../../simulators/platform.ts";
import { startMosquitto } from "../../test/ci/mosquitto.ts";
import { type Machine, startMachine } from "./qemu.ts";

/** What a gateway with a new card did between power and the city's platform. */
export interface FieldTrial {
  /** A reading of the meter, decoded from its pack at the platform. */
  readonly reading: PlatformReading;
  /** Requests that the meter got. */
  readonly requests: number;
  /** What the guest says of itself, by heading. */
  readonly report: ReadonlyMap<string, string>;
  /** Seconds from power-on. */
  readonly times: Readonly<Record<"kernel" | "services" | "reading", number>>;
  readonly console: string;
}

/** As QEMU's user network shows the host to its guest. */
const hostSeenFromGuest = "10.0.2.2";

/** Headings and what prints them, in the guest. */
const report: Readonly<Record<string, string>> = {
  release: "cat /etc/os-release",
  machine: "cat /etc/machine-id",
  arguments: "cat /proc/cmdline",
  mounts:
    "findmnt -rno TARGET,FSTYPE,OPTIONS,SIZE / ; findmnt -rno TARGET,FSTYPE,OPTIONS,SIZE /data; findmnt -rno TARGET,FSTYPE,OPTIONS /boot/gw",
  ports: "ss -Htuln",
  failed: "systemctl list-units --failed --plain --no-legend",
  slots: "rauc status --output-format=json",
  bootstate: "fw_printenv",
  watchdog: "systemctl show -p RuntimeWatchdogUSec",
  memory: "grep -E 'MemTotal|MemAvailable|SwapTotal' /proc/meminfo",
  security: "systemd-analyze security --no-pager | grep stadsnod",
};

/** Prints the report once the gateway's door is open; part of no image. */
const reportUnit = `[Unit]
After=stadsnod.service
[Service]
Type=oneshot
StandardOutput=tty
StandardError=null
TTYPath=/dev/console
ExecStart=/bin/sh -c 'until [ -S /run/stadsnod/stadsnod.sock ]; do sleep 1; done; echo REPORT-BEGIN; ${Object.entries(
  report,
)
  .map(([heading, command]) => `echo "=== ${heading}"; ${command.replaceAll("'", '"')}`)
  .join("; ")}; echo REPORT-END'
`;

/** The gateway's own log on the console, to see what went wrong. */
const logUnit = `[Unit]
DefaultDependencies=no
After=systemd-journald.service
[Service]
StandardOutput=tty
TTYPath=/dev/console
ExecStart=/bin/journalctl -b -f -n all -o cat --no-pager -u stadsnod -u stadsnod-first-boot
`;

function configuration(broker: string, meter: number): string {
  return `gateway: {id: gw-image-test, pen: 32474}
profiles: [/opt/stadsnod/device-profiles]
connections: {roof: {protocol: modbus, tcp: {host: ${hostSeenFromGuest}, port: ${meter}}}}
devices: {meter: {profile: eastron/sdm630, connection: roof, unit: 1, audience: open}}
northbound: {city: {type: mqtt, url: "mqtt://${hostSeenFromGuest}:${new URL(broker).port}"}}
local: {socket: /run/stadsnod/stadsnod.sock}
storage: {folder: /var/lib/stadsnod/store}
telemetry: {maxAge: 1s}
`;
}

/**
 * Boots an image on a card of 2 GB with nothing but a provision.json on it: the gateway reads a simulated meter over the
 * network, and its packs arrive at a real mosquitto on this machine.
 *
 * @param image folder of a built image
 * @param look what else to try on the machine while it runs
 */
export async function fieldTrial(
  image: string,
  look?: (machine: Machine) => Promise<void>,
): Promise<FieldTrial> {
  // 230.5 V on phase 1, as a big-endian float.
  await using meter = await openModbusServer({
    listen: { tcp: 0 },
    units: { 1: { unmapped: "zeros", registers: { input: { 0: "43668000" } } } },
  });
  const broker = await startMosquitto({ port: 0 });
  try {
    let found: (reading: PlatformReading) => void = () => {};
    const arrived = new Promise<PlatformReading>((resolve) => {
      found = resolve;
    });
    await using _platform = await openPlatform({
      url: broker.url,
      onReading: (reading) => {
        if (reading.name.endsWith("voltage_l1")) found(reading);
      },
    });
    const config = configuration(broker.url, meter.port);
    const started = performance.now();
    const since = () => Math.round((performance.now() - started) / 100) / 10;
    await using machine = await startMachine({
      image,
      size: 2048,
      log: `${image}.console.log`,
      files: { "provision.json": JSON.stringify({ format: 1, gateway: "gw-image-test", config }) },
      units: { "report.service": reportUnit, "gateway-log.service": logUnit },
    });
    await machine.seen(/stadsnod: starting slot A/, 60);
    const kernel = since();
    await machine.seen(/REPORT-BEGIN/, 400);
    const services = since();
    const [, text = ""] = await machine.seen(/([\s\S]*?)REPORT-END/, 120);
    await look?.(machine);
    const reading = await Promise.race([
      arrived,
      // The machine's last lines say more than a test's time limit.
      machine.seen(/nothing prints this/, 240).then(() => arrived),
    ]);
    return {
      reading,
      requests: meter.unit(1).requests,
      report: sections(text),
      times: { kernel, services, reading: since() },
      console: machine.console,
    };
  } finally {
    await broker.stop();
  }
}

function sections(text: string): Map<string, string> {
  // The gateway's log goes on meanwhile.
  const report = text.replace(/^\{"level":.*\n/gm, "");
  const parts = report.split(/^=== (\w+)\n/m);
  return new Map(parts.flatMap((part, at) => (at % 2 === 1 ? [[part, (parts[at + 1] ?? "").trim()]] : [])));
}
