import { expect, it } from "vitest";
import type { RecordLine } from "../../simulators/platform.ts";
import { missingIn } from "./books.ts";

const of = { gateway: "gw", run: "r1", audience: "open" };
const pack = (seq: number, seqTo = seq): RecordLine => ({
  ...of,
  type: "pack",
  seq,
  seqTo,
  readings: 1,
  fresh: 1,
  via: "telemetry",
});
const state = (lastSeq: number): RecordLine => ({ ...of, type: "state", lastSeq });
const gap = (from: number, to: number): RecordLine => ({
  ...of,
  type: "gap",
  from,
  to,
  readings: 1,
  reason: "expired",
});

it("misses nothing where every pack came or was told as lost, in whatever order", () => {
  expect(missingIn([pack(3), pack(1, 2), state(5), gap(4, 5), pack(2)])).toEqual([]);
});

it("misses a hole, and what was stored and never came after a power cut", () => {
  expect(missingIn([pack(1), pack(3), state(5)])).toEqual([{ run: "r1", audience: "open", seqs: [2, 4, 5] }]);
});

it("keeps runs apart", () => {
  expect(missingIn([pack(1), { ...pack(2), run: "r2" }])).toEqual([
    { run: "r2", audience: "open", seqs: [1] },
  ]);
});
