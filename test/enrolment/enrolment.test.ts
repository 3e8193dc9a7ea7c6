import { X509Certificate } from "node:crypto";
import { connect } from "node:tls";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { CityCa, misbehaviours } from "../../simulators/ca/city-ca.ts";
import { type CaServer, serveCa } from "../../simulators/ca/server.ts";
import { SimulatedDisk } from "../fault/simulated-disk.ts";
import { VirtualClock } from "../fault/virtual-clock.ts";
import { cardOn, gatewayOn, passTime, provisionFor } from "./gateway.ts";

// A gateway against the simulated CA of a city, by real TLS on loopback. Time is the test's, but for OpenSSL, which
// looks at the machine's clock.

const token = "token-of-lamp-7";
const day = 86_400_000;
const newDisk = () => new SimulatedDisk({ random: () => 0.5 });
const never = new AbortController().signal;

let clock: VirtualClock;
let ca: CityCa;
let server: CaServer;
let disk: SimulatedDisk;
let card: SimulatedDisk;

beforeEach(async () => {
  clock = new VirtualClock({ unix: Date.now() });
  ca = new CityCa({ now: () => clock.now() });
  server = await serveCa(ca);
  disk = newDisk();
  card = newDisk();
  ca.allow("lamp-7", token);
  await cardOn(card).put(provisionFor(ca, server.url));
});
afterEach(() => server[Symbol.asyncDispose]());

const textOf = (one: SimulatedDisk, name: string) => Buffer.from(one.contents(name)).toString();

describe("enrolment over TLS", () => {
  it("gets a certificate for the gateway's own key, and takes the token off the card", async () => {
    const gateway = gatewayOn(disk, card, clock);
    const progress = await gateway.enrolment.run(never);
    expect(progress.state).toBe("enrolled");
    expect(gateway.states).toEqual(["enrolling", "enrolled"]);
    expect(progress.certificate).toMatchObject({ subject: "CN=lamp-7", issuer: "CN=Example City Device CA" });
    expect(ca.events).toEqual([{ what: "issued", gateway: "lamp-7" }]);
    expect(textOf(card, "provision.json")).not.toContain(token);
    expect(JSON.parse(textOf(card, "provision.json"))).toEqual({
      format: 1,
      gateway: "lamp-7",
      enrolment: { url: server.url, ca: ca.pem },
    });
    // The chain and the authorities are what TLS needs.
    const chain = textOf(disk, "certificate.pem");
    expect(chain.match(/BEGIN CERTIFICATE/g)).toHaveLength(2);
    expect(textOf(disk, "ca.pem").match(/BEGIN CERTIFICATE/g)).toHaveLength(2);
    const who = await new Promise<string>((resolve, reject) => {
      const options = {
        ca: textOf(disk, "ca.pem"),
        cert: chain,
        key: textOf(disk, "key.pem"),
        servername: "localhost",
      };
      const socket = connect(server.port, "localhost", options, () => {
        resolve(String(socket.authorized));
        socket.destroy();
      });
      socket.once("error", reject);
    });
    expect(who).toBe("true");
    for (const name of disk.names.filter((one) => one !== "key.pem"))
      expect(textOf(disk, name)).not.toContain(token);
  });

  it("never asks twice once it is enrolled", async () => {
    await gatewayOn(disk, card, clock).enrolment.run(never);
    const { state } = await gatewayOn(disk, card, clock).enrolment.run(never);
    expect(state).toBe("enrolled");
    expect(ca.issued).toHaveLength(1);
  });

  it("two first boots of one image have two identities", async () => {
    ca.allow("lamp-8", "token-of-lamp-8");
    const other = { disk: newDisk(), card: newDisk() };
    await cardOn(other.card).put(provisionFor(ca, server.url, "token-of-lamp-8", "lamp-8"));
    await gatewayOn(disk, card, clock).enrolment.run(never);
    await gatewayOn(other.disk, other.card, clock).enrolment.run(never);
    expect(textOf(disk, "key.pem")).not.toBe(textOf(other.disk, "key.pem"));
    expect(new Set(ca.issued.map(({ key }) => key)).size).toBe(2);
  });

  it("waits for a network that comes hours later, cheaply", async () => {
    const { port } = server;
    ca.allow("lamp-7", token, day);
    await server[Symbol.asyncDispose]();
    const gateway = gatewayOn(disk, card, clock);
    const enrolled = gateway.enrolment.run(never);
    await gateway.until("waiting-for-network");
    const start = clock.monotonic();
    await passTime(
      clock,
      gateway,
      waitFor(() => clock.monotonic() - start > 6 * 3_600_000),
    );
    const tries = gateway.states.filter((state) => state === "enrolling").length;
    // Pauses of up to 5 minutes, here always half of that.
    expect(tries).toBeGreaterThan(10);
    expect(tries).toBeLessThan(6 * 30);
    server = await serveCa(ca, { port });
    expect((await passTime(clock, gateway, enrolled)).state).toBe("enrolled");
  });

  it("waits for the time where nobody knows it, and then for a CA whose certificate begins later", async () => {
    clock = new VirtualClock({ unix: Date.now() - 365 * day, trusted: false, monotonic: 5_000 });
    const gateway = gatewayOn(disk, card, clock);
    const enrolled = gateway.enrolment.run(never);
    await gateway.until("waiting-for-time");
    expect(ca.events).toEqual([]);
    // To OpenSSL the machine's clock is a day behind the server's certificate.
    server.use(ca.server(["localhost"], Date.now() + day));
    await passTime(clock, gateway, gateway.until("waiting-for-time", "est-time"));
    expect(clock.monotonic()).toBeGreaterThanOrEqual(600_000);
    server.use(ca.server(["localhost"], Date.now() - day));
    clock.trust(Date.now());
    expect((await passTime(clock, gateway, enrolled)).state).toBe("enrolled");
  });

  it("goes on without a trusted clock where TLS agrees to the time", async () => {
    clock = new VirtualClock({ unix: Date.now() - day / 2, trusted: false, monotonic: 5_000 });
    const gateway = gatewayOn(disk, card, clock);
    const progress = await passTime(clock, gateway, gateway.enrolment.run(never));
    expect(progress.state).toBe("enrolled");
  });

  it("waits for a person who decides, as often as the CA wants to be asked", async () => {
    ca.approvalS = 600;
    const gateway = gatewayOn(disk, card, clock);
    const enrolled = gateway.enrolment.run(never);
    expect(await gateway.until("waiting-for-approval")).toMatchObject({ nextS: 600 });
    const start = clock.monotonic();
    await passTime(
      clock,
      gateway,
      waitFor(() => ca.events.length === 4),
    );
    expect(clock.monotonic() - start).toBeGreaterThanOrEqual(3 * 600_000);
    ca.approve("lamp-7");
    expect((await passTime(clock, gateway, enrolled)).state).toBe("enrolled");
    expect(ca.issued).toHaveLength(1);
  });
});

describe("tokens", () => {
  it("a used token of another gateway's key is refused, reported, and not sent again", async () => {
    await gatewayOn(newDisk(), card, clock).enrolment.run(never);
    await cardOn(card).put(provisionFor(ca, server.url));
    const gateway = gatewayOn(disk, card, clock);
    expect(await gateway.enrolment.once(never)).toMatchObject({
      state: "failed",
      why: { code: "token-refused" },
    });
    expect(ca.events.at(-1)).toEqual({ what: "refused", why: "the token has been used", gateway: "lamp-7" });
    const before = ca.events.length;
    // Neither now nor after a restart.
    await gateway.enrolment.once(never);
    await gatewayOn(disk, card, clock).enrolment.once(never);
    expect(ca.events).toHaveLength(before);
    // A new one brings it on.
    ca.allow("lamp-7", "another-token");
    await cardOn(card).put(provisionFor(ca, server.url, "another-token"));
    expect(await gateway.enrolment.once(never)).toMatchObject({ state: "enrolled" });
  });

  it.each([
    ["an expired one", (c: CityCa) => c.allow("lamp-7", token, -1), "the token has expired"],
    ["one of another gateway", (c: CityCa) => c.allow("lamp-9", token), "unknown token"],
  ])("%s is refused", async (_name, change, why) => {
    change(ca);
    const progress = await gatewayOn(disk, card, clock).enrolment.once(never);
    expect(progress).toMatchObject({ state: "failed", why: { code: "token-refused" } });
    expect(progress.why?.message).toContain(why);
    expect(ca.issued).toEqual([]);
  });

  it("one that says itself that it has expired is not sent", async () => {
    const { enrolment, ...rest } = provisionFor(ca, server.url);
    const tokenExpires = new Date(clock.now() - 1000).toISOString();
    await cardOn(card).put({ ...rest, enrolment: { ...enrolment, tokenExpires } });
    expect(await gatewayOn(disk, card, clock).enrolment.once(never)).toMatchObject({
      state: "failed",
      why: { code: "token-expired" },
    });
    expect(ca.events).toEqual([]);
  });

  it("a lost answer costs nothing: the same key gets the same certificate for the same token", async () => {
    ca.misbehaviour = "lost-answer";
    const gateway = gatewayOn(disk, card, clock);
    expect(await gateway.enrolment.once(never)).toMatchObject({ state: "waiting-for-network" });
    ca.misbehaviour = undefined;
    expect(await gateway.enrolment.once(never)).toMatchObject({ state: "enrolled" });
    expect(ca.issued).toHaveLength(1);
    expect(ca.events.map(({ what }) => what)).toEqual(["issued", "repeated"]);
  });

  it("a new token makes an enrolled gateway enrol anew, a bad one leaves it as it was", async () => {
    await gatewayOn(disk, card, clock).enrolment.run(never);
    const first = textOf(disk, "certificate.pem");
    await cardOn(card).put(provisionFor(ca, server.url, "nobody-knows-it"));
    expect(await gatewayOn(disk, card, clock).enrolment.once(never)).toMatchObject({
      state: "enrolled",
      why: { code: "token-refused" },
    });
    expect(textOf(disk, "certificate.pem")).toBe(first);
    ca.allow("lamp-7", "another-token");
    await cardOn(card).put(provisionFor(ca, server.url, "another-token"));
    await gatewayOn(disk, card, clock).enrolment.run(never);
    expect(textOf(disk, "certificate.pem")).not.toBe(first);
    expect(new Set(ca.issued.map(({ key }) => key)).size).toBe(1);
  });
});

describe("a CA that is not what it should be", () => {
  const expected: Record<(typeof misbehaviours)[number], readonly [string, string]> = {
    "wrong-ca": ["failed", "wrong-ca"],
    expired: ["failed", "wrong-dates"],
    "wrong-key": ["failed", "wrong-key"],
    authority: ["failed", "wrong-ca"],
    huge: ["enrolling", "est-answer"],
    garbage: ["enrolling", "est-answer"],
    "no-pkcs7": ["enrolling", "est-answer"],
    empty: ["enrolling", "est-answer"],
    slow: ["waiting-for-network", "est-unreachable"],
    "lost-answer": ["waiting-for-network", "est-unreachable"],
    broken: ["enrolling", "est-answer"],
  };

  it.each(misbehaviours)(
    "%s: nothing of it is kept, and the right answer is taken later",
    async (misbehaviour) => {
      ca.misbehaviour = misbehaviour;
      const gateway = gatewayOn(disk, card, clock);
      const once = gateway.enrolment.once(never);
      const progress = misbehaviour === "slow" ? await passDeadline(once) : await once;
      const [state, code] = expected[misbehaviour];
      expect(progress).toMatchObject({ state, why: { code } });
      expect(disk.names).not.toContain("certificate.pem");
      expect(textOf(card, "provision.json")).toContain(token);
      ca.misbehaviour = undefined;
      expect(await gateway.enrolment.once(never)).toMatchObject({ state: "enrolled" });
    },
  );

  /** Once the CA has begun to answer, a minute passes. */
  async function passDeadline<T>(once: Promise<T>): Promise<T> {
    const pass = async () => {
      // Of the second exchange: the first one, cacerts, has been disposed of.
      await waitFor(() => slowAsked > 0);
      await clock.advance(61_000);
    };
    let slowAsked = 0;
    const answer = ca.answer.bind(ca);
    ca.answer = (asked) => {
      const answered = answer(asked);
      if (answered.carry === "slow") slowAsked++;
      return answered;
    };
    await pass();
    return once;
  }

  it("a server of another CA never sees the token", async () => {
    const impostor = new CityCa({ now: () => clock.now() });
    impostor.allow("lamp-7", token);
    await using theirs = await serveCa(impostor);
    await cardOn(card).put({ ...provisionFor(ca, theirs.url) });
    expect(await gatewayOn(disk, card, clock).enrolment.once(never)).toMatchObject({
      state: "failed",
      why: { code: "est-tls" },
    });
    expect(impostor.events).toEqual([]);
  });

  it("a server of another name is refused", async () => {
    server.use(ca.server(["ca.elsewhere.example"]));
    expect(await gatewayOn(disk, card, clock).enrolment.once(never)).toMatchObject({
      state: "failed",
      why: { code: "est-tls" },
    });
  });
});

describe("renewal", () => {
  it("at two thirds of its life, by the old certificate, with the same key, and the old one stays until the new one was taken", async () => {
    const gateway = gatewayOn(disk, card, clock);
    const stop = new AbortController();
    const ended = gateway.enrolment.run(stop.signal, true).catch(() => "stopped");
    await gateway.until("enrolled");
    const first = new X509Certificate(disk.contents("certificate.pem"));
    await passTime(
      clock,
      gateway,
      waitFor(() => ca.issued.length === 2),
    );
    const life = first.validToDate.getTime() - first.validFromDate.getTime();
    const share = (clock.now() - first.validFromDate.getTime()) / life;
    expect(share).toBeGreaterThanOrEqual(2 / 3);
    expect(share).toBeLessThan(2 / 3 + 1 / 12 + 0.01);
    await passTime(
      clock,
      gateway,
      waitFor(() => gateway.told.at(-1)?.state === "enrolled"),
    );
    const second = new X509Certificate(disk.contents("certificate.pem"));
    expect(second.fingerprint256).not.toBe(first.fingerprint256);
    expect(second.subject).toBe(first.subject);
    expect(second.publicKey.equals(first.publicKey)).toBe(true);
    expect(ca.events.map(({ what }) => what)).toEqual(["issued", "renewed"]);
    expect(disk.names).not.toContain("certificate.next.pem");
    stop.abort();
    expect(await ended).toBe("stopped");
  });

  it.each(["wrong-ca", "wrong-key", "expired", "garbage", "broken"] as const)(
    "a bad one (%s) leaves the old certificate in use",
    async (misbehaviour) => {
      const gateway = gatewayOn(disk, card, clock);
      await gateway.enrolment.run(never);
      const first = textOf(disk, "certificate.pem");
      await clock.advance(75 * day);
      ca.misbehaviour = misbehaviour;
      expect(await gateway.enrolment.once(never)).toMatchObject({ state: "renewing", certificate: {} });
      expect(textOf(disk, "certificate.pem")).toBe(first);
      ca.misbehaviour = undefined;
      expect(await gateway.enrolment.once(never)).toMatchObject({ state: "enrolled" });
      expect(textOf(disk, "certificate.pem")).not.toBe(first);
    },
  );

  it("a revoked one is refused; a new token enrols anew with the same key", async () => {
    const gateway = gatewayOn(disk, card, clock);
    await gateway.enrolment.run(never);
    ca.revoke(new X509Certificate(disk.contents("certificate.pem")).serialNumber);
    await clock.advance(75 * day);
    expect(await gateway.enrolment.once(never)).toMatchObject({
      state: "renewing",
      why: { code: "certificate-refused" },
    });
    ca.allow("lamp-7", "another-token");
    await cardOn(card).put(provisionFor(ca, server.url, "another-token"));
    expect(await gateway.enrolment.once(never)).toMatchObject({ state: "enrolled" });
    expect(new Set(ca.issued.map(({ key }) => key)).size).toBe(1);
  });

  it("one that ended while the gateway was away needs a token, and says so", async () => {
    const gateway = gatewayOn(disk, card, clock);
    await gateway.enrolment.run(never);
    await clock.advance(100 * day);
    expect(await gateway.enrolment.once(never)).toMatchObject({
      state: "failed",
      why: { code: "token-missing" },
    });
  });
});

async function waitFor(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setImmediate(resolve));
}
