import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { VirtualClock } from "../../../test/fault/virtual-clock.ts";
import { GatewayError } from "../../model/errors.ts";
import { loadProfile } from "../../profiles/load.ts";
import { memoryPair } from "../../transport/memory.ts";
import type { Protocol } from "../protocol.ts";
import { measure } from "./dialogue.ts";
import { SensorWire } from "./line.ts";
import { sdi12 } from "./protocol.ts";

const load = (body: string) =>
  loadProfile(
    `profile: acme/probe
version: 1.0.0
title: Probe
manufacturer: Acme
models: [P]
category: level
sources: [{document: made for the tests}]
status: draft
protocol: sdi12
${body}`,
    "acme/probe.yaml",
    [sdi12 as Protocol],
  );
const codes = (body: string) =>
  load(body)
    .diagnostics.filter(({ code }) => code !== "no-examples")
    .map(({ code, message }) => `${code}: ${message}`);

describe("an SDI-12 profile", () => {
  it("says what is wrong with it", () => {
    expect(codes("points: {a: {at: {measure: M10, value: 1}, unit: m}}")[0]).toContain(
      "a measurement is M, M1 to M9",
    );
    expect(codes("points: {a: {at: {measure: M}, unit: m}}")[0]).toContain(
      "say which value of the measurement",
    );
    expect(codes("points: {a: {at: {value: 1}, unit: m}}")[0]).toContain(
      "either measure and value, or identity",
    );
    expect(codes("points: {a: {at: {measure: M, value: 10}, unit: m}}")).toEqual([
      "no-such-value: M gives at most 9 values",
    ]);
    expect(
      codes("sdi12: {measure: {M: {values: 2}, M1: {}}}\npoints: {a: {at: {measure: M, value: 3}, unit: m}}"),
    ).toEqual([
      "unused-measure: no point is a value of M1",
      "no-such-value: M gives 2 values, and this is number 3",
    ]);
    expect(
      codes("points: {a: {at: {measure: C, value: 3}, unit: m}, b: {at: {measure: C, value: 3}, unit: m}}"),
    ).toEqual(["overlapping-points: this is also where a is"]);
    expect(
      codes("points: {a: {at: {measure: C1, value: 12}, unit: m}, b: {at: {identity: serial}}}"),
    ).toEqual([]);
  });

  it("is planned as one request per measurement, at the cost that the head says", () => {
    const { profile } = load(`sdi12: {measure: {M: {wait: 3s, values: 5}}}
points:
  a: {at: {measure: M, value: 1}, unit: m, class: fast}
  b: {at: {measure: M, value: 4}, unit: Cel, class: slow}
  c: {at: {measure: R0, value: 1}, unit: V}
  d: {at: {identity: serial}}
`);
    const device = {
      id: "probe",
      profile: profile!,
      connection: "line",
      settings: { address: "3" },
      urn: "urn:dev:ops:32473-stadsnod-probe:",
      audience: "open",
      audiences: new Map(),
      poll: { fast: 1000, normal: 10_000, slow: 60_000 },
    } as Parameters<typeof sdi12.plan>[1];
    const connection = sdi12.connection.parse(sdi12.sample?.connection);
    const { requests } = sdi12.plan(connection, device, device.profile.points, {});
    expect(requests.map(({ label, points }) => [label, points.map(({ name }) => name)])).toEqual([
      ["3M! (5 values)", ["a", "b"]],
      ["3R0! (1 value)", ["c"]],
      ["3I! (identification)", ["d"]],
    ]);
    const [m, r] = requests;
    // The sensor's own three seconds, and about half a second of characters at 1200 baud.
    expect(m!.costMs).toBeGreaterThan(3300);
    expect(m!.costMs).toBeLessThan(4000);
    expect(r!.costMs).toBeLessThan(300);
  });
});

describe("the tools for SDI-12 profiles", () => {
  const turn = (sent: string, received: string) => ({
    sent: Buffer.from(sent),
    received: Buffer.from(received),
  });

  it("begin a profile that is right as it stands", () => {
    const { diagnostics, examples } = load(sdi12.skeleton!.replace("protocol: sdi12\n", ""));
    expect(diagnostics).toEqual([]);
    expect(examples).toHaveLength(1);
  });

  it("record what was said, and say it again", () => {
    const connection = sdi12.connection.parse(sdi12.sample?.connection);
    const given = sdi12.record!(
      [
        turn("0M!", "\0" + "00011\r\n0\r\n"),
        turn("0D0!", "0D0!0+1.5\r\n"),
        turn("0D0!", ""),
        turn("0M!", "00001\r\n"),
        turn("0D0!", "0+2.5\r\n"),
      ],
      connection,
      {} as Parameters<NonNullable<typeof sdi12.record>>[2],
    );
    expect(given).toEqual({
      exchange: [
        { ">": "0M!", "<": "00011\r\n0\r\n" },
        { ">": "0D0!", "<": "0+1.5\r\n" },
        { ">": "0M!", "<": "00001\r\n" },
        { ">": "0D0!", "<": "0+2.5\r\n" },
      ],
    });
    const device = sdi12.simulate!({} as Parameters<NonNullable<typeof sdi12.simulate>>[0], {
      given: [given],
      specimen: () => undefined,
      settings: { address: "0" },
      connection,
    });
    const say = (command: string) => {
      const answer = device.answer?.(Buffer.from(command), 0);
      return answer && Buffer.from(answer).toString();
    };
    expect(["0M!", "0D0!", "0M!", "0D0!", "0D0!"].map(say)).toEqual([
      "00011\r\n0\r\n",
      "0+1.5\r\n",
      "00001\r\n",
      "0+2.5\r\n",
      "0+1.5\r\n",
    ]);
    expect(say("1M!")).toBeUndefined();
  });
});

describe("an SDI-12 line", () => {
  it("is the standard's unless gateway.yaml says otherwise; who makes the break follows from it", () => {
    expect(sdi12.connection.parse({ serial: { port: "x" } })).toMatchObject({
      endpoint: { baud: 1200, dataBits: 7, parity: "even", stopBits: 1 },
      break: "line",
    });
    expect(
      sdi12.connection.parse({ serial: { port: "x", baud: 9600, dataBits: 8, parity: "none" } }).break,
    ).toBe("adapter");
    expect(sdi12.connection.parse({ tcp: { host: "h", port: 4001 } }).break).toBe("adapter");
    expect(sdi12.connection.safeParse({ tcp: { host: "h", port: 1 }, break: "line" }).success).toBe(false);
    expect(sdi12.connection.safeParse({}).success).toBe(false);
    for (const address of ["0", "z", "Z", 7]) expect(sdi12.device.safeParse({ address }).success).toBe(true);
    for (const address of ["", "ab", "?", 10, -1])
      expect(sdi12.device.safeParse({ address }).success).toBe(false);
  });

  it("on which anything may come gives values or our own errors", async () => {
    const piece = fc.oneof(
      fc.uint8Array({ maxLength: 40 }),
      fc
        .constantFrom("0\r\n", "00013\r\n", "0+1.5\r\n", "000005\r\n", "0M!", "\r\n")
        .map((text) => Buffer.from(text)),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(piece, { maxLength: 20 }),
        fc.constantFrom("M", "MC", "C", "V", "R0", "RC1"),
        async (pieces, name) => {
          const clock = new VirtualClock();
          const [near, far] = memoryPair(clock);
          const connection = sdi12.connection.parse({ serial: { port: "x" }, timeout: 100 });
          await using wire = new SensorWire(near, connection, clock);
          let next = 0;
          far.receive(() => {
            const bytes = pieces[next++];
            if (bytes) void far.write(bytes).catch(() => {});
          });
          const outcome = measure(wire, "0", name, 60_000, new AbortController().signal).then(
            ({ values }) => values,
            (error: unknown) => error,
          );
          await clock.advance(200_000);
          const found = await outcome;
          if (Array.isArray(found)) for (const value of found) expect(value).toMatch(/^[+-][\d.]+$/);
          else expect(found).toBeInstanceOf(GatewayError);
        },
      ),
      { numRuns: 150 },
    );
  });
});
