import { describe, expect, it } from "vitest";
import type { Sabotage } from "./gateway-history.ts";
import { firstViolation, liveThroughAll, replay } from "./histories.ts";

// Replay one history: SEED=<seed> [KEEP=<events>] npx vitest run test/fault/gateway-history.test.ts
// Many of them:      STADSNOD_HISTORIES=100000 [SEED_FROM=<seed>] npx vitest run test/fault/gateway-history.test.ts
const { SEED: seed, KEEP: kept } = process.env;
const histories = Number(process.env.STADSNOD_HISTORIES ?? 300);
const from = Number(process.env.SEED_FROM ?? 1);

if (seed !== undefined)
  it(`SEED=${seed}${kept === undefined ? "" : ` KEEP=${kept}`}`, async () => {
    console.log(await replay(Number(seed), kept));
  }, 600_000);
else describe("the whole gateway", theWholeGateway);

function theWholeGateway(): void {
  it(`keeps its promises through ${histories} histories of lines, brokers, disks, clocks, reloads and commands that fail`, async () => {
    const sums = await liveThroughAll(from, histories);
    console.log(`${histories} histories from seed ${from}:`, sums);
    // Something did happen in them.
    for (const what of ["readings", "packs", "gaps", "ends", "writes"])
      expect(sums[what]).toBeGreaterThan(histories < 100 ? 0 : histories / 10);
  }, 36_000_000);

  // A judge that never finds anything proves nothing: each of these worlds must be found out.
  const lies: readonly [string, Sabotage, RegExp][] = [
    ["a disk that ignores fsync", { ignoreSync: true }, /was promised and is lost$/],
    ["a broker that acknowledges and forgets", { ackThenDrop: true }, /was promised and is lost$/],
    ["a broker that reorders", { reorders: true }, /came after/],
    ["a ledger of commands that every start finds empty", { forgetsLedger: true }, /was executed again/],
    [
      "a line that damages what its checksum covers",
      { mendsCrc: true },
      /which it (did not hold|never held)/,
    ],
    ["a line that takes requests for ever", { swallows: true }, /is not read/],
  ];
  it.each(lies)(
    "is found out by %s",
    async (_, sabotage, how) => {
      expect(await firstViolation(sabotage, how, 200)).toMatch(/^SEED=/);
    },
    240_000,
  );
}
