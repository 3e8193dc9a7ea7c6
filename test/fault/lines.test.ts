import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, it } from "vitest";
import type { Device } from "../../gateway/model/device.ts";
import { ConfigError } from "../../gateway/model/errors.ts";
import type { Log } from "../../gateway/model/log.ts";
import type { Reading } from "../../gateway/model/reading.ts";
import type { Bases } from "../../gateway/profiles/expand.ts";
import { type LoadedProfile, loadProfile } from "../../gateway/profiles/load.ts";
import { sampleDevice } from "../../gateway/profiles/sample.ts";
import { loadProtocols } from "../../gateway/southbound/index.ts";
import { openLoop } from "../../gateway/southbound/loop.ts";
import type { Protocol, SimulatedDevice } from "../../gateway/southbound/protocol.ts";
import { type MemoryTransport, memoryPair } from "../../gateway/transport/memory.ts";
import { seeded } from "./random.ts";
import { VirtualClock } from "./virtual-clock.ts";

// Lines on which somebody says anything at all: echoes, halves, damaged answers, noise. No driver may
// break, and when the device is itself again it is read again.

const folder = resolve(import.meta.dirname, "../../device-profiles");
const files = readdirSync(folder, { recursive: true, encoding: "utf8" })
  .filter((name) => name.endsWith(".yaml"))
  .map((name) => name.replaceAll("\\", "/"))
  .toSorted();
const textOf = (id: string) => readFileSync(join(folder, `${id}.yaml`), "utf8");
const bases: Bases = {
  ids: files.map((name) => name.replace(/\.yaml$/, "")),
  find: (id) => (files.includes(`${id}.yaml`) ? { file: `${id}.yaml`, text: textOf(id) } : undefined),
};
const protocols = await loadProtocols();
const all = bases.ids.map((id) => loadProfile(textOf(id), `device-profiles/${id}.yaml`, protocols, bases));
/** Modbus profiles differ in their registers only. */
const mostOfOneProtocol = 10;

const babbleMs = 60_000;
const recoveryMs = 240_000;

type Line = { readonly serial: { readonly port: string; readonly baud: number } } | object;
const lines: Readonly<Record<string, readonly Line[]>> = {
  modbus: [{ tcp: { host: "line", port: 1 } }, { serial: { port: "line", baud: 9600 } }],
};
const serialLine: Line = { serial: { port: "line", baud: 9600 } };

/** What a device makes of the bytes that it should have sent. */
function damage(good: Uint8Array, asked: Uint8Array, random: () => number): Uint8Array {
  const below = (limit: number) => Math.floor(random() * limit);
  const bad = Uint8Array.from(good.length > 0 ? good : asked);
  switch (below(9)) {
    case 0:
      return Uint8Array.from({ length: below(300) }, () => below(256));
    case 1:
      return bad.subarray(0, below(bad.length + 1));
    case 2:
      return Buffer.concat([bad, bad, bad]);
    case 3:
      return asked;
    case 4:
      return new Uint8Array(below(4000)).fill(bad[0] ?? 0x7e);
    case 5:
      return bad.toReversed();
    case 6:
      return Uint8Array.from(
        { length: below(200) },
        () => [0x68, 0x16, 0xe5, 0x7e, 0x2f, 0x0d, 0x0a][below(7)]!,
      );
    default:
      for (let flips = 1 + below(8); flips > 0 && bad.length > 0; flips--)
        bad[below(bad.length)]! ^= 1 << below(8);
      return bad;
  }
}

class Bench {
  readonly clock = new VirtualClock();
  readonly readings: Reading[] = [];
  readonly bugs: string[] = [];
  readonly #random = seeded(5);
  #device: SimulatedDevice | undefined;
  #wire: MemoryTransport | undefined;
  honest = false;

  readonly log: Log = {
    debug() {},
    info() {},
    warn() {},
    error: (fields, text) => void this.bugs.push(`${text}: ${JSON.stringify(fields)}`),
    child: () => this.log,
  };

  /** `others` are configured on the line, too. */
  async start(loaded: LoadedProfile, protocol: Protocol, line: Line, ...others: readonly Device[]) {
    const { profile, examples } = loaded;
    if (!profile) throw new Error("not a profile");
    const settings = protocol.connection.parse(line);
    const device: Device = { ...sampleDevice(protocol, profile), connection: "line" };
    this.#device = protocol.simulate?.(profile, {
      given: examples.map(({ given }) => given),
      specimen: (point) => point.range?.[0] ?? 0,
      settings: device.settings,
      connection: settings,
    });
    const loop = await openLoop({
      connection: "line",
      protocol,
      settings,
      devices: [device, ...others],
      context: {
        clock: this.clock,
        random: this.#random,
        log: this.log,
        connect: async () => this.#connect(),
        signal: new AbortController().signal,
      },
      sink: (_device, list) => void this.readings.push(...list),
      learnedStore: { load: () => ({}), save: () => {} },
    });
    this.#speak(0);
    return { loop, device, canRecover: this.#device !== undefined };
  }

  #connect(): MemoryTransport {
    const [near, far] = memoryPair(this.clock);
    this.#wire = far;
    let asked = new Uint8Array();
    let pause: Disposable | undefined;
    far.receive((chunk) => {
      asked = new Uint8Array(Buffer.concat([asked, chunk]).subarray(-4096));
      pause?.[Symbol.dispose]();
      pause = this.clock.timer(3, () => {
        const question = asked;
        asked = new Uint8Array();
        const good = this.#device?.answer?.(question, this.clock.monotonic() / 1000) ?? new Uint8Array();
        const answer = this.honest ? good : damage(good, question, this.#random);
        if (answer.length > 0) void far.write(answer).catch(() => {});
      });
    });
    return near;
  }

  #speak(turn: number): void {
    const words = this.#device?.words ?? [];
    const word = words[turn % Math.max(1, words.length)] ?? new Uint8Array();
    const said = this.honest ? word : damage(word, Uint8Array.of(0x24), this.#random);
    if (said.length > 0) void this.#wire?.write(said).catch(() => {});
    const pause = this.honest ? (this.#device?.everyMs ?? 1000) : 100 + 1500 * this.#random();
    this.clock.timer(pause, () => this.#speak(turn + 1));
  }
}

/** Long enough for the next reading of a meter that is read once an hour. */
function recoveryOf({ profile }: LoadedProfile): number {
  const periods = (profile?.points ?? []).flatMap(({ pollClass }) =>
    typeof pollClass === "object" ? [pollClass.everyMs] : pollClass === "once" ? [] : [0],
  );
  return Math.max(recoveryMs, 2 * Math.min(...periods));
}

/** LoRaWAN is heard through a broker: there is no line to babble on. Its session is tested beside it. */
const onLines = protocols.filter(({ name }) => name !== "lorawan");

const broken: unknown[] = [];
process.on("unhandledRejection", (reason) => broken.push(reason));

describe.each(onLines.map((protocol) => [protocol.name, protocol] as const))(
  "a babbling line of %s",
  (name, protocol) => {
    const mine = all.flatMap((loaded) =>
      loaded.profile?.protocol === name ? [{ loaded, id: loaded.profile.id }] : [],
    );
    const some = mine.filter((_, index) => index % Math.ceil(mine.length / mostOfOneProtocol) === 0);

    it.each(some)("breaks nothing, and $id is read again behind it", async ({ loaded }) => {
      for (const line of lines[name] ?? [serialLine]) {
        const bench = new Bench();
        const { loop, canRecover } = await bench.start(loaded, protocol, line);
        await bench.clock.advance(babbleMs);
        const noisy = loop.status();
        expect(["open", "waiting", "opening"]).toContain(noisy.state);
        expect(noisy.devices[0]?.errors.internal).toBeUndefined();
        expect(bench.bugs).toEqual([]);
        bench.honest = true;
        bench.readings.length = 0;
        await bench.clock.advance(recoveryOf(loaded));
        if (canRecover) {
          const { devices } = loop.status();
          expect(devices[0]).toMatchObject({ availability: "available" });
          expect(bench.readings.some(({ quality }) => quality === "good")).toBe(true);
        }
        await loop[Symbol.asyncDispose]();
      }
      expect(broken).toEqual([]);
    });
  },
);

describe.each(onLines.map((protocol) => [protocol.name, protocol] as const))(
  "a line of %s with one bad device",
  (name, protocol) => {
    const loaded = all.find(({ profile }) => profile?.protocol === name);
    const isBad = (device: Device) => device.id === "bad";
    const broken = (what: string): Protocol => ({
      ...protocol,
      plan: (connection, device, points, learned) => {
        if (isBad(device)) {
          if (what === "is a bug") throw new RangeError("a bug");
          throw new ConfigError("it lacks an address", { code: "missing-address" });
        }
        return protocol.plan(connection, device, points, learned);
      },
    });

    it.each(["cannot be planned", "is a bug"])("that %s goes on with the others", async (what) => {
      if (!loaded?.profile) throw new Error(`no profile of ${name}`);
      const bench = new Bench();
      bench.honest = true;
      const bad: Device = { ...sampleDevice(protocol, loaded.profile), id: "bad", connection: "line" };
      const { loop, device, canRecover } = await bench.start(loaded, broken(what), serialLine, bad);
      await bench.clock.advance(90_000);
      const [good, left] = loop.status().devices;
      expect(left).toMatchObject({
        device: "bad",
        availability: "unavailable",
        problem: what === "is a bug" ? "internal: a bug" : "missing-address: it lacks an address",
      });
      expect(loop.status().state).toBe("open");
      if (canRecover) expect(good).toMatchObject({ device: device.id, availability: "available" });
      const problems = bench.readings.filter((reading) => isBad(reading.device));
      expect(problems.length).toBeGreaterThan(0);
      expect(problems.every(({ value }) => value === undefined)).toBe(true);
      await loop[Symbol.asyncDispose]();
    });
  },
);

describe("a line on which one device cannot be told from the others", () => {
  const find = (id: string) => {
    const loaded = all.find(({ profile }) => profile?.id === id);
    if (!loaded?.profile) throw new Error(`no profile ${id}`);
    return { ...loaded, profile: loaded.profile };
  };

  it.each([
    ["smart-meter", "dsmr/p1-v5", "kaifa/ma304", "mixed-framings"],
    ["serial-line", "gill/windobserver", "hydreon/rg-15", "other-framing"],
    ["serial-line", "gill/windobserver", "gill/windobserver", "same-address"],
  ])("of %s reads %s beside %s", async (name, good, other, code) => {
    const protocol = protocols.find((one) => one.name === name);
    if (!protocol) throw new Error(name);
    const bench = new Bench();
    bench.honest = true;
    const alien: Device = { ...sampleDevice(protocol, find(other).profile), id: "alien", connection: "line" };
    const { loop, device, canRecover } = await bench.start(find(good), protocol, serialLine, alien);
    await bench.clock.advance(150_000);
    const [first, second] = loop.status().devices;
    expect(second?.problem).toMatch(code);
    expect(second?.availability).toBe("unavailable");
    if (canRecover) expect(first).toMatchObject({ device: device.id, availability: "available" });
    const said = bench.readings.filter((reading) => reading.device === alien);
    expect(said.length).toBe(find(other).profile.points.length);
    expect(said.every(({ quality }) => quality === "config-error")).toBe(true);
    expect((await loop.readNow("alien")).every(({ quality }) => quality === "config-error")).toBe(true);
    // When the one that it collides with goes, it has the line to itself.
    loop.removeDevice(device.id);
    await bench.clock.advance(1000);
    expect(loop.status().devices[0]?.problem ?? "").not.toMatch(code);
    expect(bench.bugs).toEqual([]);
    await loop[Symbol.asyncDispose]();
  });
});
