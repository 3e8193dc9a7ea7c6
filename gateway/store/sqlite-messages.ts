/** What a column holds. Whole numbers within ±2^53 are stored as integers, others as 64-bit floats. */
export type SqlValue = number | string | Uint8Array | null;

/** One statement of a transaction, run once, or once for every `width` values. */
export interface SqlStep {
  readonly sql: string;
  readonly values?: readonly SqlValue[] | undefined;
  readonly width?: number | undefined;
}

/** How the worker opens its database. */
export interface DatabaseFile {
  readonly file: string;
  /** Each brings the database from its place in this list to the next; how many have run is in `user_version`. */
  readonly schema: readonly string[];
  /** `normal`: a power cut may take the last transactions, never the database. `full`: every transaction that resolved stays. */
  readonly synchronous: "normal" | "full";
  /** The file never grows beyond this; a transaction that needs more fails with `disk-full`. */
  readonly maxBytes?: number | undefined;
}

/** For the thread, as its workerData: the database is opened before the first request is taken. */
export type WorkerRequest =
  | { readonly id: number; readonly kind: "write"; readonly steps: readonly SqlStep[] }
  | { readonly id: number; readonly kind: "read"; readonly sql: string; readonly values: readonly SqlValue[] }
  | { readonly id: number; readonly kind: "close" };

/** Id 0 answers the opening. */
export interface WorkerAnswer {
  readonly id: number;
  readonly rows?: readonly (readonly SqlValue[])[] | undefined;
  /** Of the opening: where a damaged database was put. */
  readonly damaged?: string | undefined;
  readonly error?: WorkerFailure | undefined;
}

export interface WorkerFailure {
  /** Of StorageError; undefined: a mistake in the program. */
  readonly code?: string | undefined;
  readonly message: string;
}

/** Damaged databases that are kept beside a new one; with more, the disk needs a person, not another file. */
export const maxDamaged = 4;

/** Rows that one read may give: what is wanted beyond is asked for in pages. */
export const maxRows = 10_000;
