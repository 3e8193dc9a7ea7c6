import type { ProfileMatch } from "../model/commissioning.ts";
import type { DeviceProfile } from "../model/device.ts";
import { ranked } from "../southbound/profile-fit.ts";
import type { ProfileFit, Protocol, SouthboundContext, UnknownDevice } from "../southbound/protocol.ts";
import type { JobStep } from "./jobs.ts";
import { said } from "./words.ts";

/** Below this a payload is read to nonsense. */
const leastFit = 0.3;
const mostEvidence = 4;

export interface HeardInput {
  readonly connection: string;
  readonly protocol: Pick<Protocol, "name" | "fit">;
  /** What the connection has heard and gateway.yaml does not know. */
  readonly heard: readonly UnknownDevice[];
}

/**
 * A scan of a connection whose devices cannot be asked: those that a network server has heard, each with the
 * profiles that read its last word. Takes nothing from the connection, which goes on.
 */
export async function* heardJob(
  { connection, protocol, heard }: HeardInput,
  context: {
    readonly profiles: () => Promise<readonly DeviceProfile[]>;
    readonly sandbox?: SouthboundContext["sandbox"];
  },
  signal: AbortSignal,
): AsyncGenerator<JobStep> {
  const doing = said(`Compares what ${connection} has heard`, `Jämför det som ${connection} har hört`);
  const total = heard.length;
  yield { progress: { done: 0, total, doing } };
  const profiles = total === 0 ? [] : await context.profiles();
  const own = profiles.filter((profile) => profile.protocol === protocol.name);
  for (const [done, device] of heard.entries()) {
    const matches: (ProfileMatch | undefined)[] = [];
    for (const profile of own) {
      signal.throwIfAborted();
      const fit = await protocol.fit?.(profile, device, context.sandbox);
      matches.push(fit && matchOf(profile, fit));
    }
    const says = [device.model, device.name].flatMap((text) => harmless(text) ?? []).join(", ");
    yield {
      finding: {
        kind: "device",
        protocol: protocol.name,
        connection: { protocol: protocol.name },
        settings: device.settings,
        ...(says === "" ? {} : { says }),
        profiles: ranked(matches),
      },
    };
    yield { progress: { done: done + 1, total, doing } };
  }
}

/** What a network server calls a device may hold anything. */
function harmless(text: string | undefined): string | undefined {
  return (
    text
      ?.replaceAll(/[\p{C}\p{Z}]+/gu, " ")
      .trim()
      .slice(0, 100) || undefined
  );
}

function matchOf(profile: DeviceProfile, { fit, named, readings }: ProfileFit): ProfileMatch | undefined {
  if (fit < leastFit) return undefined;
  const evidence = readings
    .filter(({ quality, value }) => quality === "good" && value !== undefined)
    .slice(0, mostEvidence)
    .map(({ name, value, point }) => `${name} ${String(value)}${point.unit ? ` ${point.unit}` : ""}`);
  return { profile: profile.id, title: profile.title, by: named ? "identified" : "possible", fit, evidence };
}
