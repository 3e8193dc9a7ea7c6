import type { Instant } from "../../model/clock.ts";
import type { Point } from "../../model/device.ts";
import type { PointResult } from "../protocol.ts";
import { type Content, fieldOf } from "./compile.ts";
import type { LineFrame } from "./deframer.ts";
import type { FrameAddress } from "./settings.ts";

type FramePoint = Point<FrameAddress>;

/** What a frame says about these points, all of whose fields are in it. */
export function frameResults(
  { head, shape }: LineFrame,
  content: Content,
  points: readonly FramePoint[],
  at: Instant,
): PointResult<FrameAddress>[] {
  const kinds = head.bodies.get(shape.name)?.kinds;
  return points.map((point) => {
    if ("problem" in content) return { point, at, problem: content.problem, detail: content.detail };
    const field = "field" in point.address ? point.address.field : "";
    const raw = fieldOf(content.values, field, kinds?.get(field));
    return raw === undefined
      ? { point, at, problem: "sentinel", detail: `the frame holds no "${field}"` }
      : { point, at, raw };
  });
}

/** What the body of a frame says. */
export function contentOf({ head, shape, bytes }: LineFrame): Content {
  return head.bodies.get(shape.name)?.decode(shape.body(bytes)) ?? { values: {} };
}

/** The points that a kind of frame tells by itself. */
export function heardPoints(points: readonly FramePoint[], frame: string): FramePoint[] {
  return points.filter(({ address }) => "frame" in address && address.frame === frame);
}
