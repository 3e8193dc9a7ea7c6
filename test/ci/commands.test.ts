import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  type Asking,
  CommandBench,
  changedProfile,
  faded,
  type Kind,
  type Place,
  type Way,
  ways,
} from "./command-bench.ts";

// What becomes of commands, told by the city over a real broker and by the local API of the same running gateway,
// and what was really written: the simulated devices count. Long, because it is one table: it is read as a whole.

/** A command and what is said of it, or something that happens in between. */
type Step =
  | readonly [Asking, string]
  /** The last word of an earlier step. */
  | readonly [number, string]
  | ((place: Place) => unknown);

interface Case {
  readonly name: string;
  readonly on: Kind;
  readonly and?: readonly Kind[];
  readonly steps: readonly Step[];
  /** What was really written, in the raw values of the device. */
  readonly written: readonly number[];
  readonly attempts?: number;
  /** Why it is not there over the API: only the city's commands have this. */
  readonly mqttOnly?: string;
  readonly profile?: string;
  readonly poll?: string;
}

const noIssuer = "who may do what is a matter of roles there, and the issuer is whoever is logged in";
const noTimes = "it takes relative expiries only, and sets when it was issued itself";

const level = (value: Asking["value"], more: Partial<Asking> = {}): Asking => ({
  point: "level",
  value,
  ...more,
});
const relay = (value: Asking["value"], more: Partial<Asking> = {}): Asking => ({
  point: "relay_1",
  value,
  ...more,
});
const run = (value: Asking["value"], more: Partial<Asking> = {}): Asking => ({
  point: "run",
  value,
  ...more,
});
const lock = (value: Asking["value"], more: Partial<Asking> = {}): Asking => ({
  point: "lock",
  value,
  ...more,
});
const confirm = (confirms: number | string, more: Partial<Asking> = {}): Asking => ({
  point: "lock",
  action: "confirm",
  confirms,
  ...more,
});
const release = (more: Partial<Asking> = {}): Asking => ({ point: "level", action: "release", ...more });
const fault =
  (kind: Kind, next: Parameters<Place["actuators"]["lamp"]["fault"]>[0]) =>
  ({ actuators }: Place) =>
    actuators[kind].fault(next);

const lamps: readonly Omit<Case, "on">[] = [
  { name: "a number", steps: [[level(50), "succeeded 50 verified"]], written: [500] },
  {
    name: "a fraction, rounded to what the lamp can hold",
    steps: [[level(50.04), "succeeded 50 verified"]],
    written: [500],
  },
  { name: "the upper end", steps: [[level(100), "succeeded 100 verified"]], written: [1000] },
  {
    name: "the lower end, where it is already: what is kept alive is written",
    steps: [[level(0), "succeeded 0 verified"]],
    written: [0],
  },
  { name: "a value that the profile clamps", steps: [[level(4), "succeeded 10 verified"]], written: [100] },
  { name: "above the range", steps: [[level(101), "failed out-of-range"]], written: [] },
  { name: "below the range", steps: [[level(-1), "failed out-of-range"]], written: [] },
  { name: "far above the range", steps: [[level(1e300), "failed out-of-range"]], written: [] },
  { name: "beyond what a double holds", steps: [[level(2n ** 60n), "failed out-of-range"]], written: [] },
  { name: "a word for a number", steps: [[level("half"), "failed wrong-type"]], written: [] },
  {
    name: "digits in a text for a number",
    steps: [[level("80"), "failed wrong-type"]],
    written: [],
    mqttOnly: "JSON has no whole numbers beyond 2^53: there they come as a text",
  },
  { name: "true for a number", steps: [[level(true), "failed wrong-type"]], written: [] },
  {
    name: "a multiple of the step",
    steps: [[{ point: "fade_time", value: 0.3 }, "succeeded 0.3 verified"]],
    written: [3],
  },
  { name: "off the step", steps: [[{ point: "fade_time", value: 0.25 }, "failed off-step"]], written: [] },
  {
    name: "a fraction where the step is whole",
    steps: [[{ point: "watchdog", value: 1.5 }, "failed off-step"]],
    written: [],
  },
  {
    name: "a point that is not there",
    steps: [[{ point: "levle", value: 50 }, "failed unknown-point"]],
    written: [],
  },
  {
    name: "a device that is not there",
    steps: [[level(50, { device: "lamp-elsewhere" }), "failed unknown-device"]],
    written: [],
  },
  {
    name: "a point that can only be read",
    steps: [[{ point: "power", value: 50 }, "failed read-only"]],
    written: [],
  },
  {
    name: "a bit that can only be read",
    steps: [[{ point: "lamp_failure", value: false }, "failed read-only"]],
    written: [],
  },
  {
    name: "memory that holds the value already",
    steps: [[{ point: "failsafe_level", value: 80 }, "succeeded 80 unchanged"]],
    written: [],
  },
  {
    name: "memory that bears so many writes a day",
    steps: [
      ...[60, 61, 62, 63, 64].map(
        (value): Step => [{ point: "failsafe_level", value }, `succeeded ${value} verified`],
      ),
      [{ point: "failsafe_level", value: 65 }, "failed budget"],
    ],
    written: [600, 610, 620, 630, 640],
  },
  {
    name: "memory that bears so many writes a day, repeated ones among them",
    steps: [
      ...[60, 61].flatMap((value, index): Step[] => [
        fault("lamp", { kind: "applies-other", by: 100 }),
        async (place) => {
          const before = place.actuators.lamp.attempts;
          await place.send({ point: "failsafe_level", value });
          await place.until(() => place.actuators.lamp.attempts > before);
          place.actuators.lamp.fault(undefined);
        },
        [index, `succeeded ${value} verified`],
      ]),
      [{ point: "failsafe_level", value: 62 }, "succeeded 62 verified"],
      [{ point: "failsafe_level", value: 63 }, "failed budget"],
    ],
    written: [700, 600, 710, 610, 620],
  },
  {
    name: "more often than the profile's rate",
    steps: [
      ...[1, 2, 3, 4, 5, 6].map(
        (value): Step => [{ point: "watchdog", value }, `succeeded ${value} verified`],
      ),
      [{ point: "watchdog", value: 7 }, "failed rate"],
    ],
    written: [1, 2, 3, 4, 5, 6],
  },
  {
    name: "the same command again",
    steps: [
      [level(50), "succeeded 50 verified"],
      [level(50, { again: 0 }), "succeeded 50 verified"],
    ],
    written: [500],
  },
  {
    name: "the same command again, while it is on its way",
    steps: [
      fault("lamp", { kind: "applies-late", ms: 300 }),
      (place) => place.send(level(50)),
      (place) => place.send(level(50, { again: 0 })),
      [0, "succeeded 50 verified"],
      [1, "succeeded 50 verified"],
    ],
    written: [500],
  },
  {
    name: "another command with the same id",
    steps: [
      [level(50), "succeeded 50 verified"],
      [level(60, { again: 0 }), "failed id-reused"],
    ],
    written: [500],
  },
  {
    name: "a life that is too long",
    steps: [[level(50, { expiresIn: 301_000 }), "failed expiry-too-long"]],
    written: [],
  },
  {
    name: "no expiry",
    steps: [[level(50, { more: { expiresIn: undefined, expiresAt: undefined } }), "failed no-expiry"]],
    written: [],
    mqttOnly: "thirty seconds are meant there",
  },
  {
    name: "an expiry that is past",
    steps: [[level(50, { more: { expiresIn: undefined, expiresAt: 1_700_000_000_000 } }), "failed expired"]],
    written: [],
    mqttOnly: noTimes,
  },
  {
    name: "no time left",
    steps: [[level(50, { more: { expiresIn: 0 } }), "failed expired"]],
    written: [],
    mqttOnly: "a life of nothing is no request there",
  },
  {
    name: "two expiries",
    steps: [[level(50, { more: { expiresAt: Date.now() + 60_000 } }), "failed bad-form"]],
    written: [],
    mqttOnly: noTimes,
  },
  {
    name: "issued in the future",
    steps: [[level(50, { more: { issuedAt: Date.now() + 7_200_000 } }), "failed issued-in-future"]],
    written: [],
    mqttOnly: noTimes,
  },
  {
    name: "issued long ago, with a relative expiry",
    steps: [[level(50, { more: { issuedAt: Date.now() - 7_200_000 } }), "failed expired"]],
    written: [],
    mqttOnly: noTimes,
  },
  {
    name: "a key that no command has",
    steps: [[level(50, { more: { valeu: 50 } }), "failed bad-form"]],
    written: [],
    mqttOnly: "it is no request there: the test of hostile bodies has it",
  },
  {
    name: "an issuer that nobody knows",
    steps: [[level(50, { issuer: "stranger" }), "failed not-allowed"]],
    written: [],
    mqttOnly: noIssuer,
  },
  {
    name: "an issuer for other devices",
    steps: [[level(50, { issuer: "pump-crew" }), "failed not-allowed"]],
    written: [],
    mqttOnly: noIssuer,
  },
  {
    name: "an issuer for other points",
    steps: [[{ point: "fade_time", value: 2, issuer: "dimmer" }, "failed not-allowed"]],
    written: [],
    mqttOnly: noIssuer,
  },
  {
    name: "an issuer that claims more than it may",
    steps: [
      [level(50, { issuer: "dimmer", priority: "operator" }), "failed not-allowed"],
      [level(60, { issuer: "dimmer", priority: "automation" }), "succeeded 60 verified"],
    ],
    written: [600],
    mqttOnly: noIssuer,
  },
  {
    name: "weaker than who holds it: a schedule",
    steps: [
      [level(50), "succeeded 50 verified"],
      [level(60, { priority: "schedule" }), "failed overridden"],
    ],
    written: [500],
  },
  {
    name: "weaker than who holds it: automation",
    steps: [
      [level(50), "succeeded 50 verified"],
      [level(60, { priority: "automation" }), "failed overridden"],
    ],
    written: [500],
  },
  {
    name: "as strong as who holds it",
    steps: [
      [level(50), "succeeded 50 verified"],
      [level(60), "succeeded 60 verified"],
    ],
    written: [500, 600],
  },
  {
    name: "stronger than who holds it, who then has to wait",
    steps: [
      [level(50), "succeeded 50 verified"],
      [level(90, { priority: "safety" }), "succeeded 90 verified"],
      [level(60), "failed overridden"],
    ],
    written: [500, 900],
  },
  {
    name: "a class that holds nothing",
    steps: [
      [level(50, { priority: "schedule" }), "succeeded 50 verified"],
      [level(60, { priority: "automation" }), "succeeded 60 verified"],
    ],
    written: [500, 600],
  },
  {
    name: "released",
    steps: [
      [level(50), "succeeded 50 verified"],
      [release(), "succeeded"],
      [level(60, { priority: "automation" }), "succeeded 60 verified"],
    ],
    written: [500, 600],
  },
  { name: "released, where nobody holds it", steps: [[release(), "succeeded unchanged"]], written: [] },
  {
    name: "released by somebody weaker",
    steps: [
      [level(50), "succeeded 50 verified"],
      [release({ issuer: "dimmer", priority: "automation" }), "failed overridden"],
      [level(60, { priority: "automation" }), "failed overridden"],
    ],
    written: [500],
    mqttOnly: "whoever opens the socket is one and the same issuer",
  },
  {
    name: "its time is over before its turn comes",
    steps: [
      fault("lamp", { kind: "applies-late", ms: 2000 }),
      (place) => place.send(level(50)),
      [level(60, { expiresIn: 300 }), "expired"],
      [0, "succeeded 50 verified"],
    ],
    written: [500],
  },
  {
    name: "replaced before its turn comes",
    steps: [
      fault("lamp", { kind: "applies-late", ms: 600 }),
      async (place) => (await place.send(level(50))).first(),
      async (place) => (await place.send(level(60))).first(),
      [level(70), "succeeded 70 verified"],
      [0, "succeeded 50 verified"],
      [1, "failed overridden"],
    ],
    written: [500, 700],
  },
  {
    name: "shown late, in time",
    steps: [fault("lamp", { kind: "applies-late", ms: 1000 }), [level(50), "succeeded 50 verified"]],
    written: [500],
  },
  {
    name: "shown too late, repeated once",
    steps: [fault("lamp", { kind: "applies-late", ms: 60_000 }), [level(50), "failed not-verified"]],
    written: [],
    attempts: 2,
  },
  {
    name: "another value, within the tolerance",
    steps: [fault("lamp", { kind: "applies-other", by: 3 }), [level(50), "succeeded 50 verified"]],
    written: [503],
  },
  {
    name: "another value, beyond the tolerance, repeated once",
    steps: [fault("lamp", { kind: "applies-other", by: 20 }), [level(50), "failed not-verified"]],
    written: [520, 520],
  },
  {
    name: "a lamp that neither does nor answers writes",
    steps: [fault("lamp", { kind: "silent" }), [level(50), "failed no-answer"]],
    written: [],
    attempts: 2,
  },
  {
    name: "a lamp that does and does not answer",
    steps: [fault("lamp", { kind: "mute" }), [level(50), "succeeded 50 verified"]],
    written: [500],
  },
  {
    name: "a lamp that refuses",
    steps: [fault("lamp", { kind: "refuses" }), [level(50), "failed refused-by-device"]],
    written: [],
    attempts: 1,
  },
  {
    name: "a lamp that confirms another value than it took",
    steps: [fault("lamp", { kind: "echoes-wrong" }), [level(50), "succeeded 50 verified"]],
    written: [500],
  },
  {
    name: "a lamp that dies in the middle",
    steps: [fault("lamp", { kind: "dies" }), [level(50), "failed no-answer"]],
    written: [500],
  },
  {
    name: "a dead lamp",
    steps: [fault("lamp", { kind: "dead" }), [level(50), "failed no-answer"]],
    written: [],
  },
];

const relays: readonly Omit<Case, "on">[] = [
  { name: "a label", steps: [[relay("on"), "succeeded on verified"]], written: [1] },
  { name: "a label that it shows already", steps: [[relay("off"), "succeeded off unchanged"]], written: [] },
  { name: "a label that is not there", steps: [[relay("open"), "failed unknown-value"]], written: [] },
  { name: "the label of another language", steps: [[relay("till"), "failed unknown-value"]], written: [] },
  { name: "a number for a label", steps: [[relay(1), "failed wrong-type"]], written: [] },
  { name: "true for a label", steps: [[relay(true), "failed wrong-type"]], written: [] },
  {
    name: "true",
    steps: [[{ point: "after_power_cut", value: true }, "succeeded true verified"]],
    written: [1],
  },
  {
    name: "a text for true",
    steps: [[{ point: "after_power_cut", value: "on" }, "failed wrong-type"]],
    written: [],
  },
  { name: "a counter", steps: [[{ point: "writes_1", value: 0 }, "failed read-only"]], written: [] },
  {
    name: "a rare memory",
    steps: [
      [{ point: "after_power_cut", value: true }, "succeeded true verified"],
      [{ point: "after_power_cut", value: true }, "succeeded true unchanged"],
      [{ point: "after_power_cut", value: false }, "succeeded false verified"],
      [{ point: "after_power_cut", value: true }, "failed budget"],
    ],
    written: [1, 0],
  },
  {
    name: "too often",
    steps: [
      ...Array.from({ length: 10 }, (_, index): Step => {
        const value = index % 2 === 0 ? "on" : "off";
        return [relay(value), `succeeded ${value} verified`];
      }),
      [relay("on"), "failed rate"],
    ],
    written: [1, 0, 1, 0, 1, 0, 1, 0, 1, 0],
  },
  {
    name: "a contact that does the opposite",
    steps: [fault("relays", { kind: "applies-other" }), [relay("on"), "failed not-verified"]],
    written: [0],
  },
  {
    name: "a board that says it is busy",
    steps: [fault("relays", { kind: "refuses", code: 6 }), [relay("on"), "failed no-answer"]],
    written: [],
  },
];

const pumps: readonly Omit<Case, "on">[] = [
  { name: "interlock open", steps: [[run(true), "succeeded true verified"]], written: [1] },
  {
    name: "interlock closed: somebody works on it",
    steps: [
      (place) => {
        place.actuators.pump.lockout = true;
      },
      async (place) => expect(await place.read("lockout")).toBe(true),
      [run(true), "failed interlock"],
    ],
    written: [],
  },
  {
    name: "interlock closed since the last poll: it is read in the turn",
    steps: [
      async (place) => expect(await place.read("level")).toBeGreaterThan(1),
      // What was read a second ago is not believed any more.
      () => new Promise((resolve) => setTimeout(resolve, 1100)),
      (place) => {
        place.actuators.pump.level = 100;
      },
      [run(true), "failed interlock"],
    ],
    written: [],
    poll: "{slow: 1h}",
    profile: changedProfile(
      "generic/pump",
      "test/pump-rarely",
      ["class: fast\n    report: { change: 0.05", "class: slow\n    report: { change: 0.05"],
      [
        "class: fast\n    report: { within: 60s }\n  level",
        "class: slow\n    report: { within: 60s }\n  level",
      ],
    ),
  },
  {
    name: "interlock unknown: the level is no level",
    steps: [[run(true), "failed interlock"]],
    written: [],
    profile: changedProfile("generic/pump", "test/pump-blind", ["range: [0, 4]", "range: [0, 1]"]),
  },
  {
    name: "the interlock lets it stop",
    steps: [
      [run(true), "succeeded true verified"],
      (place) => {
        place.actuators.pump.lockout = true;
      },
      async (place) => expect(await place.read("lockout")).toBe(true),
      [run(false), "succeeded false verified"],
    ],
    written: [1, 0],
  },
  { name: "stopped, where it stands", steps: [[run(false), "succeeded false unchanged"]], written: [] },
  { name: "a number for true", steps: [[run(1), "failed wrong-type"]], written: [] },
  {
    name: "no answer to what the interlock needs",
    steps: [fault("pump", { kind: "dead" }), [run(true), "failed no-answer"]],
    written: [],
  },
  {
    name: "a contactor that does not close",
    steps: [fault("pump", { kind: "applies-late", ms: 60_000 }), [run(true), "failed not-verified"]],
    written: [],
    attempts: 1,
  },
];

const armed = "accepted armed";
const locks: readonly Omit<Case, "on">[] = [
  {
    name: "armed and confirmed",
    steps: [
      [lock("unlocked"), armed],
      [confirm(0), "succeeded"],
      [0, "succeeded unlocked verified"],
    ],
    written: [5],
  },
  {
    name: "armed and not confirmed",
    steps: [
      [lock("unlocked", { expiresIn: 400 }), armed],
      [0, "expired"],
    ],
    written: [],
  },
  {
    name: "confirmed late",
    steps: [
      [lock("unlocked", { expiresIn: 400 }), armed],
      [0, "expired"],
      [confirm(0), "failed confirmation-late"],
    ],
    written: [],
  },
  {
    name: "confirmed twice",
    steps: [
      [lock("unlocked"), armed],
      [confirm(0), "succeeded"],
      [0, "succeeded unlocked verified"],
      [confirm(0), "failed confirmation-late"],
    ],
    written: [5],
  },
  {
    name: "confirmed by somebody who may not",
    steps: [
      [lock("unlocked", { expiresIn: 1500 }), armed],
      [confirm(0, { issuer: "dimmer", priority: "automation" }), "failed not-allowed"],
      [0, "expired"],
    ],
    written: [],
    mqttOnly: noIssuer,
  },
  {
    name: "confirmed by another one who may",
    steps: [
      [lock("unlocked"), armed],
      [confirm(0, { issuer: "guard" }), "succeeded"],
      [0, "succeeded unlocked verified"],
    ],
    written: [5],
    mqttOnly: noIssuer,
  },
  { name: "a confirmation of nothing", steps: [[confirm("nothing"), "failed not-armed"]], written: [] },
  {
    name: "the newer of two that wait",
    steps: [
      [lock("unlocked"), armed],
      [lock("locked"), armed],
      [confirm(1), "succeeded"],
      [1, "succeeded locked unchanged"],
      [0, "failed overridden"],
    ],
    written: [],
  },
  { name: "a state that no lock has", steps: [[lock("ajar"), "failed unknown-value"]], written: [] },
  {
    name: "a life that is too long for a lock",
    steps: [[lock("unlocked", { expiresIn: 31_000 }), "failed expiry-too-long"]],
    written: [],
  },
  {
    name: "a lock that refuses",
    steps: [
      fault("lock", { kind: "refuses" }),
      [lock("unlocked"), armed],
      [confirm(0), "succeeded"],
      [0, "failed refused-by-device"],
    ],
    written: [],
    attempts: 1,
  },
  {
    name: "a lock that neither does nor answers writes",
    steps: [
      fault("lock", { kind: "silent" }),
      [lock("unlocked"), armed],
      [confirm(0), "succeeded"],
      [0, "failed no-answer"],
    ],
    written: [],
    attempts: 1,
  },
  {
    name: "a lock that does and does not answer",
    steps: [
      fault("lock", { kind: "mute" }),
      [lock("unlocked"), armed],
      [confirm(0), "succeeded"],
      [0, "succeeded unlocked verified"],
    ],
    written: [5],
  },
  {
    name: "a lock that does something else",
    steps: [
      fault("lock", { kind: "applies-other" }),
      [lock("unlocked"), armed],
      [confirm(0), "succeeded"],
      [0, "failed not-verified"],
    ],
    written: [1],
  },
  {
    name: "a lock that dies in the middle",
    steps: [
      fault("lock", { kind: "dies" }),
      [lock("unlocked"), armed],
      [confirm(0), "succeeded"],
      [0, "failed no-answer"],
    ],
    written: [5],
  },
];

const cases: readonly (Case & { readonly key: string })[] = (
  [
    ["lamp", lamps],
    ["relays", relays],
    ["pump", pumps],
    ["lock", locks],
  ] as const
).flatMap(([on, list]) => list.map((one, index) => ({ ...one, on, key: `c${index}` })));

const issuers = `  issuers:
    city-control: {devices: ["*"], points: ["*"], priority: safety}
    guard: {devices: ["lock-*"], points: [lock], priority: operator}
    dimmer: {devices: ["lamp-*"], points: [level], priority: automation}
    pump-crew: {devices: ["pump-*"], points: ["*"], priority: operator}`;

let bench: CommandBench;
beforeAll(async () => {
  bench = await CommandBench.open({
    places: cases.map(({ on, and = [], key, poll }) => ({ name: `${on}-${key}`, on, and, poll })),
    profiles: Object.fromEntries(
      cases.flatMap(({ on, key, profile }) => (profile === undefined ? [] : [[`${on}-${key}`, profile]])),
    ),
    commands: issuers,
  });
});
afterAll(() => bench?.[Symbol.asyncDispose]());

async function play(one: (typeof cases)[number], way: Way): Promise<void> {
  const place = bench.place(`${one.on}-${one.key}`, way);
  const { attempts: before } = place.actuators[one.on];
  place.begin();
  for (const step of one.steps) {
    if (typeof step === "function") {
      await step(place);
      continue;
    }
    const [asked, expected] = step;
    const sent = typeof asked === "number" ? place.sent[asked]! : await place.send(asked);
    const said = expected.startsWith("accepted") ? await sent.first() : await sent.last();
    expect(
      sent.ask.point === "level" ? faded(said, expected) : said,
      `of ${JSON.stringify(sent.ask, (_, value) => (typeof value === "bigint" ? String(value) : value))}`,
    ).toBe(expected);
  }
  expect(place.written(), "what was written").toEqual(one.written);
  if (one.attempts !== undefined) expect(place.actuators[one.on].attempts - before).toBe(one.attempts);
  if (way === "mqtt") toldInOrder(place);
}

/** Everything that was said of each command is in order, of the right device, and ends once. */
function toldInOrder(place: Place): void {
  const { city } = bench;
  const order = ["accepted", "executing", "succeeded"];
  const again = new Set(place.sent.filter(({ ask }) => ask.again !== undefined).map(({ id }) => id));
  for (const { id, ask } of place.sent) {
    if (again.has(id)) continue;
    const told = city.told.filter(({ result }) => result.id === id);
    const states = told.map(({ result }) => order.indexOf(String(result.state)));
    expect(states.map((at) => (at === -1 ? 2 : at))).toEqual(
      states.map((at) => (at === -1 ? 2 : at)).toSorted(),
    );
    expect(told.filter(({ result }) => result.last === true)).toHaveLength(1);
    for (const { result, device, problem } of told)
      expect([result.device, device, result.point, result.gw, problem]).toEqual([
        ask.device ?? place.device(ask.on),
        ask.device ?? place.device(ask.on),
        ask.point,
        "gw-commands",
        undefined,
      ]);
  }
}

it("has at least sixty cases", () => expect(cases.length).toBeGreaterThanOrEqual(60));

for (const way of ways)
  describe(`commands by ${way}`, () => {
    for (const one of cases)
      if (way === "mqtt" || one.mqttOnly === undefined)
        it.concurrent(`${one.on}: ${one.name}`, () => play(one, way));
  });
