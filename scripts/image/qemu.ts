import { type ChildProcess, spawn } from "node:child_process";
import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { made } from "./build.ts";
import { ImageError, run } from "./process.ts";

/** A gateway in QEMU, without the host's kernel: the same U-Boot script, slots and services as on a board. */
export interface Machine extends AsyncDisposable {
  /** Everything on the serial console so far. */
  readonly console: string;
  /** The first match on the console from the last one on. Rejects after `seconds`, or when the machine ends, with the last lines. */
  seen(pattern: RegExp, seconds?: number): Promise<RegExpMatchArray>;
  /** The same for the whole console, from power-on, whatever was seen of it. */
  heard(pattern: RegExp, seconds?: number): Promise<RegExpMatchArray>;
  /** Bytes that QEMU has written so far: its disk's, but for the console's few. */
  readonly written: number;
  /** Cuts the power. */
  cut(): Promise<void>;
  /** Resolves when the machine has powered off by itself. */
  readonly ended: Promise<void>;
  /** The disk: survives `cut`, goes with the machine unless it was given. */
  readonly disk: string;
}

export interface MachineOptions {
  /** Folder of a built image. */
  readonly image: string;
  /** QEMU's board; `virt` where not given. `raspi3b` starts an image for the Pi, has 1 GB, no clock of its own, and takes no units. */
  readonly board?: "virt" | "raspi3b";
  /** A disk that outlives the machine, made from the image's where it is not there; otherwise a copy that goes with it. */
  readonly disk?: string;
  /** Files for the first partition, by name, e.g. provision.json. */
  readonly files?: Readonly<Record<string, string>>;
  /** MiB of the disk, as a card is larger than the image. */
  readonly size?: number;
  /**
   * Units that only this run has, by name, and other files below /run/systemd/system (`x.timer.d/y.conf`): the initrd takes
   * them from QEMU, so that the image stays what is shipped.
   */
  readonly units?: Readonly<Record<string, string>>;
  /** Whether a restart of the guest is one; otherwise it ends the machine. */
  readonly restarts?: boolean;
  readonly memory?: number;
  /** File that gets the console as it comes, to look at while the machine runs. */
  readonly log?: string | undefined;
  /** More arguments for QEMU. */
  readonly more?: readonly string[];
}

/** Starts the image on one of QEMU's boards. */
export async function startMachine(options: MachineOptions): Promise<Machine> {
  const folder = mkdtempSync(join(tmpdir(), "stadsnod-qemu-"));
  const disk = options.disk ?? join(folder, "disk.img");
  if (!existsSync(disk)) {
    await run("cp", ["--sparse=always", join(options.image, made.disk), disk]);
    if (options.size) truncateSync(disk, options.size * 2 ** 20);
  }
  for (const [name, text] of Object.entries(options.files ?? {})) {
    const file = join(folder, name);
    writeFileSync(file, text);
    // The first partition starts at one MiB.
    await run("mcopy", ["-o", "-i", `${disk}@@1M`, file, `::${name}`]);
  }
  const board =
    options.board === "raspi3b"
      ? await raspi3b(folder, disk, options.image)
      : virt(folder, disk, options, await givenUnits(folder, options.units));
  const args = [...board, ...(options.restarts ? [] : ["-no-reboot"]), ...(options.more ?? [])];
  const child = spawn("qemu-system-aarch64", args, { stdio: ["ignore", "pipe", "pipe"] });
  return watch(child, folder, disk, options.log);
}

/** The arguments that hand units to the guest, wanted by its usual target. */
async function givenUnits(folder: string, units: MachineOptions["units"] = {}): Promise<string[]> {
  const names = Object.keys(units);
  if (names.length === 0) return [];
  const tree = join(folder, "units");
  const wants = join(tree, "multi-user.target.wants");
  mkdirSync(wants, { recursive: true });
  for (const [name, text] of Object.entries(units)) {
    mkdirSync(dirname(join(tree, name)), { recursive: true });
    writeFileSync(join(tree, name), text);
    if (/^[^/]+\.(service|timer)$/.test(name)) symlinkSync(`../${name}`, join(wants, name));
  }
  await run("tar", ["-cf", join(folder, "units.tar"), "-C", tree, "--owner=0", "--group=0", "."]);
  return ["-fw_cfg", `name=opt/stadsnod/units,file=${join(folder, "units.tar")}`];
}

/** `writeback`: what the guest has written is the host's, whatever of it was flushed, and stays when QEMU is killed. */
const drive = (disk: string) => `file=${disk},format=raw,cache=writeback`;

function virt(folder: string, disk: string, options: MachineOptions, units: readonly string[]): string[] {
  cpSync(join(options.image, "u-boot.bin"), join(folder, "u-boot.bin"));
  return [
    // Two processors in one thread: with a thread each a boot stood still, once in some ten runs of the image
    // test (QEMU 7.2, soft lockups while modules load; the cause is not known).
    ...["-M", "virt", "-cpu", "max,pauth-impdef=on,sve=off", "-accel", "tcg,thread=single"],
    ...["-smp", "2", "-m", String(options.memory ?? 512), "-bios", join(folder, "u-boot.bin")],
    ...["-drive", `${drive(disk)},if=none,id=disk`, "-device", "virtio-blk-pci,drive=disk"],
    ...["-netdev", "user,id=net", "-device", "virtio-net-pci,netdev=net,romfile="],
    "-nographic",
    ...units,
  ];
}

/** QEMU takes the first word to this part, which arms the watchdog, for the end of its time, and resets at once. */
const watchdogOfPi = Buffer.from("brcm,bcm2835-pm\0brcm,bcm2835-pm-wdt\0");

/**
 * The kernel and first root of the image with the card's device tree, out of which the watchdog is taken. Without its
 * U-Boot, which runs here too, but leaves QEMU's USB in a state in which the kernel finds nothing on it, no network either.
 */
async function raspi3b(folder: string, disk: string, image: string): Promise<string[]> {
  const name = "bcm2837-rpi-3-b.dtb";
  const dtb = join(folder, name);
  await run("mcopy", ["-o", "-i", `${disk}@@1M`, `::${name}`, dtb]);
  const tree = readFileSync(dtb);
  const at = tree.indexOf(watchdogOfPi);
  if (at < 0) throw new ImageError(`${dtb} names no watchdog, or another one`);
  tree.write("none", at);
  tree.write("none", at + watchdogOfPi.indexOf("brcm", 4));
  writeFileSync(dtb, tree);
  const words = "console=ttyS1,115200 stadsnod.slot=A stadsnod.root=root_a rauc.slot=A panic=5 quiet";
  return [
    ...["-M", "raspi3b", "-accel", "tcg,thread=multi", "-dtb", dtb, "-append", words],
    ...["-kernel", join(image, "vmlinuz"), "-initrd", join(image, "initrd.img")],
    ...["-drive", `${drive(disk)},if=sd`],
    ...["-netdev", "user,id=net", "-device", "usb-net,netdev=net"],
    // The console is the second serial line, as on the header of the board.
    ...["-display", "none", "-serial", "null", "-serial", "stdio"],
  ];
}

function watch(child: ChildProcess, folder: string, disk: string, log?: string): Machine {
  if (log) writeFileSync(log, "");
  let text = "";
  let from = 0;
  let gone: string | undefined;
  const listeners = new Set<() => void>();
  const tell = () => {
    for (const listener of listeners) listener();
  };
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding("utf8").on("data", (more: string) => {
      // Terminals' colours and carriage returns are in nobody's pattern.
      // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what a colour is made of
      const plain = more.replace(/\x1b\[[0-9;?:]*[A-Za-z]|\r/g, "");
      text += plain;
      if (log) appendFileSync(log, plain);
      tell();
    });
  }
  const ended = new Promise<void>((resolve) => {
    const over = (why: string) => {
      gone = why;
      tell();
      resolve();
    };
    child.once("exit", (code, signal) => over(`QEMU ended with ${code ?? signal}`));
    child.once("error", (error) =>
      over(`QEMU cannot run: ${error.message}; apt-get install qemu-system-arm`),
    );
  });
  const cut = async () => {
    child.kill("SIGKILL");
    await ended;
  };
  const waitFor = (pattern: RegExp, seconds: number, find: () => RegExpExecArray | null) =>
    new Promise<RegExpMatchArray>((resolve, reject) => {
      const stop = () => {
        clearTimeout(timer);
        listeners.delete(look);
      };
      const fail = (why: string) => {
        stop();
        const last = text.split("\n").slice(-40).join("\n");
        reject(new ImageError(`${why} before ${pattern} was on the console; its last lines:\n${last}`));
      };
      const look = () => {
        const match = find();
        if (match) {
          stop();
          resolve(match);
        } else if (gone) fail(gone);
      };
      const timer = setTimeout(() => fail(`${seconds} s went by`), seconds * 1000);
      listeners.add(look);
      look();
    });
  return {
    get console() {
      return text;
    },
    get written() {
      const counts = readFileSync(`/proc/${child.pid}/io`, "utf8");
      return Number(/^wchar: (\d+)$/m.exec(counts)?.[1]);
    },
    disk,
    ended,
    cut,
    seen: (pattern, seconds = 300) =>
      waitFor(pattern, seconds, () => {
        const match = pattern.exec(text.slice(from));
        if (match) from += match.index + match[0].length;
        return match;
      }),
    heard: (pattern, seconds = 300) => waitFor(pattern, seconds, () => pattern.exec(text)),
    async [Symbol.asyncDispose]() {
      await cut();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
