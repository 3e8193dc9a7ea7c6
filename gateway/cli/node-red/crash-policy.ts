/** When Node-RED is started, ended and started anew. All in ms of a clock that never jumps. */
export interface CrashPolicy {
  /** Without a sign of life for so long it hangs. */
  readonly silenceMs: number;
  /** The same while its programs are loaded, during which it hears and says nothing: on a slow board for half a minute. */
  readonly loadingMs: number;
  readonly firstDelayMs: number;
  readonly longestDelayMs: number;
  /** After `crashes` within `windowMs` the flows are loaded but not started. */
  readonly crashes: number;
  readonly windowMs: number;
  /** The whole process may be this large, bytes. */
  readonly memoryBytes: number;
}

export const usualPolicy: Omit<CrashPolicy, "memoryBytes"> = {
  silenceMs: 10_000,
  loadingMs: 120_000,
  firstDelayMs: 1000,
  longestDelayMs: 60_000,
  crashes: 3,
  windowMs: 300_000,
};

/** Why it ended. `code` is stable. */
export interface Cause {
  readonly code: "hung" | "memory" | "heap-limit" | "exit" | "signal" | "not-started";
  readonly text: string;
}

export type Phase = "running" | "waiting" | "stopped";

/** What the supervisor knows about its child. */
export interface Watched {
  readonly phase: Phase;
  /** Flows are loaded but not started. */
  readonly safe: boolean;
  /** When it crashed within the window, the oldest first. */
  readonly crashes: readonly number[];
  /** Crashes since the supervisor started. */
  readonly total: number;
  /** Crashes in a row: the window passed between none of them. */
  readonly row: number;
  /** Of `running`: it has its programs and goes for its flows. */
  readonly loaded: boolean;
  /** Of `running`: the last sign of life. */
  readonly heardAt: number;
  /** Of `waiting`: when it is started anew. */
  readonly startAt: number;
  /** Of `running`: why it was ended, once it was. */
  readonly ending?: Cause | undefined;
  readonly last?: Cause | undefined;
}

export type Happening =
  | { readonly kind: "begin"; readonly safe: boolean }
  /** It lives, and takes so many bytes. */
  | { readonly kind: "alive"; readonly bytes: number }
  /** Time has passed; how many bytes it takes, where that is known. */
  | { readonly kind: "look"; readonly bytes?: number | undefined }
  /** Its programs are loaded, its flows come next. */
  | { readonly kind: "loaded" }
  /** Somebody deployed flows. */
  | { readonly kind: "deployed" }
  | { readonly kind: "ended"; readonly cause: Cause }
  /** It is to end, in order, and not to be started again. */
  | { readonly kind: "stop" };

export type Order = { readonly kind: "start"; readonly safe: boolean } | { readonly kind: "kill" };

export const asleep: Watched = {
  phase: "stopped",
  safe: false,
  crashes: [],
  total: 0,
  row: 0,
  loaded: false,
  heardAt: 0,
  startAt: 0,
};

/** What follows from what happened at `now`. Pure. */
export function follow(
  watched: Watched,
  happening: Happening,
  now: number,
  policy: CrashPolicy,
): { readonly watched: Watched; readonly orders: readonly Order[] } {
  switch (happening.kind) {
    case "begin":
      return start({ ...watched, safe: happening.safe }, now);
    case "alive":
      return judge({ ...watched, heardAt: now }, happening.bytes, now, policy);
    case "look":
      if (watched.phase === "waiting" && now >= watched.startAt) return start(watched, now);
      return judge(watched, happening.bytes, now, policy);
    case "loaded":
      return { watched: { ...watched, loaded: true, heardAt: now }, orders: [] };
    case "deployed":
      // New flows deserve a new chance.
      return { watched: { ...watched, safe: false, crashes: [] }, orders: [] };
    case "ended":
      return crashed(watched, watched.ending ?? happening.cause, now, policy);
    case "stop":
      return { watched: { ...watched, phase: "stopped" }, orders: [] };
  }
}

function start(watched: Watched, now: number): { watched: Watched; orders: readonly Order[] } {
  return {
    watched: { ...watched, phase: "running", loaded: false, heardAt: now, ending: undefined },
    orders: [{ kind: "start", safe: watched.safe }],
  };
}

function judge(
  watched: Watched,
  bytes: number | undefined,
  now: number,
  policy: CrashPolicy,
): { watched: Watched; orders: readonly Order[] } {
  if (watched.phase !== "running" || watched.ending) return { watched, orders: [] };
  const ending = unbearable(watched, bytes, now, policy);
  return ending ? { watched: { ...watched, ending }, orders: [{ kind: "kill" }] } : { watched, orders: [] };
}

function unbearable(
  { heardAt, loaded }: Watched,
  bytes: number | undefined,
  now: number,
  { silenceMs, loadingMs, memoryBytes }: CrashPolicy,
): Cause | undefined {
  if (now - heardAt >= (loaded ? silenceMs : loadingMs))
    return { code: "hung", text: `no sign of life for ${Math.round((now - heardAt) / 1000)} s` };
  if (bytes !== undefined && bytes > memoryBytes)
    return { code: "memory", text: `it takes ${Math.round(bytes / 1e6)} MB of memory` };
  return undefined;
}

function crashed(
  watched: Watched,
  cause: Cause,
  now: number,
  { crashes: most, windowMs, firstDelayMs, longestDelayMs }: CrashPolicy,
): { watched: Watched; orders: readonly Order[] } {
  if (watched.phase === "stopped") return { watched, orders: [] };
  const recent = watched.crashes.filter((at) => now - at < windowMs);
  const crashes = [...recent, now];
  const row = recent.length === 0 ? 1 : watched.row + 1;
  return {
    watched: {
      ...watched,
      phase: "waiting",
      safe: watched.safe || crashes.length >= most,
      // More than decide are of no use.
      crashes: crashes.slice(-most),
      total: watched.total + 1,
      row,
      startAt: now + Math.min(longestDelayMs, firstDelayMs * 2 ** Math.min(row - 1, 30)),
      ending: undefined,
      last: cause,
    },
    orders: [],
  };
}
