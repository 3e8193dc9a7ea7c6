import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { silentLog } from "../../gateway/model/log.ts";
import { openForwarder } from "../../gateway/northbound/forwarder.ts";
import type { Northbound } from "../../gateway/northbound/northbound.ts";
import { openBroker } from "../../simulators/broker.ts";
import { formatSummary, openPlatform } from "../../simulators/platform.ts";
import { MemoryOutbox } from "../mqtt/memory-outbox.ts";
import { openMqtt } from "../mqtt/open-mqtt.ts";
import { realClock } from "../mqtt/real-clock.ts";
import { makePack, mergeTestPacks } from "../mqtt/senml-packs.ts";

function forward(outbox: MemoryOutbox, northbound: Northbound) {
  return openForwarder({
    outbox,
    northbound,
    clock: realClock,
    log: silentLog,
    signal: new AbortController().signal,
    setBaseTime: (bytes) => bytes,
    mergePacks: mergeTestPacks,
  });
}

describe("outbox to city platform, over a broker", () => {
  // aedes may redeliver to a subscriber out of order after a reconnect, so order is asked for where only
  // the gateway's own connection breaks.
  it.each([
    ["the gateway's connection is", "stadsnod-gw1"],
    ["all connections are", undefined],
  ])("arrives complete and once while %s cut again and again", async (_, victim) => {
    await using broker = await openBroker({ port: 0 });
    const times: number[] = [];
    await using platform = await openPlatform({
      url: broker.url,
      client: { reconnectPeriod: 1 },
      onReading: ({ time }) => times.push(time),
    });
    const outbox = new MemoryOutbox();
    await using northbound = await openMqtt(
      { url: broker.url, compression: "deflate" },
      { lastWill: Buffer.from([0xa0]) },
    );
    await using _forwarder = forward(outbox, northbound);
    const total = 600;
    for (let seq = 1; seq <= total; seq++) {
      const { bytes, head } = makePack(seq);
      await outbox.append(bytes, head);
      // Cuts at moments that the traffic itself sets: some packs have arrived, some are on their way.
      if (seq % 100 === 0) {
        const before = platform.summary().packs;
        await platform.until(() => platform.summary().packs > before || outbox.status().packs === 0);
        broker.cut(victim);
      }
    }
    await outbox.emptied();
    await platform.until(() => platform.summary().packs === total);
    expect(platform.summary()).toMatchObject({
      devices: 1,
      readings: total * 3,
      packs: total,
      missing: 0,
      lost: 0,
      malformed: 0,
    });
    if (victim) expect(times).toEqual(times.toSorted((a, b) => a - b));
  });

  it("sends what was stored during an outage merged, after what is live, and records it for the audit", async () => {
    const folder = mkdtempSync(join(tmpdir(), "stadsnod-platform-"));
    try {
      await using broker = await openBroker({ port: 0 });
      const record = join(folder, "arrived.jsonl");
      await using platform = await openPlatform({ url: broker.url, record });
      const outbox = new MemoryOutbox();
      for (let seq = 1; seq <= 500; seq++) {
        const { bytes, head } = makePack(seq, { audience: seq % 2 ? "open" : "parks" });
        await outbox.append(bytes, { ...head, seq: Math.ceil(seq / 2) });
      }
      outbox.age();
      const live = makePack(1, { audience: "alarms" });
      await outbox.append(live.bytes, live.head);
      await using northbound = await openMqtt({ url: broker.url });
      await using forwarder = forward(outbox, northbound);
      await outbox.emptied();
      await platform.until(() => platform.summary().readings === 501 * 3);
      expect(forwarder.status()).toMatchObject({ delivered: 501, refused: 0 });
      expect(forwarder.status().messages).toBeLessThan(20);
      const lines: { type: string; audience: string; via: string; fresh: number }[] = readFileSync(
        record,
        "utf8",
      )
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line));
      expect(lines[0]).toMatchObject({ type: "pack", audience: "alarms", via: "telemetry" });
      expect(lines.slice(1).every(({ via }) => via === "backlog")).toBe(true);
      expect(lines.reduce((sum, { fresh }) => sum + fresh, 0)).toBe(501 * 3);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it("shows what a gateway said of itself, and a message that is none", async () => {
    await using broker = await openBroker({ port: 0 });
    await using platform = await openPlatform({ url: broker.url });
    await using northbound = await openMqtt({ url: broker.url, compression: "none" });
    northbound.announce("state", Buffer.from([0xa1, 0x61, 0x76, 0x01]));
    await platform.until(() => platform.state("gw1") !== undefined);
    expect(platform.state("gw1")).toEqual({ v: 1 });
    const pack = { lane: "live", audience: "open", run: "run1", seq: 1, seqTo: 1 } as const;
    const never = new AbortController().signal;
    await northbound.publish({ ...pack, bytes: Buffer.from([0xff]) }, never);
    await platform.until(() => platform.summary().malformed === 1);
    expect(platform.lastProblem).toContain("stadsnod/v1/gw1/telemetry/open/112");
    expect(formatSummary(platform)).toBe(
      "gateway  devices  readings  packs  duplicates  lost  missing  malformed\n" +
        "gw1            0         0      0           0     0        0          1",
    );
  });
});
