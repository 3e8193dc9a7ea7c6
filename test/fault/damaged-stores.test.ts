import { describe, expect, it } from "vitest";
import { type Damage, damages, type Outcome } from "./damage.ts";
import { damagedAudit, healthyAudit } from "./damaged-audit.ts";
import { damagedHistory, healthyHistory } from "./damaged-history.ts";
import { damagedLedger, healthyLedger } from "./damaged-ledger.ts";
import { damagedOutbox, healthyOutbox } from "./damaged-outbox.ts";

async function damagedOften(
  what: string,
  times: number,
  once: (damage: Damage, seed: number) => Promise<Outcome>,
): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  for (let seed = 1; seed <= times; seed++) {
    const damage = damages[seed % damages.length]!;
    try {
      const outcome = await once(damage, seed);
      outcomes.push(outcome);
      if (!outcome.up || !outcome.kept) throw new Error(JSON.stringify(outcome));
    } catch (error) {
      throw new Error(`${what}, ${damage}, seed ${seed}`, { cause: error });
    }
  }
  const intact = outcomes.reduce((sum, one) => sum + one.intact, 0);
  const salvaged = outcomes.reduce((sum, one) => sum + one.salvaged, 0);
  const records = intact > 0 ? `, ${salvaged} of ${intact} intact records salvaged` : "";
  console.log(`${what}: ${times} of ${times} damaged stores opened and kept${records}`);
  return outcomes;
}

function share(outcomes: readonly Outcome[]): number {
  const intact = outcomes.reduce((sum, one) => sum + one.intact, 0);
  return outcomes.reduce((sum, one) => sum + one.salvaged, 0) / intact;
}

// 500 in all. Opened, the files kept, and of what the damage did not touch at least 99 % given back.
describe("damaged stores", { timeout: 120_000 }, () => {
  it("outbox: 220", async () => {
    const healthy = await healthyOutbox();
    const outcomes = await damagedOften("outbox", 220, (damage, seed) =>
      damagedOutbox(healthy, damage, seed),
    );
    expect(outcomes).toHaveLength(220);
    expect(share(outcomes)).toBeGreaterThanOrEqual(0.99);
  });

  it("ledger of commands: 130", async () => {
    const healthy = await healthyLedger();
    const outcomes = await damagedOften("ledger", 130, (damage, seed) =>
      damagedLedger(healthy, damage, seed),
    );
    expect(outcomes).toHaveLength(130);
    expect(share(outcomes)).toBeGreaterThanOrEqual(0.99);
  });

  it("audit log: 130", async () => {
    const healthy = await healthyAudit();
    const outcomes = await damagedOften("audit log", 130, (damage, seed) =>
      damagedAudit(healthy, damage, seed),
    );
    expect(outcomes).toHaveLength(130);
    expect(share(outcomes)).toBeGreaterThanOrEqual(0.99);
  });

  it("history: 20, kept and begun anew", async () => {
    const healthy = await healthyHistory();
    const outcomes = await damagedOften("history", 20, (damage, seed) =>
      damagedHistory(healthy, damage, seed),
    );
    expect(outcomes).toHaveLength(20);
  });
});
