import { describe, expect, it } from "vitest";
import { testBroker } from "../../gateway/commissioning/northbound-test.ts";
import type { CheckDone } from "../../gateway/model/commissioning.ts";
import { mqttSettings } from "../../gateway/northbound/mqtt/settings.ts";
import { realClock } from "../mqtt/real-clock.ts";
import { startMosquitto } from "./mosquitto.ts";

// The doctor's way to a broker, tried on one that speaks MQTT 5 and has access rules.

async function testOf(acl: string): Promise<readonly CheckDone[]> {
  const broker = await startMosquitto({
    port: 0,
    config: ["allow_anonymous true", "acl_file FOLDER/acl"],
    files: { acl },
  });
  try {
    const { root, ...settings } = mqttSettings.parse({ url: broker.url });
    const facts = { name: "city", gateway: "gw1", root, commands: true, settings };
    const context = { clock: realClock, random: () => 0.5 };
    const found: CheckDone[] = [];
    for await (const check of testBroker(facts, context, new AbortController().signal)) found.push(check);
    return found;
  } finally {
    await broker.stop();
  }
}

const results = (checks: readonly CheckDone[]) => checks.slice(3).map(({ id, result }) => `${id} ${result}`);

describe("the northbound test on a real mosquitto", () => {
  it("is content with the rights that stadsnod acl grants", async () => {
    const checks = await testOf(
      "topic write stadsnod/v1/gw1/telemetry/#\ntopic read stadsnod/v1/gw1/command/+\n",
    );
    expect(results(checks)).toEqual(["broker-mqtt ok", "broker-subscribe ok", "broker-publish ok"]);
    expect(checks[3]?.message.en).toContain("MQTT 5");
  });

  it("finds the rights that are missing", async () => {
    const checks = await testOf("topic write stadsnod/v1/another/#\n");
    // With an ACL file mosquitto takes every subscription and keeps messages back: the words say so.
    expect(results(checks)).toEqual(["broker-mqtt ok", "broker-subscribe ok", "broker-publish failed"]);
    expect(checks.at(-2)?.message.en).toMatch(/keeps messages back/);
    expect(checks.at(-1)?.message.en).toMatch(/not authorised \(reason 135\)/);
  });
});
