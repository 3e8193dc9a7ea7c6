// The real `rauc` program: what it says is read rightly, and what it must refuse is refused.
import { readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { RefusedError } from "../../gateway/model/errors.ts";
import { runProgram } from "../../gateway/updates/program.ts";
import { openRauc } from "../../gateway/updates/rauc.ts";
import type { Updater } from "../../gateway/updates/updater.ts";
import { seeded } from "../fault/random.ts";
import { updaterContract } from "../updates/updater.contract.ts";
import { openRaucBench, type RaucBench } from "./rauc.ts";

/** `env` hands the bus on: the gateway gives programs an environment of its own. */
function raucOf({ config, trusted }: RaucBench): Updater {
  return openRauc({
    config,
    keyring: trusted.certificate,
    run: (program, args, options) =>
      runProgram(
        "/usr/bin/env",
        [
          "DBUS_STARTER_BUS_TYPE=session",
          `DBUS_SESSION_BUS_ADDRESS=${process.env.DBUS_SESSION_BUS_ADDRESS ?? ""}`,
          program,
          ...args,
        ],
        options,
      ),
  });
}

updaterContract("rauc", async () => {
  const bench = openRaucBench();
  await bench.serve();
  return {
    updater: raucOf(bench),
    bundle: bench.bundle("good"),
    missing: join(bench.folder, "missing.raucb"),
    // A verity bundle is installed with the kernel's device mapper, which containers do not have: QEMU shows it (image:test).
    installs: false,
    [Symbol.asyncDispose]: () => bench[Symbol.asyncDispose](),
  };
});

describe("bundles that must be refused", () => {
  let bench: RaucBench;
  let updater: Updater;
  beforeAll(() => {
    bench = openRaucBench();
    updater = raucOf(bench);
  });
  afterAll(() => bench[Symbol.asyncDispose]());

  const expectRefused = async (bundle: string, ...codes: string[]) =>
    expect(
      await updater.inspect(bundle).then(
        () => "accepted",
        (error: unknown) => (error instanceof RefusedError ? error.code : String(error)),
      ),
    ).toBeOneOf(codes);

  it("takes a good one (positive control)", async () => {
    const facts = await updater.inspect(bench.bundle("fine", { bytes: 3_000_000 }));
    expect(facts).toMatchObject({
      version: "2.0.0",
      compatible: "stadsnod-test",
      signer: "O = Test, CN = trusted",
    });
  });

  it("refuses another signer", () =>
    expectRefused(bench.bundle("stranger", { signer: bench.signer("stranger") }), "bundle-signature"));

  it("refuses one that was cut off", async () => {
    const bundle = bench.bundle("cut");
    truncateSync(bundle, 15_000);
    await expectRefused(bundle, "bundle-signature", "bundle-form");
  });

  it("refuses the older format, whose payload nobody checks block by block", () =>
    expectRefused(bench.bundle("plain", { format: "plain" }), "bundle-form"));

  it("refuses what is no bundle", async () => {
    const bundle = join(bench.folder, "text.raucb");
    writeFileSync(bundle, "this is no bundle at all, but long enough to hold one's head");
    await expectRefused(bundle, "bundle-form", "bundle-signature");
  });

  it("refuses a damaged payload, which the signature alone does not show", async () => {
    const bundle = bench.bundle("damaged");
    const bytes = readFileSync(bundle);
    bytes[10_000]! ^= 1;
    writeFileSync(bundle, bytes);
    await expectRefused(bundle, "bundle-damaged");
  });

  it("refuses 1,000 bundles with one bit flipped, wherever it is", { timeout: 600_000 }, async () => {
    const good = readFileSync(bench.bundle("many", { bytes: 6000 }));
    const facts = await updater.inspect(join(bench.folder, "many.raucb"));
    const random = seeded(8);
    const flipped = join(bench.folder, "flipped.raucb");
    const counts: Record<string, number> = {};
    const accepted: number[] = [];
    for (let round = 0; round < 1000; round++) {
      const bytes = Buffer.from(good);
      const bit = Math.floor(random() * bytes.length * 8);
      bytes[bit >> 3]! ^= 1 << (bit & 7);
      writeFileSync(flipped, bytes);
      // As the gateway does: what the bundle says must also be what was asked for.
      const outcome = await updater.inspect(flipped).then(
        ({ sha256 }) => (sha256 === facts.sha256 ? "accepted" : "other-content"),
        (error: unknown) => (error instanceof RefusedError ? error.code : String(error)),
      );
      counts[outcome] = (counts[outcome] ?? 0) + 1;
      if (outcome === "other-content" || outcome === "accepted") accepted.push(bit);
    }
    console.info(
      `1,000 flipped bits: ${JSON.stringify(counts)}; seen by the SHA-256 only: ${accepted.join(" ")}`,
    );
    expect(counts.accepted ?? 0).toBe(0);
    expect(Object.keys(counts).filter((code) => !/^(bundle-|other-content$)/.test(code))).toEqual([]);
  });
});

describe("a certificate that is not valid now", () => {
  it("is refused with a word about the clock", async () => {
    await using bench = openRaucBench();
    // Trusted, and used after its end: RAUC signs with it only while nobody looks at the time.
    const old = bench.signer("old", { notBefore: "20200101000000Z", notAfter: "20210101000000Z" });
    const bundle = bench.bundle("expired", { signer: old });
    const updater = openRauc({ run: runProgram, keyring: old.certificate });
    await expect(updater.inspect(bundle)).rejects.toMatchObject({ code: "bundle-certificate" });
  });
});
