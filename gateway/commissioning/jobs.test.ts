import { describe, expect, it } from "vitest";
import { VirtualClock } from "../../test/fault/virtual-clock.ts";
import type { DeviceFound } from "../model/commissioning.ts";
import { ConfigError, TransientError } from "../model/errors.ts";
import type { Job } from "../model/job.ts";
import type { Log } from "../model/log.ts";
import { silentLog } from "../model/log.ts";
import { type JobKinds, type JobStep, Jobs, mostFileBytes, mostFindings, mostJobs } from "./jobs.ts";

const doing = { en: "asks", sv: "frågar" };

function device(unit: number, says = ""): DeviceFound {
  return { kind: "device", protocol: "modbus", connection: {}, settings: { unit }, says, profiles: [] };
}

function open(kinds: JobKinds, log: Log = silentLog): Jobs {
  return new Jobs({ kinds, clock: new VirtualClock(), log });
}

/** A job that goes on until it is stopped. */
async function* forever(signal: AbortSignal): AsyncIterable<JobStep> {
  yield { progress: { done: 1, doing } };
  await new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
}

async function ended(jobs: Jobs, { id }: Job): Promise<Job> {
  await jobs.ended(id);
  return jobs.get(id)!;
}

describe("jobs", () => {
  it("run to their end and keep what they found", async () => {
    const jobs = open({
      scan: (what) => ({
        subject: String(what.connection),
        async *run() {
          yield { progress: { done: 1, total: 2, leftS: 1, doing }, finding: device(1) };
          yield { finding: device(2) };
          yield { finding: device(1, "SDM630") };
        },
      }),
    });
    const begun = await jobs.start("scan", { connection: "meters" }, "anna");
    expect(begun).toMatchObject({
      kind: "scan",
      state: "running",
      subject: "meters",
      by: "anna",
      findings: [],
    });
    const done = await ended(jobs, begun);
    expect(done).toMatchObject({
      state: "done",
      progress: { done: 1, total: 2 },
      findings: [
        { settings: { unit: 1 }, says: "SDM630" },
        { settings: { unit: 2 }, says: "" },
      ],
    });
    expect(done.endedAt).toBeDefined();
    expect(done.error).toBeUndefined();
    expect(jobs.list()).toEqual([done]);
  });

  it("say why they failed, and log only what is a bug", async () => {
    const logged: string[] = [];
    const log: Log = { ...silentLog, error: (_, text) => logged.push(text) };
    const failing = (error: Error) => () => ({
      subject: "x",
      // biome-ignore lint/correctness/useYield: it fails before it says anything
      async *run(): AsyncGenerator<JobStep> {
        throw error;
      },
    });
    const jobs = open(
      {
        scan: failing(new TransientError("nobody answers", { code: "no-answer", hint: "check the power" })),
        doctor: failing(new TypeError("secret things")),
      },
      log,
    );
    expect(await ended(jobs, await jobs.start("scan", {}, "anna"))).toMatchObject({
      state: "failed",
      error: { code: "no-answer", message: "nobody answers", hint: "check the power" },
    });
    expect(logged).toEqual([]);
    const bug = await ended(jobs, await jobs.start("doctor", {}, "anna"));
    expect(bug).toMatchObject({ state: "failed", error: { code: "internal" } });
    expect(JSON.stringify(bug)).not.toContain("secret");
    expect(logged).toHaveLength(1);
  });

  it("refuse a kind that is not there, and what its maker does not understand", async () => {
    const jobs = open({
      scan: () => {
        throw new ConfigError("no such port", { code: "bad-job" });
      },
    });
    await expect(jobs.start("doctor", {}, "anna")).rejects.toMatchObject({ code: "unknown-job-kind" });
    await expect(jobs.start("scan", {}, "anna")).rejects.toMatchObject({ code: "bad-job" });
    expect(jobs.list()).toEqual([]);
  });

  it("have a line alone until they have really ended", async () => {
    const leaves = Promise.withResolvers<void>();
    const jobs = open({
      scan: ({ line }) => ({
        subject: String(line),
        lines: [String(line)],
        async *run(signal) {
          yield { progress: { done: 1, doing } };
          await new Promise<void>((end) => signal.addEventListener("abort", () => end()));
          await leaves.promise;
        },
      }),
    });
    const first = await jobs.start("scan", { line: "meters" }, "anna");
    await expect(jobs.start("scan", { line: "meters" }, "bo")).rejects.toMatchObject({ code: "line-busy" });
    const other = await jobs.start("scan", { line: "lamps" }, "bo");
    expect(jobs.stop(first.id)).toBe(true);
    await expect(jobs.start("scan", { line: "meters" }, "bo")).rejects.toMatchObject({ code: "line-busy" });
    leaves.resolve();
    expect(await ended(jobs, first)).toMatchObject({ state: "stopped" });
    expect(jobs.stop(first.id)).toBe(false);
    const again = await jobs.start("scan", { line: "meters" }, "bo");
    expect(again.state).toBe("running");
    await jobs[Symbol.asyncDispose]();
    expect(jobs.get(other.id)?.state).toBe("stopped");
    expect(jobs.get(again.id)?.state).toBe("stopped");
    await expect(jobs.start("scan", { line: "x" }, "bo")).rejects.toMatchObject({ code: "closed" });
  });

  it("run three at a time at most", async () => {
    await using jobs = open({ doctor: () => ({ subject: "gateway", run: forever }) });
    for (let count = 0; count < 3; count++) await jobs.start("doctor", {}, "anna");
    await expect(jobs.start("doctor", {}, "anna")).rejects.toMatchObject({ code: "too-many-jobs" });
  });

  it("forget the oldest that have ended, never one that runs", async () => {
    const made = (signal: AbortSignal, short: boolean): AsyncIterable<JobStep> =>
      short ? (async function* () {})() : forever(signal);
    await using jobs = open({
      doctor: ({ short }) => ({ subject: "gateway", run: (signal) => made(signal, short === true) }),
    });
    const long = await jobs.start("doctor", {}, "anna");
    const first = await jobs.start("doctor", { short: true }, "anna");
    await jobs.ended(first.id);
    for (let count = 2; count <= mostJobs; count++)
      await jobs.ended((await jobs.start("doctor", { short: true }, "anna")).id);
    expect(jobs.list()).toHaveLength(mostJobs);
    expect(jobs.get(first.id)).toBeUndefined();
    expect(jobs.get(long.id)?.state).toBe("running");
  });

  it("keep a bounded number of findings", async () => {
    const jobs = open({
      scan: () => ({
        subject: "x",
        async *run() {
          for (let unit = 0; unit < mostFindings + 10; unit++) yield { finding: device(unit) };
          yield { finding: device(0, "later") };
        },
      }),
    });
    const { findings } = await ended(jobs, await jobs.start("scan", {}, "anna"));
    expect(findings).toHaveLength(mostFindings);
    expect(findings[0]).toMatchObject({ says: "later" });
  });

  it("give a slow follower the newest state only, and the last one for certain", async () => {
    const go = Promise.withResolvers<void>();
    const jobs = open({
      scan: () => ({
        subject: "x",
        async *run() {
          yield { progress: { done: 1, doing } };
          await go.promise;
          for (let done = 2; done <= 1000; done++) yield { progress: { done, doing } };
        },
      }),
    });
    const begun = await jobs.start("scan", {}, "anna");
    const seen: Job[] = [];
    for await (const job of jobs.follow(begun.id, new AbortController().signal)) {
      seen.push(job);
      if (job.progress.done < 1) continue;
      go.resolve();
      await jobs.ended(begun.id);
    }
    expect(seen.length).toBeLessThanOrEqual(3);
    expect(seen.at(-1)).toMatchObject({ state: "done", progress: { done: 1000 } });
  });

  it("let a follower go when it wants to", async () => {
    await using jobs = open({ doctor: () => ({ subject: "gateway", run: forever }) });
    const { id } = await jobs.start("doctor", {}, "anna");
    const leaving = new AbortController();
    let seen = 0;
    for await (const _ of jobs.follow(id, leaving.signal)) {
      seen++;
      leaving.abort();
    }
    expect(seen).toBe(1);
    await expect(async () => {
      for await (const _ of jobs.follow("nothing", leaving.signal)) expect.unreachable();
    }).rejects.toMatchObject({ code: "unknown-job" });
  });

  it("keep files within bounds, the newest for certain", async () => {
    const jobs = open({
      diagnostics: ({ bytes }) => ({
        subject: "gateway",
        async *run() {
          const content = new Uint8Array(Number(bytes));
          yield { finding: { kind: "file", name: "bundle", bytes: content.length }, content };
        },
      }),
    });
    const first = await ended(jobs, await jobs.start("diagnostics", { bytes: mostFileBytes }, "anna"));
    expect(jobs.file(first.id, "bundle")?.length).toBe(mostFileBytes);
    expect(jobs.file(first.id, "../bundle")).toBeUndefined();
    const second = await ended(jobs, await jobs.start("diagnostics", { bytes: 10 }, "anna"));
    expect(jobs.file(first.id, "bundle")).toBeUndefined();
    expect(jobs.file(second.id, "bundle")?.length).toBe(10);
    const huge = await ended(jobs, await jobs.start("diagnostics", { bytes: mostFileBytes + 1 }, "anna"));
    expect(huge.error?.code).toBe("file-too-large");
  });
});
