// Entry of the sandbox's thread: takes one job at a time, and knows nothing but the engine.
import { parentPort, workerData } from "node:worker_threads";
import { endedJob, type Job, type JobAnswer, type JobResult, stopJob, type ThreadData } from "./messages.ts";
import { Realms } from "./realms.ts";

const stackBytes = 256 * 1024;

const port = parentPort;
if (!port) throw new Error("this file runs only as a worker thread");
const { module, heapBytes, shared }: ThreadData = workerData;
const signals = new Int32Array(shared);
let current = 0;
const interrupted = () => Atomics.load(signals, stopJob) === current;
const realms = new Realms({ module, heapBytes, stackBytes, interrupted });

port.on("message", (job: Job) => {
  current = job.job;
  const result = perform(job);
  // Before the answer is on its way: whoever looks for a job that hangs must not take a slow message for one.
  Atomics.store(signals, endedJob, job.job);
  port.postMessage({ job: job.job, ...result } satisfies JobAnswer);
});

function perform(job: Job): JobResult {
  switch (job.kind) {
    case "load":
      return realms.load(job.codec, job.source, interrupted);
    case "call":
      return realms.call(job.codec, job.fn, job.input, job.now, interrupted);
    case "forget":
      realms.forget(job.codec);
      return { text: "[]" };
  }
}
port.postMessage({ job: 0, text: "[]" } satisfies JobAnswer);
