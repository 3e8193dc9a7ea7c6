import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import type { Clock } from "../model/clock.ts";
import { type Log, silentLog } from "../model/log.ts";
import { failed, readDecoded, readEncoded } from "./answer.ts";
import {
  type Codec,
  type CodecFailureCode,
  type CodecFunction,
  type Decoded,
  type DownlinkInput,
  type Encoded,
  limits,
  type UplinkInput,
} from "./codec.ts";
import { capMemory, pageBytes } from "./memory-cap.ts";
import type { JobResult } from "./messages.ts";
import { Quarantine } from "./quarantine.ts";
import { functionsIn, refusal, ScriptError } from "./script-error.ts";
import { type JobLimits, Thread } from "./thread.ts";

export interface SandboxOptions {
  readonly clock: Clock;
  readonly log?: Log | undefined;
  /** The engine's memory, MB: all codecs together, as only one runs at a time. Default 16, at least 4. */
  readonly memoryMb?: number | undefined;
  /** How long one call may take, ms. Default 100, as ChirpStack allows. */
  readonly callMs?: number | undefined;
  /** How long a script may take to start, ms. Default 2000. */
  readonly loadMs?: number | undefined;
  /** How long a script that should stop is waited for before its thread is ended, ms. Default 150. */
  readonly graceMs?: number | undefined;
  /** How many codecs stay ready in memory, 0.5 MB each and at most 2.5; others are loaded again when called. Default 16. */
  readonly keptCodecs?: number | undefined;
  /** How many calls may wait. Default 1000. */
  readonly queue?: number | undefined;
}

/**
 * Runs codec scripts that nobody has checked: in QuickJS, in WebAssembly, in a thread of its own, with
 * capped memory and time. The thread starts with the first `load`, and again after a script had to be
 * ended with it. Calls are performed one by one, in order.
 */
export interface Sandbox extends AsyncDisposable {
  /**
   * Compiles a script; `name` is for messages.
   *
   * @throws ScriptError (a ConfigError) with the line, where there is one
   */
  load(name: string, source: string): Promise<Codec>;
  /** How many times a thread was started: more than one means that scripts had to be ended with it. */
  readonly starts: number;
}

export function openSandbox(options: SandboxOptions): Sandbox {
  return new QueueingSandbox(options);
}

/** What native code and the stack need beside the heap, bytes. */
const besidesHeapBytes = 2 << 20;

interface Script {
  readonly id: number;
  readonly name: string;
  readonly source: string;
  readonly quarantine: Quarantine;
  disposed: boolean;
}

interface Call {
  readonly fn: CodecFunction;
  readonly input: string;
  readonly now: number;
}

interface Waiting {
  readonly script: Script;
  /** Undefined: load it. */
  readonly call: Call | undefined;
  readonly settle: (result: JobResult) => void;
}

class QueueingSandbox implements Sandbox {
  starts = 0;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #memoryBytes: number;
  readonly #callLimits: JobLimits;
  readonly #loadLimits: JobLimits;
  readonly #keptCodecs: number;
  readonly #longestQueue: number;
  readonly #queue: Waiting[] = [];
  #module: Promise<WebAssembly.Module> | undefined;
  #thread: Thread | undefined;
  /** Codecs that the thread holds, the one used last at the end. */
  #loaded = new Set<number>();
  #scripts = 0;
  #working: Promise<void> | undefined;
  #closed = false;

  constructor(options: SandboxOptions) {
    const { clock, log = silentLog, memoryMb = 16, callMs = 100, loadMs = 2000, graceMs = 150 } = options;
    if (!(memoryMb >= 4 && memoryMb <= 1024)) throw new RangeError("memoryMb must be from 4 to 1024");
    this.#clock = clock;
    this.#log = log;
    this.#memoryBytes = Math.round(memoryMb) << 20;
    this.#callLimits = { softMs: callMs, hardMs: callMs + graceMs };
    this.#loadLimits = { softMs: loadMs, hardMs: loadMs + graceMs };
    this.#keptCodecs = options.keptCodecs ?? 16;
    this.#longestQueue = options.queue ?? 1000;
  }

  async load(name: string, source: string): Promise<Codec> {
    const bytes = Buffer.byteLength(source);
    if (bytes > limits.scriptBytes) {
      const message = `${name}: the script has ${bytes} bytes; at most ${limits.scriptBytes} are accepted`;
      throw new ScriptError(message, { code: "too-large" });
    }
    const script: Script = {
      id: ++this.#scripts,
      name,
      source,
      quarantine: new Quarantine(this.#clock),
      disposed: false,
    };
    const result = await this.#enqueue(script, undefined);
    if ("broke" in result) throw refusal(name, result.broke);
    return this.#codec(script, functionsIn(name, result.text));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    await this.#thread?.[Symbol.asyncDispose]();
    await this.#working;
    // One that was only just starting.
    await this.#thread?.[Symbol.asyncDispose]();
  }

  #codec(script: Script, functions: ReadonlySet<CodecFunction>): Codec {
    const decode = async (fn: "decodeUplink" | "decodeDownlink", given: UplinkInput): Promise<Decoded> => {
      const { bytes, fPort, recvTime, variables } = given;
      if (bytes.length > limits.inputBytes) {
        return failed(
          script.name,
          "too-large",
          `a payload has at most ${limits.inputBytes} bytes, not ${bytes.length}`,
        );
      }
      const input = JSON.stringify({ bytes: Array.from(bytes), fPort, recvTime, variables: variables ?? {} });
      const result = await this.#call(script, functions, { fn, input, now: recvTime });
      return this.#noted(script, readDecoded(script.name, result));
    };
    return {
      name: script.name,
      functions,
      decodeUplink: (input) => decode("decodeUplink", input),
      decodeDownlink: (input) => decode("decodeDownlink", input),
      encodeDownlink: async ({
        data,
        now = this.#clock.now(),
        variables,
      }: DownlinkInput): Promise<Encoded> => {
        const input = JSON.stringify({ data, variables: variables ?? {} });
        const result = await this.#call(script, functions, { fn: "encodeDownlink", input, now });
        return this.#noted(script, readEncoded(script.name, result));
      },
      [Symbol.dispose]: () => {
        script.disposed = true;
      },
    };
  }

  async #call(script: Script, functions: ReadonlySet<CodecFunction>, call: Call): Promise<JobResult> {
    if (!functions.has(call.fn)) return broke("no-function", `it has no function ${call.fn}`);
    if (call.input.length > limits.inputText) {
      return broke("too-large", `what it is given takes more than ${limits.inputText} characters`);
    }
    return this.#enqueue(script, call);
  }

  #enqueue(script: Script, call: Call | undefined): Promise<JobResult> {
    if (this.#closed) return Promise.resolve(closed);
    if (this.#queue.length >= this.#longestQueue) {
      return Promise.resolve(broke("queue-full", `${this.#longestQueue} calls wait already`));
    }
    return new Promise((settle) => {
      this.#queue.push({ script, call, settle });
      this.#working ??= this.#work();
    });
  }

  /** Performs what waits, one by one. The only place that talks to the thread. */
  async #work(): Promise<void> {
    this.#thread?.keep(true);
    for (let next = this.#queue.shift(); next; next = this.#queue.shift()) {
      next.settle(await this.#perform(next));
    }
    this.#thread?.keep(false);
    this.#working = undefined;
  }

  async #perform({ script, call }: Waiting): Promise<JobResult> {
    if (this.#closed || script.disposed) return broke("closed", "it is no longer in use");
    const { leftMs } = script.quarantine;
    if (leftMs > 0)
      return broke("quarantined", `it did harm repeatedly, and waits another ${Math.ceil(leftMs / 1000)} s`);
    try {
      const thread = await this.#running();
      if (this.#closed) return closed;
      const loaded = await this.#loadInto(thread, script);
      const performed =
        call && loaded && !("broke" in loaded)
          ? await thread.run({ kind: "call", codec: script.id, ...call }, this.#callLimits)
          : loaded;
      return performed ?? (await this.#bury(thread));
    } catch (error) {
      return broke(
        "crashed",
        `the sandbox does not start: ${error instanceof Error ? error.message : String(error)}`,
      );
    }
  }

  /** The thread, started if there is none. */
  async #running(): Promise<Thread> {
    if (this.#thread && !this.#thread.dead) return this.#thread;
    this.#module ??= compile(this.#memoryBytes);
    const module = await this.#module;
    const heapBytes = this.#memoryBytes - besidesHeapBytes;
    this.#loaded.clear();
    this.starts++;
    this.#thread = await Thread.open({ clock: this.#clock, module, heapBytes });
    return this.#thread;
  }

  /** Makes sure that the thread holds a script, at the cost of the one used longest ago. */
  async #loadInto(thread: Thread, { id, source }: Script): Promise<JobResult | undefined> {
    if (this.#loaded.delete(id)) {
      this.#loaded.add(id);
      return { text: "[]" };
    }
    const [oldest] = this.#loaded;
    if (oldest !== undefined && this.#loaded.size >= this.#keptCodecs) {
      this.#loaded.delete(oldest);
      await thread.run({ kind: "forget", codec: oldest }, this.#loadLimits);
    }
    const result = await thread.run({ kind: "load", codec: id, source }, this.#loadLimits);
    if (result && !("broke" in result)) this.#loaded.add(id);
    return result;
  }

  /** The thread ended in the middle of a job. What waits is not lost: it is performed by the next one. */
  async #bury(thread: Thread): Promise<JobResult> {
    this.#thread = undefined;
    await thread[Symbol.asyncDispose]();
    if (this.#closed) return closed;
    const { cause } = thread;
    if (cause === undefined) return broke("timeout", "it did not end in time, and was ended with its thread");
    const outOfMemory =
      cause instanceof Error && "code" in cause && cause.code === "ERR_WORKER_OUT_OF_MEMORY";
    if (outOfMemory) return broke("out-of-memory", "its thread ran out of memory");
    return broke("crashed", `its thread ended: ${cause instanceof Error ? cause.message : String(cause)}`);
  }

  /** What a script's outcome says about the script: the same outcome. */
  #noted<T extends Decoded | Encoded>(script: Script, outcome: T): T {
    const code = outcome.failure?.code ?? "";
    const waitMs = harmful.has(code) ? script.quarantine.strike() : 0;
    if (waitMs > 0) {
      this.#log.warn(
        { codec: script.name, code, waitMs },
        "codec in quarantine: it hurts the sandbox again and again",
      );
    }
    return outcome;
  }
}

/** What costs the neighbours time. */
const harmful: ReadonlySet<string> = new Set(["timeout", "out-of-memory", "crashed"]);

function broke(code: CodecFailureCode, message: string): JobResult {
  return { broke: { code, message } };
}

const closed = broke("closed", "the sandbox is closed");

async function compile(memoryBytes: number): Promise<WebAssembly.Module> {
  const file = createRequire(import.meta.url).resolve("quickjs-wasi/quickjs.wasm");
  return WebAssembly.compile(capMemory(await readFile(file), memoryBytes / pageBytes));
}
