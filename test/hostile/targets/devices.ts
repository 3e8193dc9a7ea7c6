import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { LinkError } from "../../../gateway/model/errors.ts";
import { silentLog } from "../../../gateway/model/log.ts";
import { replay } from "../../../gateway/profiles/example.ts";
import type { Bases } from "../../../gateway/profiles/expand.ts";
import { type LoadedProfile, loadProfile } from "../../../gateway/profiles/load.ts";
import { loadProtocols } from "../../../gateway/southbound/index.ts";
import type { Protocol, SouthboundContext } from "../../../gateway/southbound/protocol.ts";
import { VirtualClock } from "../../fault/virtual-clock.ts";

// The profiles of the repository, and their devices' words for it: what they say is put in place of what
// the profile's examples give, and goes through framing, decoding, conversion and derivation as on a line.

const folder = resolve(import.meta.dirname, "../../../device-profiles");

export interface OneExample {
  readonly profile: NonNullable<LoadedProfile["profile"]>;
  readonly protocol: Protocol;
  readonly example: LoadedProfile["examples"][number];
}

let found: Promise<readonly OneExample[]> | undefined;

/** Every example of every profile that this protocol has. */
export async function examplesOf(protocol: string): Promise<readonly OneExample[]> {
  found ??= loadAll();
  return (await found).filter((one) => one.protocol.name === protocol);
}

export function profileTexts(): readonly { readonly name: string; readonly text: string }[] {
  return names().map((name) => ({ name, text: readFileSync(join(folder, name), "utf8") }));
}

function names(): readonly string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".yaml") && !name.endsWith(".schema.yaml"))
    .map((name) => name.replaceAll("\\", "/"))
    .toSorted();
}

export function libraryOf(files: readonly string[] = names()): Bases {
  return {
    ids: files.map((name) => name.replace(/\.yaml$/, "")),
    find: (id) =>
      files.includes(`${id}.yaml`)
        ? { file: `device-profiles/${id}.yaml`, text: readFileSync(join(folder, `${id}.yaml`), "utf8") }
        : undefined,
    beside: (profile, name) => {
      const file = join(dirname(profile), name);
      return { file, text: readFileSync(resolve(folder, "..", file), "utf8") };
    },
  };
}

/** A protocol that names no sample line gets one here: examples have no line of their own. */
const sample = { connection: { tcp: { host: "localhost" } }, device: { unit: 1 } };

export async function sampledProtocols(): Promise<readonly Protocol[]> {
  return (await loadProtocols()).map((one) => ({ ...one, sample: one.sample ?? sample }));
}

async function loadAll(): Promise<readonly OneExample[]> {
  const protocols = await sampledProtocols();
  const files = names();
  const bases = libraryOf(files);
  return files.flatMap((name) => {
    const text = readFileSync(join(folder, name), "utf8");
    const { profile, examples } = loadProfile(text, join("device-profiles", name), protocols, bases);
    const protocol = protocols.find((one) => one.name === profile?.protocol);
    if (!profile || !protocol) throw new Error(`${name} cannot be loaded`);
    return examples.map((example) => ({ profile: example.profile ?? profile, protocol, example }));
  });
}

export const exampleContext: SouthboundContext = {
  clock: new VirtualClock(),
  random: () => 0.5,
  log: silentLog,
  connect: async () => {
    throw new LinkError("an example has no line", { code: "no-line" });
  },
  emit: async () => {},
  signal: new AbortController().signal,
};

/** What a device says instead; asked for is what the example has answers to. */
export function replayed({ profile, protocol, example }: OneExample, given: unknown) {
  return replay(profile, { ...example, given, command: undefined }, protocol, exampleContext);
}
