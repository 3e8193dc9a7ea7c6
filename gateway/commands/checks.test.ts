import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { commandOf, lamps } from "../../test/fault/desk-harness.ts";
import type { Command, CommandOrigin } from "../model/command.ts";
import type { Reading } from "../model/reading.ts";
import { type Asked, type Circumstances, checks, judge } from "./checks.ts";
import { defaultRules, matchesAny } from "./rules.ts";

const now = 1_790_000_000_000;
const minute = 60_000;
const city: CommandOrigin = { kind: "northbound", northbound: "city" };
const local: CommandOrigin = { kind: "local", user: "anna" };
const schedule: CommandOrigin = { kind: "schedule", schedule: "dusk" };
const failsafe: CommandOrigin = { kind: "failsafe" };
const rules = {
  ...defaultRules,
  issuers: new Map([
    ["city", { devices: ["lamp-*"], points: ["*"], priority: "operator" as const }],
    ["robot", { devices: ["lamp-1"], points: ["l*l"], priority: "automation" as const }],
    ["police", { devices: ["*"], points: ["*"], priority: "safety" as const }],
  ]),
};
const reading = (value: boolean): Reading => {
  const device = lamps.get("lamp-1")!;
  const point = device.profile.points.find(({ name }) => name === "door")!;
  return { device, point, name: "door", quality: "good", value, time: { base: "unix", ms: now } };
};

function desk(over: Partial<Circumstances> = {}): Circumstances {
  return {
    now: { unixMs: now, trusted: true },
    rules,
    device: (id) => lamps.get(id),
    latest: () => undefined,
    known: () => undefined,
    hold: () => undefined,
    armed: () => undefined,
    rateWait: () => 0,
    budgetLeft: () => 100,
    busy: false,
    ...over,
  };
}

interface Case {
  readonly name: string;
  readonly command?: Partial<Command>;
  readonly asked?: Partial<Asked>;
  readonly desk?: Partial<Circumstances>;
  /** Undefined: it is taken. */
  readonly code?: string | undefined;
}

const untrusted = { now: { unixMs: now, trusted: false } };
const held = (priority: "safety" | "operator") => ({
  hold: () => ({ device: "lamp-1", point: "level", priority, issuer: "police", value: 1 }),
});
const cases: Case[] = [
  { name: "a plain write" },
  { name: "0", command: { value: 0 } },
  { name: "the end of the range", command: { value: 100 } },
  { name: "an id with every kind of character", command: { id: "A.z_0:9-" } },
  { name: "an id of 64", command: { id: "x".repeat(64) } },
  { name: "an id of 65", command: { id: "x".repeat(65) }, code: "bad-form" },
  { name: "no id", command: { id: "" }, code: "bad-form" },
  { name: "an id with a slash", command: { id: "a/b" }, code: "bad-form" },
  { name: "an id with a line break", command: { id: "a\n" }, code: "bad-form" },
  { name: "no issuer", command: { issuer: "" }, code: "bad-form" },
  { name: "an endless issuer", command: { issuer: "i".repeat(65) }, code: "bad-form" },
  { name: "no device", command: { device: "" }, code: "bad-form" },
  { name: "no point", command: { point: "" }, code: "bad-form" },
  { name: "a reason", command: { reason: "because" } },
  { name: "an endless reason", command: { reason: "r".repeat(201) }, code: "bad-form" },
  { name: "a write without a value", command: { value: undefined }, code: "bad-form" },
  { name: "a release with a value", command: { action: "release", value: 1 }, code: "bad-form" },
  { name: "an endless text", command: { value: "v".repeat(1025) }, code: "bad-form" },
  { name: "endless bytes", command: { value: new Uint8Array(1025) }, code: "bad-form" },
  { name: "a confirm of nothing", command: { action: "confirm", value: undefined }, code: "bad-form" },
  {
    name: "a confirm of no id",
    command: { action: "confirm", value: undefined, confirms: "?" },
    code: "bad-form",
  },
  { name: "a write that confirms", command: { confirms: "a" }, code: "bad-form" },
  { name: "a time that is none", command: { issuedAt: Number.NaN }, code: "bad-form" },
  { name: "an expiry that is none", command: { expiry: { at: Number.POSITIVE_INFINITY } }, code: "bad-form" },
  { name: "a life below nothing", command: { expiry: { inMs: -1 } }, code: "bad-form" },
  {
    name: "a key that speaks for the issuer",
    command: { issuedAt: now },
    asked: { issuersOfKey: ["police", "city"] },
  },
  { name: "a key that does not", asked: { issuersOfKey: ["police"] }, code: "not-allowed" },
  {
    name: "a signed relative life that begins at any receipt",
    command: { expiry: { inMs: minute } },
    asked: { issuersOfKey: ["city"] },
    code: "no-expiry",
  },
  {
    name: "a signed relative life that begins when it was issued",
    command: { expiry: { inMs: minute }, issuedAt: now },
    asked: { issuersOfKey: ["city"] },
  },
  {
    name: "a signed relative life, clock untrusted",
    command: { expiry: { inMs: minute } },
    asked: { issuersOfKey: ["city"] },
    desk: untrusted,
  },
  { name: "a key that speaks for nobody", asked: { issuersOfKey: [] }, code: "not-allowed" },
  { name: "a known command", desk: { known: () => "same" }, code: "again" },
  {
    name: "a known command, retained",
    asked: { retained: true },
    desk: { known: () => "same" },
    code: "again",
  },
  {
    name: "a known command, expired by now",
    command: { expiry: { at: 1 } },
    desk: { known: () => "same" },
    code: "again",
  },
  { name: "a retained one", asked: { retained: true }, code: "retained" },
  { name: "a reused id", desk: { known: () => "other" }, code: "id-reused" },
  { name: "an expiry ahead", command: { expiry: { at: now + 1000 } } },
  { name: "an expiry right now", command: { expiry: { at: now } }, code: "expired" },
  { name: "an expiry in the past", command: { expiry: { at: now - minute } }, code: "expired" },
  { name: "no life at all", command: { expiry: { inMs: 0 } }, code: "expired" },
  {
    name: "a relative one that a broker kept",
    command: { expiry: { inMs: minute }, issuedAt: now - 3 * minute },
    code: "expired",
  },
  {
    name: "a relative one by a clock a little behind",
    command: { expiry: { inMs: 1000 }, issuedAt: now - 30_000 },
  },
  { name: "issued by a clock a little ahead", command: { issuedAt: now + 59_000 } },
  { name: "issued in the future", command: { issuedAt: now + 61_000 }, code: "issued-in-future" },
  { name: "a life of a week", command: { expiry: { inMs: 7 * 86_400_000 } } },
  {
    name: "a life beyond a week",
    command: { expiry: { inMs: 7 * 86_400_000 + 1 } },
    code: "expiry-too-long",
  },
  {
    name: "a life beyond that of the point",
    command: { point: "lock", value: "open", expiry: { at: now + 6 * minute } },
    code: "expiry-too-long",
  },
  { name: "a relative life, clock untrusted", desk: untrusted },
  { name: "an old issue time, clock untrusted", command: { issuedAt: 5 }, desk: untrusted },
  {
    name: "an absolute time, clock untrusted",
    command: { expiry: { at: now + 1 } },
    desk: untrusted,
    code: "clock-untrusted",
  },
  {
    name: "anything, clock untrusted and refused",
    desk: { ...untrusted, rules: { ...rules, untrustedClock: "refuse" } },
    code: "clock-untrusted",
  },
  {
    name: "a local one, clock untrusted and refused",
    asked: { origin: local },
    desk: { ...untrusted, rules: { ...rules, untrustedClock: "refuse" } },
  },
  { name: "an issuer that nobody knows", command: { issuer: "mallory" }, code: "not-allowed" },
  { name: "anybody where nobody is named", desk: { rules: defaultRules }, code: "not-allowed" },
  { name: "a local user where nobody is named", asked: { origin: local }, desk: { rules: defaultRules } },
  {
    name: "a device that is not the issuer's",
    command: { issuer: "robot", priority: "automation", device: "lamp-2" },
    code: "not-allowed",
  },
  {
    name: "a point that is not the issuer's",
    command: { issuer: "robot", priority: "automation", point: "worn" },
    code: "not-allowed",
  },
  { name: "a point that is", command: { issuer: "robot", priority: "automation" } },
  {
    name: "a class that is too strong",
    command: { issuer: "robot", priority: "operator" },
    code: "not-allowed",
  },
  { name: "safety from the city", command: { priority: "safety" }, code: "not-allowed" },
  { name: "safety from the police", command: { issuer: "police", priority: "safety" } },
  { name: "an unknown device", command: { device: "lamp-9" }, code: "unknown-device" },
  { name: "an unknown point", command: { point: "levle" }, code: "unknown-point" },
  { name: "a point that is only read", command: { point: "level_read" }, code: "read-only" },
  { name: "a text for a number", command: { value: "50" }, code: "wrong-type" },
  { name: "a truth for a number", command: { value: true }, code: "wrong-type" },
  { name: "not a number", command: { value: Number.NaN }, code: "wrong-type" },
  { name: "beyond the range", command: { value: 100.5 }, code: "out-of-range" },
  { name: "below the range", command: { value: -1 }, code: "out-of-range" },
  { name: "a label that is none", command: { point: "lock", value: "ajar" }, code: "unknown-value" },
  { name: "an interlock that holds", command: { point: "pump" }, desk: { latest: () => reading(false) } },
  {
    name: "an interlock that does not",
    command: { point: "pump" },
    desk: { latest: () => reading(true) },
    code: "interlock",
  },
  { name: "an interlock that nobody knows yet", command: { point: "pump" } },
  { name: "a point that a stronger class holds", desk: held("safety"), code: "overridden" },
  { name: "a point that the same class holds", desk: held("operator") },
  { name: "a failsafe on a held point", asked: { origin: failsafe }, desk: held("safety") },
  {
    name: "a release by a weaker class",
    command: { action: "release", value: undefined },
    desk: held("safety"),
    code: "overridden",
  },
  { name: "a release of nothing", command: { action: "release", value: undefined } },
  {
    name: "a confirm of what waits",
    command: { action: "confirm", value: undefined, confirms: "a", point: "lock" },
    desk: { armed: () => "armed" },
  },
  {
    name: "a confirm too late",
    command: { action: "confirm", value: undefined, confirms: "a", point: "lock" },
    desk: { armed: () => "late" },
    code: "confirmation-late",
  },
  {
    name: "a confirm of what never was",
    command: { action: "confirm", value: undefined, confirms: "a", point: "lock" },
    code: "not-armed",
  },
  {
    name: "two steps by a schedule",
    command: { point: "lock", value: "open" },
    asked: { origin: schedule },
    code: "needs-confirmation",
  },
  { name: "two steps by the city", command: { point: "lock", value: "open" } },
  { name: "too many in a time", command: { point: "often" }, desk: { rateWait: () => 4200 }, code: "rate" },
  {
    name: "a failsafe, too many in a time",
    command: { point: "often" },
    asked: { origin: failsafe },
    desk: { rateWait: () => 4200 },
  },
  { name: "a worn memory", command: { point: "worn" }, desk: { budgetLeft: () => 0 }, code: "budget" },
  { name: "the last write that it bears", command: { point: "worn" }, desk: { budgetLeft: () => 1 } },
  {
    name: "a failsafe on a worn memory",
    command: { point: "worn" },
    asked: { origin: failsafe },
    desk: { budgetLeft: () => 0 },
  },
  { name: "a full desk", desk: { busy: true }, code: "busy" },
];

const verdict = ({ command, asked, desk: over }: Case): string | undefined => {
  const found = judge({ command: commandOf(command ?? {}), origin: city, ...asked }, desk(over));
  return found && ("again" in found ? "again" : found.refuse);
};

describe("checks", () => {
  it.each(cases.map((one) => [one.name, one.code ?? "taken", one] as const))("%s: %s", (_name, code, one) => {
    expect(verdict(one) ?? "taken").toBe(code);
  });

  it("are asked in this order", () => {
    expect(checks.map(({ name }) => name).join(" ")).toBe(
      "form signature duplicate retained id clock expiry issued issuer device point life value interlock hold arming rate budget busy",
    );
  });

  it("give the first reason of several", () => {
    const order = ["bad-form", "not-allowed", "retained", "expired", "unknown-device"];
    const wrong: Partial<Command>[] = [{ id: "?" }, {}, {}, { expiry: { at: 1 } }, { device: "lamp-9" }];
    for (let first = 0; first < order.length; first++) {
      const command = Object.assign({}, ...wrong.slice(first));
      const asked = { issuersOfKey: first <= 1 ? [] : undefined, retained: first <= 2 };
      expect(verdict({ name: "", command, asked })).toBe(order[first]);
    }
  });

  it("never throw, whatever they are asked", () => {
    fc.assert(
      fc.property(
        fc.record({
          id: fc.string(),
          device: fc.constantFrom("lamp-1", "lamp-9", ""),
          point: fc.oneof(fc.constantFrom("level", "worn", "lock", "pump", "__proto__"), fc.string()),
          action: fc.constantFrom("write", "release", "confirm"),
          value: fc.oneof(
            fc.double(),
            fc.bigInt(),
            fc.boolean(),
            fc.string(),
            fc.uint8Array(),
            fc.constant(undefined),
          ),
          confirms: fc.option(fc.string(), { nil: undefined }),
          issuer: fc.constantFrom("city", "police", "__proto__", ""),
          issuedAt: fc.option(fc.double(), { nil: undefined }),
          expiry: fc.oneof(fc.record({ at: fc.double() }), fc.record({ inMs: fc.double() })),
          priority: fc.constantFrom("safety", "operator", "schedule", "automation"),
        }),
        (command) => {
          judge({ command, origin: city }, desk({ latest: () => reading(false) }));
        },
      ),
    );
  });
});

describe("patterns of names", () => {
  it.each([
    ["lamp-*", "lamp-1", true],
    ["lamp-*", "lamp-", true],
    ["lamp-*", "clamp-1", false],
    ["*", "", true],
    ["l*l", "level", true],
    ["l*l", "l", false],
    ["a*b*c", "a-b-b-c", true],
    ["a*b*c", "a-c-b", false],
    ["lamp", "lamp-1", false],
  ])("%s and %s: %s", (pattern, name, expected) => {
    expect(matchesAny([pattern], name)).toBe(expected);
  });

  it("match as the regular expression would", () => {
    const letters = fc.string({ unit: fc.constantFrom("a", "b", "*"), maxLength: 8 });
    const name = fc.string({ unit: fc.constantFrom("a", "b"), maxLength: 10 });
    fc.assert(
      fc.property(letters, name, (pattern, one) => {
        expect(matchesAny([pattern], one)).toBe(new RegExp(`^${pattern.replaceAll("*", ".*")}$`).test(one));
      }),
    );
  });
});
