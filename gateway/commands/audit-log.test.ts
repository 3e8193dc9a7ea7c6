import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { SimulatedDisk } from "../../test/fault/simulated-disk.ts";
import { VirtualClock } from "../../test/fault/virtual-clock.ts";
import { type Log, silentLog } from "../model/log.ts";
import { Secret } from "../model/secret.ts";
import { auditDetail, leftOut } from "./audit-detail.ts";
import { hashOf, parseAuditLine } from "./audit-line.ts";
import { type AuditLog, type AuditLogOptions, openAuditLog } from "./audit-log.ts";
import { type AuditFilter, answerAuditLog, auditFilterOf } from "./audit-query.ts";
import { verifyAuditLog } from "./audit-verify.ts";

const start = 1_790_000_000_000;
const newDisk = () => new SimulatedDisk({ random: () => 0.5 });
const open = (options: Partial<AuditLogOptions> = {}): Promise<AuditLog> =>
  openAuditLog({
    disk: newDisk(),
    clock: new VirtualClock(),
    log: silentLog,
    maxBytes: 1_000_000,
    ...options,
  });
const entry = (what: string, detail: Record<string, unknown> = {}, who = "anna") => ({ what, who, detail });

async function texts(audit: AuditLog, filter?: AuditFilter): Promise<string[]> {
  const found: string[] = [];
  for await (const { text } of audit.query(filter)) found.push(text);
  return found;
}
const whats = (lines: readonly string[]) => lines.map((text) => parseAuditLine(text)?.what);

/** A log of so many lines, as texts. */
async function sample(count: number): Promise<string[]> {
  await using audit = await open();
  for (let n = 1; n <= count; n++) await audit.record(entry("command", { n, device: `lamp-${n % 3}` }));
  return texts(audit);
}

describe("AuditLog", () => {
  it("chains its lines by their hashes", async () => {
    await using audit = await open();
    await Promise.all([audit.record(entry("command", { id: "a" })), audit.record(entry("config"))]);
    const lines = await texts(audit);
    expect(lines.map((text) => JSON.parse(text))).toEqual([
      {
        n: 1,
        time: start,
        bootMs: 60_000,
        clock: "trusted",
        what: "command",
        who: "anna",
        detail: { id: "a" },
        prev: "0".repeat(64),
      },
      expect.objectContaining({ n: 2, what: "config", prev: hashOf(lines[0] ?? "") }),
    ]);
    expect(audit.status()).toMatchObject({
      state: "open",
      lost: 0,
      head: { n: 2, hash: hashOf(lines[1] ?? "") },
    });
    expect(verifyAuditLog(lines)).toMatchObject({ ok: true, lines: 2, first: 1, head: audit.status().head });
  });

  it("goes on where it ended", async () => {
    const disk = newDisk();
    for (const what of ["one", "two", "three"]) {
      await using audit = await open({ disk });
      await audit.record(entry(what));
    }
    await using audit = await open({ disk });
    const lines = await texts(audit);
    expect(whats(lines)).toEqual(["one", "two", "three"]);
    expect(verifyAuditLog(lines).ok).toBe(true);
  });

  it("says when it did not know the time, and ties it to the calendar when it does", async () => {
    const clock = new VirtualClock({ trusted: false, monotonic: 5_000 });
    await using audit = await open({ clock });
    await audit.record(entry("early"));
    await clock.advance(1_000);
    clock.trust(start);
    await audit.settled();
    const [early, trusted] = (await texts(audit)).map((text) => JSON.parse(text));
    expect(early).toMatchObject({ time: null, bootMs: 5_000, clock: "untrusted", boot: "boot-1" });
    expect(trusted).toMatchObject({
      time: start,
      bootMs: 6_000,
      clock: "trusted",
      what: "clock",
      who: "gateway",
    });
  });

  it("removes the oldest segment when its bound is reached, says so, and the chain stays provable", async () => {
    const disk = newDisk();
    await using audit = await open({ disk, maxBytes: 20_000 });
    for (let n = 0; n < 300; n++) await audit.record(entry("command", { n }));
    const lines = await texts(audit);
    const verdict = verifyAuditLog(lines);
    expect(verdict).toMatchObject({ ok: true });
    expect(verdict.first).toBeGreaterThan(1);
    expect(audit.status().bytes).toBeLessThanOrEqual(20_000);
    expect(disk.names.length).toBe(audit.status().segments);
    // Without the entries that vouch for it, a missing beginning is a break.
    const removed = lines.slice(lines.findLastIndex((text) => text.includes("audit-removed")) + 1);
    expect(verifyAuditLog(removed).broken?.why).toMatch(/no entry says/);
  });

  it("puts a torn end aside, whole, and tells of it", async () => {
    const disk = newDisk();
    {
      await using audit = await open({ disk });
      await audit.record(entry("one"));
    }
    const [name = ""] = disk.names;
    const torn = Buffer.from('{"n":2,"time":179\0\0\0');
    disk.put(name, Buffer.concat([disk.contents(name), torn]));
    await using audit = await open({ disk });
    await audit.record(entry("two"));
    const lines = await texts(audit);
    expect(whats(lines)).toEqual(["one", "audit-cut", "two"]);
    expect(parseAuditLine(lines[1] ?? "")?.detail).toMatchObject({
      segment: name,
      bytes: torn.length,
      file: `${name}.cut-1`,
    });
    expect(Buffer.from(disk.contents(`${name}.cut-1`))).toEqual(torn);
    expect(verifyAuditLog(lines)).toMatchObject({ ok: true, cuts: 1 });
  });

  it("counts what a disk that fails does not take, says so once, and tells of it when it works again", async () => {
    const disk = newDisk();
    const said: string[] = [];
    const say = (_fields: unknown, text: string) => void said.push(text);
    const log: Log = { ...silentLog, error: say, info: say };
    await using audit = await open({ disk, log });
    await audit.record(entry("before"));
    disk.options = {
      random: () => 0.5,
      fail: (operation) => (operation === "write" ? "disk-full" : undefined),
    };
    await audit.record(entry("gone"));
    await audit.record(entry("gone"));
    expect(audit.status()).toMatchObject({ state: "failing", lost: 2, problem: { code: "disk-full" } });
    expect(said).toHaveLength(1);
    disk.options = { random: () => 0.5 };
    await audit.record(entry("after"));
    expect(audit.status()).toMatchObject({ state: "open", lost: 2 });
    expect(said).toEqual([expect.stringMatching(/^the audit log fails/), "the audit log works again"]);
    const lines = await texts(audit);
    expect(whats(lines)).toEqual(["before", "audit-lost", "after"]);
    expect(verifyAuditLog(lines)).toMatchObject({ ok: true, lost: 2 });
  });

  it("seals now and then and at its end, and a wrong signature is found", async () => {
    const disk = newDisk();
    {
      await using audit = await open({ disk, sealEvery: 2, seal: async (hash) => `signed ${hash}` });
      for (let n = 0; n < 5; n++) await audit.record(entry("command", { n }));
    }
    await using audit = await open({ disk });
    const lines = await texts(audit);
    expect(whats(lines).filter((what) => what === "audit-seal")).toHaveLength(3);
    const isSeal = (hash: string, signature: string) => signature === `signed ${hash}`;
    expect(verifyAuditLog(lines, { isSeal })).toMatchObject({
      ok: true,
      seals: 3,
      sealedThrough: lines.length - 1,
    });
    expect(verifyAuditLog(lines, { isSeal: () => false }).broken?.why).toMatch(/signature/);
  });

  it("filters by time, person, word and device", async () => {
    const clock = new VirtualClock();
    await using audit = await open({ clock });
    await audit.record(entry("command", { device: "lamp-1" }, "city-lights"));
    await clock.advance(1_000);
    await audit.record(entry("command", { device: "lamp-2" }, "city-water"));
    await clock.advance(1_000);
    await audit.record(entry("config", {}, "anna"));
    async function found(filter: AuditFilter): Promise<(number | undefined)[]> {
      return (await texts(audit, filter)).map((text) => parseAuditLine(text)?.n);
    }
    expect(await found({ from: start + 1_000 })).toEqual([2, 3]);
    expect(await found({ to: start + 1_000 })).toEqual([1]);
    expect(await found({ who: "city-*" })).toEqual([1, 2]);
    expect(await found({ what: "command", device: "lamp-2" })).toEqual([2]);
    expect(await found({ who: "city" })).toEqual([]);
    expect(await found({ after: 2 })).toEqual([3]);
  });

  it("answers page by page, every line once", async () => {
    await using audit = await open({ maxBytes: 100_000 });
    for (let n = 0; n < 50; n++) await audit.record(entry("command", { n }));
    const all: string[] = [];
    for (let after: number | undefined = 0; after !== undefined; ) {
      const answer = await answerAuditLog(audit, new URLSearchParams({ after: String(after), limit: "7" }));
      expect(answer.lines.length).toBeLessThanOrEqual(7);
      all.push(...answer.lines);
      after = answer.next;
    }
    expect(all).toEqual(await texts(audit));
    for (const wrong of ["from=yesterday", "after=-1", "limit=x", "which=1"]) {
      expect(() => auditFilterOf(new URLSearchParams(wrong))).toThrow(
        expect.objectContaining({ code: "bad-query" }),
      );
    }
  });
});

describe("verifyAuditLog", () => {
  it("finds every line that was changed, taken out, put in or moved", async () => {
    const lines = await sample(12);
    const head = verifyAuditLog(lines).head;
    const place = fc.nat({ max: lines.length - 1 });
    const tampered = fc.oneof(
      fc.tuple(place, fc.nat(), fc.integer({ min: 1, max: 255 })).map(([at, position, change]) => {
        const bytes = Buffer.from(lines[at] ?? "");
        const byte = position % bytes.length;
        bytes[byte] = (bytes[byte] ?? 0) ^ change;
        return lines.with(at, bytes.toString("latin1"));
      }),
      place.map((at) => lines.toSpliced(at, 1)),
      fc.tuple(place, place).map(([at, from]) => lines.toSpliced(at, 0, lines[from] ?? "")),
      fc.tuple(place, fc.string()).map(([at, text]) => lines.toSpliced(at, 0, text)),
      fc
        .tuple(place, place)
        .filter(([a, b]) => a !== b)
        .map(([a, b]) => lines.with(a, lines[b] ?? "").with(b, lines[a] ?? "")),
      // Rewritten with right numbers and hashes from there on: only what is known from elsewhere shows it.
      place.map((at) => {
        const copy = [...lines];
        for (let n = at; n < copy.length; n++) {
          const prev = n === 0 ? "0".repeat(64) : hashOf(copy[n - 1] ?? "");
          const line = { ...JSON.parse(copy[n] ?? ""), prev };
          copy[n] = JSON.stringify(n === at ? { ...line, who: "mallory" } : line);
        }
        return copy;
      }),
    );
    fc.assert(
      fc.property(tampered, (changed) => {
        expect(verifyAuditLog(changed, { head }).ok).toBe(false);
      }),
      { numRuns: 3_000 },
    );
    expect(verifyAuditLog(lines, { head }).ok).toBe(true);
  });

  it("says where and why", async () => {
    const lines = await sample(5);
    const why = (changed: readonly string[]) => verifyAuditLog(changed).broken;
    expect(why(lines.with(2, (lines[2] ?? "").replace("anna", "mal")))).toEqual({
      line: 4,
      n: 4,
      why: "the line before was changed, or this one",
    });
    expect(why(lines.toSpliced(1, 2))).toEqual({ line: 2, n: 4, why: "lines 2 to 3 are missing" });
    expect(why(lines.toSpliced(3, 0, "{}"))).toMatchObject({
      line: 4,
      why: expect.stringMatching(/no line/),
    });
    expect(verifyAuditLog([])).toMatchObject({ ok: true, lines: 0 });
  });
});

describe("auditDetail", () => {
  it("leaves out what sounds like a secret, and what is one", () => {
    expect(
      auditDetail({
        user: "anna",
        newPassword: "hunter2",
        nested: { API_KEY: 1, "access-token": "x", list: [{ passwd: "y" }] },
        settings: new Map<string, unknown>([["psk", "z"]]),
        key: new Secret("hidden", "file:/x"),
      }),
    ).toEqual({
      user: "anna",
      newPassword: leftOut,
      nested: { API_KEY: leftOut, "access-token": leftOut, list: [{ passwd: leftOut }] },
      settings: { psk: leftOut },
      key: leftOut,
    });
  });

  it("makes plain JSON of bounded size of anything", () => {
    const circle: Record<string, unknown> = { id: "a" };
    circle.self = circle;
    expect(auditDetail({ before: 12n, after: Uint8Array.of(1, 255), at: Number.NaN, circle })).toMatchObject({
      before: "12",
      after: "01ff",
      at: "NaN",
    });
    fc.assert(
      fc.property(
        fc.dictionary(fc.string(), fc.anything({ withBigInt: true, withTypedArray: true })),
        (detail) => {
          const text = JSON.stringify(auditDetail(detail));
          expect(Buffer.byteLength(text)).toBeLessThanOrEqual(8_192);
          expect(JSON.stringify(JSON.parse(text))).toBe(text);
        },
      ),
    );
    const large = Object.fromEntries(Array.from({ length: 60 }, (_, at) => [`k${at}`, "x".repeat(900)]));
    expect(auditDetail({ id: "a", ...large })).toMatchObject({
      id: "a",
      tooLarge: { bytes: expect.any(Number) },
    });
  });
});
