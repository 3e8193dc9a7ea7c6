import { describe, expect, it } from "vitest";
import { lookAtMachine, type MachineSource } from "./machine.ts";

/** A machine made of files. */
function machine(files: Readonly<Record<string, string>>): MachineSource {
  return {
    read: async (path) => files[path],
    list: async (path) => [
      ...new Set(
        Object.keys(files)
          .filter((file) => file.startsWith(`${path}/`))
          .map((file) => file.slice(path.length + 1).split("/")[0]!),
      ),
    ],
    space: async (path) => (path === "/var/lib/stadsnod" ? { totalBytes: 16e9, freeBytes: 4e9 } : undefined),
    addresses: () => ["10.0.0.5"],
    node: { version: "v24.1.0", platform: "linux" },
  };
}

const common = {
  "/etc/os-release": 'NAME="Debian"\nPRETTY_NAME="Debian GNU/Linux 13 (trixie)"\n',
  "/proc/sys/kernel/hostname": "gw-01\n",
  "/proc/uptime": "12345.67 40000.00\n",
  "/proc/loadavg": "0.52 0.58 0.59 1/300 999\n",
  "/proc/meminfo": "MemTotal:        1000000 kB\nMemFree:          100000 kB\nMemAvailable:     500000 kB\n",
};

describe("the machine", () => {
  it("says what a Raspberry Pi says", async () => {
    const look = await lookAtMachine(
      machine({
        ...common,
        "/proc/device-tree/model": "Raspberry Pi 4 Model B Rev 1.5\0",
        "/sys/class/thermal/thermal_zone0/type": "cpu-thermal\n",
        "/sys/class/thermal/thermal_zone0/temp": "54321\n",
        "/sys/devices/platform/soc/soc:firmware/get_throttled": "50000\n",
        "/run/systemd/timesync/synchronized": "",
      }),
      "/var/lib/stadsnod",
    );
    expect(look).toEqual({
      model: "Raspberry Pi 4 Model B Rev 1.5",
      os: "Debian GNU/Linux 13 (trixie)",
      hostname: "gw-01",
      addresses: ["10.0.0.5"],
      uptimeS: 12345,
      load: 0.52,
      memory: { totalMB: 1024, freeMB: 512 },
      disk: { totalMB: 16_000, freeMB: 4000 },
      temperatureC: 54.3,
      undervoltage: "earlier",
      timeKeeper: "systemd-timesyncd",
      node: "v24.1.0",
    });
  });

  it("says what a PC says, and takes the processor for the temperature", async () => {
    const look = await lookAtMachine(
      machine({
        ...common,
        "/sys/class/dmi/id/sys_vendor": "Moxa\n",
        "/sys/class/dmi/id/product_name": "UC-8200\n",
        "/sys/class/thermal/thermal_zone0/type": "acpitz\n",
        "/sys/class/thermal/thermal_zone0/temp": "90000\n",
        "/sys/class/thermal/thermal_zone1/type": "x86_pkg_temp\n",
        "/sys/class/thermal/thermal_zone1/temp": "41000\n",
        "/sys/class/thermal/thermal_zone2/type": "iwlwifi\n",
        "/sys/class/thermal/thermal_zone2/temp": "nothing\n",
        "/run/chrony/chronyd.pid": "1\n",
        "/run/systemd/timesync/synchronized": "",
      }),
      "/var/lib/stadsnod",
    );
    expect(look).toMatchObject({ model: "Moxa UC-8200", temperatureC: 41, timeKeeper: "chrony" });
    expect(look.undervoltage).toBeUndefined();
  });

  it("knows undervoltage by each sensor there is", async () => {
    const undervoltage = async (files: Record<string, string>) =>
      (await lookAtMachine(machine(files), "/")).undervoltage;
    const firmware = "/sys/devices/platform/soc/soc:firmware/get_throttled";
    expect(await undervoltage({ [firmware]: "0\n" })).toBe("never");
    expect(await undervoltage({ [firmware]: "50005\n" })).toBe("now");
    const sensor = { "/sys/class/hwmon/hwmon1/name": "rpi_volt\n" };
    const alarm = "/sys/class/hwmon/hwmon1/in0_lcrit_alarm";
    expect(await undervoltage({ ...sensor, [alarm]: "1\n" })).toBe("now");
    // Of what was it knows nothing.
    expect(await undervoltage({ ...sensor, [alarm]: "0\n" })).toBeUndefined();
  });

  it("invents nothing where nothing is said", async () => {
    expect(await lookAtMachine(machine({}), "/")).toEqual({
      os: "linux",
      hostname: "",
      addresses: ["10.0.0.5"],
      uptimeS: 0,
      load: 0,
      memory: { totalMB: 0, freeMB: 0 },
      disk: { totalMB: 0, freeMB: 0 },
      node: "v24.1.0",
    });
  });
});
