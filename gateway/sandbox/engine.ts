import { pageBytes } from "./memory-cap.ts";

/** A JavaScript value inside the engine. Valid until the engine is put back to an image from before it was made. */
export type Value = number & { readonly inside?: never };

/** The engine's whole state at one moment, trimmed to what is not zero. */
export interface Image {
  /** From the stack's top upwards: what lies below is dead whenever nothing runs. */
  readonly bytes: Uint8Array;
  readonly memoryBytes: number;
}

export interface EngineOptions {
  readonly module: WebAssembly.Module;
  /** What scripts may allocate, bytes. */
  readonly heapBytes: number;
  /** What the engine's native stack may take, bytes. */
  readonly stackBytes: number;
  /** Asked every few thousand steps of a script: true ends it. */
  readonly interrupted: () => boolean;
}

/** What a script threw, as it describes itself: untrusted text. */
export interface Thrown {
  readonly name: string;
  readonly message: string;
  readonly stack: string;
}

/** A script threw, and nothing inside caught it. */
export class ScriptThrew extends Error {
  readonly thrown: Thrown;
  constructor(thrown: Thrown) {
    super(`${thrown.name}: ${thrown.message}`);
    this.thrown = thrown;
  }
}

// Built-ins, as bits of qjs_init2: all but WeakRef, performance and what tells a script where it runs.
const date = 1 << 0;
const evaluation = 1 << 1;
const regexp = 1 << 2;
const json = 1 << 3;
const proxy = 1 << 4;
const mapSet = 1 << 5;
const typedArrays = 1 << 6;
const promise = 1 << 7;
const bigInt = 1 << 8;
const base64 = 1 << 12;
const intrinsics =
  date | evaluation | regexp | json | proxy | mapSet | typedArrays | promise | bigInt | base64;

/**
 * Room for one ordinary call, so that it does not grow the memory: a grown one cannot shrink, so the
 * instance is replaced before the next call, which takes about 2 ms.
 */
const roomBytes = 128 * 1024;

/** Longest text that is taken out of a thrown value, bytes. */
const longestThrown = 4096;

/** Errors of WASI: what a script prints goes nowhere, and it has no files. */
const badDescriptor = 8;

type Exports = ReturnType<typeof bind>;

/**
 * QuickJS in one WebAssembly instance, driven through its C functions: no object of ours is ever
 * visible inside, and the host functions it may call are the six below. Because nothing lives outside
 * its linear memory, copying that memory back undoes everything a script did.
 */
export class Engine {
  /** Unix ms, for every Date inside. */
  now = 0;
  /** How often the time was read: tells whether a script depends on it. */
  clockReads = 0;
  readonly #options: EngineOptions;
  readonly #encoder = new TextEncoder();
  readonly #decoder = new TextDecoder();
  #exports: Exports;
  /** What the largest image needs: more means that a call has grown the memory. */
  #memoryBytes = 0;
  /** The native code stopped half-way: its memory means nothing until an image is put back into a new instance. */
  #broken = false;

  constructor(options: EngineOptions) {
    this.#options = options;
    this.#exports = this.#instantiate();
    const exports = this.#exports;
    exports.initialize();
    if (exports.init(intrinsics) !== 0) throw new Error("QuickJS does not start");
    exports.setMemoryLimit(options.heapBytes);
    exports.setMaxStackSize(options.stackBytes);
    exports.setInterruptHandler(1);
    if (exports.runtime() < exports.stackPointer.value) throw new Error("the stack is not below the heap");
  }

  /** Takes the state, to come back to. Nothing may be running. @throws ScriptThrew without room for a call */
  image(): Image {
    this.#exports.free(this.#allocate(roomBytes));
    const memory = this.#memory();
    const low = this.#exports.stackPointer.value;
    let high = memory.length;
    while (high > low && memory[high - 1] === 0) high--;
    return { bytes: memory.slice(low, high), memoryBytes: memory.length };
  }

  /** Whether scripts had about all the memory that they may have. */
  get full(): boolean {
    return this.#memory().length > this.#options.heapBytes * 0.9;
  }

  /** Puts the state back. With `wipe`, also clears what scripts left in memory that the image does not use. */
  restore(image: Image, wipe: boolean): void {
    this.#memoryBytes = Math.max(this.#memoryBytes, image.memoryBytes);
    const fresh = this.#broken || this.#memory().length > this.#memoryBytes;
    if (fresh) this.#exports = this.#instantiate();
    this.#broken = false;
    const missing = this.#memoryBytes - this.#memory().length;
    if (missing > 0) this.#exports.memory.grow(missing / pageBytes);
    const memory = this.#memory();
    const low = this.#exports.stackPointer.value;
    memory.set(image.bytes, low);
    if (wipe && !fresh) {
      // The engine checks its stack before it recurses; below that limit lie at most the last frames.
      memory.fill(0, Math.max(0, low - 2 * this.#options.stackBytes), low);
      memory.fill(0, low + image.bytes.length);
    }
  }

  /**
   * Runs a script in sloppy mode at the top level of the realm.
   *
   * @throws ScriptThrew; any other error means that native code stopped half-way
   */
  evaluate(source: string, file: string): Value {
    const code = this.#write(source);
    const name = this.#write(file);
    const value = this.#checked(() => this.#exports.evaluate(code.at, code.length, name.at, 0));
    this.#exports.free(code.at);
    this.#exports.free(name.at);
    return value;
  }

  /** Calls a function inside. @throws as `evaluate` */
  call(fn: Value, ...args: readonly Value[]): Value {
    const list = this.#allocate(args.length * 4);
    const view = new DataView(this.#exports.memory.buffer);
    args.forEach((value, index) => {
      view.setUint32(list + index * 4, value, true);
    });
    return this.#checked(() => this.#exports.call(fn, this.#exports.undefinedValue(), args.length, list));
  }

  text(text: string): Value {
    const { at, length } = this.#write(text);
    return this.#exports.newString(at, length);
  }

  /** What a string value says, or undefined when it takes more than `limit` bytes of UTF-8, or is none. */
  read(value: Value, limit: number): string | undefined {
    if (this.#exports.isString(value) === 0) return undefined;
    return this.#readString(value, limit);
  }

  #readString(value: Value, limit: number): string | undefined {
    const lengthAt = this.#allocate(4);
    const at = this.#checked(() => this.#exports.stringBytes(value, lengthAt), false);
    if (at === 0) return undefined;
    const length = new DataView(this.#exports.memory.buffer).getUint32(lengthAt, true);
    return length > limit ? undefined : this.#decoder.decode(this.#memory().subarray(at, at + length));
  }

  #write(text: string): { at: number; length: number } {
    const bytes = this.#encoder.encode(text);
    const at = this.#allocate(bytes.length + 1);
    const memory = this.#memory();
    memory.set(bytes, at);
    memory[at + bytes.length] = 0;
    return { at, length: bytes.length };
  }

  #allocate(bytes: number): number {
    const at = this.#exports.malloc(bytes);
    if (at === 0) throw new ScriptThrew({ name: "InternalError", message: "out of memory", stack: "" });
    return at;
  }

  /** What is allocated for a call is not freed: the next `restore` does. */
  #checked(run: () => Value, exceptions = true): Value {
    let value: Value;
    try {
      value = run();
      if (!exceptions || (value !== 0 && this.#exports.isException(value) === 0)) return value;
    } catch (error) {
      this.#broken = true;
      throw error;
    }
    throw new ScriptThrew(this.#thrown());
  }

  #thrown(): Thrown {
    const value = this.#exports.exception();
    const property = (name: string): string => {
      const found = this.#checked(() => this.#exports.property(value, this.#write(name).at), false);
      return (found === 0 ? undefined : this.read(found, longestThrown)) ?? "";
    };
    if (this.#exports.isError(value) !== 0) {
      return { name: property("name"), message: property("message"), stack: property("stack") };
    }
    return { name: "", message: this.read(value, longestThrown) ?? "", stack: "" };
  }

  #memory(): Uint8Array {
    return new Uint8Array(this.#exports.memory.buffer);
  }

  #instantiate(): Exports {
    const instance = new WebAssembly.Instance(this.#options.module, {
      env: {
        host_interrupt: () => (this.#options.interrupted() ? 1 : 0),
        host_get_timezone_offset: () => 0,
        host_promise_rejection: () => {},
        host_module_normalize: () => 0,
        host_module_load: () => 0,
        host_call: () => 0,
      },
      wasi_snapshot_preview1: {
        clock_time_get: (_clock: number, _precision: bigint, at: number) => {
          this.clockReads++;
          const nanoseconds = BigInt(Math.trunc(this.now)) * 1_000_000n;
          new DataView(exports.memory.buffer).setBigInt64(at, nanoseconds, true);
          return 0;
        },
        random_get: () => 0,
        fd_close: () => badDescriptor,
        fd_fdstat_get: () => badDescriptor,
        fd_seek: () => badDescriptor,
        fd_write: () => badDescriptor,
      },
    });
    const exports = bind(instance.exports);
    return exports;
  }
}

/** The C functions by which the engine is driven; the names are quickjs-wasi's. */
function bind(exports: Record<string, unknown>) {
  const native = (name: string): ((...args: (number | bigint)[]) => number) => {
    const found = exports[name];
    if (!isFunction(found)) throw new Error(`QuickJS has no ${name}`);
    return found;
  };
  const { memory, __stack_pointer: stackPointer } = exports;
  if (!isMemory(memory) || !isGlobal(stackPointer)) throw new Error("QuickJS has no memory or no stack");
  return {
    memory,
    stackPointer,
    initialize: native("_initialize"),
    init: native("qjs_init2"),
    setMemoryLimit: native("qjs_set_memory_limit"),
    setMaxStackSize: native("qjs_set_max_stack_size"),
    setInterruptHandler: native("qjs_set_interrupt_handler"),
    runtime: native("qjs_get_runtime_ptr"),
    malloc: native("wasm_malloc"),
    free: native("wasm_free"),
    evaluate: native("qjs_eval"),
    call: native("qjs_call"),
    undefinedValue: native("qjs_get_undefined"),
    newString: native("qjs_new_string"),
    stringBytes: native("qjs_get_string_len"),
    property: native("qjs_get_prop_string"),
    exception: native("qjs_get_exception"),
    isException: native("qjs_is_exception"),
    isError: native("qjs_is_error"),
    isString: native("qjs_is_string"),
  };
}

const isFunction = (value: unknown): value is (...args: (number | bigint)[]) => number =>
  typeof value === "function";
const isMemory = (value: unknown): value is WebAssembly.Memory =>
  typeof value === "object" && value !== null && "buffer" in value && "grow" in value;
const isGlobal = (value: unknown): value is WebAssembly.Global =>
  typeof value === "object" && value !== null && "value" in value;
