import type { Device, Point } from "../../model/device.ts";
import { characterMs } from "../endpoint.ts";
import type { Learned, ReadPlan, ReadRequest } from "../protocol.ts";
import { compileHead } from "./compile.ts";
import type { FrameAddress, FrameConnection, FrameDevice, FrameHead } from "./settings.ts";

/** One request of the profile. */
export interface FrameRead extends ReadRequest<FrameAddress> {
  readonly request: string;
}

/** One exchange through a TCP converter when nobody says, ms. */
const networkMs = 5;

/**
 * One transaction per request of the profile that has points; what is heard needs none. A profile that
 * does not compile has no plan: `check` has said why. Pure.
 */
export function planFrames(
  { endpoint, timing: line }: FrameConnection,
  device: Device<FrameAddress, FrameDevice, FrameHead>,
  points: readonly Point<FrameAddress>[],
  _learned: Learned,
): ReadPlan<FrameAddress> & { readonly requests: readonly FrameRead[] } {
  const { compiled } = compileHead(device.profile.protocolSettings);
  if (!compiled) return { requests: [] };
  const { timing } = compiled.head;
  const byteMs = characterMs(endpoint);
  const requests: FrameRead[] = [];
  for (const { name, settings, template } of compiled.requests.values()) {
    const asked = points.filter(
      ({ address }) => "field" in address && "request" in address && address.request === name,
    );
    const reply = compiled.shapes.find((shape) => shape.name === settings.reply);
    if (asked.length === 0 || !reply) continue;
    // Of a frame whose length varies, half the longest is a fair guess.
    const answer = reply.min === reply.max ? reply.max : (reply.min + reply.max) / 2;
    requests.push({
      request: name,
      points: asked,
      label: `${name} (${template.length} bytes, answer ${reply.name})`,
      costMs:
        (template.length + answer) * byteMs +
        Math.max(timing.turnaroundMs, line.silenceMs) +
        settings.pauseMs +
        (endpoint.kind === "tcp" ? networkMs : 0),
    });
  }
  const heard = points.filter(({ address }) => "frame" in address && compiled.bodies.has(address.frame));
  return { requests, concurrency: 1, heard };
}
