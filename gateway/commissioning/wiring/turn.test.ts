import { describe, expect, it } from "vitest";
import { seeded } from "../../../test/fault/random.ts";
import { modbus } from "../../southbound/modbus/protocol.ts";
import { encodeRtu } from "../../southbound/modbus/rtu.ts";
import type { WiringQuestion } from "../../southbound/wiring-questions.ts";
import { mainsStrength } from "./mains.ts";
import { judge, type Turn } from "./turn.ts";

const serial = { kind: "serial", port: "p", baud: 9600, dataBits: 8, parity: "none", stopBits: 1 } as const;
const questions = modbus.wiring!({ endpoint: serial, framing: "rtu", concurrency: 1, timing: {} }, [])!;
const answer = encodeRtu(3, Uint8Array.of(3, 2, 0x12, 0x34));
const question: WiringQuestion = {
  unit: "3",
  bytes: encodeRtu(3, Uint8Array.of(3, 0, 0, 0, 1)),
  head: Uint8Array.of(3, 3, 2),
  answerBytes: 7,
  answers: (frame) => frame[0] === 3 && frame.length === 7,
};
const turn = (...chunks: [at: number, ...bytes: number[]][]): Turn => ({
  question,
  sentAt: 0,
  endAt: 9,
  chunks: chunks.map(([at, ...bytes]) => ({ at, bytes: Uint8Array.from(bytes) })),
});
const verdict = (...chunks: Parameters<typeof turn>) => judge(turn(...chunks), questions);

describe("what became of a question", () => {
  it("is whole, late, silent or damaged", () => {
    expect(verdict([20, ...answer])).toMatchObject({
      outcome: "whole",
      replyMs: 11,
      echo: "none",
      ghost: false,
    });
    expect(verdict([1500, ...answer])).toMatchObject({ outcome: "late", replyMs: 1491 });
    expect(verdict()).toMatchObject({ outcome: "silent" });
    expect(verdict([20, ...answer.with(3, 0x13)])).toMatchObject({ outcome: "damaged" });
    expect(verdict([20, ...answer], [40, ...answer])).toMatchObject({ outcome: "whole", twice: true });
  });

  it("takes the echo, whole or in part, for what it is", () => {
    expect(verdict([9, ...question.bytes], [20, ...answer])).toMatchObject({
      outcome: "whole",
      echo: "exact",
      replyMs: 11,
    });
    expect(verdict([9, 0xf1, ...question.bytes.subarray(4), ...answer])).toMatchObject({
      outcome: "whole",
      echo: "damaged",
    });
    expect(verdict([9, ...question.bytes])).toMatchObject({ outcome: "silent", echo: "exact" });
  });

  it("tells a line that falls to space, and one that rings, from an answer", () => {
    expect(verdict([12, 0])).toMatchObject({ outcome: "silent", zeroOnly: true });
    expect(verdict([12, 0xff])).toMatchObject({ outcome: "silent", ghost: true, zeroOnly: false });
    expect(verdict([12, 0xfe, ...answer])).toMatchObject({ outcome: "whole", ghost: true });
  });

  it("counts others' messages, requests among them", () => {
    const other = [
      ...encodeRtu(9, Uint8Array.of(4, 0, 1, 0, 2)),
      ...encodeRtu(9, Uint8Array.of(4, 4, 1, 2, 3, 4)),
    ];
    expect(verdict([20, ...other, ...answer])).toMatchObject({
      outcome: "whole",
      foreign: [
        { unit: "9", role: "request" },
        { unit: "9", role: "answer" },
      ],
    });
  });
});

describe("failures in time with the mains", () => {
  const moments = (of: (random: () => number) => number, count: number, seed: number) => {
    const random = seeded(seed);
    return Array.from({ length: count }, () => of(random));
  };

  it("are found at any frequency that a grid has", () => {
    for (const hertz of [49.92, 50, 50.07]) {
      const events = moments(
        (random) => (Math.floor(1000 * random()) + 0.3 * random()) * (1000 / hertz),
        60,
        1,
      );
      expect(mainsStrength(events, [])).toBe(1);
    }
  });

  it("are not found in what comes at random", () => {
    for (let seed = 0; seed < 200; seed++)
      expect(
        mainsStrength(
          moments((random) => 20_000 * random(), 20 + seed, seed),
          [],
        ),
      ).toBeLessThan(0.5);
    expect(mainsStrength([1, 21, 41], [])).toBe(0);
  });
});
