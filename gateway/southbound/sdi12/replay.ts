import { ConfigError, TransientError } from "../../model/errors.ts";
import type { SouthboundContext } from "../protocol.ts";
import type { Recorder } from "./dialogue.ts";
import { readSensor, type Sdi12Driver } from "./driver.ts";
import { LineDeframer } from "./lines.ts";
import type { Sdi12Given } from "./schema.ts";

/**
 * A driver that answers from an example's record of a dialogue, in its order: a command is answered
 * by the next entry that has it. A service request stands after the response that announced it, or
 * not at all. Nothing takes time.
 */
export function replaySdi12(given: Sdi12Given, { clock }: SouthboundContext): Sdi12Driver {
  const lost = new AbortController();
  const statistics = { commands: 0, damaged: 0 };
  const recorder = recorded(given, statistics, () => clock.monotonic());
  return {
    concurrency: 1,
    lost: lost.signal,
    statistics,
    read: (device, request, signal) => {
      signal.throwIfAborted();
      lost.signal.throwIfAborted();
      return readSensor(recorder, device, request, signal, () => clock.stamp());
    },
    async [Symbol.asyncDispose]() {
      lost.abort(new ConfigError("the replay is over", { code: "closed" }));
    },
  };
}

function recorded(
  { exchange }: Sdi12Given,
  statistics: { commands: number; damaged: number },
  now: () => number,
): Recorder {
  let next = 0;
  let called = false;
  return {
    async ask(command, parse) {
      statistics.commands++;
      const index = exchange.findIndex((entry, at) => at >= next && entry[">"] === command);
      const entry = exchange[index];
      if (!entry)
        throw new TransientError(`the example gives no answer to ${command}`, {
          code: "timeout",
          hint: `add {">": "${command}", "<": "..."} where the sensor would be asked`,
        });
      next = index + 1;
      const [response, ...more] = new LineDeframer().push(Buffer.from(entry["<"], "latin1"));
      called = more.some(({ text }) => text === command[0]);
      const value =
        response && !response.damaged && response.text[0] === command[0] ? parse(response.text) : undefined;
      if (value === undefined) {
        statistics.damaged++;
        throw new TransientError(`${JSON.stringify(entry["<"])} does not answer ${command}`, {
          code: "bad-reply",
        });
      }
      return { value, at: now() };
    },
    serviceRequest: async () => called,
  };
}
