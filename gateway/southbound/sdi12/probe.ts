import { ConfigError, TransientError } from "../../model/errors.ts";
import type { ProbeFinding, ProbeInput, SouthboundContext } from "../protocol.ts";
import { identify, measure } from "./dialogue.ts";
import { SensorWire } from "./line.ts";
import { hasCrc, identityFields, isConcurrent, type Sdi12Connection, type Sdi12Device } from "./settings.ts";

/** What every sensor may have, in the order in which it is asked (SDI-12 v1.4, 4.4). */
const usualMeasures = ["M", "C", "V", "R0"] as const;
const allAddresses = [..."0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"];
/** More time than that no sensor gets, ms. */
const longestMs = 120_000;

/**
 * What a sensor says of itself and what its measurements give; without an address, or with `scan` as
 * the place, which sensors there are. `at`: measurements to try instead of the usual ones.
 */
export async function* probeSdi12(
  connection: Sdi12Connection,
  { settings, at }: ProbeInput<Sdi12Device>,
  context: SouthboundContext,
): AsyncIterable<ProbeFinding> {
  const measures = measuresOf(at);
  const { signal, clock } = context;
  const transport = await context.connect(connection.endpoint, signal);
  await using closing = new AsyncDisposableStack();
  closing.use(transport);
  const wire = closing.use(new SensorWire(transport, connection, clock));
  const only = settings?.address ?? (at === "scan" ? undefined : await alone(wire, signal));
  if (only !== undefined && at !== "scan") {
    yield* sensorFindings(wire, only, measures, signal);
    return;
  }
  let silent = true;
  for (const address of allAddresses) {
    const said = await answered(() => wire.ask(`${address}!`, acknowledged, signal));
    if (!said) continue;
    silent = false;
    const sensor = await answered(() => identify(wire, address, signal));
    const { vendor = "", model = "", serial = "" } = sensor?.value ?? {};
    yield { at: `{address: "${address}"}`, value: [vendor, model, serial].filter(Boolean).join(" ") };
  }
  if (silent)
    throw new TransientError("no sensor answered", {
      code: "silent",
      hint: "check 12 V, ground and the data wire; with an adapter that makes the break itself: --connection break=adapter",
    });
}

function measuresOf(at: string | undefined): readonly string[] {
  if (at === undefined || at === "scan") return usualMeasures;
  const named = at.split(/[\s,]+/).filter(Boolean);
  const wrong = named.find((one) => !/^(?:[MC]C?[1-9]?|V|RC?[0-9])$/.test(one));
  if (wrong === undefined && named.length > 0) return named;
  throw new ConfigError(`"${wrong ?? at}" is no measurement`, {
    code: "bad-place",
    hint: 'write --at "M1 R0": M to M9, C to C9, V, R0 to R9, with a CRC MC, CC, RC0; or --at scan',
  });
}

/** A bare address, or nothing. */
function acknowledged(text: string): string | undefined {
  return /^[0-9A-Za-z]$/.test(text) ? text : undefined;
}

/** The address of the only sensor of the line; undefined where there are several, or none. */
async function alone(wire: SensorWire, signal: AbortSignal): Promise<string | undefined> {
  return (await answered(() => wire.ask("?!", acknowledged, signal)))?.value;
}

/** What is asked of somebody who need not be there: silence and noise are undefined. */
async function answered<T>(ask: () => Promise<T>): Promise<T | undefined> {
  try {
    return await ask();
  } catch (error) {
    if (error instanceof TransientError) return undefined;
    throw error;
  }
}

async function* sensorFindings(
  wire: SensorWire,
  address: string,
  measures: readonly string[],
  signal: AbortSignal,
): AsyncIterable<ProbeFinding> {
  yield { at: `{address: "${address}"}`, value: "", note: "in gateway.yaml" };
  const sensor = await answered(() => identify(wire, address, signal));
  for (const field of sensor ? identityFields : [])
    yield { at: `{identity: ${field}}`, value: sensor?.value[field] ?? "" };
  let silent = sensor === undefined;
  for (const name of measures) {
    try {
      const { values, announced } = await measure(wire, address, name, longestMs, signal);
      silent = false;
      const note = [
        announced === undefined ? "at once" : `${announced} announced`,
        hasCrc(name) ? "with CRC" : "",
        isConcurrent(name) ? "concurrent" : "",
      ];
      if (values.length === 0) yield { at: `{measure: ${name}}`, value: "", note: "gives no values" };
      for (const [index, value] of values.entries())
        yield {
          at: `{measure: ${name}, value: ${index + 1}}`,
          value,
          ...(index === 0 ? { note: note.filter(Boolean).join(", ") } : {}),
        };
    } catch (error) {
      if (!(error instanceof TransientError)) throw error;
      yield { at: `{measure: ${name}}`, value: "", note: `${error.message} [${error.code}]` };
    }
  }
  if (silent) throw new TransientError(`sensor ${address} does not answer`, { code: "timeout" });
}
