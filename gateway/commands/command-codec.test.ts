import { generateKeyPairSync } from "node:crypto";
import { encode } from "cborg";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { signCommand } from "../../simulators/city-control.ts";
import type { Command, CommandResult } from "../model/command.ts";
import { ConfigError } from "../model/errors.ts";
import type { IncomingCommand } from "../northbound/northbound.ts";
import { makeCommandCodec } from "./command-codec.ts";

const now = { unixMs: 1_790_000_000_000, trusted: true };
const base = {
  id: "c-1",
  point: "level",
  value: 80,
  issuer: "city-lighting",
  expiresAt: 1_790_000_060_000,
};
const incoming = (body: unknown, more: Partial<IncomingCommand> = {}): IncomingCommand => ({
  device: "lamp-1",
  body: body instanceof Uint8Array ? body : encode(body),
  retained: false,
  properties: new Map(),
  ...more,
});
const open = makeCommandCodec({ gateway: "gw-1", trust: new Map() });
const command: Command = {
  id: "c-1",
  device: "lamp-1",
  point: "level",
  action: "write",
  value: 80,
  issuer: "city-lighting",
  expiry: { at: 1_790_000_060_000 },
  priority: "operator",
};

describe("the body of a command", () => {
  it.each<[string, object, Partial<Command>]>([
    ["the least", {}, {}],
    [
      "everything",
      { issuedAt: 1_790_000_000_000, priority: "automation", reason: "test", action: "write" },
      { issuedAt: 1_790_000_000_000, priority: "automation", reason: "test" },
    ],
    ["a text", { value: "open" }, { value: "open" }],
    ["false", { value: false }, { value: false }],
    ["a float", { value: 21.5 }, { value: 21.5 }],
    ["a negative number", { value: -40 }, { value: -40 }],
    ["an integer of 64 bits", { value: 2n ** 63n }, { value: 2n ** 63n }],
    ["a bigint that needs none", { value: 4_294_967_296n }, { value: 4_294_967_296 }],
    ["release", { action: "release", value: undefined }, { action: "release", value: undefined }],
    [
      "confirm",
      { action: "confirm", value: undefined, confirms: "c-0" },
      { action: "confirm", value: undefined, confirms: "c-0" },
    ],
    ["relative expiry", { expiresAt: undefined, expiresIn: 5000 }, { expiry: { inMs: 5000 } }],
  ])("with %s", (_, change, expected) => {
    expect(open.decode(incoming(clean({ ...base, ...change })), now)).toEqual({
      command: { ...command, ...expected },
    });
  });

  it("takes bytes as bytes", () => {
    const decoded = open.decode(incoming({ ...base, value: Buffer.from([1, 2]) }), now);
    expect("command" in decoded && decoded.command.value).toEqual(Uint8Array.of(1, 2));
  });

  it("lets the message's own expiry shorten a relative one, and nothing else", () => {
    const expiry = (change: object, expiresInMs: number) => {
      const decoded = open.decode(incoming(clean({ ...base, ...change }), { expiresInMs }), now);
      return "command" in decoded && decoded.command.expiry;
    };
    const relative = { expiresAt: undefined, expiresIn: 5000 };
    expect(expiry(relative, 2000)).toEqual({ inMs: 2000 });
    expect(expiry(relative, 9000)).toEqual({ inMs: 5000 });
    expect(expiry({}, 9000)).toEqual({ at: base.expiresAt });
  });

  const refusals: [string, unknown, string, RegExp][] = [
    ["a key nobody knows", { ...base, valeu: 1 }, "bad-form", /no key "valeu" .* did you mean "value"\?/],
    ["the old key of relative expiry", { ...base, validFor: 1 }, "bad-form", /no key "validFor"/],
    [
      "a number as key",
      new Map<unknown, unknown>([...Object.entries(base), [5, 1]]),
      "bad-form",
      /no key "5"/,
    ],
    ["no id", { ...base, id: undefined }, "bad-form", /`id` is missing/],
    ["an id with a blank", { ...base, id: "a b" }, "bad-form", /`id` must be 1 to 64/],
    ["an id without end", { ...base, id: "a".repeat(65) }, "bad-form", /`id` must be 1 to 64/],
    ["a number as id", { ...base, id: 7 }, "bad-form", /`id` must be a text, not a number/],
    ["no point", { ...base, point: undefined }, "bad-form", /`point` is missing/],
    ["an empty point", { ...base, point: "" }, "bad-form", /`point` must be 1 to 200/],
    ["no issuer", { ...base, issuer: undefined }, "bad-form", /`issuer` is missing/],
    ["an issuer with a line break", { ...base, issuer: "a\nb" }, "bad-form", /`issuer` must be/],
    ["no value", { ...base, value: undefined }, "bad-form", /`value` is missing/],
    ["null as value", { ...base, value: null }, "bad-form", /`value` must be/],
    ["a list as value", { ...base, value: [1] }, "bad-form", /`value` must be/],
    ["a map as value", { ...base, value: { a: 1 } }, "bad-form", /`value` must be/],
    ["a text without end", { ...base, value: "x".repeat(1025) }, "bad-form", /`value` has at most 1024/],
    ["an issuer without end", { ...base, issuer: "x".repeat(65) }, "bad-form", /`issuer` must be 1 to 64/],
    ["NaN", { ...base, value: Number.NaN }, "bad-form", /not a finite number/],
    ["infinity", { ...base, value: Number.POSITIVE_INFINITY }, "bad-form", /not a finite number/],
    ["no expiry", { ...base, expiresAt: undefined }, "no-expiry", /`expiresAt` .* or `expiresIn`/],
    ["two expiries", { ...base, expiresIn: 5 }, "bad-form", /exclude each other/],
    [
      "an expiry as text",
      { ...base, expiresAt: "2026-01-01" },
      "bad-form",
      /`expiresAt` must be a whole number/,
    ],
    ["half a millisecond", { ...base, expiresAt: 1.5 }, "bad-form", /`expiresAt` must be a whole number/],
    ["an expiry before time", { ...base, expiresAt: -1 }, "bad-form", /`expiresAt` must be a whole number/],
    ["an expiry beyond numbers", { ...base, expiresAt: 2n ** 63n }, "bad-form", /`expiresAt` must be/],
    ["issuedAt as text", { ...base, issuedAt: "now" }, "bad-form", /`issuedAt` must be/],
    ["a priority of its own", { ...base, priority: "highest" }, "bad-form", /one of safety, operator/],
    ["a number as priority", { ...base, priority: 1 }, "bad-form", /`priority` must be a text/],
    ["an action of its own", { ...base, action: "toggle" }, "bad-form", /one of write, release, confirm/],
    ["release with a value", { ...base, action: "release" }, "bad-form", /release takes no `value`/],
    [
      "confirm of nothing",
      { ...base, value: undefined, action: "confirm" },
      "bad-form",
      /`confirms` is missing/,
    ],
    ["confirms without confirm", { ...base, confirms: "c-0" }, "bad-form", /`confirms` belongs to/],
    [
      "a reason that is a novel",
      { ...base, reason: "x".repeat(201) },
      "bad-form",
      /`reason` must be one line/,
    ],
    ["a reason of two lines", { ...base, reason: "a\nb" }, "bad-form", /`reason` must be one line/],
    ["an array", [base], "bad-form", /a command is a CBOR map/],
    ["a number", 5, "bad-form", /a command is a CBOR map/],
    ["nothing", new Uint8Array(0), "bad-form", /end in the middle/],
    ["a key twice", hex("a2626964616162696461620a"), "bad-form", /a map key twice/],
    ["bytes after it", Buffer.concat([encode(base), Buffer.from([0])]), "bad-form", /bytes after the end/],
    ["a tag", Buffer.concat([Buffer.from([0xc0]), encode("x")]), "bad-form", /tag 0/],
    [
      "JSON",
      Buffer.from(JSON.stringify(base)),
      "bad-form",
      /^JSON is not read here: a command is a CBOR map/,
    ],
    ["indented JSON", Buffer.from(`\n ${JSON.stringify([base])}`), "bad-form", /^JSON is not read here/],
    ["a signed command", hex(`d284${"40"}a04040`), "bad-signature", /trusts no key/],
  ];
  it.each(refusals)("refuses %s", (_, body, refuse, text) => {
    const plain = body instanceof Uint8Array || Array.isArray(body) || typeof body !== "object";
    const refused = open.decode(incoming(plain || body instanceof Map ? body : clean(body ?? {})), now);
    expect(refused).toMatchObject({ refuse, text: expect.stringMatching(text) });
  });

  it("names in a refusal what could be read", () => {
    expect(open.decode(incoming({ ...base, value: null }), now)).toMatchObject({
      id: "c-1",
      point: "level",
      issuer: "city-lighting",
    });
    const refused = open.decode(incoming({ ...base, id: "not an id", issuer: 7 }), now);
    expect(refused).toEqual({ refuse: "bad-form", text: expect.any(String), point: "level" });
  });

  it("refuses what was cut off without looking at it", () => {
    expect(open.decode(incoming(base, { oversize: true }), now)).toEqual({
      refuse: "too-large",
      text: "a command has at most 4096 bytes",
    });
  });

  it.each(["application/json", "text/plain", "application/senml+json"])(
    "refuses content type %s",
    (contentType) => {
      expect(open.decode(incoming(base, { contentType }), now)).toMatchObject({
        refuse: "bad-form",
        text: expect.stringContaining(contentType),
      });
    },
  );

  it.each(["application/cbor", "APPLICATION/CBOR; x=y", "application/octet-stream"])(
    "takes content type %s",
    (contentType) => {
      expect(open.decode(incoming(base, { contentType }), now)).toEqual({ command });
    },
  );

  it("takes any bytes without a crash", () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 200 }),
        fc.constantFrom(undefined, "112"),
        (body, contentType) => {
          expect(open.decode(incoming(body, { contentType }), now)).toHaveProperty("refuse");
        },
      ),
    );
  });

  it("reads back whatever a command can say", () => {
    const value = fc.oneof(
      fc.string(),
      fc.boolean(),
      fc.double({ noNaN: true, noDefaultInfinity: true }),
      fc.integer(),
      fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n }),
    );
    const id = fc.stringMatching(/^[A-Za-z0-9._:-]{1,64}$/);
    const expiry = fc.oneof(
      fc.record({ expiresAt: fc.maxSafeNat() }),
      fc.record({ expiresIn: fc.maxSafeNat() }),
    );
    fc.assert(
      fc.property(id, value, expiry, (id, value, expiry) => {
        const { expiresAt: _, ...rest } = base;
        const decoded = open.decode(incoming({ ...rest, id, value, ...expiry }), now);
        if (!("command" in decoded)) throw new Error(decoded.text);
        expect(decoded.command.id).toBe(id);
        // Zero has no sign for a lamp.
        expect(`${decoded.command.value}`).toBe(`${value}`);
        expect(decoded.command.expiry).toEqual(
          "expiresAt" in expiry ? { at: expiry.expiresAt } : { inMs: expiry.expiresIn },
        );
      }),
    );
  });
});

describe("a SenML actuation pack", () => {
  const properties = new Map([
    ["id", "c-1"],
    ["issuer", "city-lighting"],
    ["expiresAt", "1790000060000"],
    ["traceparent", "is for somebody else"],
  ]);
  const pack = (record: readonly (readonly [unknown, unknown])[], more: Partial<IncomingCommand> = {}) =>
    open.decode(
      incoming([new Map(record)], { contentType: "application/senml+cbor", properties, ...more }),
      now,
    );

  it.each<[string, [unknown, unknown], Command["value"]]>([
    ["a number", [2, 80], 80],
    ["a text", [3, "on"], "on"],
    ["a boolean", [4, true], true],
  ])("with %s is a command", (_, value, expected) => {
    expect(pack([[0, "level"], value])).toEqual({ command: { ...command, value: expected } });
  });

  it("takes the message's expiry where no property gives one", () => {
    const without = new Map([...properties].filter(([key]) => key !== "expiresAt"));
    expect(
      pack(
        [
          [0, "level"],
          [2, 80],
        ],
        { properties: without, expiresInMs: 3000 },
      ),
    ).toEqual({
      command: { ...command, expiry: { inMs: 3000 } },
    });
    expect(
      pack(
        [
          [0, "level"],
          [2, 80],
        ],
        { properties: without },
      ),
    ).toMatchObject({ refuse: "no-expiry" });
  });

  it.each<[string, [unknown, unknown][], RegExp]>([
    [
      "a base name",
      [
        [-2, "urn:dev:x:"],
        [0, "level"],
        [2, 80],
      ],
      /label -2/,
    ],
    [
      "a time",
      [
        [0, "level"],
        [2, 80],
        [6, 10],
      ],
      /label 6/,
    ],
    [
      "a unit",
      [
        [0, "level"],
        [1, "%"],
        [2, 80],
      ],
      /label 1/,
    ],
    [
      "another version",
      [
        [-1, 26],
        [0, "level"],
        [2, 80],
      ],
      /version 10/,
    ],
    [
      "two values",
      [
        [0, "level"],
        [2, 80],
        [3, "on"],
      ],
      /exactly one/,
    ],
    ["no value", [[0, "level"]], /exactly one/],
    [
      "a text as number",
      [
        [0, "level"],
        [2, "80"],
      ],
      /another type/,
    ],
    ["no name", [[2, 80]], /`n` must be/],
    [
      "a field that must be understood",
      [
        [0, "level"],
        [2, 80],
        ["x_", 1],
      ],
      /label x_/,
    ],
  ])("is refused with %s", (_, record, text) => {
    expect(pack(record)).toMatchObject({ refuse: "bad-form", text: expect.stringMatching(text) });
  });

  it("is refused with two records, without an id, with a number that is none", () => {
    const two = [
      new Map<number, unknown>([
        [0, "level"],
        [2, 1],
      ]),
      new Map<number, unknown>([
        [0, "level"],
        [2, 2],
      ]),
    ];
    expect(open.decode(incoming(two, { contentType: "112", properties }), now)).toMatchObject({
      text: "an actuation pack has exactly one record",
    });
    const record = [
      [0, "level"],
      [2, 80],
    ] as const;
    expect(pack(record, { properties: new Map() })).toMatchObject({ text: "`id` is missing" });
    const soon = new Map([...properties, ["expiresAt", "soon"]]);
    expect(pack(record, { properties: soon })).toMatchObject({ text: expect.stringContaining("expiresAt") });
  });
});

describe("signed commands", () => {
  const lighting = generateKeyPairSync("ed25519");
  const water = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const codec = makeCommandCodec({
    gateway: "gw-1",
    trust: new Map([
      ["city-2026", { key: lighting.publicKey, issuers: ["city-lighting"] }],
      ["water-2026", { key: water.publicKey, issuers: ["water"] }],
    ]),
  });
  const sign = (
    body: unknown,
    { kid = "city-2026", key = lighting.privateKey, gateway = "gw-1", device = "lamp-1" } = {},
  ) => signCommand(encode(body), { key: { kid, privateKey: key }, gateway, device });

  it.each([
    ["Ed25519", "city-2026", lighting, ["city-lighting"]],
    ["ESP256", "water-2026", water, ["water"]],
  ] as const)("are read with %s", (_, kid, pair, issuersOfKey) => {
    expect(codec.decode(incoming(sign(base, { kid, key: pair.privateKey })), now)).toEqual({
      command,
      signedBy: kid,
      issuersOfKey,
    });
  });

  it.each<[string, Uint8Array, string, RegExp]>([
    ["no signature", encode(base), "unsigned", /signed commands only/],
    ["noise", Buffer.from("noise"), "unsigned", /signed commands only/],
    ["JSON", Buffer.from(JSON.stringify(base)), "unsigned", /signed commands only/],
    ["the key of somebody", sign(base, { kid: "stranger" }), "bad-signature", /no key "stranger"/],
    [
      "another key under a trusted name",
      sign(base, { key: water.privateKey }),
      "bad-signature",
      /not one by city-2026/,
    ],
    ["another device's command", sign(base, { device: "lamp-2" }), "bad-signature", /for lamp-1 at gw-1/],
    ["another gateway's command", sign(base, { gateway: "gw-2" }), "bad-signature", /for lamp-1 at gw-1/],
    ["a signed body that is no command", sign({ ...base, x: 1 }), "bad-form", /no key "x"/],
    ["no expiry inside", sign(clean({ ...base, expiresAt: undefined })), "no-expiry", /expiresAt/],
    ["a signature cut off", sign(base).subarray(0, -1), "bad-signature", /middle of an item/],
    ["a key id that is not signed", unprotectedKid(sign(base)), "bad-signature", /no `kid` in the protected/],
  ])("are refused with %s", (_, body, refuse, text) => {
    expect(codec.decode(incoming(body), now)).toMatchObject({ refuse, text: expect.stringMatching(text) });
  });

  it("are refused with any bit flipped", () => {
    const message = sign(base);
    for (let bit = 0; bit < message.length * 8; bit++) {
      const flipped = Uint8Array.from(message);
      flipped[bit >> 3]! ^= 1 << (bit & 7);
      expect(codec.decode(incoming(flipped), now), `bit ${bit}`).toHaveProperty("refuse");
    }
  });

  it("leave who may speak for whom to the desk, and give it what it needs", () => {
    expect(codec.decode(incoming(sign({ ...base, issuer: "water" })), now)).toMatchObject({
      command: { issuer: "water" },
      issuersOfKey: ["city-lighting"],
    });
  });

  it("are not taken as SenML", () => {
    const properties = new Map([
      ["id", "c-1"],
      ["issuer", "water"],
      ["expiresIn", "5000"],
    ]);
    const pack = [
      new Map<number, unknown>([
        [0, "level"],
        [2, 80],
      ]),
    ];
    expect(codec.decode(incoming(pack, { contentType: "112", properties }), now)).toMatchObject({
      refuse: "unsigned",
    });
  });

  it("need keys that can verify", () => {
    const { publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
    expect(() =>
      makeCommandCodec({ gateway: "gw-1", trust: new Map([["old", { key: publicKey, issuers: [] }]]) }),
    ).toThrow(ConfigError);
  });

  /** Moves the key id into the header that nobody signs. */
  function unprotectedKid(message: Uint8Array): Uint8Array {
    const kid = Buffer.from("city-2026");
    const [, after] = [message.subarray(0, 2), message.subarray(2)];
    const header = after.subarray(0, 1 + (after[0]! & 0x1f));
    const rest = after.subarray(header.length + 1);
    return Buffer.concat([
      Buffer.from([0xd2, 0x84]),
      encode(encode(new Map([[1, -19]]))),
      encode(new Map([[4, kid]])),
      rest,
    ]);
  }
});

describe("results", () => {
  it("are the same bytes every time, and leave out what is not known", () => {
    const result: CommandResult = {
      id: "c-1",
      device: "lamp-1",
      point: "level",
      issuer: "city-lighting",
      state: "accepted",
      time: { base: "boot", ms: 1234.6 },
      last: false,
      text: `lone ${"\ud800"}`,
    };
    const bytes = open.encodeResult(result);
    expect(open.encodeResult({ ...result })).toEqual(bytes);
    // Golden bodies: test/telemetry/vectors.test.ts.
    expect(Buffer.from(bytes).includes("boot")).toBe(true);
    expect(Buffer.from(bytes).includes("value")).toBe(false);
  });
});

function clean(body: object): Record<string, unknown> {
  return Object.fromEntries(Object.entries(body).filter(([, value]) => value !== undefined));
}

function hex(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text, "hex"));
}
