import { createPrivateKey, createPublicKey, X509Certificate } from "node:crypto";
import { describe, expect, it } from "vitest";
import { readRequest } from "../../simulators/ca/certificates.ts";
import { CityCa } from "../../simulators/ca/city-ca.ts";
import { seeded } from "../fault/random.ts";
import { SimulatedDisk } from "../fault/simulated-disk.ts";
import { VirtualClock } from "../fault/virtual-clock.ts";
import { cardOn, directExchange, gatewayOn, provisionFor } from "./gateway.ts";

// The power goes at every single operation of the disks and at every exchange with the CA, at each of them with
// several outcomes for what was not synced.

class PowerCut extends Error {}

const never = new AbortController().signal;
const token = "token-of-lamp-7";
const day = 86_400_000;

interface Machine {
  readonly disk: SimulatedDisk;
  readonly card: SimulatedDisk;
}

/** Runs `work` on a machine whose power goes at the given step; undefined when it came to its end before. */
async function cutAt(
  step: number,
  machine: Machine,
  seed: number,
  work: (before: () => void) => Promise<unknown>,
) {
  let steps = 0;
  const before = () => {
    // From then on nothing works any more, whoever catches it.
    if (steps++ >= step) throw new PowerCut();
  };
  machine.disk.options = { ...machine.disk.options, before };
  machine.card.options = { ...machine.card.options, before };
  try {
    await work(before);
    if (steps <= step) return undefined;
  } catch (error) {
    if (!(error instanceof PowerCut)) throw error;
  }
  const random = seeded(seed);
  return { disk: machine.disk.cutPower({ random }), card: machine.card.cutPower({ random }) };
}

const quiet = () => ({
  disk: new SimulatedDisk({ random: () => 0.5 }),
  card: new SimulatedDisk({ random: () => 0.5 }),
});

/** The certificate on the disk, which must be for the key on the disk. */
function certificateOf({ disk }: Machine): X509Certificate | undefined {
  if (!disk.names.includes("certificate.pem")) return undefined;
  const certificate = new X509Certificate(disk.contents("certificate.pem"));
  const key = createPublicKey(createPrivateKey(Buffer.from(disk.contents("key.pem")).toString()));
  expect(certificate.publicKey.equals(key)).toBe(true);
  return certificate;
}

describe("a power cut", () => {
  it.each([1, 2, 3, 4, 5, 6])(
    "at every step of enrolling ends in one identity (outcome %i)",
    async (seed) => {
      let cuts = 0;
      for (let step = 0; ; step++) {
        const clock = new VirtualClock();
        const ca = new CityCa({ now: () => clock.now() });
        ca.allow("lamp-7", token);
        const machine = quiet();
        await cardOn(machine.card).put(provisionFor(ca, "https://ca.example"));
        const after = await cutAt(step, machine, seed * 1000 + step, (before) =>
          gatewayOn(machine.disk, machine.card, clock, directExchange(ca, before)).enrolment.once(never),
        );
        if (!after) break;
        cuts++;
        // Whatever the cut left: what is there fits together.
        certificateOf(after);
        const progress = await gatewayOn(after.disk, after.card, clock, directExchange(ca)).enrolment.once(
          never,
        );
        expect(progress, `cut at ${step}`).toMatchObject({ state: "enrolled" });
        expect(certificateOf(after)).toBeDefined();
        // The CA never saw two keys, and gave one certificate.
        expect(new Set(ca.issued.map(({ key }) => key)).size).toBe(1);
        expect(ca.issued).toHaveLength(1);
        expect(Buffer.from(after.card.contents("provision.json")).toString()).not.toContain(token);
      }
      expect(cuts).toBeGreaterThan(40);
    },
  );

  it.each([1, 2, 3, 4])(
    "at every step of renewing leaves a certificate that can be used (outcome %i)",
    async (seed) => {
      let cuts = 0;
      for (let step = 0; ; step++) {
        const clock = new VirtualClock();
        const ca = new CityCa({ now: () => clock.now() });
        ca.allow("lamp-7", token);
        const machine = quiet();
        await cardOn(machine.card).put(provisionFor(ca, "https://ca.example"));
        await gatewayOn(machine.disk, machine.card, clock, directExchange(ca)).enrolment.once(never);
        const first = certificateOf(machine)!;
        await clock.advance(75 * day);
        const after = await cutAt(step, machine, seed * 1000 + step, (before) =>
          gatewayOn(machine.disk, machine.card, clock, directExchange(ca, before)).enrolment.once(never),
        );
        if (!after) break;
        cuts++;
        const left = certificateOf(after);
        expect(left?.validToDate.getTime()).toBeGreaterThan(clock.now());
        const progress = await gatewayOn(after.disk, after.card, clock, directExchange(ca)).enrolment.once(
          never,
        );
        expect(progress, `cut at ${step}`).toMatchObject({ state: "enrolled" });
        expect(certificateOf(after)?.fingerprint256).not.toBe(first.fingerprint256);
        expect(new Set(ca.issued.map(({ key }) => key)).size).toBe(1);
      }
      expect(cuts).toBeGreaterThan(30);
    },
  );

  it("negative control: with a disk that does not keep what it was told to, the CA meets two keys", async () => {
    const clock = new VirtualClock();
    let most = 0;
    for (let seed = 0; seed < 40 && most < 2; seed++) {
      const ca = new CityCa({ now: () => clock.now() });
      const keys = new Set<string>();
      const answer = ca.answer.bind(ca);
      ca.answer = (asked) => {
        if (asked.body) keys.add(readRequest(Buffer.from(asked.body, "base64")).spki.toString("hex"));
        return answer(asked);
      };
      ca.allow("lamp-7", token);
      const machine = quiet();
      machine.disk.options = { random: () => 0.5, ignoreSync: true, ignoreSyncNames: true };
      await cardOn(machine.card).put(provisionFor(ca, "https://ca.example"));
      ca.approvalS = 60;
      await gatewayOn(machine.disk, machine.card, clock, directExchange(ca)).enrolment.once(never);
      const after = machine.disk.cutPower({ random: seeded(seed) });
      await gatewayOn(after, machine.card, clock, directExchange(ca)).enrolment.once(never);
      most = Math.max(most, keys.size);
    }
    expect(most).toBe(2);
  });
});
