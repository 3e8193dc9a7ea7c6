import type { Board } from "./board.ts";
import { genericArm64 } from "./generic-arm64.ts";
import { pi } from "./pi.ts";

export const boards: ReadonlyMap<string, Board> = new Map(
  [genericArm64, pi].map((board) => [board.name, board]),
);
