import type { FakeEntry, FakeMachine } from "./fake-system.ts";

// Machines as their /sys, /proc and /dev look, pared down to what anybody asks of them.

type Tree = Record<string, FakeEntry>;

/** Group numbers of Debian. */
export const dialout = 20;
const tty = 5;
export const gatewayUid = 997;

const accounts: Tree = {
  "/etc/passwd":
    "root:x:0:0:root:/root:/bin/bash\npi:x:1000:1000::/home/pi:/bin/bash\nstadsnod:x:997:997::/:/usr/sbin/nologin\n",
  "/etc/group": "root:x:0:\ntty:x:5:\ndialout:x:20:stadsnod\nstadsnod:x:997:\n",
};

/** A port on the board. */
export function boardPort(
  name: string,
  { type = "32", compatible = "arm,pl011", gid = dialout, mode = 0o660 } = {},
): Tree {
  const device = `/sys/devices/platform/soc/${name}.serial`;
  return {
    [`/sys/class/tty/${name}`]: { link: `../../devices/platform/soc/${name}.serial/tty/${name}` },
    [`${device}/tty/${name}/device`]: { link: "../.." },
    [`${device}/tty/${name}/type`]: `${type}\n`,
    [`${device}/of_node/compatible`]: `${compatible}\0brcm,bcm2835\0`,
    [`/dev/${name}`]: { kind: "device", gid, mode },
  };
}

export interface Adapter {
  readonly tty: string;
  /** Socket: `1-1.2`. */
  readonly socket: string;
  readonly vendor: string;
  readonly product: string;
  readonly maker?: string;
  readonly model?: string;
  readonly serial?: string;
  readonly driver: string;
  readonly byId?: string;
  readonly latency?: number;
}

export function usbPort({ tty: name, socket, driver, byId, latency, ...says }: Adapter): Tree {
  const usb = `/sys/devices/platform/usb/usb1/${socket}`;
  const device = `${usb}/${socket}:1.0/${name}`;
  const minor = name.replace(/\D+/, "");
  const text = (file: string, value: string | undefined): Tree =>
    value === undefined ? {} : { [`${usb}/${file}`]: `${value}\n` };
  return {
    [`/sys/class/tty/${name}`]: {
      link: `../../devices/platform/usb/usb1/${socket}/${socket}:1.0/${name}/tty/${name}`,
    },
    [`${device}/tty/${name}/device`]: { link: "../.." },
    [`${device}/tty/${name}/dev`]: `188:${minor}\n`,
    [`${device}/driver`]: { link: `/sys/bus/usb-serial/drivers/${driver}` },
    [`/sys/bus/usb-serial/drivers/${driver}/uevent`]: "",
    [`${usb}/${socket}:1.0/bInterfaceNumber`]: "00\n",
    ...text("idVendor", says.vendor),
    ...text("idProduct", says.product),
    ...text("manufacturer", says.maker),
    ...text("product", says.model),
    ...text("serial", says.serial),
    [`/dev/${name}`]: { kind: "device", gid: dialout, mode: 0o660 },
    [`/dev/serial/by-path/platform-usb-0:${socket.slice(2)}:1.0-port0`]: { link: `../../${name}` },
    ...(byId === undefined ? {} : { [`/dev/serial/by-id/${byId}`]: { link: `../../${name}` } }),
    ...(latency === undefined
      ? {}
      : { [`/sys/bus/usb-serial/devices/${name}/latency_timer`]: `${latency}\n` }),
  };
}

export const ftdi: Adapter = {
  tty: "ttyUSB0",
  socket: "1-1.2",
  vendor: "0403",
  product: "6001",
  maker: "FTDI",
  model: "FT232R USB UART",
  serial: "A50285BI",
  driver: "ftdi_sio",
  byId: "usb-FTDI_FT232R_USB_UART_A50285BI-if00-port0",
  latency: 16,
};

const ch340 = { vendor: "1a86", product: "7523", model: "USB Serial", driver: "ch341-uart" } as const;
/** Two of the cheapest adapters: udev can give its one name only to one of them. */
export const ch340Pair: readonly Adapter[] = [
  { ...ch340, tty: "ttyUSB0", socket: "1-1.1", byId: "usb-1a86_USB_Serial-if00-port0" },
  { ...ch340, tty: "ttyUSB1", socket: "1-1.3" },
];

/** What a healthy machine says, apart from its ports and its model. */
export const healthy: Tree = {
  ...accounts,
  "/proc/meminfo": "MemTotal:        3884000 kB\nMemFree: 100000 kB\nMemAvailable:    3000000 kB\n",
  "/proc/vmstat": "nr_free_pages 1\noom_kill 0\n",
  "/proc/swaps": "Filename\tType\tSize\tUsed\tPriority\n/dev/zram0 partition 1 0 100\n",
  "/proc/stat": "cpu 1 2 3\nbtime 1790000000\n",
  "/proc/uptime": "3600.00 100.00\n",
  "/proc/sys/kernel/hostname": "gw-slussen-3\n",
  "/proc/cmdline": "console=tty1 root=PARTUUID=1 rootfstype=ext4 fsck.repair=yes rootwait\n",
  "/proc/self/mounts":
    "/dev/mmcblk0p2 / ext4 rw,noatime 0 0\n/dev/mmcblk0p1 /boot/firmware vfat rw 0 0\ntmpfs /run tmpfs rw 0 0\n",
  "/boot/firmware/cmdline.txt": "",
  "/dev/mmcblk0p2": { kind: "device", mode: 0o660 },
  "/sys/block/mmcblk0/device/type": "SD\n",
  "/sys/block/mmcblk0/device/date": "03/2023\n",
  "/sys/fs/ext4/mmcblk0p2/errors_count": "0\n",
  "/sys/class/thermal/thermal_zone0/temp": "48200\n",
  "/sys/class/watchdog/watchdog0/state": "active\n",
  "/sys/class/rtc/rtc0/name": "rtc-ds1307 1-0068\n",
  "/etc/systemd/journald.conf": "[Journal]\n#SystemMaxUse=\n",
  "/etc/systemd/journald.conf.d/size.conf": "[Journal]\nSystemMaxUse=100M\n",
  "/var/log/journal/x": "",
  "/var/lib/stadsnod": { kind: "folder", uid: gatewayUid, gid: gatewayUid, mode: 0o750 },
  "/etc/stadsnod/gateway.yaml": { text: "gateway: {id: gw}\n", gid: gatewayUid, mode: 0o640 },
};

/** As `systemctl` and its like answer there. */
export const services: NonNullable<FakeMachine["programs"]> = {
  "systemctl is-active systemd-timesyncd.service": "active\n",
  "systemctl show stadsnod.service --property=MainPID,User,SupplementaryGroups,LoadState":
    "MainPID=0\nUser=stadsnod\nSupplementaryGroups=dialout\nLoadState=loaded\n",
  "timedatectl show": "NTP=yes\nNTPSynchronized=yes\n",
  "vcgencmd get_throttled": "throttled=0x0\n",
};

export const pi4: Tree = {
  ...healthy,
  "/proc/device-tree/model": "Raspberry Pi 4 Model B Rev 1.5\0",
  ...boardPort("ttyAMA0"),
  ...boardPort("ttyS0", { compatible: "brcm,bcm2835-aux-uart", type: "2" }),
  // Places in a table without a chip.
  ...boardPort("ttyS1", { type: "0" }),
  "/dev/serial0": { link: "ttyS0" },
  // A virtual console, which has no device.
  "/sys/class/tty/tty1/active": "tty1",
  "/dev/tty1": { kind: "device", gid: tty },
};

export const pi3: Tree = { ...pi4, "/proc/device-tree/model": "Raspberry Pi 3 Model B Plus Rev 1.3\0" };

export const pi5: Tree = {
  ...healthy,
  "/proc/device-tree/model": "Raspberry Pi 5 Model B Rev 1.0\0",
  "/sys/class/rtc/rtc0/name": "rpi-rtc soc@107c000000:rpi_rtc\n",
  ...boardPort("ttyAMA0"),
  ...boardPort("ttyAMA10"),
  "/dev/serial0": { link: "ttyAMA10" },
};
