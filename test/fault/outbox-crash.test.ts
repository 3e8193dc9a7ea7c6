import { afterEach, describe, expect, it, vi } from "vitest";
import { openOutbox } from "../../gateway/outbox/segment-outbox.ts";
import { type Flaws, liveThrough } from "./outbox-history.ts";

// Replay one history: OUTBOX_SEED=<seed> vitest run test/fault/outbox-crash.test.ts
const replay = process.env.OUTBOX_SEED;
// What the README promises of CI; a tenth of it at every desk.
const wanted = Number(process.env.OUTBOX_CRASHES ?? (process.env.CI === "true" ? 1_000_000 : 100_000));

const lost = /was promised and is lost$/;
const forgotten = /^mark .* is forgotten$/;
const wrong = /(was never appended|has other bytes|has another \w+)$/;

/** The first history that fails in just this way: a failure of another kind is no proof that the harness sees this one. */
async function seedThatFails(
  how: RegExp,
  open: typeof openOutbox,
  flaws: Flaws,
  histories: number,
  live = liveThrough,
): Promise<string | undefined> {
  for (let seed = 1; seed <= histories; seed++) {
    try {
      await live(seed, open, flaws);
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      if (how.test(message)) return `seed=${seed}: ${message}`;
    }
  }
  return undefined;
}

describe("outbox under power cuts", () => {
  it(`loses nothing that it promised in ${wanted} simulated crashes`, { timeout: 1_200_000 }, async () => {
    let crashes = 0;
    let distinct = 0;
    let seed = replay === undefined ? 0 : Number(replay) - 1;
    do {
      seed++;
      try {
        const { cuts, disks } = await liveThrough(seed, openOutbox);
        crashes += cuts;
        distinct += disks;
      } catch (error) {
        throw new Error(`seed=${seed} (replay with OUTBOX_SEED=${seed})`, { cause: error });
      }
    } while (crashes < wanted && replay === undefined);
    console.log(
      `outbox: ${crashes} simulated crashes in ${seed} histories left ${distinct} different disks, 0 promised packs lost`,
    );
    if (replay === undefined) expect(crashes).toBeGreaterThanOrEqual(wanted);
  });
});

// A test that cannot fail proves nothing: each of these must find a loss.
describe("negative controls", () => {
  afterEach(() => {
    vi.doUnmock("node:zlib");
    vi.resetModules();
  });

  it("finds losses on a disk that ignores fsync", async () => {
    expect(await seedThatFails(lost, openOutbox, { ignoreSync: true }, 100)).toMatch(/seed=/);
  });

  it("finds losses on a disk that ignores the directory's fsync", async () => {
    expect(await seedThatFails(lost, openOutbox, { ignoreSyncNames: true }, 100)).toMatch(/seed=/);
  });

  it("finds marks that are forgotten when segments carry none on", async () => {
    vi.resetModules();
    vi.doMock("../../gateway/outbox/recent-marks.ts", () => ({
      RecentMarks: class {
        add() {}
        addOf() {}
        [Symbol.iterator] = () => [][Symbol.iterator]();
      },
    }));
    const careless = await import("../../gateway/outbox/segment-outbox.ts");
    const history = await import("./outbox-history.ts");
    expect(await seedThatFails(forgotten, careless.openOutbox, {}, 100, history.liveThrough)).toMatch(
      /seed=/,
    );
    vi.doUnmock("../../gateway/outbox/recent-marks.ts");
  });

  it("finds wrong packs when no CRC is checked", async () => {
    vi.resetModules();
    vi.doMock("node:zlib", () => ({ crc32: () => 0 }));
    const unchecked = await import("../../gateway/outbox/segment-outbox.ts");
    const history = await import("./outbox-history.ts");
    expect(await seedThatFails(wrong, unchecked.openOutbox, {}, 1_000, history.liveThrough)).toMatch(/seed=/);
  });
});
