import type { DeviceProfile } from "../../model/device.ts";
import type { Turn } from "../protocol.ts";
import type { FrameGiven } from "./schema.ts";
import type { FrameAddress, FrameHead } from "./settings.ts";

/** Of what came by itself, so many bytes of the end are kept. */
const mostBytes = 4000;
const mostTurns = 100;

/** A tapped dialogue as an example has it: each request with its answer, and what came unasked where points are heard. */
export function recordFrames(
  dialogue: readonly Turn[],
  { points }: DeviceProfile<FrameAddress, FrameHead>,
): FrameGiven {
  const asked = dialogue.filter(({ sent }) => sent.length > 0).slice(-mostTurns);
  const heard = Buffer.concat(dialogue.map(({ received }) => received)).subarray(-mostBytes);
  const speaks = asked.length === 0 || points.some(({ address }) => "frame" in address);
  const polled = asked.length > 0 && points.some(({ address }) => "request" in address);
  return {
    ...(speaks ? { rx: pairs(heard) } : {}),
    ...(polled
      ? {
          exchange: asked.map(({ sent, received }) => ({
            ">": pairs(sent),
            "<": pairs(received.subarray(0, mostBytes)),
          })),
        }
      : {}),
  };
}

/** Hex digits in pairs, as people read them. */
export function pairs(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join(" ");
}
