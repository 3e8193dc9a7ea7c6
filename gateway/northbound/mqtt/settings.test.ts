import { describe, expect, it } from "vitest";
import { brokerAddress, reveal } from "../../transport/mqtt/settings.ts";
import { mqttSettings } from "./settings.ts";

const problems = (settings: Record<string, unknown>) =>
  mqttSettings.safeParse(settings).error?.issues.map(({ path, message }) => `${path.join(".")}: ${message}`);

describe("MQTT settings", () => {
  it("needs only a url", () => {
    expect(mqttSettings.parse({ url: "mqtts://broker.example" })).toEqual({
      type: "mqtt",
      url: "mqtts://broker.example",
      root: "stadsnod",
      tlsMinimum: "1.3",
      compression: "zstd",
      keepalive: 30,
      backlog: { bytesPerSecond: 1_000_000 },
      protocol: "auto",
    });
  });

  it("reads addresses, with the usual ports", () => {
    expect(brokerAddress("mqtt://broker")).toEqual({ tls: false, host: "broker", port: 1883 });
    expect(brokerAddress("mqtts://broker.example/")).toEqual({
      tls: true,
      host: "broker.example",
      port: 8883,
    });
    expect(brokerAddress("mqtts://[::1]:2")).toEqual({ tls: true, host: "::1", port: 2 });
    for (const wrong of ["broker", "http://x", "mqtt://u:p@x", "mqtt://x/y", "mqtt://x?y", "mqtt://"])
      expect(brokerAddress(wrong)).toBeUndefined();
  });

  it("says what does not fit together", () => {
    expect(problems({ url: "http://x" })).toEqual([
      "url: not a broker's address: write mqtt://host[:1883] or mqtts://host[:8883], nothing behind it",
    ]);
    expect(problems({ url: "mqtts://x", cert: "a.pem" })).toEqual(["cert: `cert` and `key` belong together"]);
    expect(problems({ url: "mqtt://x", ca: "a.pem" })).toEqual([
      "url: `ca`, `cert` and `key` need a url that begins with mqtts://",
    ]);
    expect(problems({ url: "mqtt://x", password: "p" })).toEqual([
      "username: a password needs a username (MQTT 3.1.1 cannot send it alone)",
    ]);
    for (const root of ["a/+/b", "#", "$SYS", "a//b", "", "/a"])
      expect(problems({ url: "mqtt://x", root })).toHaveLength(1);
    expect(problems({ url: "mqtt://x", compresion: "zstd" })).toHaveLength(1);
  });

  it("takes a password as text or as something that reveals it", () => {
    for (const password of ["s3cret", { reveal: () => "s3cret" }]) {
      const parsed = mqttSettings.parse({ url: "mqtt://x", username: "u", password });
      expect(parsed.password && reveal(parsed.password)).toBe("s3cret");
    }
    expect(problems({ url: "mqtt://x", username: "u", password: 5 })).toEqual([
      "password: not a password: name it by reference",
    ]);
  });
});
