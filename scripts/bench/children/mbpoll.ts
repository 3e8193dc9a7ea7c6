// The peer: libmodbus' mbpoll, a C program that prints what it reads. Without a rate it makes one pass, without pauses,
// over a list of units that is as long as it has to be; its text is judged afterwards.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { MasterResult, MasterSettings } from "../master.ts";
import { cpuSeconds, rssMb } from "../process.ts";
import { answer, settings, tell } from "./child.ts";

const wanted = settings<MasterSettings>();
const { endpoint, units, registers, type, timeoutMs, durationMs, perSecond, requests, roam, counted } =
  wanted;
const width = type === "u32" ? 2 : 1;
const count = registers / width;

answer({ run });
tell({});

async function run(): Promise<MasterResult> {
  if (roam) throw new Error("mbpoll reads one address only");
  const folder = mkdtempSync(join(tmpdir(), "stadsnod-mbpoll-"));
  const text = join(folder, "out");
  const out = openSync(text, "w");
  try {
    const started = performance.now();
    const child = spawn("mbpoll", mbpollArguments(), { stdio: ["ignore", out, "ignore"] });
    const ended = once(child, "exit");
    await once(child, "spawn").catch((error: unknown) => {
      const missing = error instanceof Error && "code" in error && error.code === "ENOENT";
      throw missing ? new Error("mbpoll is not installed: apt install mbpoll") : error;
    });
    let cpu = Number.NaN;
    let rss = Number.NaN;
    if (requests === undefined) {
      await Promise.race([sleep(durationMs), ended]);
      if (child.exitCode !== null) throw new Error(`mbpoll ended too early, with ${child.exitCode}`);
      cpu = cpuSeconds(child.pid ?? 0);
      rss = rssMb(child.pid ?? 0);
    }
    const seconds = (performance.now() - started) / 1000;
    if (requests === undefined) child.kill("SIGINT");
    await ended;
    const judged = judge(readFileSync(text, "latin1"));
    if (judged.good + judged.failed + judged.wrong === 0) throw new Error("mbpoll read nothing");
    return { seconds, ...judged, cpuSeconds: cpu, rssMb: rss };
  } finally {
    closeSync(out);
    rmSync(folder, { recursive: true, force: true });
  }
}

function mbpollArguments(): string[] {
  const wire =
    endpoint.kind === "tcp"
      ? ["-m", "tcp", "-p", String(endpoint.port)]
      : ["-m", "rtu", "-b", String(endpoint.baud), "-P", endpoint.parity];
  return [
    ...wire,
    ...(perSecond === undefined ? ["-1"] : ["-l", String(Math.floor(1000 / perSecond) - 1)]),
    ...["-a", unitList()],
    ...["-t", width === 2 ? "3:int" : "3", "-B"],
    ...["-c", String(count), "-o", String(timeoutMs / 1000)],
    endpoint.kind === "tcp" ? "127.0.0.1" : endpoint.path,
  ];
}

/** Linux takes no argument above 128 kB. */
const longestList = 120_000;

function unitList(): string {
  const [first = 1] = units;
  const consecutive = units.length > 1 && units.every((unit, index) => unit === first + index);
  const once = consecutive ? `${first}:${first + units.length - 1}` : units.join(",");
  if (perSecond !== undefined) return once;
  const rounds =
    requests === undefined ? Math.floor(longestList / (once.length + 1)) : Math.ceil(requests / units.length);
  return Array.from({ length: rounds }, () => once).join(",");
}

/** Of its text: a line per attempt, then one per value when it was answered. */
function judge(text: string): Pick<MasterResult, "good" | "failed" | "wrong" | "byUnit"> {
  const byUnit = new Map<number, number>(units.map((unit) => [unit, 0]));
  let good = 0;
  let bad = 0;
  let wrong = 0;
  const attempts = text.split("-- Polling slave ").slice(1);
  for (const [index, attempt] of attempts.entries()) {
    const values = Array.from(attempt.matchAll(/^\[\d+\]: \t(-?\d+)/gm), ([, value]) => Number(value));
    const right = values.every((value, at) => {
      if (counted) return value === index + 1;
      const address = at * width;
      return value === (width === 1 ? address : address * 0x10000 + address + 1);
    });
    if (values.length === 0) bad++;
    else if (values.length === count && right) {
      good++;
      const unit = Number.parseInt(attempt, 10);
      byUnit.set(unit, (byUnit.get(unit) ?? 0) + 1);
      // What was under way when it was told to end is no failure.
    } else if (index < attempts.length - 1 || values.length === count) wrong++;
  }
  return { good, failed: bad, wrong, byUnit: units.map((unit) => byUnit.get(unit) ?? 0) };
}
