import { describe, expect, it } from "vitest";
import { type FakeEntry, type FakeMachine, fakeSystem } from "../../../test/fake-system.ts";
import { VirtualClock } from "../../../test/fault/virtual-clock.ts";
import { boardPort, ch340Pair, ftdi, pi3, pi4, pi5, services, usbPort } from "../../../test/machines.ts";
import type { CheckDone } from "../../model/commissioning.ts";
import { doctorJob, type GatewayFacts, type Step } from "./doctor.ts";

const usual: GatewayFacts = {
  configuration: { file: "/etc/stadsnod/gateway.yaml", plainSecrets: 0, secretFiles: [] },
  ports: [],
  northbound: [],
  storageFolder: "/var/lib/stadsnod",
  socket: "/run/stadsnod/stadsnod.sock",
  buildTime: 1_780_000_000_000,
};

interface Given extends Partial<FakeMachine> {
  readonly facts?: Partial<GatewayFacts>;
}

async function steps(
  tree: Record<string, FakeEntry>,
  { facts, programs, ...rest }: Given = {},
): Promise<Step[]> {
  const system = fakeSystem({ tree, programs: { ...services, ...programs }, ...rest });
  const context = {
    system,
    clock: new VirtualClock(),
    random: () => 0.5,
    facts: async () => ({ ...usual, ...facts }),
  };
  return collect(doctorJob({}, context, new AbortController().signal));
}

async function collect(job: AsyncIterable<Step>): Promise<Step[]> {
  const found: Step[] = [];
  for await (const step of job) found.push(step);
  return found;
}

async function examine(tree: Record<string, FakeEntry>, given: Given = {}): Promise<CheckDone[]> {
  return (await steps(tree, given)).flatMap(({ finding }) => (finding?.kind === "check" ? [finding] : []));
}

/** `id: result` of what is not fine. */
async function complaints(tree: Record<string, FakeEntry>, given: Given = {}): Promise<string[]> {
  return (await examine(tree, given))
    .filter(({ result }) => result === "warning" || result === "failed")
    .map(({ id, result }) => `${id}: ${result}`);
}

describe("doctor", () => {
  it.each([
    ["Pi 3", pi3],
    ["Pi 4", pi4],
    ["Pi 5", pi5],
  ])("finds nothing wrong with a healthy %s", async (_, tree) => {
    expect(await complaints(tree)).toEqual([]);
  });

  it("says every message and fix in both languages, and tells how far it is", async () => {
    const all = await steps(
      { ...pi4, "/proc/swaps": "x\n/var/swap file 1 1 -2\n" },
      { space: { "/": { freeBytes: 1e6 } } },
    );
    const checks = all.flatMap(({ finding }) => (finding?.kind === "check" ? [finding] : []));
    for (const { message, fix } of checks) {
      expect(message.sv).toBeTruthy();
      if (fix) expect(fix.sv).toBeTruthy();
    }
    const progress = all.flatMap((step) => step.progress ?? []);
    expect(progress.at(-1)).toMatchObject({ done: progress.length - 1, total: progress.length - 1 });
  });

  it("works with nothing: no gateway.yaml, no systemd, no /proc", async () => {
    const checks = await examine(
      {},
      { programs: {}, facts: { configuration: undefined, storageFolder: undefined, socket: undefined } },
    );
    expect(checks.filter(({ result }) => result === "failed")).toEqual([]);
    expect(checks.length).toBeGreaterThan(8);
  });

  it("gives up a check that hangs, and makes the others", async () => {
    const system = fakeSystem({ tree: pi4, programs: services });
    const clock = new VirtualClock();
    const hanging = { ...system, space: () => new Promise<never>(() => {}) };
    const context = { system: hanging, clock, random: () => 0.5, facts: async () => usual };
    const found: CheckDone[] = [];
    for await (const { progress, finding } of doctorJob({}, context, new AbortController().signal)) {
      if (finding?.kind === "check") found.push(finding);
      if (progress?.doing.en === "Looking at the disk") setImmediate(() => void clock.advance(20_000));
    }
    expect(found.find(({ id }) => id === "storage")?.message.en).toMatch(/given up/);
    expect(found.some(({ id }) => id === "watchdog")).toBe(true);
  });
});

describe("doctor on ports", () => {
  const port = (connection: string, name: string, parity?: string) => ({ connection, port: name, parity });

  it("says that a configured port is not there, and which ones are", async () => {
    const tree = { ...pi4, ...usbPort(ftdi) };
    const facts = { ports: [port("basement", "/dev/serial/by-id/usb-gone")] };
    const missing = (await examine(tree, { facts })).find(({ id }) => id === "port-missing");
    expect(missing).toMatchObject({ subject: "basement", result: "failed" });
    expect(missing?.fix?.en).toContain("usb-FTDI_FT232R_USB_UART_A50285BI-if00-port0 (FT232R USB UART, FTDI");
  });

  it("finds two connections on one real path, whatever their names", async () => {
    const tree = { ...pi4, ...usbPort({ ...ftdi, latency: 1 }) };
    const facts = {
      ports: [
        port("a", `/dev/serial/by-id/${ftdi.byId}`),
        port("b", "/dev/serial/by-path/platform-usb-0:1.2:1.0-port0"),
      ],
    };
    expect(await complaints(tree, { facts })).toEqual(["port-shared: failed", "port-shared: failed"]);
  });

  it("finds a login, ModemManager and a number for a name on ports in use", async () => {
    const tree = { ...pi4, ...usbPort({ ...ftdi, latency: 1 }) };
    const facts = { ports: [port("a", "/dev/ttyAMA0"), port("b", "/dev/ttyUSB0")] };
    const programs = {
      "systemctl is-active serial-getty@ttyAMA0.service": "active\n",
      "systemctl is-active ModemManager.service": "active\n",
    };
    expect(await complaints(tree, { facts, programs })).toEqual([
      "port-console: failed",
      "port-modem-manager: warning",
      "port-name: warning",
    ]);
    // Nobody is disturbed on ports that nobody uses.
    expect(await complaints(tree, { programs })).toEqual([]);
  });

  it("knows that the mini UART has no parity", async () => {
    expect(await complaints(pi4, { facts: { ports: [port("a", "/dev/serial0", "even")] } })).toEqual([
      "port-mini-uart: failed",
    ]);
    expect(await complaints(pi4, { facts: { ports: [port("a", "/dev/serial0", "none")] } })).toEqual([]);
    expect(await complaints(pi4, { facts: { ports: [port("a", "/dev/ttyAMA0", "even")] } })).toEqual([]);
  });

  it("gives the exact command and rule for the delay of FTDI adapters", async () => {
    const found = (await examine({ ...pi4, ...usbPort(ftdi) })).find(({ id }) => id === "usb-latency");
    expect(found?.result).toBe("warning");
    expect(found?.fix?.en).toContain("echo 1 | sudo tee /sys/bus/usb-serial/devices/ttyUSB0/latency_timer");
    expect(found?.fix?.en).toContain('DRIVER=="ftdi_sio", ATTR{latency_timer}="1"');
    expect(await complaints({ ...pi4, ...usbPort(ch340Pair[0]!) })).toEqual([]);
  });

  it("finds brltty", async () => {
    expect(await complaints(pi4, { programs: { "systemctl is-active brltty.service": "active\n" } })).toEqual(
      ["braille: warning"],
    );
  });

  it("lets a simulator's pseudo terminal be", async () => {
    const tree = { ...pi4, "/dev/pts/3": { kind: "device" as const } };
    expect(await complaints(tree, { facts: { ports: [port("a", "/dev/pts/3")] } })).toEqual([]);
  });

  it("judges for the gateway's user", async () => {
    const tree = { ...pi4, ...boardPort("ttyAMA0", { mode: 0o600 }) };
    const facts = { ports: [port("a", "/dev/ttyAMA0")] };
    expect(await complaints(tree, { facts, user: { uid: 0, gids: [0] } })).toEqual([
      "port-permission: failed",
    ]);
  });
});

describe("doctor on the machine", () => {
  it("finds a clock that nobody keeps, that is not synchronised, or that is older than the software", async () => {
    const asleep = { "systemctl is-active systemd-timesyncd.service": "inactive\n" };
    expect(await complaints(pi4, { programs: asleep })).toEqual(["time-sync: failed"]);
    expect(
      await complaints(pi4, { programs: { ...asleep, "systemctl is-active chronyd.service": "active\n" } }),
    ).toEqual([]);
    const away = { "timedatectl show": "NTP=yes\nNTPSynchronized=no\n" };
    expect(await complaints(pi4, { programs: away })).toEqual(["time-sync: failed"]);
    expect(await complaints({ ...pi4, "/proc/stat": "btime 100\n" })).toEqual(["clock: failed"]);
  });

  it("misses a hardware clock, and on a Pi 5 its battery", async () => {
    const { "/sys/class/rtc/rtc0/name": _, ...without } = pi4;
    expect(await complaints(without)).toEqual(["rtc: warning"]);
    const cell = (volts: string) => ({ "vcgencmd pmic_read_adc BATT_V": `   BATT_V volt(24)=${volts}V\n` });
    expect(await complaints(pi5, { programs: cell("0.00219726") })).toEqual(["rtc: warning"]);
    expect(await complaints(pi5, { programs: cell("3.05124400") })).toEqual([]);
  });

  it.each([
    ["now", "0x50005", ["undervoltage: failed", "throttled: warning"]],
    ["earlier", "0x50000", ["undervoltage: warning"]],
  ])("finds undervoltage (%s)", async (_, word, expected) => {
    expect(await complaints(pi4, { programs: { "vcgencmd get_throttled": `throttled=${word}\n` } })).toEqual(
      expected,
    );
    // Without the program, the kernel knows as well.
    const { "vcgencmd get_throttled": __, ...programs } = services;
    const tree = { ...pi4, "/sys/devices/platform/soc/soc:firmware/get_throttled": `${word.slice(2)}\n` };
    const system = fakeSystem({ tree, programs });
    const context = { system, clock: new VirtualClock(), random: () => 0, facts: async () => usual };
    const found = await collect(doctorJob({}, context, new AbortController().signal));
    expect(
      found.flatMap(({ finding }) =>
        finding?.kind === "check" && ["failed", "warning"].includes(finding.result)
          ? [`${finding.id}: ${finding.result}`]
          : [],
      ),
    ).toEqual(expected);
  });

  it("takes the word of the voltage sensor", async () => {
    const tree = {
      ...pi4,
      "/sys/class/hwmon/hwmon0/name": "cpu_thermal\n",
      "/sys/class/hwmon/hwmon1/name": "rpi_volt\n",
      "/sys/class/hwmon/hwmon1/in0_lcrit_alarm": "1\n",
    };
    expect(await complaints(tree)).toEqual(["undervoltage: warning"]);
  });

  it("finds a disk that is full, out of inodes, read-only, in memory, or failing", async () => {
    expect(await complaints(pi4, { space: { "/": { freeBytes: 50e6 } } })).toEqual(["disk-space: failed"]);
    expect(await complaints(pi4, { space: { "/": { freeBytes: 2e9 } } })).toEqual(["disk-space: warning"]);
    expect(await complaints(pi4, { space: { "/": { freeInodes: 100 } } })).toEqual(["disk-inodes: failed"]);
    const mounted = (line: string) => ({
      ...pi4,
      "/proc/self/mounts": `/dev/mmcblk0p2 / ext4 rw 0 0\n${line} 0 0\n`,
    });
    expect(await complaints(mounted("/dev/mmcblk0p2 / ext4 ro,noatime"))).toEqual(["disk-read-only: failed"]);
    expect(await complaints(mounted("tmpfs /var/lib tmpfs rw"))).toEqual(["disk-volatile: failed"]);
    // Another one lies on top of it.
    expect(
      await complaints(mounted("tmpfs /var/lib tmpfs rw 0 0\n/dev/sda1 /var/lib/stadsnod ext4 rw")),
    ).toEqual([]);
    expect(await complaints({ ...pi4, "/sys/fs/ext4/mmcblk0p2/errors_count": "3\n" })).toEqual([
      "disk-errors: failed",
    ]);
  });

  it("reads the wear of an eMMC", async () => {
    const emmc = (life: string, end: string) => ({
      ...pi4,
      "/sys/block/mmcblk0/device/type": "MMC\n",
      "/sys/block/mmcblk0/device/life_time": `${life}\n`,
      "/sys/block/mmcblk0/device/pre_eol_info": `${end}\n`,
    });
    expect(await complaints(emmc("0x03 0x01", "0x01"))).toEqual([]);
    expect(await complaints(emmc("0x09 0x02", "0x01"))).toEqual(["disk-wear: warning"]);
    expect(await complaints(emmc("0x0b 0x0b", "0x03"))).toEqual(["disk-wear: failed"]);
  });

  it("finds a storage folder, or a file in it, that the gateway may not write", async () => {
    const folder = { kind: "folder" as const, mode: 0o755 };
    expect(await complaints({ ...pi4, "/var/lib/stadsnod": folder })).toEqual(["storage-owner: failed"]);
    const stray = { ...pi4, "/var/lib/stadsnod/history.sqlite": { text: "", mode: 0o644 } };
    const [found] = (await examine(stray)).filter(({ result }) => result === "failed");
    expect(found?.message.en).toContain("history.sqlite belongs to root, and stadsnod may not write it");
    expect(found?.fix?.en).toBe(
      "sudo mkdir -p /var/lib/stadsnod && sudo chown -R stadsnod: /var/lib/stadsnod",
    );
  });

  it("finds too little memory, swap on the card, a host name of the image, an old Node.js, a loose journal", async () => {
    const cases: [Record<string, FakeEntry>, string][] = [
      [{ "/proc/meminfo": "MemTotal: 900000 kB\nMemAvailable: 40000 kB\n" }, "memory: failed"],
      [{ "/proc/vmstat": "oom_kill 3\n" }, "memory-kills: warning"],
      [{ "/proc/swaps": "Filename\n/var/swap file 102396 0 -2\n" }, "swap: warning"],
      [{ "/proc/sys/kernel/hostname": "raspberrypi\n" }, "host-name: warning"],
      [{ "/sys/class/watchdog/watchdog0/state": "inactive\n" }, "watchdog: warning"],
      [{ "/etc/systemd/journald.conf.d/size.conf": "" }, "journal: warning"],
      [{ "/sys/class/thermal/thermal_zone0/temp": "86000\n" }, "temperature: failed"],
    ];
    for (const [change, expected] of cases)
      expect(await complaints({ ...pi4, ...change })).toEqual([expected]);
    expect(await complaints(pi4, { node: { version: "v20.11.0" } })).toEqual(["node: failed"]);
  });

  it("finds secrets that lie open, a gateway that is root, a file that is no socket", async () => {
    const configuration = {
      file: "/etc/stadsnod/gateway.yaml",
      plainSecrets: 2,
      secretFiles: ["/etc/stadsnod/pw"],
    };
    const open = {
      ...pi4,
      "/etc/stadsnod/gateway.yaml": { text: "", mode: 0o644 },
      "/etc/stadsnod/pw": { text: "", mode: 0o644 },
    };
    expect(await complaints(open, { facts: { configuration } })).toEqual([
      "secrets: failed",
      "secrets: failed",
    ]);
    expect(
      await complaints(
        { ...open, "/etc/stadsnod/pw": { text: "", mode: 0o600 } },
        { facts: { configuration: { ...configuration, plainSecrets: 0 } } },
      ),
    ).toEqual([]);
    const root = {
      "systemctl show stadsnod.service --property=MainPID,User,SupplementaryGroups,LoadState":
        "MainPID=0\nUser=\nLoadState=loaded\n",
    };
    expect(await complaints(pi4, { programs: root })).toEqual(["user: warning"]);
    expect(await complaints({ ...pi4, "/run/stadsnod/stadsnod.sock": "" })).toEqual(["local-api: failed"]);
    const unreadable = { ...usual.configuration!, unreadable: "ENOENT" };
    expect(await complaints(pi4, { facts: { configuration: unreadable } })).toEqual([
      "configuration: failed",
    ]);
    expect(
      await complaints(pi4, { facts: { configuration: { ...usual.configuration!, error: "no" } } }),
    ).toEqual(["configuration: failed"]);
  });
});
