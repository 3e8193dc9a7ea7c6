import { limits } from "./codec.ts";
import { Engine, type EngineOptions, type Image, ScriptThrew, type Thrown, type Value } from "./engine.ts";
import { brokenBound } from "./json-bounds.ts";
import type { Broke, JobResult } from "./messages.ts";
import { withoutExports } from "./module-syntax.ts";
import { lookup, prelude, scriptFile } from "./prelude.ts";

/** One codec's realm, as it is before every call. */
interface Realm {
  readonly image: Image;
  /** Of the prelude's function and of what the codec defines. */
  readonly run: Value;
  readonly found: Value | undefined;
  /** Run before each call: a script that looks at the clock when it starts would see another time than its functions. */
  readonly source: string | undefined;
}

/** What a codec may keep in memory between calls, the engine's own 0.4 MB included, bytes. */
const largestImage = 2560 * 1024;

/** Thrown values that say what ended a script from inside. */
const outOfMemory = /^(out of memory|string too long)$/;
const stackOverflow = /^(Maximum call stack size exceeded|stack overflow)$/;

/**
 * The codecs' realms in one engine. Each call starts from the same image of its codec's realm, and
 * nothing that happens in it outlives it: not in that realm, not in another.
 */
export class Realms {
  readonly #engine: Engine;
  readonly #start: Realm;
  readonly #realms = new Map<number, Realm>();
  #last: number | undefined;

  constructor(options: EngineOptions) {
    this.#engine = new Engine(options);
    const run = this.#engine.evaluate(prelude, "prelude.js");
    this.#start = { image: this.#engine.image(), run, found: undefined, source: undefined };
  }

  /** Compiles and runs a script: a JSON list of the functions that it has. */
  load(codec: number, source: string, interrupted: () => boolean): JobResult {
    return this.#guard(interrupted, () => {
      const engine = this.#engine;
      engine.restore(this.#start.image, true);
      this.#last = undefined;
      engine.now = 0;
      const { found, code } = this.#evaluate(source);
      const image = engine.clockReads === 0 ? engine.image() : undefined;
      if (image && image.bytes.length > largestImage) {
        return {
          broke: { code: "out-of-memory", message: `it keeps more than ${largestImage >> 10} kB in memory` },
        };
      }
      const { run } = this.#start;
      this.#realms.set(
        codec,
        image ? { image, run, found, source: undefined } : { ...this.#start, source: code },
      );
      return this.#run(found, "names", "");
    });
  }

  /** Calls one of a loaded codec's functions. `now` is Unix ms. */
  call(codec: number, fn: string, input: string, now: number, interrupted: () => boolean): JobResult {
    return this.#guard(interrupted, () => {
      const realm = this.#realms.get(codec);
      if (!realm) return { broke: { code: "crashed", message: "the codec is not loaded" } };
      this.#engine.restore(realm.image, this.#last !== codec);
      this.#last = codec;
      this.#engine.now = now;
      const found = realm.found ?? this.#evaluate(realm.source ?? "").found;
      return this.#run(found, fn, input);
    });
  }

  forget(codec: number): void {
    this.#realms.delete(codec);
  }

  /** The script as it runs: as it is, or, when that is no script, without the words of a module. */
  #evaluate(source: string): { found: Value; code: string } {
    const engine = this.#engine;
    engine.clockReads = 0;
    let code = source;
    try {
      engine.evaluate(code, scriptFile);
    } catch (error) {
      const bare = withoutExports(source);
      if (!(error instanceof ScriptThrew) || error.thrown.name !== "SyntaxError" || bare === source)
        throw error;
      code = bare;
      engine.evaluate(code, scriptFile);
    }
    return { found: engine.evaluate(lookup, "lookup.js"), code };
  }

  #run(found: Value, kind: string, input: string): JobResult {
    const engine = this.#engine;
    const answer = engine.call(this.#start.run, found, engine.text(kind), engine.text(input));
    const text = engine.read(answer, limits.outputBytes);
    if (text === undefined) {
      return { broke: { code: "too-large", message: `it returned more than ${limits.outputBytes} bytes` } };
    }
    const broken = brokenBound(text, { depth: limits.outputDepth + 1, entries: limits.outputEntries });
    return broken === undefined
      ? { text, full: engine.full }
      : { broke: { code: "too-large", message: broken } };
  }

  /** Whatever ends a script early becomes a `Broke`. */
  #guard(interrupted: () => boolean, run: () => JobResult): JobResult {
    const late = { broke: { code: "timeout", message: "it did not end in time" } } as const;
    try {
      const result = run();
      return interrupted() ? late : result;
    } catch (error) {
      if (interrupted()) return late;
      if (error instanceof ScriptThrew) return { broke: describe(error.thrown) };
      // The thread's own stack ran out below the engine's native code, which does not guard all of its recursion.
      if (error instanceof RangeError) return { broke: { code: "stack-overflow", message: "too deep" } };
      return { broke: { code: "crashed", message: error instanceof Error ? error.message : "unknown" } };
    }
  }
}

function describe({ name, message, stack }: Thrown): Broke {
  const said = name === "" ? message : `${name}: ${message}`;
  if (name === "SyntaxError") return { code: "syntax-error", message, stack };
  if (outOfMemory.test(message))
    return { code: "out-of-memory", message: "it asked for more memory than it may have", stack };
  if (stackOverflow.test(message))
    return { code: "stack-overflow", message: "it nests calls too deeply", stack };
  return { code: "threw", message: said === "" ? "something that cannot be shown" : said, stack };
}
