import { describe, expect, it } from "vitest";
import { parseAuditLine } from "../../gateway/commands/audit-line.ts";
import { type AuditLog, openAuditLog } from "../../gateway/commands/audit-log.ts";
import { verifyAuditLog } from "../../gateway/commands/audit-verify.ts";
import type { Random } from "../../gateway/model/clock.ts";
import { silentLog } from "../../gateway/model/log.ts";
import { seeded } from "./random.ts";
import { SimulatedDisk } from "./simulated-disk.ts";
import { VirtualClock } from "./virtual-clock.ts";

// Replay one history: AUDIT_SEED=<seed> vitest run test/fault/audit-crash.test.ts
const replay = process.env.AUDIT_SEED;
const wanted = Number(process.env.AUDIT_CRASHES ?? 3_000);

interface Flaws {
  readonly ignoreSync?: boolean;
  readonly ignoreSyncNames?: boolean;
  /** Whether syncs and writes fail now and then. */
  readonly failing?: boolean;
}

async function textsOf(audit: AuditLog): Promise<string[]> {
  const texts: string[] = [];
  for await (const { text } of audit.query()) texts.push(text);
  return texts;
}

/** Several lives of one log, each ended by a power cut or a kill. Throws when something promised is gone. Gives the number of crashes. */
async function liveThrough(seed: number, flaws: Flaws): Promise<number> {
  const random = seeded(seed);
  const clock = new VirtualClock();
  const lives = 2 + Math.floor(random() * 4);
  const promised = new Set<string>();
  // Small: segments of a few lines, the oldest removed again and again.
  const maxBytes = random() < 0.5 ? 1_000_000 : 12_000;
  let lost = 0;
  let next = 0;
  let disk = new SimulatedDisk({ random, ...flaws });
  for (let life = 0; life <= lives; life++) {
    let operations = life === lives ? Number.POSITIVE_INFINITY : Math.floor(random() * 120);
    let after: SimulatedDisk | undefined;
    let lostBefore = 0;
    const kill = random() < 0.3;
    let audit: AuditLog | undefined;
    disk.options = {
      random,
      ...flaws,
      before: () => {
        if (after || operations-- > 0) return;
        // What the dead process goes on to do is done to a disk that nobody looks at again.
        after = kill ? disk.copy({ random, ...flaws }) : disk.cutPower({ random, ...flaws });
        lostBefore = audit?.status().lost ?? 0;
      },
      ...(flaws.failing && life < lives ? { fail: (operation) => failure(random, operation) } : {}),
    };
    audit = await openAuditLog({ disk, clock, log: silentLog, maxBytes });
    if (life === lives) {
      check(await textsOf(audit), promised, lost);
      await audit[Symbol.asyncDispose]();
      break;
    }
    for (let turn = 0; turn < 200 && !after; turn++) {
      const group = Array.from({ length: 1 + Math.floor(random() * 4) }, () => `entry-${next++}`);
      await Promise.all(
        group.map(async (what) => {
          const before = audit.status().lost;
          await audit.record({ what, who: "test", detail: { text: "x".repeat(Math.floor(random() * 300)) } });
          if (!after && audit.status().lost === before) promised.add(what);
        }),
      );
    }
    lost += lostBefore;
    disk = after ?? disk;
  }
  return lives;
}

function failure(random: Random, operation: string): string | undefined {
  if (operation === "list" || operation === "read" || operation === "open") return undefined;
  return random() < 0.05 ? "disk-io" : undefined;
}

function check(texts: readonly string[], promised: ReadonlySet<string>, lost: number): void {
  const verdict = verifyAuditLog(texts);
  if (!verdict.ok) throw new Error(`the chain breaks: ${JSON.stringify(verdict.broken)}`);
  const found = texts.map((text) => parseAuditLine(text)?.what ?? "");
  const present = new Set(found);
  const entries = found.filter((what) => what.startsWith("entry-"));
  // What the bound took is older than anything that is there.
  const first = verdict.first === 1 ? 0 : Math.min(...entries.map(numberOf));
  for (const what of promised) {
    if (!present.has(what) && numberOf(what) >= first) throw new Error(`${what} was promised and is lost`);
  }
  if (new Set(entries).size !== entries.length) throw new Error("an entry is there twice");
  // Lines that told of losses may have gone with the oldest.
  if (verdict.lost > lost)
    throw new Error(`the log tells of ${verdict.lost} lost entries, there were ${lost}`);
}

const numberOf = (what: string): number => Number(what.slice("entry-".length));

async function seedThatFails(how: RegExp, flaws: Flaws, histories: number): Promise<string | undefined> {
  for (let seed = 1; seed <= histories; seed++) {
    try {
      await liveThrough(seed, flaws);
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      if (how.test(message)) return `seed=${seed}: ${message}`;
    }
  }
  return undefined;
}

describe("audit log under power cuts and kills", () => {
  it.each([
    ["a disk that works", {}],
    ["a disk that fails now and then", { failing: true }],
  ])(
    `keeps what it promised and stays a chain: ${wanted} crashes on %s`,
    { timeout: 300_000 },
    async (_name, flaws) => {
      let crashes = 0;
      let seed = replay === undefined ? 0 : Number(replay) - 1;
      do {
        seed++;
        try {
          crashes += await liveThrough(seed, flaws);
        } catch (error) {
          throw new Error(`seed=${seed} (replay with AUDIT_SEED=${seed})`, { cause: error });
        }
      } while (crashes < wanted && replay === undefined);
      if (replay === undefined) expect(crashes).toBeGreaterThanOrEqual(wanted);
    },
  );
});

// A test that cannot fail proves nothing: each of these must find a loss.
describe("negative controls", () => {
  it("finds losses on a disk that ignores fsync", async () => {
    expect(await seedThatFails(/promised and is lost|chain breaks/, { ignoreSync: true }, 100)).toMatch(
      /seed=/,
    );
  });

  it("finds losses on a disk that ignores the directory's fsync", async () => {
    expect(await seedThatFails(/promised and is lost|chain breaks/, { ignoreSyncNames: true }, 200)).toMatch(
      /seed=/,
    );
  });
});
