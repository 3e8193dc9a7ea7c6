import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { encode } from "cborg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type SigningKey, signCommand } from "../../simulators/city-control.ts";
import { seeded } from "../fault/random.ts";
import { ask } from "../system/daemon.ts";
import { CommandBench, changedProfile, faded, gateway, type Place, words } from "./command-bench.ts";

// What an attacker, an old broker and a broken program send: nothing of it may reach a wire. Each is followed by an
// honest command, which is carried out: so it is known that the gateway has seen what came before, and lives.

const pem = (key: KeyObject) => String(key.export({ type: "spki", format: "pem" }));
const city = generateKeyPairSync("ed25519");
const police = generateKeyPairSync("ec", { namedCurve: "P-256" });
const thief = generateKeyPairSync("ed25519");
const cityKey: SigningKey = { kid: "city-2026", privateKey: city.privateKey };
const policeKey: SigningKey = { kid: "police-2026", privateKey: police.privateKey };

const issuers = `  issuers:
    city-control: {devices: ["*"], points: ["*"], priority: operator}
    police: {devices: ["lamp-*"], points: [level], priority: safety}`;
const signedOnly = `${issuers}
  trust:
    city-2026: {key: city.pem, issuers: [city-control]}
    police-2026: {key: police.pem, issuers: [police]}`;
const files = { "city.pem": pem(city.publicKey), "police.pem": pem(police.publicKey) };

/** Commands a value that only this one asks for, and waits until it is done. */
async function fence(place: Place, value: number, bench: CommandBench, key?: SigningKey): Promise<void> {
  const id = await bench.city.command(gateway, place.device(), { point: "level", value }, { key });
  expect(faded(words(await bench.city.last(id)), `succeeded ${value} verified`)).toBe(
    `succeeded ${value} verified`,
  );
}

const body = (more: Readonly<Record<string, unknown>> = {}) =>
  encode({
    id: `h-${Math.random().toString(36).slice(2)}`,
    point: "level",
    value: 99,
    issuer: "city-control",
    expiresAt: Date.now() + 60_000,
    ...more,
  });

describe("without signatures", () => {
  let bench: CommandBench;
  beforeAll(async () => {
    bench = await CommandBench.open({
      places: [
        { name: "one", on: "lamp" },
        { name: "two", on: "lamp" },
        { name: "three", on: "lamp" },
      ],
      commands: issuers,
    });
  });
  afterAll(() => bench?.[Symbol.asyncDispose]());

  it("retained: live, and after a restart, when the broker gives it again", async () => {
    const place = bench.place("one", "mqtt");
    place.begin();
    const live = await bench.city.command(
      gateway,
      place.device(),
      { point: "level", value: 99 },
      { retain: true },
    );
    expect(words(await bench.city.last(live))).toBe("failed retained");
    await bench.daemon.end("SIGTERM");
    const kept = await bench.city.command(
      gateway,
      place.device(),
      { point: "level", value: 98 },
      { retain: true },
    );
    await bench.start();
    // It comes twice, queued for the session and kept as retained.
    expect(words(await bench.city.last(kept))).toBe("failed retained");
    await fence(place, 20, bench);
    expect(place.written()).toEqual([200]);
    await bench.city.raw(gateway, place.device(), new Uint8Array(), { retain: true });
  });

  it("replayed, at once and after a restart", async () => {
    const place = bench.place("two", "mqtt");
    place.begin();
    const id = await bench.city.command(gateway, place.device(), { point: "level", value: 90 });
    expect(faded(words(await bench.city.last(id)), "succeeded 90 verified")).toBe("succeeded 90 verified");
    await fence(place, 30, bench);
    const replay = bench.city.sent.get(id)!;
    const again = async () => {
      const before = bench.city.results(id).length;
      await bench.city.raw(gateway, place.device(), replay);
      await bench.city.until(() => bench.city.results(id).length > before);
    };
    await again();
    await bench.daemon.end("SIGKILL");
    await bench.start();
    await again();
    await again();
    await fence(place, 40, bench);
    expect(place.written()).toEqual([900, 300, 400]);
    // It is told what became of it then, word for word.
    const said = bench.city.results(id).filter(({ last }) => last === true);
    expect(said).toHaveLength(4);
    for (const one of said) expect(one).toEqual(said[0]);
  });

  it("expired, from the future, too large, garbage, and to other topics", async () => {
    const place = bench.place("three", "mqtt");
    place.begin();
    const random = seeded(7);
    const to = (device: string) => `stadsnod/v1/${gateway}/command/${device}`;
    const send = (bytes: Uint8Array, topic = to(place.device())) => bench.city.publish(topic, bytes);
    const now = Date.now();
    const honest = body();
    await send(body({ expiresAt: now - 1 }));
    await send(body({ expiresAt: undefined, expiresIn: 30_000, issuedAt: now - 86_400_000 }));
    await send(body({ issuedAt: now + 86_400_000 }));
    await send(body({ expiresAt: now + 30 * 86_400_000 }));
    await send(body({ value: undefined }));
    await send(body({ value: Number.NaN }));
    await send(body({ value: [99] }));
    await send(body({ id: "../../etc" }));
    await send(body({ id: "x".repeat(65) }));
    await send(body({ issuer: "city-control\u0000" }));
    await send(body({ reason: "x".repeat(201) }));
    await send(body({ action: "reboot" }));
    await send(body({ action: "confirm", confirms: "nothing", value: undefined }));
    await send(body({ device: place.device() }));
    for (const size of [4097, 60_000, 1_000_000])
      await send(Buffer.concat([honest, Buffer.alloc(size - honest.length)]));
    await send(body({ reason: "x".repeat(5000) }));
    await send(
      Buffer.from(
        JSON.stringify({ id: "json", point: "level", value: 99, issuer: "city-control", expiresIn: 30_000 }),
      ),
    );
    for (let end = 0; end < honest.length; end += 3) await send(honest.subarray(0, end));
    for (let at = 0; at < 300; at++) {
      const bytes = Buffer.from(
        Array.from({ length: Math.floor(random() * 200) }, () => Math.floor(random() * 256)),
      );
      await send(bytes);
    }
    // Two commands at once, and one in an array that never ends.
    await send(Buffer.concat([honest, honest]));
    await send(Buffer.concat([Buffer.from([0x9f]), honest]));
    await send(body(), `stadsnod/v1/${gateway}x/command/${place.device()}`);
    await send(body(), `stadsnod/v1/${gateway}/command/${place.device()}/level`);
    await send(body(), `stadsnod/v1/${gateway}/commands/${place.device()}`);
    await send(body(), `stadsnod/v1/${gateway}/result/${place.device()}`);
    await send(body(), to("lamp-elsewhere"));
    await send(body(), to(gateway));
    await fence(place, 50, bench);
    expect(place.written()).toEqual([500]);
    const { body: status } = await ask<{ northbound: { connected: boolean }[] }>(
      bench.daemon.socket,
      "GET",
      "/v1/status",
    );
    expect(status.northbound[0]?.connected).toBe(true);
  });
});

describe("with signatures", () => {
  let bench: CommandBench;
  beforeAll(async () => {
    bench = await CommandBench.open({
      places: ["honest", "wrong", "other", "api"].map((name) => ({ name, on: "lamp" as const })),
      commands: signedOnly,
      files,
      sign: cityKey,
    });
  });
  afterAll(() => bench?.[Symbol.asyncDispose]());

  it("both kinds of keys are taken", async () => {
    const place = bench.place("honest", "mqtt");
    place.begin();
    await fence(place, 20, bench, cityKey);
    const ask = { point: "level", value: 30, issuer: "police", priority: "safety" };
    const id = await bench.city.command(gateway, place.device(), ask, { key: policeKey });
    expect(faded(words(await bench.city.last(id)), "succeeded 30 verified")).toBe("succeeded 30 verified");
    expect(place.written()).toEqual([200, 300]);
  });

  it("nothing else is", async () => {
    const place = bench.place("wrong", "mqtt");
    const other = bench.place("other", "mqtt");
    place.begin();
    other.begin();
    const device = place.device();
    const sent = async (value: number, key: SigningKey | null, more = {}) => {
      const id = await bench.city.command(gateway, device, { point: "level", value, ...more }, { key });
      return words(await bench.city.last(id));
    };
    expect(await sent(90, null)).toBe("failed unsigned");
    expect(await sent(91, { kid: "city-2026", privateKey: thief.privateKey })).toBe("failed bad-signature");
    expect(await sent(92, { kid: "thief", privateKey: thief.privateKey })).toBe("failed bad-signature");
    expect(await sent(93, { kid: "police-2026", privateKey: city.privateKey })).toBe("failed bad-signature");
    expect(await sent(94, policeKey)).toBe("failed not-allowed");
    expect(await sent(95, cityKey, { issuer: "police" })).toBe("failed not-allowed");
    expect(await sent(96, cityKey, { issuer: "nobody" })).toBe("failed not-allowed");
    expect(await sent(97, cityKey, { expiresAt: Date.now() - 1 })).toBe("failed expired");

    // Signed for another gateway, or for another device: whoever may publish cannot turn it elsewhere.
    const moved = async (signedFor: { gateway: string; device: string }, id: string) => {
      const message = signCommand(body({ id, value: 98 }), { key: cityKey, ...signedFor });
      await bench.city.raw(gateway, device, message);
      return words(await bench.city.last(id));
    };
    expect(await moved({ gateway: "gw-other", device }, "moved-1")).toBe("failed bad-signature");
    expect(await moved({ gateway, device: other.device() }, "moved-2")).toBe("failed bad-signature");

    // Any bit of it turned.
    const whole = signCommand(body({ id: "turned", value: 99 }), { key: cityKey, gateway, device });
    for (let at = 0; at < whole.length; at++) {
      const turned = Uint8Array.from(whole);
      turned[at]! ^= 1 << (at % 8);
      await bench.city.raw(gateway, device, turned);
    }
    await fence(place, 40, bench, cityKey);
    expect(place.written()).toEqual([400]);
    expect(other.written()).toEqual([]);
    expect(bench.city.results("turned").filter(({ state }) => state !== "failed")).toEqual([]);
  });

  it("the local API needs none: its door is another", async () => {
    const place = bench.place("api", "api");
    place.begin();
    expect(
      faded(await (await place.send({ point: "level", value: 60 })).last(), "succeeded 60 verified"),
    ).toBe("succeeded 60 verified");
    expect(place.written()).toEqual([600]);
  });
});

describe("while the gateway does not know the time", () => {
  const open = (untrustedClock: string) =>
    CommandBench.open({
      places: [{ name: "one", on: "lamp" }],
      commands: `${issuers}\n  untrustedClock: ${untrustedClock}`,
      clock: "{trust: timesync}",
    });
  const asked = async (bench: CommandBench, more: object) => {
    const place = bench.place("one", "mqtt");
    const id = await bench.city.command(gateway, place.device(), { point: "level", value: 50, ...more });
    return words(await bench.city.last(id));
  };

  it("only relative expiries count, or nothing from the city", async () => {
    await using relative = await open("relative");
    await using strict = await open("refuse");
    for (const bench of [relative, strict]) {
      expect((await bench.daemon.status()).clock.trusted).toBe(false);
      bench.place("one", "mqtt").begin();
      bench.place("one", "api").begin();
      expect(await asked(bench, { expiresAt: Date.now() + 30_000 })).toBe("failed clock-untrusted");
    }
    expect(await asked(strict, { expiresIn: 30_000 })).toBe("failed clock-untrusted");
    expect(strict.place("one", "mqtt").written()).toEqual([]);
    expect(faded(await asked(relative, { expiresIn: 30_000 }), "succeeded 50 verified")).toBe(
      "succeeded 50 verified",
    );
    expect(relative.place("one", "mqtt").written()).toEqual([500]);
    const local = strict.place("one", "api");
    expect(
      faded(await (await local.send({ point: "level", value: 40 })).last(), "succeeded 40 verified"),
    ).toBe("succeeded 40 verified");
    expect(local.written()).toEqual([400]);
  });
});

describe("more commands than are kept", () => {
  it("are refused as busy, by both ways, and nothing is written", async () => {
    await using bench = await CommandBench.open({
      places: [{ name: "one", on: "lock" }],
      profiles: {
        one: changedProfile("generic/door-lock", "test/patient-lock", ["      rate: 6/min\n", ""]),
      },
      commands: issuers,
    });
    const [far, near] = [bench.place("one", "mqtt"), bench.place("one", "api")];
    far.begin();
    near.begin();
    const unlock = { point: "lock", value: "unlocked", expiresIn: 30_000 };
    const waiting = await Promise.all(Array.from({ length: 500 }, () => far.send(unlock)));
    for (const one of waiting) expect(await one.first()).toBe("accepted armed");
    expect(await (await far.send(unlock)).last()).toBe("failed busy");
    expect(await (await near.send(unlock)).last()).toBe("failed busy");
    expect([...far.written(), ...near.written()]).toEqual([]);
  });
});
