import { execFileSync } from "node:child_process";
import {
  closeSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { afterAll } from "vitest";
import { type Fault, family } from "./family.ts";
import type { Begun, Rig } from "./rig.ts";
import { openSmallDisk, type SmallDisk } from "./small-disk.ts";

let disk: SmallDisk;
afterAll(() => disk?.[Symbol.dispose]());

const toPlatform = { to: "platform" } as const;

async function diskSays(rig: Rig): Promise<string> {
  const { northbound, quarantined } = await rig.status(
    (status) => status.northbound[0]?.outbox.disk !== "ok" || status.quarantined.length > 0,
  );
  const kept = quarantined.map(({ kind, id }) => `${kind} ${id}`);
  const outbox = northbound[0]?.outbox.disk;
  return `status: outbox disk ${outbox}${kept.length > 0 ? `; not opened: ${kept.join(", ")}` : ""}`;
}

/** A technician's repair: in order down, the file system checked, and up again. */
async function repaired(rig: Rig): Promise<void> {
  await rig.daemon.end("SIGTERM");
  disk.unmount();
  disk.repair();
  disk.mount();
  await rig.start();
}

/** While the gateway is down something happens to its disk. */
async function whileDown(rig: Rig, what: () => void, signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
  await rig.daemon.end(signal);
  what();
  await rig.start();
}

async function again(rig: Rig): Promise<void> {
  await rig.daemon.end("SIGTERM");
  await rig.start();
}

/** The broker is away until packs wait on the disk; then the gateway is killed. */
async function killedWithPacks(rig: Rig, begun: Begun): Promise<void> {
  rig.path.fault({ accepts: "reset" });
  rig.path.cut();
  await rig.disconnected(begun);
  await rig.status(({ northbound }) => (northbound[0]?.outbox.packs ?? 0) > 30);
  await rig.daemon.end("SIGKILL");
}

/** Behind the first records of the newest segment; what lies further behind may be of an earlier use of the file. */
const inTheMiddle = 2048;

function newestSegment(rig: Rig): string {
  const folder = join(rig.store, "outbox-city");
  const names = readdirSync(folder).filter((name) => /^segment-\d+$/.test(name));
  return join(folder, names.sort().at(-1) ?? "");
}

async function damaged(rig: Rig): Promise<string> {
  const line = await rig.daemon.logged(({ msg }) => /damage|quarantine/.test(msg ?? ""));
  return rig.shown(line);
}

function atStart(name: string, done: string, spoil: () => void, mend: (rig: Rig) => unknown): Fault {
  return {
    name,
    done,
    inject: (rig) => whileDown(rig, spoil),
    noticed: diskSays,
    goesOn: toPlatform,
    heal: mend,
  };
}

family(
  "Storage",
  "storage",
  {
    prepare: (store) => {
      disk = openSmallDisk(store);
    },
  },
  [
    {
      name: "disk full",
      done: "every block of the file system was taken while it ran, and given back",
      inject: () => disk.fill("blocks"),
      noticed: diskSays,
      goesOn: toPlatform,
      heal: () => disk.empty(),
    },
    atStart(
      "disk full at the start",
      "the gateway was started on a file system without a free block; given back, and started again",
      () => disk.fill("blocks"),
      async (rig) => {
        disk.empty();
        await again(rig);
      },
    ),
    {
      name: "no inodes at the start",
      done: "the gateway was started on a file system without a free inode; given back, and started again",
      inject: (rig) => whileDown(rig, () => disk.fill("inodes")),
      noticed: diskSays,
      goesOn: toPlatform,
      async heal(rig) {
        disk.empty();
        await again(rig);
      },
    },
    {
      name: "file system read-only after an error",
      done: "the kernel found the file system damaged and made it read-only; repaired, and started again",
      inject: () => disk.fail(),
      noticed: diskSays,
      goesOn: toPlatform,
      heal: repaired,
    },
    atStart(
      "read-only at the start",
      "the gateway was started on a read-only file system; made writable, and started again",
      () => disk.remount("ro"),
      async (rig) => {
        disk.remount("rw");
        await again(rig);
      },
    ),
    {
      name: "disk hangs",
      done: "every write and sync waited (fsfreeze), and went on",
      inject: () => disk.freeze(),
      async noticed(rig) {
        const { requests } = rig.roof.unit(1);
        await rig.until(() => rig.roof.unit(1).requests > requests + 10);
        return "what waits for the disk is not told as durable: the city's command gets no answer";
      },
      goesOn: { to: "line" },
      heal: () => disk.thaw(),
    },
    {
      name: "device takes no blocks",
      done: "the gateway began a new outbox on a device that had no room of its own left (EIO); repaired, and started again",
      async inject(rig) {
        // Everything has been delivered. Blocks that are written again would be found below.
        await whileDown(rig, () => {
          rmSync(join(rig.store, "outbox-city"), { recursive: true });
          disk.starve();
        });
      },
      noticed: diskSays,
      goesOn: toPlatform,
      async heal(rig) {
        disk.feed();
        await repaired(rig);
      },
    },
    {
      name: "limit of file size",
      done: "no file of the process could grow past 4 kB (EFBIG), and then again",
      inject: (rig) => execFileSync("prlimit", ["--pid", String(rig.daemon.pid), "--fsize=4096:"]),
      noticed: diskSays,
      goesOn: toPlatform,
      heal(rig) {
        execFileSync("prlimit", ["--pid", String(rig.daemon.pid), "--fsize=unlimited:"]);
        // What the ledger could not take comes again with the next connection, otherwise within a minute.
        rig.path.cut();
      },
    },
    {
      name: "files immutable",
      done: "everything in the store was made immutable (chattr +i), and mutable again",
      inject: (rig) => execFileSync("chattr", ["-R", "+i", rig.store]),
      noticed: diskSays,
      goesOn: toPlatform,
      heal(rig) {
        execFileSync("chattr", ["-R", "-i", rig.store]);
        // As above.
        rig.path.cut();
      },
    },
    {
      name: "flipped bits in stored packs",
      done: "with packs waiting for the broker, killed; 64 bytes in the middle of them were turned over; started",
      async inject(rig, begun) {
        await killedWithPacks(rig, begun);
        const path = newestSegment(rig);
        const handle = openSync(path, "r+");
        const bytes = readFileSync(path).subarray(inTheMiddle, inTheMiddle + 64);
        writeSync(
          handle,
          bytes.map((byte) => byte ^ 0xff),
          0,
          bytes.length,
          inTheMiddle,
        );
        closeSync(handle);
        await rig.start();
      },
      noticed: damaged,
      goesOn: { to: "line" },
      heal: (rig) => rig.path.fault(undefined),
      mayLose: true,
    },
    {
      name: "a page of zeros in stored packs",
      done: "with packs waiting for the broker, killed; 512 bytes in the middle of them was zeroed; started",
      async inject(rig, begun) {
        await killedWithPacks(rig, begun);
        const path = newestSegment(rig);
        const handle = openSync(path, "r+");
        writeSync(handle, Buffer.alloc(512), 0, 512, inTheMiddle);
        closeSync(handle);
        await rig.start();
      },
      noticed: damaged,
      goesOn: { to: "line" },
      heal: (rig) => rig.path.fault(undefined),
      mayLose: true,
    },
    {
      name: "empty files after a power cut",
      done: "killed; clock.json and the ledger of commands were left without a byte; started",
      async inject(rig) {
        await rig.daemon.end("SIGKILL");
        writeFileSync(join(rig.store, "clock.json"), "");
        for (const name of readdirSync(join(rig.store, "commands"))) {
          const path = join(rig.store, "commands", name);
          if (statSync(path).isFile()) truncateSync(path, 0);
        }
        await rig.start();
      },
      async noticed(rig) {
        await rig.status(({ northbound }) => northbound[0]?.connected === true);
        return "nothing to notice: the ledger begins anew, the time is at least that of the build";
      },
      goesOn: toPlatform,
      heal: () => {},
    },
  ],
);
