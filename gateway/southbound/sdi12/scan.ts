import type { DeviceProfile } from "../../model/device.ts";
import { ConfigError, TransientError } from "../../model/errors.ts";
import { likeness, matchOf, namedIn, ranked } from "../profile-fit.ts";
import type { ScanInput, ScanPlan, ScanStep, SouthboundContext } from "../protocol.ts";
import { identify } from "./dialogue.ts";
import { SensorWire } from "./line.ts";
import type { Sdi12Connection } from "./settings.ts";

/** Digits are the addresses that every sensor has (SDI-12 v1.4, 4.1); letters are seldom used. */
const digits = [..."0123456789"];
const letters = [..."ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"];
/** One unanswered command with its break, its retries and a second break (SDI-12 v1.4, 7). */
const askMs = 1500;
/** Asking those that are found for what they are. */
const identifyMs = 15_000;

/** As `Protocol.scanPlan`. Pure. */
export function planSdi12Scan(_connection: Sdi12Connection, what: ScanInput): ScanPlan {
  const asks = addressesOf(what).length + 1;
  return { asks, worstMs: asks * askMs + identifyMs };
}

/**
 * As `Protocol.scan`: `?!`, which a lone sensor answers, then each address; then what each says that it is (`aI!`).
 * Nothing is measured: a profile is matched by maker and model alone.
 */
export async function* scanSdi12(
  connection: Sdi12Connection,
  what: ScanInput,
  context: SouthboundContext,
): AsyncGenerator<ScanStep> {
  const { signal, clock, connect } = context;
  const { worstMs, asks } = planSdi12Scan(connection, what);
  const endsAt = clock.monotonic() + worstMs;
  const transport = await connect(connection.endpoint, signal);
  await using closing = new AsyncDisposableStack();
  closing.use(transport);
  const wire = closing.use(new SensorWire(transport, connection, clock));
  const present = async (command: string) =>
    (await answered(() => wire.ask(command, acknowledged, signal)))?.value;
  const step = (asked: number, en: string, sv: string): ScanStep => ({
    asked,
    of: asks,
    leftMs: Math.max(0, endsAt - clock.monotonic()),
    doing: { en, sv },
  });
  yield step(0, "asking whether one sensor is alone", "frågar om en givare är ensam");
  // Several at once make a mess of their answers: then each address tells.
  const alone = what.addresses === undefined ? await present("?!") : undefined;
  let whole = 0;
  for (const [index, address] of (alone === undefined ? addressesOf(what) : [alone]).entries()) {
    if (clock.monotonic() >= endsAt) break;
    yield step(index + 1, `asking sensor ${address}`, `frågar givare ${address}`);
    if (address !== alone && (await present(`${address}!`)) === undefined) continue;
    whole++;
    const sensor = await answered(() => identify(wire, address, signal));
    const { vendor = "", model = "", version = "", serial = "" } = sensor?.value ?? {};
    const texts = [vendor, model].filter(Boolean);
    yield {
      kind: "device",
      protocol: "sdi12",
      connection: writtenLine(connection),
      settings: { address },
      ...(texts.length === 0 ? {} : { says: [...texts, version, serial].filter(Boolean).join(" ") }),
      profiles: ranked(what.profiles.filter(isSdi12Profile).map((profile) => match(profile, texts))),
    };
  }
  if (whole > 0)
    yield { kind: "settings", protocol: "sdi12", connection: writtenLine(connection), whole, damaged: 0 };
}

function match(profile: DeviceProfile, texts: readonly string[]) {
  const named = namedIn(profile, [...texts, texts.join("")]);
  if (named === 0) return undefined;
  const evidence = [`says "${texts.join(" ")}"`];
  return matchOf(profile, likeness(profile, []), { identified: named === 1, named, evidence });
}

/** A bare address, or nothing. */
function acknowledged(text: string): string | undefined {
  return /^[0-9A-Za-z]$/.test(text) ? text : undefined;
}

async function answered<T>(ask: () => Promise<T>): Promise<T | undefined> {
  try {
    return await ask();
  } catch (error) {
    if (error instanceof TransientError) return undefined;
    throw error;
  }
}

function addressesOf({ addresses, effort }: ScanInput): readonly string[] {
  if (addresses === undefined) return effort === "thorough" ? [...digits, ...letters] : digits;
  const all = [...digits, ...letters];
  return addresses.split(",").flatMap((part) => {
    const [, from = "", to = from] = /^\s*([0-9A-Za-z])(?:\s*-\s*([0-9A-Za-z]))?\s*$/.exec(part) ?? [];
    const [first, last] = [all.indexOf(from), all.indexOf(to)];
    if (first < 0 || last < first)
      throw new ConfigError(`"${part.trim()}" is no address of a sensor`, {
        code: "bad-addresses",
        hint: "one character each, 0 to 9, A to Z, a to z, and ranges: 0-9,a",
      });
    return all.slice(first, last + 1);
  });
}

function writtenLine({ endpoint, break: by }: Sdi12Connection): Readonly<Record<string, unknown>> {
  const place =
    endpoint.kind === "tcp"
      ? { tcp: { host: endpoint.host, port: endpoint.port } }
      : { serial: { port: endpoint.port } };
  return { ...place, ...(by === "adapter" ? { break: by } : {}) };
}

function isSdi12Profile({ protocol }: DeviceProfile): boolean {
  return protocol === "sdi12";
}
