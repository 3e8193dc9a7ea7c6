/** What is looked at of the machine: files that only say something. What is not there, or may not be read, is undefined. */
export interface MachineSource {
  read(path: string): Promise<string | undefined>;
  /** Names in a folder; empty where there is none. */
  list(path: string): Promise<readonly string[]>;
  /** Of the file system that a path is on. */
  space(path: string): Promise<{ readonly totalBytes: number; readonly freeBytes: number } | undefined>;
  /** Addresses that others may reach this machine by. */
  addresses(): readonly string[];
  /** Of the program that runs this. */
  readonly node: { readonly version: string; readonly platform: string };
}

/** As the local API shows it. */
export interface MachineLook {
  readonly model?: string | undefined;
  readonly os: string;
  readonly hostname: string;
  readonly addresses: readonly string[];
  readonly uptimeS: number;
  readonly load: number;
  readonly memory: { readonly totalMB: number; readonly freeMB: number };
  readonly disk: { readonly totalMB: number; readonly freeMB: number };
  readonly temperatureC?: number | undefined;
  readonly undervoltage?: "now" | "earlier" | "never" | undefined;
  readonly timeKeeper?: string | undefined;
  readonly node: string;
}

/** Looks at the machine. Never rejects. @param folder where the gateway keeps what it stores */
export async function lookAtMachine(source: MachineSource, folder: string): Promise<MachineLook> {
  const [model, os, hostname, uptime, load, memory, disk, temperatureC, undervoltage, timeKeeper] =
    await Promise.all([
      modelOf(source),
      source.read("/etc/os-release"),
      source.read("/proc/sys/kernel/hostname"),
      source.read("/proc/uptime"),
      source.read("/proc/loadavg"),
      source.read("/proc/meminfo"),
      source.space(folder),
      temperatureOf(source),
      undervoltageOf(source),
      timeKeeperOf(source),
    ]);
  const kilobytes = (key: string) =>
    Number(new RegExp(`^${key}:\\s+(\\d+) kB$`, "m").exec(memory ?? "")?.[1] ?? 0);
  return {
    model,
    os: /^PRETTY_NAME="?([^"\n]{1,200})"?$/m.exec(os ?? "")?.[1] ?? source.node.platform,
    hostname: hostname?.trim() ?? "",
    addresses: source.addresses(),
    uptimeS: Math.floor(firstNumber(uptime) ?? 0),
    load: firstNumber(load) ?? 0,
    memory: {
      totalMB: Math.round((kilobytes("MemTotal") * 1024) / 1e6),
      freeMB: Math.round((kilobytes("MemAvailable") * 1024) / 1e6),
    },
    disk: {
      totalMB: Math.round((disk?.totalBytes ?? 0) / 1e6),
      freeMB: Math.round((disk?.freeBytes ?? 0) / 1e6),
    },
    temperatureC,
    undervoltage,
    timeKeeper,
    node: source.node.version,
  };
}

async function modelOf(source: MachineSource): Promise<string | undefined> {
  // Ends with a zero byte, as strings of a device tree do.
  const board = plain(await source.read("/proc/device-tree/model"));
  if (board !== undefined) return board;
  const dmi = await Promise.all(
    ["sys_vendor", "product_name"].map((name) => source.read(`/sys/class/dmi/id/${name}`)),
  );
  const words = dmi.flatMap((text) => plain(text) ?? []);
  return words.length > 0 ? words.join(" ") : undefined;
}

function plain(text: string | undefined): string | undefined {
  const known = text?.replaceAll("\0", "").trim().slice(0, 200);
  return known === "" ? undefined : known;
}

/** Zones that are the processor, on a Raspberry Pi and on a PC. */
const processor = /^(cpu|x86_pkg_temp|soc)/;

/** Of the processor, °C; the warmest zone where none says that it is it. */
async function temperatureOf(source: MachineSource): Promise<number | undefined> {
  const folder = "/sys/class/thermal";
  const names = (await source.list(folder)).filter((name) => name.startsWith("thermal_zone")).slice(0, 64);
  const zones = await Promise.all(
    names.map(async (name) => ({
      type: (await source.read(`${folder}/${name}/type`)) ?? "",
      celsius: (firstNumber(await source.read(`${folder}/${name}/temp`)) ?? Number.NaN) / 1000,
    })),
  );
  const known = zones.filter(({ celsius }) => celsius > -50 && celsius < 150);
  const own = known.filter(({ type }) => processor.test(type));
  const chosen = own.length > 0 ? own : known;
  return chosen.length === 0
    ? undefined
    : Math.round(Math.max(...chosen.map(({ celsius }) => celsius)) * 10) / 10;
}

/** What the firmware of a Raspberry Pi says: bit 0 now, bit 16 since the start; else its voltage sensor, which only knows now. */
async function undervoltageOf(source: MachineSource): Promise<MachineLook["undervoltage"]> {
  const throttled = await source.read("/sys/devices/platform/soc/soc:firmware/get_throttled");
  const bits = throttled === undefined ? Number.NaN : Number.parseInt(throttled, 16);
  if (!Number.isNaN(bits)) return bits & 1 ? "now" : bits & 0x1_0000 ? "earlier" : "never";
  const folder = "/sys/class/hwmon";
  for (const name of (await source.list(folder)).slice(0, 64)) {
    if ((await source.read(`${folder}/${name}/name`))?.trim() !== "rpi_volt") continue;
    return firstNumber(await source.read(`${folder}/${name}/in0_lcrit_alarm`)) === 1 ? "now" : undefined;
  }
  return undefined;
}

/** Marks that a running keeper of the clock leaves. */
const keepers: readonly (readonly [folder: string, file: string, name: string])[] = [
  ["/run/chrony", "chronyd.pid", "chrony"],
  ["/run/systemd", "timesync", "systemd-timesyncd"],
  ["/run", "ntpd.pid", "ntpd"],
  ["/run/openntpd", "ntpd.sock", "openntpd"],
];

async function timeKeeperOf(source: MachineSource): Promise<string | undefined> {
  for (const [folder, file, name] of keepers) {
    if ((await source.list(folder)).includes(file)) return name;
  }
  return undefined;
}

function firstNumber(text: string | undefined): number | undefined {
  const number = Number.parseFloat(text ?? "");
  return Number.isFinite(number) ? number : undefined;
}
