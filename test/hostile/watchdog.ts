import { Worker } from "node:worker_threads";
import type { Target } from "./target.ts";

/** An input that is not done with by then is never done with. */
const hungMs = 20_000;

const code = `
const { workerData } = require("node:worker_threads");
const { writeSync } = require("node:fs");
const turns = new Int32Array(workerData.shared, 0, 2);
const words = new Uint8Array(workerData.shared, 8);
let seen = -1;
let since = Date.now();
setInterval(() => {
  const turn = Atomics.load(turns, 0);
  if (turn !== seen || turn % 2 === 0) { seen = turn; since = Date.now(); return; }
  if (Date.now() - since < workerData.hungMs) return;
  writeSync(2, "HANGS: " + Buffer.from(words.slice(0, turns[1])).toString("latin1") + "\\n");
  process.kill(process.pid, "SIGKILL");
}, 1000);
`;

const shared = new SharedArrayBuffer(8 + 512);
const turns = new Int32Array(shared, 0, 2);
const words = new Uint8Array(shared, 8);
let dog: Worker | undefined;

/**
 * Gives the target an input; resolves with what was thrown, undefined when nothing was. Should it never come back, a
 * thread beside prints the replay line and ends the process: nothing else can.
 */
export async function watched(target: Target, input: Uint8Array, replay: string): Promise<unknown> {
  if (!dog) {
    dog = new Worker(code, { eval: true, workerData: { shared, hungMs } });
    dog.unref();
  }
  turns[1] = Buffer.from(words.buffer, words.byteOffset, words.length).write(replay, "latin1");
  // Odd while an input is being read.
  Atomics.add(turns, 0, 1);
  try {
    const answer = target.take(input);
    if (answer instanceof Promise) await answer;
    return undefined;
  } catch (error) {
    return error ?? new Error("threw nothing");
  } finally {
    Atomics.add(turns, 0, 1);
  }
}
