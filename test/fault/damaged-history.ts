import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { silentLog } from "../../gateway/model/log.ts";
import { History } from "../../gateway/telemetry/history.ts";
import { good, sampleDevice, samplePoint } from "../telemetry/sample.ts";
import { type Damage, damageFiles, type Outcome } from "./damage.ts";
import { seeded } from "./random.ts";
import { SimulatedDisk } from "./simulated-disk.ts";
import { VirtualClock } from "./virtual-clock.ts";

const start = 1_790_000_000_000;
const device = sampleDevice("m1");
const point = samplePoint("number");

function open(file: string): History {
  return new History({
    clock: new VirtualClock({ unix: start }),
    log: silentLog,
    file,
    maxAgeMs: 86_400_000,
    maxBytes: 50_000_000,
    personal: false,
  });
}

async function record(history: History, from: number, count: number): Promise<void> {
  const readings = Array.from({ length: count }, (_, place) =>
    good(device, point, from + place, { base: "unix", ms: start + from + place }),
  );
  history.record(readings);
  await history.flush();
}

/** The bytes of a history's database. */
export async function healthyHistory(): Promise<Uint8Array> {
  const folder = mkdtempSync(join(tmpdir(), "stadsnod-damaged-"));
  try {
    const file = join(folder, "history.sqlite");
    {
      await using history = open(file);
      await record(history, 0, 4000);
    }
    return readFileSync(file);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A damaged database is kept and a new one begun: nothing is salvaged from it, the outbox has the readings. */
export async function damagedHistory(healthy: Uint8Array, damage: Damage, seed: number): Promise<Outcome> {
  const random = seeded(seed);
  const disk = new SimulatedDisk({ random });
  disk.put("history.sqlite", healthy);
  disk.put("other", Buffer.alloc(10_000, "no database"));
  damageFiles(disk, damage === "swapped files" ? disk.names : ["history.sqlite"], damage, random);
  const bytes = Buffer.from(disk.contents("history.sqlite"));
  const folder = mkdtempSync(join(tmpdir(), "stadsnod-damaged-"));
  try {
    const file = join(folder, "history.sqlite");
    writeFileSync(file, bytes);
    let up: boolean;
    {
      await using history = open(file);
      await record(history, 10_000, 1);
      up = history.status().state === "recording" && history.status().recorded === 1;
    }
    const aside = readdirSync(folder).filter((name) => name.includes(".damaged-"));
    const kept =
      aside.some((name) => readFileSync(join(folder, name)).equals(bytes)) ||
      // SQLite saw nothing wrong and goes on with it: no page of it has gone.
      (aside.length === 0 && existsSync(file) && readFileSync(file).length >= bytes.length);
    return { up, kept, intact: 0, salvaged: 0 };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
