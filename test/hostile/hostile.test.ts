import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { GatewayError } from "../../gateway/model/errors.ts";
import { countsOf, inputAt, type Outcome, run } from "./run.ts";
import { ready, type Target, utf8, Violation } from "./target.ts";
import { targets } from "./targets.ts";

// Every reader a little; test/ci/hostile.test.ts and `node scripts/proof/hostile.ts` do the same at length.

const inputs = 20_000;

describe("readers of what strangers send", () => {
  it("have names and corpora of their own", () => {
    expect(new Set(targets.map(({ name }) => name)).size).toBe(targets.length);
  });

  it.each(targets.map((one) => [one.name, one] as const))(
    "%s takes its good inputs and survives the others",
    { timeout: 120_000 },
    async (name, source) => {
      const count = countsOf(targets, { inputs, least: 200 }).get(name) ?? 0;
      const [outcome] = await run([source], {
        inputs: source.most === undefined ? count : Math.min(60, count),
        seed: 1,
      });
      expect(outcome?.findings.map(({ what, replay }) => `${what}: ${replay}`)).toEqual([]);
      expect(outcome?.inputs).toBeGreaterThan(0);
    },
  );
});

// A runner that finds nothing proves nothing: each of these must be found.
describe("the runner", () => {
  const one = (take: Target["take"]): Target => ({
    name: "planted",
    share: 1,
    seeds: [utf8('{"a": 12}')],
    take,
    errors: [GatewayError],
  });
  const found = async (take: Target["take"], more: Partial<Target> = {}): Promise<Outcome> => {
    const [outcome] = await run([ready({ ...one(take), ...more })], { inputs: 300, seed: 1 });
    if (!outcome) throw new Error("no outcome");
    return outcome;
  };

  it("finds what is thrown and not declared, now or later", async () => {
    const now = await found((input) => {
      if (input.length > 8) throw new TypeError("planted");
    });
    expect(now.findings[0]).toMatchObject({
      kind: "crash",
      what: expect.stringContaining("TypeError: planted"),
    });
    const later = await found(async () => Promise.reject(new RangeError("planted")));
    expect(later.findings[0]?.kind).toBe("crash");
    const declared = await found(() => {
      throw new GatewayError("fine", { code: "fine" });
    });
    expect([declared.findings, declared.taken]).toEqual([[], 0]);
    const broken = await found(() => {
      throw new Violation("planted");
    });
    expect(broken.findings[0]?.kind).toBe("violation");
  });

  it("finds what holds the loop up, in a reader and behind a thread", async () => {
    const hold = (input: Uint8Array) => {
      const before = process.threadCpuUsage();
      const work = () => process.threadCpuUsage(before);
      while (input[0] !== 0xff && work().user + work().system < 250_000);
    };
    const [slow] = await run([ready(one(hold))], { inputs: 1, seed: 1 });
    expect(slow?.findings[0]?.kind).toBe("stall");
    const waits = {
      ...one((input) => new Promise<void>((done) => setImmediate(() => done(hold(input))))),
      waits: true,
    };
    const [behind] = await run([ready(waits)], { inputs: 1, seed: 1 });
    expect(behind?.findings[0]?.kind).toBe("stall");
    const idle = { ...one(() => new Promise((done) => setTimeout(done, 300))), waits: true };
    const [patient] = await run([ready(idle)], { inputs: 1, seed: 1 });
    expect(patient?.findings).toEqual([]);
  });

  it("finds what is kept", async () => {
    const kept: Uint8Array[] = [];
    const target = one(() => kept.push(new Uint8Array(60_000).fill(1)));
    const [outcome] = await run([ready(target)], { inputs: 1000, seed: 1 });
    expect(outcome?.findings.map(({ kind }) => kind)).toEqual(["memory"]);
  });

  it("replays the corpus first, and any input by its number", async () => {
    const folder = mkdtempSync(join(tmpdir(), "stadsnod-corpus-"));
    mkdirSync(join(folder, "planted"));
    writeFileSync(join(folder, "planted", "once"), "trouble");
    const seen: string[] = [];
    const target = one((input) => {
      seen.push(Buffer.from(input).toString("latin1"));
    });
    await run([ready(target)], { inputs: 50, seed: 9, corpus: folder });
    rmSync(folder, { recursive: true });
    expect(seen[0]).toBe("trouble");
    expect(seen).toHaveLength(51);
    expect(Buffer.from(inputAt(target, 9, 17)).toString("latin1")).toBe(seen[18]);
    expect(inputAt(target, 10, 17)).not.toEqual(inputAt(target, 9, 17));
  });

  it("gives every target its least and the whole what was asked for", () => {
    const counts = countsOf(targets, { inputs: 1_000_000 });
    const sum = Array.from(counts.values()).reduce((all, count) => all + count, 0);
    expect(sum).toBeGreaterThanOrEqual(1_000_000);
    for (const { name, most, least = 5000 } of targets)
      expect(counts.get(name), name).toBeGreaterThanOrEqual(most === undefined ? least : 1);
  });
});
