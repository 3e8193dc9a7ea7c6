import { describe, expect, it } from "vitest";
import type { Point } from "../model/device.ts";
import { commandValue } from "./json.ts";
import { renderMetrics } from "./metrics.ts";

const point = (rawKind: string, more: object = {}): Point =>
  ({ name: "p", kind: "gauge", write: { rawKind, ...more }, ...more }) as never;

describe("the value of a command", () => {
  it.each<[string, Point | undefined, number | string | boolean, unknown]>([
    ["a number", point("integer"), 80, 80],
    ["a whole number that JSON cannot hold", point("integer"), "18446744073709551615", 18446744073709551615n],
    ["a small one in the same way", point("integer"), "-5", -5],
    ["bytes", point("bytes"), "00ffA0", Buffer.from([0, 255, 160])],
    ["no bytes after all", point("bytes"), "0f0", "0f0"],
    ["a label, also of digits", point("integer", { labels: new Map([[1, { en: "1" }]]) }), "1", "1"],
    ["a text of digits", point("text"), "12", "12"],
    ["anything for a point that nobody knows", undefined, "12", "12"],
    ["true", point("boolean"), true, true],
    ["more digits than any integer", point("integer"), "9".repeat(21), "9".repeat(21)],
  ])("is taken as %s", (_what, of, given, value) => {
    expect(commandValue(of, given)).toEqual(value);
  });
});

describe("metrics", () => {
  it("escape what a label may not hold, and keep codes few", () => {
    const errors = Object.fromEntries(Array.from({ length: 100 }, (_, n) => [`code-${n}`, n]));
    const text = renderMetrics({
      surface: () => ({
        status: () => ({
          gateway: 'a"b\\c\nd',
          version: "1",
          run: "r",
          uptimeS: 1,
          clock: { trusted: false },
          devices: [{ id: "d", connection: "c", state: "unknown", errors }],
          connections: [],
          northbound: [],
          quarantined: [],
          memoryMB: 1,
        }),
      }),
      streams: { size: 3 },
      accounts: undefined,
      counts: { byClass: new Map([["2xx", 5]]), loginsFailed: 1, loginsSucceeded: 0 },
    } as never);
    expect(text).toContain('stadsnod_info{gateway="a\\"b\\\\c\\nd",version="1",run="r"} 1\n');
    expect(text).toContain('stadsnod_api_requests_total{status="2xx"} 5\n');
    expect(text.match(/^stadsnod_device_errors_total\{/gm)).toHaveLength(32);
    // Every sample stands below its HELP and TYPE, every line ends, no family comes twice.
    const families = Array.from(text.matchAll(/^# TYPE (\S+) (gauge|counter)$/gm), ([, name]) => name);
    expect(new Set(families).size).toBe(families.length);
    for (const line of text.trimEnd().split("\n"))
      expect(line).toMatch(
        /^(# (HELP|TYPE) [a-z_]+ .+|[a-z_]+(\{([a-z]+="([^"\\\n]|\\["\\n])*",?)+\})? -?[\d.e+-]+)$/,
      );
    expect(text).not.toContain("stadsnod_device_available");
  });
});
