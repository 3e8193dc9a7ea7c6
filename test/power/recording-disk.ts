import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, ftruncateSync, mkdirSync, openSync, writeFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { run, tryToRun, type Workplace } from "./machine.ts";
import { blockBytes, blocksPerGroup, diskBytes, fileSystemBytes } from "./mark.ts";

/** The log is a sparse file. */
const logBytes = 2 ** 31;

/** A disk that writes down every write and flush that reaches it, with an ext4 file system on it. */
export interface RecordingDisk {
  /** Where it is mounted. */
  readonly folder: string;
  /** The disk as a file: marks are written here, beside the file system, and recorded like everything else. */
  readonly file: string;
  /** Unmounts it and ends the recording. Gives the file of the log. */
  finish(): Promise<string>;
}

/** qemu-storage-daemon records (blklogwrites), FUSE makes a file of its disk, a loop device carries the file system on it. */
export async function openRecordingDisk(workplace: Workplace): Promise<RecordingDisk> {
  const log = workplace.path("log.img");
  const disk = workplace.path("disk.img");
  const file = workplace.path("recorded.img");
  const folder = workplace.path("recorded");
  sparse(log, logBytes);
  sparse(disk, diskBytes);
  writeFileSync(file, "");
  mkdirSync(folder);
  const recorder = await startRecorder(workplace, { log, disk, file });
  // Nothing is left to be initialized later: what is recorded is what the gateway does.
  const now = "lazy_itable_init=0,lazy_journal_init=0";
  const shape = ["-b", String(blockBytes), "-g", String(blocksPerGroup), "-J", "size=4", "-E", now];
  run("mkfs.ext4", "-q", "-F", ...shape, file, String(fileSystemBytes / blockBytes));
  workplace.mount(file, folder);
  return {
    folder,
    file,
    async finish() {
      workplace.unmount(folder);
      const ended = once(recorder, "exit");
      recorder.stdin?.write('{"execute":"quit"}\n');
      await ended;
      return log;
    },
  };
}

async function startRecorder(
  workplace: Workplace,
  files: { readonly log: string; readonly disk: string; readonly file: string },
): Promise<ChildProcess> {
  // What programs flush must be in the log, not on this machine's disk.
  const image = (name: string, node: string) =>
    `driver=file,filename=${name},node-name=${node},cache.no-flush=on`;
  const parameters = [
    ...["--blockdev", image(files.disk, "disk")],
    ...["--blockdev", image(files.log, "log")],
    ...["--blockdev", "driver=blklogwrites,node-name=recorded,file=disk,log=log,log-sector-size=512"],
    ...["--export", `type=fuse,id=fuse,node-name=recorded,mountpoint=${files.file},writable=on`],
    ...["--chardev", "stdio,id=control", "--monitor", "chardev=control"],
  ];
  const recorder = spawn("qemu-storage-daemon", parameters, { stdio: ["pipe", "pipe", "inherit"] });
  workplace.defer(() => {
    recorder.kill("SIGKILL");
    // A recorder that died leaves its export behind.
    tryToRun("umount", "-l", files.file);
  });
  const lines = createInterface({ input: recorder.stdout });
  // It greets once everything before it on the command line is there.
  const greeting = Promise.race([
    once(lines, "line"),
    once(recorder, "exit").then(([code]) => {
      throw new Error(`qemu-storage-daemon ended with code ${code}`);
    }),
  ]);
  await greeting;
  recorder.stdin.write('{"execute":"qmp_capabilities"}\n');
  await once(lines, "line");
  return recorder;
}

function sparse(file: string, bytes: number): void {
  const handle = openSync(file, "w");
  ftruncateSync(handle, bytes);
  closeSync(handle);
}
