import { TransientError } from "../../model/errors.ts";
import { type Identity, parseIdentity, parseStarted, splitValues, withoutCrc } from "./codec.ts";
import { hasCrc, isConcurrent, isContinuous } from "./settings.ts";

/** The wire as a dialogue sees it: the live line, or an example's record of one. */
export interface Recorder {
  /**
   * Sends a command and gives what `parse` makes of the whole response (address included), with the
   * monotonic ms of its end. `parse` says undefined to what is damaged; the command is then repeated.
   * Rejects with TransientError (`timeout`, `bad-reply`), LinkError, or the signal's reason.
   */
  ask<T>(
    command: string,
    parse: (response: string) => T | undefined,
    signal: AbortSignal,
  ): Promise<{ readonly value: T; readonly at: number }>;
  /** Resolves with true when the sensor says that its values are ready, with false after `ms`. */
  serviceRequest(address: string, ms: number, signal: AbortSignal): Promise<boolean>;
}

export interface Measured {
  /** As the sensor wrote them. */
  readonly values: readonly string[];
  /** How many it said there would be; undefined where it says nothing. */
  readonly announced?: number | undefined;
  readonly at: number;
}

/** D0 to D9 (SDI-12 v1.4, 4.4.6). */
const mostPages = 10;
/** Later than it said by so much, a sensor is asked all the same; ms. */
const lateMs = 500;

/**
 * One measurement from its start to its last value (SDI-12 v1.4, 4.4.5 to 4.4.11). The line is busy
 * until it is over; `longestMs` bounds what the sensor may ask for. Rejects like `Recorder.ask`, and
 * with TransientError `too-long` when the sensor asks for more time than that.
 */
export async function measure(
  recorder: Recorder,
  address: string,
  name: string,
  longestMs: number,
  signal: AbortSignal,
): Promise<Measured> {
  const checked = hasCrc(name);
  const values = (response: string) => parseValues(response, checked);
  if (isContinuous(name)) {
    const { value, at } = await recorder.ask(`${address}${name}!`, values, signal);
    return { values: value, at };
  }
  const concurrent = isConcurrent(name);
  const started = await recorder.ask(`${address}${name}!`, (text) => parseStarted(text, concurrent), signal);
  const { seconds, count } = started.value;
  if (seconds * 1000 > longestMs)
    throw new TransientError(`sensor ${address} wants ${seconds} s for ${name}`, {
      code: "too-long",
      hint: `say so in its profile: sdi12: {measure: {${name}: {wait: ${seconds}s}}}`,
    });
  if (count === 0) return { values: [], announced: 0, at: started.at };
  let called = true;
  if (seconds > 0) {
    // A concurrent measurement ends without a word.
    const ms = seconds * 1000 + (concurrent ? 0 : lateMs);
    called = await recorder.serviceRequest(address, ms, signal);
  }
  const all: string[] = [];
  let { at } = started;
  for (let page = 0; page < mostPages && all.length < count; page++) {
    let answer = await recorder.ask(`${address}D${page}!`, values, signal);
    // The bare address may be a service request that came late.
    if (answer.value.length === 0 && !called && page === 0)
      answer = await recorder.ask(`${address}D${page}!`, values, signal);
    at = answer.at;
    if (answer.value.length === 0) break;
    all.push(...answer.value);
  }
  if (all.length > count)
    throw new TransientError(
      `sensor ${address} gave ${all.length} values for ${name} and had said ${count}`,
      {
        code: "bad-reply",
      },
    );
  return { values: all, announced: count, at };
}

/** What the sensor says of itself (SDI-12 v1.4, 4.4.2). Rejects like `Recorder.ask`. */
export function identify(
  recorder: Recorder,
  address: string,
  signal: AbortSignal,
): Promise<{ readonly value: Identity; readonly at: number }> {
  return recorder.ask(`${address}I!`, parseIdentity, signal);
}

/** The values of a whole response; undefined when it is damaged. Some sensors add the CRC unasked. */
export function parseValues(response: string, checked: boolean): readonly string[] | undefined {
  const body = withoutCrc(response);
  if (checked) return body === undefined ? undefined : exactly(body.slice(1));
  return exactly(response.slice(1)) ?? (body === undefined ? undefined : exactly(body.slice(1)));
}

function exactly(text: string): readonly string[] | undefined {
  const { values, rest } = splitValues(text);
  return rest === "" ? values : undefined;
}
