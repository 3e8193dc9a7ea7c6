import { signal } from "@preact/signals";
import { ask, post } from "./api.ts";
import { follow, type Stream } from "./events.ts";
import type { HoldJson, PointDetail, ResultJson } from "./types.ts";

// Commands as they fare, while somebody looks.

const most = 50;

/** The newest first. */
export const results = signal<readonly ResultJson[] | undefined>(undefined);
export const holds = signal<readonly HoldJson[]>([]);
export const commandsError = signal<unknown>(undefined);

function take(result: ResultJson): void {
  const others = (results.value ?? []).filter((one) => one.id !== result.id || one.issuer !== result.issuer);
  results.value = [result, ...others].slice(0, most);
}

async function lookAtHolds(): Promise<void> {
  holds.value = await ask<readonly HoldJson[]>("/v1/holds");
}

/** Loads what is and follows what comes. */
export function followCommands(): Stream {
  const look = async () => {
    try {
      const [listed] = await Promise.all([
        ask<readonly ResultJson[]>(`/v1/commands?limit=${most}`),
        lookAtHolds(),
      ]);
      results.value = newestFirst(listed);
      commandsError.value = undefined;
    } catch (error) {
      commandsError.value = error;
    }
  };
  void look();
  return follow<ResultJson>("/v1/results", {
    // Who comes back asks for what was missed.
    open: () => void look(),
    data: (result) => {
      take(result);
      if (result.last) void lookAtHolds().catch(() => {});
    },
  });
}

export function newestFirst(list: readonly ResultJson[]): readonly ResultJson[] {
  const at = ({ time, bootMs }: ResultJson) => (time === undefined ? (bootMs ?? 0) : Date.parse(time));
  return [...list].sort((one, other) => at(other) - at(one));
}

export type CommandValue = number | boolean | string;

const mostLifeMs = 60_000;

/** How long a command lives, and one of two steps waits for its confirmation, ms: a minute unless its profile says less. */
export const lifeOf = (write: { readonly longestMs?: number | undefined } | undefined): number =>
  Math.min(mostLifeMs, write?.longestMs ?? mostLifeMs);

/** The same as the API takes it. */
export const expiresIn = (write: Parameters<typeof lifeOf>[0]): string => `${lifeOf(write)}ms`;

/** Sends a command; gives what became of it first. */
export async function send(
  device: string,
  point: PointDetail,
  value: CommandValue,
  reason: string,
): Promise<ResultJson> {
  const result = await post<ResultJson>("/v1/commands", {
    device,
    point: point.name,
    value,
    expiresIn: expiresIn(point.write),
    ...(reason.trim() === "" ? {} : { reason: reason.trim() }),
  });
  take(result);
  return result;
}

export async function confirm(armed: ResultJson): Promise<ResultJson> {
  const { device, point, id } = armed;
  const result = await post<ResultJson>("/v1/commands", { device, point, action: "confirm", confirms: id });
  take(result);
  return result;
}

export async function release(device: string, point: string): Promise<ResultJson> {
  const result = await post<ResultJson>("/v1/commands?wait=5s", { device, point, action: "release" });
  take(result);
  await lookAtHolds();
  return result;
}
