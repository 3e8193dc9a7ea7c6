import { describe, expect, it } from "vitest";
import type { Row } from "./bench.ts";
import { type BenchReport, figure, type RunFacts, report, verdict } from "./report.ts";

const facts: RunFacts = {
  date: "2026-01-02 03:04",
  commit: "abc1234",
  node: "v24.0.0",
  cpu: "Some | CPU",
  cpus: 4,
  memoryMb: 2000,
  kernel: "Linux 6.1",
  minutes: 11.6,
  quick: false,
  peers: new Map([
    ["modbus-serial", "8.0.25"],
    ["node-red", "5.0.7"],
    ["node-red-contrib-modbus", "5.60.2"],
  ]),
};
const row = (name: string, value: number, more: Partial<Row> = {}): Row => ({
  name,
  value,
  unit: "ms",
  ...more,
});
const bench = (rows: readonly Row[], goals: BenchReport["goals"] = {}): BenchReport => ({
  name: "line",
  title: "how fast a line is",
  method: "It is timed.",
  goals,
  rows,
});
/** The lines of the table in which a row stands. */
const linesOf = (text: string, name: string): string[] =>
  text.split("\n").filter((line) => line.startsWith("|") && line.includes(`\`${name}\``));

describe("verdict", () => {
  it.each([
    [{ atMost: 2 }, row("a", 2), "met"],
    [{ atMost: 2 }, row("a", 2.001), "not met"],
    [{ atLeast: 2 }, row("a", 2), "met"],
    [{ atLeast: 2 }, row("a", 1.999), "not met"],
    [{ atLeast: 1, atMost: 2 }, row("a", 3), "not met"],
    [{ atMost: 0 }, row("a", 0), "met"],
    [{ atMost: 0 }, row("a", 1), "not met"],
    [{ atMost: 1, of: "ratio" }, row("a", 500, { ratio: 0.9, ratioTo: "before" }), "met"],
    [{ atMost: 1, of: "ratio" }, row("a", 0.5, { ratio: 1.1, ratioTo: "before" }), "not met"],
    [{ atMost: 1, of: "ratio" }, row("a", 0.5), "not measured"],
    [{ atMost: 1 }, undefined, "not measured"],
    [{ atMost: 1 }, { name: "a", value: null, unit: "", error: "no root" }, "not measured"],
    [{ atMost: 1 }, row("a", Number.NaN), "not measured"],
    [{ atLeast: 1 }, row("a", Number.POSITIVE_INFINITY), "not measured"],
  ] as const)("%j of %j: %s", (goal, found, expected) => {
    expect(verdict(goal, found)).toBe(expected);
  });
});

describe("the report", () => {
  it("tells the machine, the commit and the versions", () => {
    const text = report(facts, []);
    for (const said of [
      "2026-01-02 03:04",
      "`abc1234`",
      "v24.0.0",
      "4 x Some \\| CPU",
      "2000 MB",
      "Linux 6.1",
      "12 minutes",
      "| Peer node-red-contrib-modbus | 5.60.2 |",
    ])
      expect(text).toContain(said);
    expect(text).not.toContain("placeholder");
  });

  it("has a section per bench with its method, its command and every row", () => {
    const one = { ...bench([row("line.a", 1), row("line.b", 1234.5)]), notComparable: "The peer is in C." };
    const text = report(facts, [one, { ...bench([]), name: "other" }]);
    expect(text).toContain(
      "## `line`\n\nHow fast a line is.\n\nMethod: It is timed.\n\nNot comparable: The peer is in C.",
    );
    expect(text).toContain("npm run bench -- --only line\n");
    expect(text).toContain("## `other`");
    expect(linesOf(text, "line.a")).toEqual(["| `line.a` | 1 ms |  |  |  |"]);
    expect(linesOf(text, "line.b")).toEqual(["| `line.b` | 1,235 ms |  |  |  |"]);
  });

  it("puts what is not met in front of all sections and counts it", () => {
    const text = report(facts, [
      bench([row("line.good", 1), row("line.bad", 3)], {
        "line.good": { atMost: 2 },
        "line.bad": { atMost: 2 },
      }),
    ]);
    expect(text).toContain("1 of 2 goals are met.");
    const [first, second] = linesOf(text, "line.bad");
    expect(first).toBe("| `line` | `line.bad` | 3 ms | at most 2 | **not met** |");
    expect(second).toBe("| `line.bad` | 3 ms |  | at most 2 | **not met** |");
    expect(text.indexOf(first ?? "")).toBeLessThan(text.indexOf("## `line`"));
    expect(linesOf(text, "line.good")).toEqual(["| `line.good` | 1 ms |  | at most 2 | met |"]);
  });

  it("does not take a goal for met whose row failed or is missing", () => {
    const broken: Row = { name: "line.broken", value: null, unit: "ms", error: "needs\nroot | or so" };
    const text = report(facts, [
      bench([broken], { "line.broken": { atMost: 2 }, "line.gone": { atMost: 2 } }),
    ]);
    expect(text).toContain("0 of 2 goals are met.");
    expect(text).toContain(
      "| `line` | `line.broken` | could not be measured: needs root \\| or so | at most 2 | **not measured** |",
    );
    expect(text).toContain("| `line` | `line.gone` | no such row | at most 2 | **not measured** |");
  });

  it("names failed rows that have no goal", () => {
    const text = report(facts, [
      bench([{ name: "line.peer", value: null, unit: "", error: "not installed" }]),
    ]);
    expect(text).toContain("- `line.peer`: not installed");
    expect(linesOf(text, "line.peer")).toEqual([
      "| `line.peer` | could not be measured: not installed |  |  |  |",
    ]);
  });

  it("says the version of a peer, of the longest name that fits", () => {
    const ratio = (ratioTo: string): string | undefined =>
      linesOf(report(facts, [bench([row("line.a", 1, { ratio: 0.5, ratioTo })])]), "line.a")[0];
    expect(ratio("modbus-serial")).toContain("| 0.5 x modbus-serial 8.0.25 |");
    expect(ratio("modbus-serial at its best")).toContain("| 0.5 x modbus-serial 8.0.25 at its best |");
    expect(ratio("modbus-serial, a read every 20 ms")).toContain("modbus-serial 8.0.25, a read every 20 ms");
    expect(ratio("node-red-contrib-modbus")).toContain("node-red-contrib-modbus 5.60.2 |");
    expect(ratio("1 stream")).toContain("| 0.5 x 1 stream |");
  });

  it("says of a quick run that it is one", () => {
    const text = report({ ...facts, quick: true }, [bench([row("line.a", 1)])]);
    expect(text.split("\n").slice(0, 6).join("\n")).toContain("A placeholder from a quick run");
    expect(text).toContain("npm run bench -- --only line --quick\n");
  });

  it("judges a ratio by the ratio", () => {
    const text = report(facts, [
      bench([row("line.polls", 9, { ratio: 0.4, ratioTo: "before" })], {
        "line.polls": { atLeast: 0.5, of: "ratio" },
      }),
    ]);
    expect(text).toContain("| `line` | `line.polls` | 0.4 x before | at least 0.5 x | **not met** |");
  });
});

describe("figure", () => {
  it.each([
    [0, "0"],
    [0.00012345, "0.000123"],
    [1.2345, "1.23"],
    [-45.67, "-45.7"],
    [123_456.7, "123,457"],
  ])("%d is %s", (value, text) => {
    expect(figure(value)).toBe(text);
  });
});
