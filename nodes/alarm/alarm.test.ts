import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { nodeRedFile } from "../test/flow.ts";
import { openLogicNode } from "../test/logic-node.ts";
import register from "./alarm.ts";

const usual = {
  name: "pump house",
  rule: "boolean",
  limit: "",
  high: "",
  hysteresis: "",
  severity: "high",
  latching: true,
  onDelay: "",
  offDelay: "",
  bad: "keep",
  topic: "",
};
const open = (fields: object = {}) => openLogicNode(register, "stadsnod-alarm", { ...usual, ...fields });

function reading(value: number | boolean | undefined) {
  const quality = value === undefined ? "comm-error" : "good";
  return { topic: "pump/level", payload: value, reading: { device: "pump", point: "level", quality } };
}

describe("stadsnod-alarm", () => {
  const folder = mkdtempSync(join(tmpdir(), "stadsnod-alarm-"));
  afterAll(() => rmSync(folder, { recursive: true }));

  it("tells each change of its state once, however many readings come", async () => {
    await using node = await open();
    for (let count = 0; count < 50; count++) await node.give(reading(true));
    await node.give({ topic: "acknowledge", payload: { by: "kim", reason: "on my way" } });
    await node.give({ topic: "acknowledge" });
    for (let count = 0; count < 50; count++) await node.give(reading(false));
    const told = node.taken();
    expect(told.map(({ payload }) => payload)).toEqual(["raised", "acknowledged", "normal"]);
    expect(told[0]).toMatchObject({
      topic: "pump house",
      alarm: { severity: "high", before: "normal", active: true, acknowledged: false, value: true },
      reading: { device: "pump" },
    });
    expect(told[1]?.alarm).toMatchObject({ by: "kim", reason: "on my way" });
  });

  it("has a limit with hysteresis and delays", async () => {
    await using node = await open({
      rule: "above",
      limit: "3",
      hysteresis: "0.5",
      onDelay: "10s",
      offDelay: "1m",
    });
    await node.give(reading(3.2));
    await node.advance(9000);
    await node.give(reading(2.9));
    await node.give(reading(3.1));
    await node.advance(9999);
    expect(node.taken()).toEqual([]);
    await node.advance(1);
    expect(node.payloads()).toEqual(["raised"]);
    await node.give(reading(2.6));
    await node.advance(120_000);
    expect(node.taken()).toEqual([]);
    await node.give(reading(2.4));
    await node.advance(60_000);
    expect(node.payloads()).toEqual(["returned"]);
  });

  it("keeps its state while readings are bad, or is raised by them when set to", async () => {
    await using keeping = await open();
    await keeping.give(reading(true), reading(undefined));
    expect(keeping.payloads()).toEqual(["raised"]);
    await keeping[Symbol.asyncDispose]();
    await using raising = await open({ bad: "raise" });
    await raising.give(reading(undefined));
    expect(raising.taken()).toMatchObject([{ payload: "raised", alarm: { quality: "comm-error" } }]);
  });

  it("is shelved for a time, and tells what is left when that is over", async () => {
    await using node = await open();
    await node.give({ topic: "shelve", payload: "2h" });
    await node.give(reading(true), reading(false), reading(true));
    expect(node.payloads()).toEqual(["shelved"]);
    await node.advance(2 * 3_600_000 - 1);
    expect(node.taken()).toEqual([]);
    await node.advance(1);
    expect(node.taken()).toMatchObject([{ payload: "raised", alarm: { before: "shelved" } }]);
  });

  it("is what it was after a restart, and tells nothing anew", async () => {
    await using node = await open();
    const contexts = createRequire(nodeRedFile)("@node-red/runtime/lib/nodes/context/index.js");
    contexts.init({
      contextStorage: { default: { module: "localfilesystem", config: { dir: folder, cache: false } } },
    });
    await contexts.load();
    const file = join(folder, "context", "tab", "node.json");
    await node.give(reading(true), { topic: "acknowledge" });
    await expect
      .poll(() => existsSync(file) && readFileSync(file, "utf8"), { timeout: 20_000 })
      .toContain('"acknowledged": true');
    expect(node.payloads()).toEqual(["raised", "acknowledged"]);
    await node.restart({ severity: "low" });
    await node.advance(1000);
    await node.give(reading(true));
    await expect.poll(() => node.statuses.at(-1)?.text, { timeout: 20_000 }).toBe("state.acknowledged");
    expect(node.taken()).toEqual([]);
    await node.give(reading(false));
    await expect
      .poll(() => node.taken(), { timeout: 20_000 })
      .toMatchObject([{ payload: "normal", alarm: { severity: "low" } }]);
    // Closing waits for the writes still under way; what follows remembers in memory again.
    await contexts.close();
    contexts.init({});
    await contexts.load();
  });

  it("says why it does not do what a person wants", async () => {
    await using node = await open();
    await node.give(
      reading(true),
      { topic: "clear" },
      { topic: "shelve" },
      { topic: "shelve", payload: "soon" },
    );
    await node.give({ topic: "x", payload: "high" });
    expect(node.payloads()).toEqual(["raised"]);
    expect(node.errors).toEqual([
      "its cause is still there",
      "shelve needs a time: payload 2h, or {for: 2h}",
      'not a duration: "soon" (write 200ms, 7s, 15m, 24h or 7d)',
      "msg.payload must be true or false",
    ]);
  });

  it("shows its state", async () => {
    await using node = await open();
    expect(node.statuses.at(-1)?.text).toBe("state.normal");
    await node.advance(1000);
    await node.give(reading(true));
    expect(node.statuses.at(-1)).toEqual({ fill: "red", shape: "dot", text: "state.raised" });
  });

  it.each([
    [{ severity: "terrible" }, "severity: one of info, low"],
    [{ rule: "above", limit: "x" }, "limit: not a number"],
    [{ onDelay: "5" }, "onDelay: not a duration"],
  ])("says which field is wrong: %o", async (fields, message) => {
    await using node = await open(fields);
    expect(node.errors[0]).toContain(message);
  });
});
