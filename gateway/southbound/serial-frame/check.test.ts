import { describe, expect, it } from "vitest";
import { loadProfile } from "../../profiles/load.ts";
import { serialFrame } from "./protocol.ts";

const base = {
  framing: '{start: "aa c0", end: "ab", length: 10, check: {sum8: 2..7, at: 8}}',
  data: "{fields: [{name: dust, type: u16}, {name: flag, type: bool, consume: 1}]}",
  more: "",
  points: "  dust: {at: {frame: data, field: dust}, unit: ug/m3}",
};

/** What checking says about a profile that differs from a good one in these parts. */
function findings(change: Partial<typeof base> = {}): string[] {
  const { framing, data, more, points } = { ...base, ...change };
  const text = `profile: test/sensor
version: 1.0.0
title: Sensor
manufacturer: Test
models: [S]
category: air-quality
sources: [{document: made for the tests}]
status: draft
protocol: serial-frame
serial-frame:
  framing: ${framing}
  frames:
    data: ${data}
${more}
points:
${points}
examples: [{given: {rx: "00"}, expect: {}}]
`;
  return loadProfile(text, "device-profiles/test/sensor.yaml", [serialFrame]).diagnostics.map(
    ({ message, hint, line }) => `${line}: ${message}${hint ? ` (${hint})` : ""}`,
  );
}

describe("checking a frame profile", () => {
  it("has nothing to say about a good one", () => {
    expect(findings()).toEqual([]);
  });

  it.each([
    [
      "a length that is too short",
      { framing: '{start: "aa c0", end: "ab", length: 3, check: {sum8: 2..7, at: 8}}' },
      "start, checksum and end alone need 4 bytes, not 3",
    ],
    [
      "a checksum that counts itself",
      { framing: '{start: "aa c0", end: "ab", length: 10, check: {sum8: 2..8, at: 8}}' },
      "counts itself",
    ],
    [
      "a checksum on the end bytes",
      { framing: '{start: "aa c0", end: "ab", length: 10, check: {sum8: 2..7, at: 9}}' },
      "lies on the end bytes",
    ],
    [
      "a checksum outside the frame",
      { framing: '{start: "aa c0", end: "ab", length: 10, check: {sum8: 2..7, at: 12}}' },
      "lies outside a frame of 10 bytes",
    ],
    [
      "a span outside the frame",
      { framing: '{start: "aa c0", end: "ab", length: 10, check: {sum8: 2..19, at: 8}}' },
      "counts bytes outside a frame of 10 bytes",
    ],
    [
      "no checksum and no word about it",
      { framing: '{start: "aa c0", end: "ab", length: 10}' },
      'says so: "check: none"',
    ],
    [
      "two checksums",
      { framing: '{start: "aa c0", length: 10, check: {sum8: 2..7, xor8: 2..7}}' },
      "exactly one checksum",
    ],
    [
      "nothing that ends a frame",
      { framing: '{start: "aa c0", check: {sum8: 2..}}' },
      "needs a length, a length field or end bytes",
    ],
    ["no start", { framing: '{end: "ab", length: 10, check: none}' }, "without start bytes cannot be found"],
    [
      "constant bytes outside",
      { data: '{match: {12: "01"}, fields: [{name: dust, type: u16}]}' },
      "lie outside the frame",
    ],
    ["an unknown checksum", { framing: '{start: "aa c0", length: 10, check: {sum9: 2..7}}' }, "sum9"],
    [
      "an unknown frame",
      { points: "  dust: {at: {frame: dta, field: dust}, unit: ug/m3}" },
      'there is no frame "dta" (did you mean "data"?)',
    ],
    [
      "an unknown field",
      { points: "  dust: {at: {frame: data, field: dusk}, unit: ug/m3}" },
      'frame "data" has no field "dusk" (did you mean "dust"?)',
    ],
    [
      "an unknown request",
      { points: "  dust: {at: {request: read, field: dust}, unit: ug/m3}" },
      'there is no request "read"',
    ],
    [
      "frame and request at once",
      { points: "  dust: {at: {request: read, frame: data, field: dust}, unit: ug/m3}" },
      "either the frame that is heard or the request",
    ],
    ["bits of a truth value", { points: "  flag: {at: {frame: data, field: flag}, bits: {0: on}}" }, "bits"],
    [
      "an unknown reply",
      { more: '  requests: {read: {send: "01", reply: dat}}' },
      'there is no frame "dat" (did you mean "data"?)',
    ],
    [
      "a request in a session that is not there",
      { more: "  session: {open: [work]}" },
      'there is no request "work"',
    ],
    [
      "a template that cannot be",
      { more: '  requests: {read: {send: "01 {sum8:0..9}", reply: data}}' },
      "counts bytes 0 to 9 of 2",
    ],
    [
      "a value that nobody says",
      { more: '  requests: {read: {send: "01 {on:u8}", reply: data}}' },
      "has no value for {on} (say it under values: {on: ...})",
    ],
    [
      "a value that does not fit",
      { more: '  requests: {read: {send: "01 {on:u8}", values: {on: 256}, reply: data}}' },
      "not a whole number from 0 to 255",
    ],
    [
      "a value that nothing takes",
      { more: '  requests: {read: {send: "01", values: {on: 1}, reply: data}}' },
      "has no {on:...} to put this in",
    ],
    [
      "a tag that is not sent",
      {
        data: "{tag: {at: 2, type: u8}, fields: [{name: dust, type: u16}]}",
        more: '  requests: {read: {send: "01", reply: data}}',
      },
      "repeats a tag",
    ],
    [
      "an expression that makes no sense",
      { data: '{reject: "dusk == 0", fields: [{name: dust, type: u16}]}' },
      "dusk",
    ],
    ["a layout that makes no sense", { data: "{fields: [{name: dust, type: u17}]}" }, "u17"],
    ["twins", { more: "    other: {fields: [{name: dust, type: u16}]}" }, 'frame "other" looks like "data"'],
    [
      "stuffing without an end",
      { framing: '{start: "7e", escape: shdlc, length: 10, check: {sum8: 2..7, at: 8}}' },
      "stuffed frames end with a byte",
    ],
    [
      "delimiters of one kind",
      {
        framing: '{start: "7e", end: "7e", escape: shdlc, check: {sum8: "1.."}}',
        data: '{start: "7f", fields: [{name: dust, type: u16}]}',
      },
      "all have the start and end of the framing",
    ],
    [
      "a stuffed request without delimiters",
      {
        framing: '{start: "7e", end: "7e", escape: shdlc, check: {sum8: "1.."}}',
        more: '  requests: {read: {send: "01 02", reply: data}}',
      },
      "must begin and end with the bytes that delimit",
    ],
    ["what noise can be", { framing: '{start: "ff", length: 3, check: none}' }, "noise will pass as data"],
  ])("%s", (_, change, expected) => {
    const found = findings(change);
    expect(found.join("\n")).toContain(expected);
    expect(found.length).toBe(1);
  });
});
