/** One measured figure. `ratio` = value / the value of `ratioTo` in the same run. */
export interface Row {
  readonly name: string;
  readonly value: number | null;
  readonly unit: string;
  readonly ratioTo?: string;
  readonly ratio?: number;
  /** Why there is no value. */
  readonly error?: string;
}

export interface BenchContext {
  /** Short runs: figures are rougher, the shape is the same. */
  readonly quick: boolean;
  /** An empty folder on the disk of the repository, gone afterwards. */
  readonly folder: string;
}

/** A limit that we set ourselves, for a row's value or for its ratio. */
export interface Goal {
  readonly atMost?: number;
  readonly atLeast?: number;
  /** Default: the value. */
  readonly of?: "value" | "ratio";
}

export interface Bench {
  /** What `--only` takes. */
  readonly name: string;
  /** For people. */
  readonly title: string;
  /** What is measured, how often, and which of the figures is told: whole sentences, for docs/benchmarks.md. */
  readonly method: string;
  /** Where the peers beside it do something else, and which way that leans: whole sentences. */
  readonly notComparable?: string;
  /** By name of row. One without its row is not met. */
  readonly goals?: Readonly<Record<string, Goal>>;
  run(context: BenchContext): Promise<Row[]>;
}

/** A row with its ratio to a peer's figure. */
export function compared(name: string, value: number, unit: string, peer: string, peerValue: number): Row {
  return { name, value, unit, ratioTo: peer, ratio: value / peerValue };
}

/** A row without a value, and why. */
export function failed(name: string, unit: string, error: unknown): Row {
  return { name, value: null, unit, error: error instanceof Error ? error.message : String(error) };
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** The value below which a share (0..1) of all lies. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
}
