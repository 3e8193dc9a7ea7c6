import { describe, expect, it } from "vitest";
import { cutPowerOften, describeFigures, type PowerCutOptions } from "../power/power-cuts.ts";

// Replay other recordings: POWER_CUT_SEED=<first seed>. More cuts: node scripts/proof/power-cuts.ts --cuts 10000
const seed = Number(process.env.POWER_CUT_SEED ?? 1);
const minutes = 60_000;

async function cuts(options: Omit<PowerCutOptions, "seed">) {
  const figures = await cutPowerOften({ seed, ...options });
  console.log(`${options.writer}${options.lies ? " on a disk that lies" : ""}: ${describeFigures(figures)}`);
  return figures;
}

describe("power cuts on the level of blocks", () => {
  it(
    "loses nothing that outbox, command ledger and audit log promised in 500 cuts",
    async () => {
      const figures = await cuts({ writer: "gateway", cuts: 500 });
      expect(figures.examples, figures.examples.join("\n")).toEqual([]);
      expect(figures).toMatchObject({ cuts: 500, bad: 0, lost: 0, corrupt: 0, twice: 0 });
      // There was something to lose: in the mean, at every cut.
      expect(figures.packs).toBeGreaterThan(5_000);
      expect(figures.commands).toBeGreaterThan(5_000);
      expect(figures.pending).toBeGreaterThan(500);
    },
    8 * minutes,
  );

  it(
    "loses nothing where the superblock tore, on a disk repaired as the image does it",
    async () => {
      const figures = await cuts({ writer: "gateway", cuts: 60, superblock: true });
      expect(figures.examples, figures.examples.join("\n")).toEqual([]);
      expect(figures).toMatchObject({ cuts: 60, bad: 0 });
      expect(figures.repaired).toBeGreaterThan(0);
    },
    3 * minutes,
  );

  it(
    "loses nothing of what SQLite promises with synchronous FULL",
    async () => {
      expect(await cuts({ writer: "sqlite-full", cuts: 40 })).toMatchObject({ cuts: 40, bad: 0 });
    },
    3 * minutes,
  );
});

// A test that cannot fail proves nothing: each of these must find a loss.
describe("negative controls", () => {
  it(
    "finds losses of a gateway that does not sync",
    async () => {
      const { lost, twice } = await cuts({ writer: "gateway-without-sync", cuts: 40 });
      expect(lost).toBeGreaterThan(0);
      expect(twice).toBeGreaterThan(0);
    },
    3 * minutes,
  );

  it(
    "finds losses on a disk that lies about its cache",
    async () => {
      expect((await cuts({ writer: "gateway", cuts: 40, lies: 200 })).lost).toBeGreaterThan(0);
    },
    3 * minutes,
  );

  it(
    "finds losses of SQLite with synchronous NORMAL",
    async () => {
      expect((await cuts({ writer: "sqlite-normal", cuts: 40 })).lost).toBeGreaterThan(0);
    },
    3 * minutes,
  );
});
