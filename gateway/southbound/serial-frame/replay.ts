import { hexBytes, toHex } from "../../codec/hex.ts";
import { ConfigError, TransientError } from "../../model/errors.ts";
import type { PointResult, ReadRequest, SouthboundContext } from "../protocol.ts";
import { HeadDeframer, type LineFrame } from "./deframer.ts";
import { type FrameDriver, requestOf } from "./driver.ts";
import { headOf, isFrom, prepare } from "./request.ts";
import { contentOf, frameResults, heardPoints } from "./results.ts";
import type { FrameGiven } from "./schema.ts";
import type { FrameTarget } from "./session.ts";
import type { FrameAddress } from "./settings.ts";

/**
 * A driver that hears and answers what an example gives, without a wire: frames are found and decoded
 * as on a live line, requests are compared byte by byte. Warm-up and sessions are left out.
 */
export function replaySerialFrame(given: FrameGiven, context: SouthboundContext): FrameDriver {
  const lost = new AbortController();
  const counts = { rejected: 0, unclaimed: 0 };
  let deframed: Readonly<Record<string, number>> = {};

  const framesIn = (device: FrameTarget, hex: string): LineFrame[] => {
    const deframer = new HeadDeframer(headOf(device.profile.protocolSettings));
    const frames = [...deframer.push(hexBytes(hex)), ...deframer.quiet()];
    deframed = sum(deframed, deframer.statistics);
    return frames;
  };
  const results = (frame: LineFrame, points: FrameTarget["profile"]["points"]) => {
    const content = contentOf(frame);
    if ("problem" in content && content.problem === "sentinel") counts.rejected++;
    return frameResults(frame, content, points, context.clock.stamp());
  };
  return {
    concurrency: 1,
    lost: lost.signal,
    get statistics() {
      return { ...deframed, ...counts };
    },
    async listen(devices) {
      if (given.rx === undefined) return;
      for (const device of devices) {
        for (const frame of framesIn(device, given.rx)) {
          const points = heardPoints(device.profile.points, frame.shape.name);
          if (points.length === 0 || !isFrom(frame, device.settings)) counts.unclaimed++;
          else await context.emit(device, results(frame, points));
        }
      }
    },
    async read(
      device: FrameTarget,
      request: ReadRequest<FrameAddress>,
      signal: AbortSignal,
    ): Promise<PointResult<FrameAddress>[]> {
      signal.throwIfAborted();
      lost.signal.throwIfAborted();
      const name = requestOf(request);
      const head = headOf(device.profile.protocolSettings);
      const wanted = head.requests.get(name);
      if (!wanted) throw new ConfigError(`the profile has no request "${name}"`, { code: "unknown-request" });
      const prepared = prepare(head, wanted, device.settings, 0);
      const sent = toHex(prepared.bytes);
      const exchange = given.exchange?.find(({ ">": bytes }) => toHex(hexBytes(bytes)) === sent);
      if (!exchange)
        throw new ConfigError(`the example gives no answer to ${name}`, {
          code: "no-answer-given",
          hint: `the request goes out as ${sent}`,
        });
      const answer = framesIn(device, exchange["<"] ?? "").find(prepared.accepts);
      if (!answer) throw new TransientError("no answer", { code: "timeout" });
      if (prepared.refuses(answer)) throw new TransientError(`${name} was refused`, { code: "refused" });
      return results(answer, request.points);
    },
    async [Symbol.asyncDispose]() {
      lost.abort(new ConfigError("the replay is over", { code: "closed" }));
    },
  };
}

function sum(
  one: Readonly<Record<string, number>>,
  other: Readonly<Record<string, number>>,
): Record<string, number> {
  const all: Record<string, number> = { ...one };
  for (const [name, count] of Object.entries(other)) all[name] = (all[name] ?? 0) + count;
  return all;
}
