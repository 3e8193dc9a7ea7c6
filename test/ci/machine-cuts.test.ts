import { describe, expect, it } from "vitest";
import { cutMachines, describeMachineCuts, type MachineCutOptions } from "../power/machine-cuts.ts";

// Other machines: MACHINE_CUT_SEED=<first seed>. More cuts: npm run proof -- machine-cuts --cuts 200
const seed = Number(process.env.MACHINE_CUT_SEED ?? 1);
const minutes = 60_000;

async function cuts(options: Omit<MachineCutOptions, "seed">) {
  const figures = await cutMachines({ seed, ...options });
  console.log(`${options.writer}: ${describeMachineCuts(figures)}`);
  return figures;
}

describe("whole machines whose power is cut", () => {
  it(
    "lose nothing that outbox, command ledger and audit log promised in 20 cuts",
    async () => {
      const figures = await cuts({ writer: "gateway", cuts: 20 });
      expect(figures.examples).toEqual([]);
      expect(figures).toMatchObject({ cuts: 20, bad: 0, lost: 0, corrupt: 0, twice: 0 });
      // There was something to lose.
      expect(figures.packs).toBeGreaterThan(500);
      expect(figures.commands).toBeGreaterThan(200);
    },
    8 * minutes,
  );

  // A test that cannot fail proves nothing.
  it(
    "lose something when the gateway does not sync",
    async () => {
      const figures = await cuts({ writer: "gateway-without-sync", cuts: 20, untilLoss: true });
      expect(figures.lost).toBeGreaterThan(0);
    },
    4 * minutes,
  );
});
