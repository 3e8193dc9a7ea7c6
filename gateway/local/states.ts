import type { GatewayStatus } from "./surface.ts";

/** What a device, a connection or a far side is now. */
export interface StateChange {
  readonly kind: "device" | "connection" | "northbound";
  readonly id: string;
  /** `gone`: it is no longer configured. */
  readonly state: string;
  /** Why it is not as it should be. */
  readonly problem?: string | undefined;
}

type States = ReadonlyMap<string, StateChange>;

export function statesOf({ devices, connections, northbound }: GatewayStatus): States {
  const all: StateChange[] = [
    ...devices.map(({ id, state, problem }) => ({ kind: "device" as const, id, state, problem })),
    ...connections.map(({ name, state, error }) => ({
      kind: "connection" as const,
      id: name,
      state,
      problem: error,
    })),
    ...northbound.map(({ name, connected, error }) => ({
      kind: "northbound" as const,
      id: name,
      state: connected ? "connected" : "away",
      problem: error,
    })),
  ];
  return new Map(all.map((one) => [`${one.kind} ${one.id}`, one]));
}

/** What differs, in the order of the status; what is gone comes last. */
export function changesOf(before: States, now: States): readonly StateChange[] {
  const changed = Array.from(now)
    .filter(([key, { state, problem }]) => {
      const old = before.get(key);
      return old === undefined || old.state !== state || old.problem !== problem;
    })
    .map(([, one]) => one);
  const gone = Array.from(before)
    .filter(([key]) => !now.has(key))
    .map(([, { kind, id }]) => ({ kind, id, state: "gone" }));
  return [...changed, ...gone];
}
