import { describe, expect, it } from "vitest";
import { type Deed, judge, within } from "./judge.ts";

const node = { id: "n1", type: "function", name: "dim" };
const alarm = { id: "a1", type: "stadsnod-alarm", name: "flood" };
const command = (value: number, at = 1000): Deed => ({
  kind: "command",
  at,
  command: { id: `c${value}`, device: "lamp-1", point: "level", action: "write", value },
});
const output = (msg: Record<string, unknown>, port = 0, from = node): Deed => ({
  kind: "output",
  at: 2000,
  node: from,
  port,
  msg,
});
const lamp = { device: "lamp-1", point: "level" };
const verdict = (...given: Parameters<typeof judge>) => judge(...given).map(({ passed }) => passed);

describe("judge", () => {
  it("wants all commands, these and no others, in this order", () => {
    expect(verdict({ command: { ...lamp, value: 1 } }, [command(1)])).toEqual([true]);
    expect(verdict({ command: lamp }, [command(7)])).toEqual([true]);
    expect(verdict({ command: { ...lamp, value: 1 } }, [command(1), command(1)])).toEqual([false]);
    expect(
      verdict(
        {
          command: [
            { ...lamp, value: 1 },
            { ...lamp, value: 2 },
          ],
        },
        [command(1), command(2)],
      ),
    ).toEqual([true]);
    expect(
      verdict(
        {
          command: [
            { ...lamp, value: 2 },
            { ...lamp, value: 1 },
          ],
        },
        [command(1), command(2)],
      ),
    ).toEqual([false]);
    expect(verdict({ command: { ...lamp, device: "lamp-2" } }, [command(1)])).toEqual([false]);
    expect(verdict({ "no-command": true }, [output({})])).toEqual([true]);
    expect(verdict({ "no-command": true }, [command(1)])).toEqual([false]);
  });

  it("takes a number for the same but for its last digits", () => {
    expect(within(0.3, 0.1 + 0.2)).toBe(true);
    expect(within(0.3, 0.3001)).toBe(false);
    expect(within(1, "1")).toBe(false);
  });

  it("wants one output among any, by name or id, on its port, with these parts", () => {
    const deeds = [output({ payload: 1, topic: "x" }), output({ payload: 2 }, 1)];
    expect(verdict({ output: { node: "dim", port: 0, payload: 1 } }, deeds)).toEqual([true]);
    expect(verdict({ output: { node: "n1", port: 1, payload: 2 } }, deeds)).toEqual([true]);
    expect(verdict({ output: { node: "dim", port: 0, payload: 2 } }, deeds)).toEqual([false]);
    expect(verdict({ output: { node: "dim", port: 0, msg: { topic: "y" } } }, deeds)).toEqual([false]);
    expect(verdict({ "no-output": { node: "dim", port: 2 } }, deeds)).toEqual([true]);
    expect(verdict({ "no-output": { node: "dim" } }, deeds)).toEqual([false]);
  });

  it("knows alarms by what they say", () => {
    const deeds = [output({ alarm: { state: "raised", severity: "high" } }, 0, alarm)];
    expect(verdict({ alarm: { state: "raised" } }, deeds)).toEqual([true]);
    expect(verdict({ alarm: { state: "normal" } }, deeds)).toEqual([false]);
    expect(verdict({ alarm: "none" }, deeds)).toEqual([false]);
    expect(verdict({ alarm: "none" }, [output({ alarm: {} })])).toEqual([true]);
  });

  it("wants all published values, and finds what a message must not have", () => {
    const published = (value: number): Deed => ({
      kind: "published",
      at: 1000,
      value: { point: "cars", value, unit: "count" },
    });
    expect(verdict({ published: { point: "cars", value: 3 } }, [published(3)])).toEqual([true]);
    expect(verdict({ published: { point: "cars", unit: "km" } }, [published(3)])).toEqual([false]);
    expect(verdict({ published: { point: "cars" } }, [published(3), published(4)])).toEqual([false]);
    expect(verdict({ published: "none" }, [command(1)])).toEqual([true]);
    expect(verdict({ published: "none" }, [published(3)])).toEqual([false]);
    const lacking = { output: { node: "dim", port: 0, lacks: ["reading"] } };
    expect(verdict(lacking, [output({ payload: 1 })])).toEqual([true]);
    expect(verdict(lacking, [output({ payload: 1, reading: {} })])).toEqual([false]);
  });
});
