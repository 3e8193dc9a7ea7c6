import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";
import { openMemoryOutbox } from "../../gateway/outbox/memory-outbox.ts";
import { openOutbox } from "../../gateway/outbox/segment-outbox.ts";
import { openFolderDisk } from "../../gateway/store/folder-disk.ts";
import { seeded } from "../fault/random.ts";
import { SimulatedDisk } from "../fault/simulated-disk.ts";
import { outboxContract } from "./outbox.contract.ts";

const folder = mkdtempSync(join(tmpdir(), "stadsnod-outbox-"));
afterAll(() => rmSync(folder, { recursive: true }));
let folders = 0;

outboxContract("in memory", "memory", async (options) => openMemoryOutbox(options));

outboxContract("segment log on a simulated disk", "disk", async (options) => {
  const random = seeded(1);
  const disk = new SimulatedDisk({ random });
  return openOutbox(disk, { ...options, random, segmentBytes: 8_192, cacheBytes: 500 });
});

outboxContract("segment log on a real disk", "disk", async (options) => {
  const disk = await openFolderDisk(join(folder, String(++folders)));
  return openOutbox(disk, { ...options, random: seeded(2), segmentBytes: 8_192, cacheBytes: 0 });
});
