import type { CodecFailureCode, CodecFunction } from "./codec.ts";

/** What the sandbox's thread is started with. */
export interface ThreadData {
  readonly module: WebAssembly.Module;
  readonly heapBytes: number;
  /** [job to stop, job that ended]: the only memory shared with the thread. */
  readonly shared: SharedArrayBuffer;
}

export const stopJob = 0;
export const endedJob = 1;

/** One job; the thread answers each with one `JobAnswer` of the same number. */
export type Job = { readonly job: number } & (
  | { readonly kind: "load"; readonly codec: number; readonly source: string }
  | {
      readonly kind: "call";
      readonly codec: number;
      readonly fn: CodecFunction;
      readonly input: string;
      readonly now: number;
    }
  | { readonly kind: "forget"; readonly codec: number }
);

export type JobAnswer = { readonly job: number } & JobResult;

/**
 * `text` is JSON within the bounds, as the realm made it: still to be checked for its form. `full`: the
 * memory was at its limit, so what the script threw is for want of it (QuickJS then throws null, or less).
 */
export type JobResult = { readonly text: string; readonly full?: boolean } | { readonly broke: Broke };

/** What came instead of an answer, where the realm itself could not say it. */
export interface Broke {
  readonly code: CodecFailureCode | "syntax-error";
  readonly message: string;
  readonly stack?: string | undefined;
}
