import { hexBytes, hexPattern } from "../../codec/hex.ts";
import { ConfigError, TransientError } from "../../model/errors.ts";
import { type Burst, overhear } from "../overhear.ts";
import type { ProbeFinding, ProbeInput, SouthboundContext } from "../protocol.ts";
import { cutFrames, frameFindings } from "./probe-shape.ts";
import { pairs } from "./record.ts";
import type { FrameConnection, FrameDevice } from "./settings.ts";

/** Silence that parts two bursts, ms: more than a USB adapter holds bytes apart. */
const pauseMs = 30;
const mostShown = 8;

/** Bursts of bytes as they come, and what the frames in them seem to be made of. `at`: bytes to send first, in hex. */
export async function* probeFrames(
  { endpoint }: FrameConnection,
  { at, listenMs }: ProbeInput<FrameDevice>,
  context: SouthboundContext,
): AsyncIterable<ProbeFinding> {
  if (at !== undefined && (!hexPattern.test(at) || at.trim() === ""))
    throw new ConfigError(`--at is what to send, in hex: "${at}" is not`, {
      code: "bad-place",
      hint: 'such as --at "ff 01 86 00 00 00 00 00 79"',
    });
  const send = at === undefined ? undefined : hexBytes(at);
  const bursts = await overhear(endpoint, { listenMs, pauseMs, send }, context);
  if (bursts.length === 0)
    throw new TransientError("nothing was heard", {
      code: "silent",
      hint: 'check the wires and the baud rate; a device that waits to be asked wants --at "ff 01 86 ..."',
    });
  yield* burstFindings(bursts);
  yield* frameFindings(cutFrames(bursts.map(({ bytes }) => bytes)));
}

function* burstFindings(bursts: readonly Burst[]): Generator<ProbeFinding> {
  const distinct = new Map<string, { burst: Burst; count: number }>();
  for (const burst of bursts) {
    const hex = pairs(burst.bytes);
    const known = distinct.get(hex);
    if (known) known.count++;
    else distinct.set(hex, { burst, count: 1 });
  }
  for (const [hex, { burst, count }] of [...distinct].slice(0, mostShown)) {
    const after = burst.after === undefined ? "" : `, ${Math.round(burst.after)} ms after the one before`;
    const times = count === 1 ? "" : `, ${count} times`;
    yield { at: "-", value: hex, note: `${burst.bytes.length} bytes${after}${times}` };
  }
  const more = distinct.size - mostShown;
  if (more > 0) yield { at: "-", value: "...", note: `${more} more that differ` };
}
