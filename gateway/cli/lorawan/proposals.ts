import type { ConnectionSummary } from "../../local/surface.ts";
import type { DeviceProfile } from "../../model/device.ts";
import { type ReadingJson, valueToJson } from "../../model/json.ts";
import type { Protocol, SouthboundContext } from "../../southbound/protocol.ts";
import type { ListedDevice } from "./device-list.ts";

type Heard = NonNullable<ConnectionSummary["unknown"]>[number];

export interface Suggestion {
  readonly profile: string;
  /** 0 to 1. */
  readonly fit: number;
  /** `list`: somebody wrote it down; `name`: the network server's name of the model; `payload`: it can read what was said. */
  readonly by: "list" | "name" | "payload";
  /** What the profile makes of the last payload. */
  readonly sample: Readonly<Record<string, ReadingJson["value"]>>;
}

/** A device that could be taken into gateway.yaml. */
export interface Proposal {
  readonly connection: string;
  /** Proposed. */
  readonly id: string;
  readonly settings: Readonly<Record<string, string>>;
  readonly audience: string | undefined;
  readonly name: string | undefined;
  readonly model: string | undefined;
  /** 0: only listed. */
  readonly heard: number;
  readonly given: unknown;
  /** The best first. */
  readonly suggestions: readonly Suggestion[];
}

/** Profiles that merely can read a payload are guesses: so many are shown, and none below this. */
const mostGuesses = 3;
const leastFit = 0.3;

/** What could be done with a device that was heard and is not configured. */
export async function proposalFor(
  connection: string,
  heard: Heard,
  profiles: ReadonlyMap<string, DeviceProfile>,
  listed: ListedDevice | undefined,
  protocol: Protocol,
  sandbox: SouthboundContext["sandbox"],
): Promise<Proposal> {
  const found: Suggestion[] = [];
  for (const [id, profile] of profiles) {
    const fit = await protocol.fit?.(profile, heard, sandbox);
    if (!fit) continue;
    const isListed = id === listed?.profile;
    if (!isListed && fit.fit < leastFit) continue;
    const readings = fit.readings.flatMap(({ name, value }) =>
      value === undefined ? [] : [[name, valueToJson(value)] as const],
    );
    const by = isListed ? "list" : fit.named ? "name" : "payload";
    found.push({ profile: id, fit: isListed ? 1 : fit.fit, by, sample: Object.fromEntries(readings) });
  }
  const rank = ({ by, fit }: Suggestion) => (by === "list" ? 2 : 0) + fit;
  const suggestions = found.toSorted((a, b) => rank(b) - rank(a) || (a.profile < b.profile ? -1 : 1));
  const { settings, name, model, heard: times, given } = heard;
  return {
    connection,
    id: listed?.id ?? proposedId(settings),
    settings,
    audience: listed?.audience,
    name: harmless(name),
    model: harmless(model),
    heard: times,
    given,
    suggestions: suggestions.slice(0, mostGuesses),
  };
}

/** A device of the list that nobody has heard yet. */
export function unheardProposal(
  connection: string,
  { devEui, profile, id, audience }: ListedDevice,
): Proposal {
  const settings = { devEui };
  return {
    connection,
    id: id ?? proposedId(settings),
    settings,
    audience,
    name: undefined,
    model: undefined,
    heard: 0,
    given: undefined,
    suggestions: [{ profile, fit: 1, by: "list", sample: {} }],
  };
}

function proposedId({ devEui = "", deviceId = "" }: Readonly<Record<string, string>>): string {
  const known = devEui === "" ? deviceId : devEui;
  return `lora-${known.toLowerCase().replace(/[^a-z0-9-]/g, "-")}`.slice(0, 63);
}

/** What somebody else wrote must neither end a comment nor steer a terminal. */
function harmless(text: string | undefined): string | undefined {
  return text?.replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, " ").slice(0, 80);
}

/** Lines for `devices:` of gateway.yaml. What is only a guess, or unknown, is a comment. */
export function proposalYaml(proposal: Proposal): string {
  const { connection, id, settings, audience, suggestions, name, model, given } = proposal;
  const [best, ...others] = suggestions;
  const about = [name, model].filter(Boolean).join(", ");
  if (!best)
    return `  # ${id}${about && ` (${about})`}: no profile fits; last word ${JSON.stringify(given ?? null)}\n`;
  const own = Object.entries(settings).filter(([, value]) => value !== "");
  const fields = [
    `profile: ${best.profile}`,
    `connection: ${connection}`,
    ...own.map(([key, value]) => `${key}: ${JSON.stringify(value)}`),
    ...(audience === undefined ? [] : [`audience: ${audience}`]),
  ];
  const sample = Object.entries(best.sample).map(([point, value]) => `${point} ${harmless(String(value))}`);
  const lines = [
    ...(about ? [`  # ${about}`] : []),
    ...(sample.length > 0 ? [`  # says ${sample.join(", ")}`] : []),
    ...(best.by === "payload"
      ? [
          `  # a guess: the profile can read its payload; so can ${others.map(({ profile }) => profile).join(", ") || "no other"}`,
        ]
      : []),
    `  ${best.by === "payload" ? "# " : ""}${id}: {${fields.join(", ")}}`,
  ];
  return `${lines.join("\n")}\n`;
}
