import * as z from "zod";
import { commandValue } from "../local/json.ts";
import type { LocalPayloads } from "../local/surface.ts";
import type { Clock } from "../model/clock.ts";
import { ConfigError, RefusedError } from "../model/errors.ts";
import { readingToJson } from "../model/json.ts";
import { silentLog } from "../model/log.ts";
import { writtenPoint } from "../model/write.ts";
import { loadProfiles, profileIdOf } from "../profiles/library.ts";
import type { LoadedProfile } from "../profiles/load.ts";
import { type Chosen, choose } from "../profiles/option.ts";
import { decodeWord, encodeValue } from "../profiles/payload.ts";
import { loadProtocols } from "../southbound/index.ts";
import type { Protocol, SouthboundContext } from "../southbound/protocol.ts";
import { files } from "./files.ts";

/** Each holds a profile in memory. */
const mostKept = 16;
/** Scripts of profiles run one by one, and those of the gateway's own lines wait behind one of these at most. */
const mostWaiting = 20;

interface Found {
  readonly loaded: LoadedProfile;
  readonly protocol: Protocol;
}

/** The running gateway, as far as profiles go. */
export interface ProfileSource {
  readonly clock: Clock;
  /** Another object after a reload. */
  readonly config: { readonly profiles: readonly string[] };
}

/** Payloads by the profiles of the gateway's folders, whether a device has them or not. */
export function localPayloads(gateway: ProfileSource, sandbox: SouthboundContext["sandbox"]): LocalPayloads {
  const { clock } = gateway;
  let kept = new Map<string, Promise<Found>>();
  let of = gateway.config;
  let waiting = 0;
  let last: Promise<unknown> = Promise.resolve();

  const inTurn = <T>(run: () => Promise<T>): Promise<T> => {
    if (waiting >= mostWaiting)
      throw new RefusedError(`${mostWaiting} payloads are waiting already`, { code: "too-busy" });
    waiting++;
    const turn = last.then(run).finally(() => {
      waiting--;
    });
    last = turn.catch(() => {});
    return turn;
  };
  const find = async (id: string): Promise<Found> => {
    // A reload is how changed profiles are taken.
    if (of !== gateway.config) kept = new Map();
    of = gateway.config;
    const known = kept.get(id) ?? load(gateway.config.profiles, id);
    kept.delete(id);
    kept.set(id, known);
    known.catch(() => kept.delete(id));
    const [oldest] = kept.keys();
    if (kept.size > mostKept && oldest !== undefined) kept.delete(oldest);
    return await known;
  };
  const context: SouthboundContext = {
    clock,
    random: () => 0.5,
    log: silentLog,
    signal: new AbortController().signal,
    connect: () => Promise.reject(new ConfigError("a payload has no wire", { code: "no-wire" })),
    emit: () => Promise.resolve(),
    sandbox,
  };
  return {
    decode: ({ profile: id, payload, fPort, options }) =>
      inTurn(async () => {
        const { loaded, protocol } = await find(id);
        const word = { bytes: payload, port: fPort };
        const readings = await decodeWord(chosenOf(loaded, options), word, protocol, context);
        return readings.map((reading) => {
          const { device: _nobody, ...json } = readingToJson(reading, clock);
          return json;
        });
      }),
    encode: ({ profile: id, point, value, options, settings }) =>
      inTurn(async () => {
        const { loaded, protocol } = await find(id);
        const profile = chosenOf(loaded, options);
        const checked = settings && protocol.device.safeParse(settings);
        if (checked && !checked.success)
          throw new RefusedError(z.prettifyError(checked.error).slice(0, 500), { code: "bad-settings" });
        const written = commandValue(writtenPoint(profile, point), value);
        const frames = await encodeValue(
          profile,
          { point, value: written },
          protocol,
          sandbox,
          checked?.data,
        );
        return frames.map(({ bytes, port, label }) => ({
          payload: Buffer.from(bytes).toString("hex"),
          ...(port === undefined ? {} : { fPort: port }),
          label,
        }));
      }),
  };
}

/** Reads a profile and loads its protocol, and no other. Rejects with ConfigError. */
async function load(folders: readonly string[], id: string): Promise<Found> {
  const folder = folders.find((one) => listed(one).some((name) => profileIdOf(name) === id));
  if (folder === undefined)
    throw new ConfigError(`no profile ${id}`, {
      code: "unknown-profile",
      hint: "`stadsnod profile` shows what there is; folders of your own stand in `profiles:` of gateway.yaml",
    });
  const text = files.read(`${folder.replace(/\/$/, "")}/${id}.yaml`);
  const protocols = await loadProtocols(({ name }) => text.includes(name));
  const loaded = loadProfiles(folders, files, protocols, new Set([id])).profiles.get(id);
  const protocol = protocols.find(({ name }) => name === loaded?.profile?.protocol);
  if (!loaded || !protocol) throw new ConfigError(`the profile ${id} has errors`, { code: "bad-profile" });
  return { loaded, protocol };
}

/** Empty where there is no such folder: the configuration's findings say so. */
function listed(folder: string): readonly string[] {
  try {
    return files.list(folder);
  } catch {
    return [];
  }
}

/** The profile with a device's choices. Throws RefusedError. */
function chosenOf({ profile, options, variant }: LoadedProfile, wanted: Chosen | undefined) {
  if (!profile || !options || !variant)
    throw new ConfigError("the profile has errors", { code: "bad-profile" });
  if (!wanted || Object.keys(wanted).length === 0) return profile;
  let wrong: string | undefined;
  const chosen = choose({ ...profile.chosen, ...wanted }, options, (_path, _part, { message }) => {
    wrong ??= message;
  });
  if (!chosen) throw new RefusedError(wrong ?? "no such choice", { code: "bad-options" });
  return variant(chosen);
}
