import { hexBytes } from "../../codec/hex.ts";
import { ConfigError, TransientError } from "../../model/errors.ts";
import { LineDeframer } from "../line-deframer.ts";
import type { SouthboundContext } from "../protocol.ts";
import { type LineDriver, wholeAnswer } from "./driver.ts";
import { bytesOf, unescaped } from "./escapes.ts";
import { Line } from "./line.ts";
import { type LineUnit, messagesOf, resultsOf } from "./messages.ts";
import { isLineRequest } from "./plan.ts";
import { Roster } from "./roster.ts";
import type { LineGiven } from "./schema.ts";

/**
 * A driver that hears what an example gives, once, and answers requests from it. Throws ConfigError
 * for text with a half escape.
 */
export function replayLines(given: LineGiven, context: SouthboundContext): LineDriver {
  const { clock } = context;
  const lost = new AbortController();
  const deframer = new LineDeframer();
  const counters = { unmatched: 0, "bad-checksum": 0, "bad-character": 0 };
  const cut = (device: LineUnit, bytes: Uint8Array): readonly Uint8Array[] => {
    deframer.use(device.profile.protocolSettings.framing);
    return [...deframer.push(bytes), ...deframer.quiet()];
  };
  const dialogue = (given.exchange ?? []).map((one) => ({
    sent: toBytes(one[">"]),
    received: toBytes(one["<"]),
  }));
  const stream = given.hex === undefined ? toBytes(given.rx ?? "") : hexBytes(given.hex);
  return {
    concurrency: 1,
    lost: lost.signal,
    get statistics() {
      return { ...deframer.statistics, ...counters };
    },
    async listen(devices) {
      const [device] = devices;
      if (!device) return;
      const roster = new Roster(devices);
      for (const bytes of cut(device, stream))
        for (const { decoded, points } of roster.hear(bytes, counters))
          await context.emit(device, resultsOf(decoded, points, clock.stamp()));
    },
    async read(device, request, signal) {
      signal.throwIfAborted();
      if (!isLineRequest(request))
        throw new ConfigError(`${request.label} is no line request`, { code: "foreign-request" });
      const messages = messagesOf(device);
      const sent = messages.request(request.message);
      const answers = given.exchange
        ? dialogue.filter((one) => Buffer.compare(one.sent, sent) === 0).map(({ received }) => received)
        : [stream];
      for (const bytes of answers.flatMap((answer) => cut(device, answer))) {
        const verdict = messages.decode(new Line(bytes), request.message);
        if (verdict.kind === "message") return wholeAnswer(request.points, verdict.decoded, clock.stamp());
      }
      throw new TransientError(`the example gives no answer to ${request.label}`, { code: "timeout" });
    },
    async [Symbol.asyncDispose]() {
      lost.abort(new ConfigError("the replay is over", { code: "closed" }));
    },
  };
}

function toBytes(text: string): Uint8Array {
  try {
    return bytesOf(unescaped(text));
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new ConfigError(`what the example gives is not understood: ${error.message}`, {
      code: "bad-given",
    });
  }
}
