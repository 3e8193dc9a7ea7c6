import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { CliContext } from "../context.ts";
import { linesOf } from "../live.ts";
import { openScreen } from "./screen.ts";

const reading = (device: string, point = "level") => ({
  device,
  point,
  value: 1,
  quality: "good" as const,
  time: "2026-11-22T06:14:49.000Z",
});
const asked = (id: string) => ({
  id,
  device: "lamp-1",
  point: "level",
  value: 40,
  unit: "%",
  issuer: "city-control",
  own: true,
  time: 0,
  told: [{ state: "accepted" }],
});

describe("the demonstration's screen", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  const terminal = (columns: number | undefined, rows: number | undefined) => {
    const written: string[] = [];
    const context: CliContext = {
      cwd: "/",
      env: {},
      signal: new AbortController().signal,
      onReload() {},
      out: (text) => written.push(text),
      err() {},
      columns,
      rows,
    };
    return { written, screen: openScreen(context, { quiet: false, rank: () => 0 }) };
  };
  const fill = (screen: ReturnType<typeof openScreen>) => {
    for (let device = 0; device < 16; device++)
      for (let point = 0; point < 12; point++) screen.reading(reading(`device-${device}`, `p${point}`));
    for (let command = 0; command < 30; command++) screen.command(asked(`c${command}`));
    screen.footer(`Try: ${"x".repeat(90)}`);
  };

  it.each([
    [150, 50, 16],
    [100, 30, 16],
    [80, 24, 10],
  ])("fits into %i x %i", (columns, rows, devices) => {
    const { written, screen } = terminal(columns, rows);
    fill(screen);
    vi.advanceTimersByTime(1000);
    expect(written).toHaveLength(1);
    const text = written[0]!.trimEnd();
    expect(linesOf(text, columns)).toBeLessThan(rows);
    expect(new Set(text.match(/^device-\d+/gm)).size).toBe(devices);
    expect(text.match(/lamp-1/g)?.length).toBeGreaterThanOrEqual(4);
    expect(text).toContain("Try: x");
    screen.command(asked("one more"));
    vi.advanceTimersByTime(1000);
    // Over what it drew before, and nothing after the end.
    expect(written[1]).toMatch(new RegExp(`^\\x1b\\[${linesOf(text, columns)}F\\x1b\\[J`));
    screen[Symbol.dispose]();
    screen.command(asked("late"));
    vi.advanceTimersByTime(1000);
    expect(written).toHaveLength(2);
  });

  it.each([
    [undefined, undefined],
    [60, 50],
    [120, 15],
  ])("is lines in %s x %s", (columns, rows) => {
    const { written, screen } = terminal(columns, rows);
    screen.reading(reading("lamp-1"));
    screen.command(asked("a"));
    expect(written).toEqual([
      "2026-11-22T06:14:49.000Z lamp-1 level 1\n",
      "1970-01-01T00:00:00.000Z command by city-control: lamp-1 level 40 %: accepted\n",
    ]);
  });
});
