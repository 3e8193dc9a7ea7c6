import { type ChildProcess, spawn } from "node:child_process";
import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
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

/** Starts the image on QEMU's virt board. */
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
  cpSync(join(options.image, "u-boot.bin"), join(folder, "u-boot.bin"));
  const child = spawn(
    "qemu-system-aarch64",
    machineArguments(folder, disk, options, await givenUnits(folder, options.units)),
    {
      stdio: ["ignore", "pipe", "pipe"],
    },
  );
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

function machineArguments(
  folder: string,
  disk: string,
  options: MachineOptions,
  units: readonly string[],
): string[] {
  return [
    ...["-M", "virt", "-cpu", "max,pauth-impdef=on,sve=off", "-accel", "tcg,thread=multi"],
    ...["-smp", "2", "-m", String(options.memory ?? 512), "-bios", join(folder, "u-boot.bin")],
    ...["-drive", `file=${disk},format=raw,if=none,id=disk,cache=writeback`],
    ...["-device", "virtio-blk-pci,drive=disk"],
    ...["-netdev", "user,id=net", "-device", "virtio-net-pci,netdev=net,romfile="],
    ...["-nographic", ...(options.restarts ? [] : ["-no-reboot"])],
    ...units,
    ...(options.more ?? []),
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
  return {
    get console() {
      return text;
    },
    disk,
    ended,
    cut,
    seen(pattern, seconds = 300) {
      return new Promise((resolve, reject) => {
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
          const match = pattern.exec(text.slice(from));
          if (match) {
            from += match.index + match[0].length;
            stop();
            resolve(match);
          } else if (gone) fail(gone);
        };
        const timer = setTimeout(() => fail(`${seconds} s went by`), seconds * 1000);
        listeners.add(look);
        look();
      });
    },
    async [Symbol.asyncDispose]() {
      await cut();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
