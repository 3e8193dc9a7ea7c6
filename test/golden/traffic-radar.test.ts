import { resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { captureJson, valueAt } from "../../gateway/southbound/serial-line/json-line.ts";
import { Line } from "../../gateway/southbound/serial-line/line.ts";
import { type Decoded, messagesOf } from "../../gateway/southbound/serial-line/messages.ts";
import { goldenIsHere, readGolden } from "./golden.ts";
import { lineUnit } from "./line-unit.ts";

interface Golden {
  readonly lines: readonly {
    readonly line: string;
    readonly json: Readonly<Record<string, string | number>>;
    readonly class: "object" | "raw" | "config-or-other";
  }[];
}

/** What the profile that we ship calls the classes of the source. */
const messageOf = { object: "object", raw: "echo", "config-or-other": "reply" } as const;

/**
 * Named exceptions: the source takes a speed without a magnitude for no echo. With the magnitude
 * report switched off (Om) that is exactly what an echo is (UM-003, OM and OS), so ours reads it.
 */
const echoes = ['{"speed": 42}', '{"speed": 3.4}', '{"speed":5.0}'];

describe.skipIf(!goldenIsHere)("golden lines of a traffic radar (needs ../shared/golden)", () => {
  const { lines } = goldenIsHere ? readGolden<Golden>("traffic-radar", "ops243.json") : { lines: [] };
  const unit = lineUnit(resolve(import.meta.dirname, "../../device-profiles/omnipresense/ops243-a.yaml"));
  const messages = messagesOf(unit);

  const decode = (line: string): Decoded => {
    const verdict = messages.decode(new Line(Buffer.from(line, "latin1")));
    if (verdict.kind !== "message") throw new Error(`${verdict.kind}: ${line}`);
    return verdict.decoded;
  };

  it("are here", () => expect(lines.length).toBeGreaterThanOrEqual(15));

  it.each(lines)("tells what $line is", ({ line, class: kind }) => {
    expect(decode(line).message).toBe(echoes.includes(line) ? "echo" : messageOf[kind]);
  });

  it.each(lines)("reads every member of $line", ({ line, json }) => {
    const decoded = decode(line);
    for (const [path, value] of Object.entries(json)) {
      const at = (type: "number" | "text") => decoded.at({ message: decoded.message, path, type });
      const digits = typeof value === "number" || /^\d+(\.\d+)?$/.test(value);
      // Numbers may stand in quotes; words where a number is due are no number.
      if (digits) expect(at("number"), path).toEqual({ kind: "value", raw: Number(value) });
      else expect(at("number"), path).toMatchObject({ kind: "bad" });
      if (typeof value === "string") expect(at("text"), path).toEqual({ kind: "value", raw: value });
    }
  });

  it("has no member that is not there", () => {
    for (const { line } of lines) {
      expect(decode(line).at({ message: "", path: "constructor", type: "text" })).toBeUndefined();
      expect(captureJson(valueAt(JSON.parse(line), "__proto__.toString"), "text")).toBeUndefined();
    }
  });
});
