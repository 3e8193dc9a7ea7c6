import type { IPublishPacket } from "mqtt";
import { describe, expect, it } from "vitest";
import { commandFilter, incomingCommand, replyTopic } from "./intake.ts";
import { answerMessages, messageSize } from "./message.ts";

const places = { root: "city/iot", base: "city/iot/v1/gw1" };

function packet(topic: string, more: Partial<IPublishPacket> = {}): IPublishPacket {
  return { cmd: "publish", qos: 1, dup: false, retain: false, topic, payload: Buffer.from("x"), ...more };
}
const command = (more: Partial<IPublishPacket> = {}) =>
  incomingCommand(packet("city/iot/v1/gw1/command/lamp-1", more), places);

describe("a message as a command", () => {
  it("has its device from the topic", () => {
    expect(commandFilter(places)).toBe("city/iot/v1/gw1/command/+");
    expect(command()).toEqual({
      device: "lamp-1",
      body: Uint8Array.of(120),
      oversize: undefined,
      retained: false,
      contentType: undefined,
      properties: new Map(),
      expiresInMs: undefined,
      replyTo: undefined,
    });
  });

  it.each([
    "city/iot/v1/gw2/command/lamp-1",
    "city/iot/v1/gw1/command/",
    "city/iot/v1/gw1/command/lamp-1/x",
    "city/iot/v1/gw1/command/Lamp",
    "city/iot/v1/gw1/command/lamp 1",
    `city/iot/v1/gw1/command/${"x".repeat(64)}`,
    "city/iot/v1/gw1/commands/lamp-1",
    "stadsnod/v1/gw1/command/lamp-1",
    "",
  ])("is none on %j", (topic) => {
    expect(incomingCommand(packet(topic), places)).toBeUndefined();
  });

  it("is cut off at 4096 bytes, and says so", () => {
    expect(command({ payload: Buffer.alloc(4096) })).toMatchObject({ oversize: undefined });
    const cut = command({ payload: Buffer.alloc(4097, 1) });
    expect(cut).toMatchObject({ oversize: true });
    expect(cut?.body).toHaveLength(4096);
    // Not a view into the large packet.
    expect(cut?.body.buffer.byteLength).toBe(4096);
  });

  it("keeps what MQTT 5 says beside it", () => {
    expect(
      command({
        retain: true,
        properties: {
          contentType: "application/cbor",
          userProperties: { id: "c-1", traceparent: "00-1" },
          messageExpiryInterval: 30,
          responseTopic: "city/iot/replies/7",
          correlationData: Buffer.from([1, 2]),
        },
      }),
    ).toMatchObject({
      retained: true,
      contentType: "application/cbor",
      properties: new Map([
        ["id", "c-1"],
        ["traceparent", "00-1"],
      ]),
      expiresInMs: 30_000,
      replyTo: { topic: "city/iot/replies/7", correlation: Uint8Array.of(1, 2) },
    });
  });

  it("leaves out properties that come twice, are too long or too many", () => {
    const many = Object.fromEntries(Array.from({ length: 40 }, (_, index) => [`p${index}`, "v"]));
    expect(command({ properties: { userProperties: many } })?.properties.size).toBe(16);
    const userProperties = {
      id: ["c-1", "c-2"],
      note: "x".repeat(257),
      [`k${"x".repeat(256)}`]: "v",
      issuer: "a",
    };
    expect(command({ properties: { userProperties } })?.properties).toEqual(new Map([["issuer", "a"]]));
  });

  it("leaves out correlation data of more than 64 bytes", () => {
    const properties = { responseTopic: "city/iot/replies/7", correlationData: Buffer.alloc(65) };
    expect(command({ properties })?.replyTo).toEqual({ topic: "city/iot/replies/7", correlation: undefined });
  });
});

describe("where an answer may go", () => {
  it.each(["city/iot/replies/7", "city/iot/x", "city/iot/v1/gw1/result/lamp-1/7", "city/iot/v2/gw1/state"])(
    "%s",
    (topic) => {
      expect(replyTopic(places, topic)).toBe(topic);
    },
  );

  it.each([
    "elsewhere/replies",
    "city/iotx/replies",
    "city/iot",
    "$SYS/broker",
    "city/iot/+",
    "city/iot/replies/#",
    "city/iot/v1/gw1/state",
    "city/iot/v1/gw1/command/lamp-2",
    "city/iot/v1/gw2/command/lamp-2",
    "city/iot/v1/gw2/result/lamp-2",
    "city/iot/v1/gw1/telemetry/open/112",
    `city/iot/${"x".repeat(256)}`,
    "city/iot/a\0b",
    "",
  ])("not %j", (topic) => {
    expect(replyTopic(places, topic)).toBeUndefined();
  });
});

describe("an answer", () => {
  const body = Uint8Array.of(0xa0);

  it("goes to the results of the device, and to where the sender wants it", () => {
    const correlation = Uint8Array.of(7);
    const { result, reply } = answerMessages(places, {
      device: "lamp-1",
      body,
      replyTo: { topic: "city/iot/replies/7", correlation },
    });
    expect(result).toEqual({
      topic: "city/iot/v1/gw1/result/lamp-1",
      payload: body,
      retain: false,
      contentType: "application/cbor",
      userProperties: {},
      correlation,
    });
    expect(reply).toEqual({ ...result, topic: "city/iot/replies/7" });
    expect(messageSize(result)).toBeGreaterThanOrEqual(
      messageSize({ ...result, correlation: undefined }) + 4,
    );
  });

  it.each([undefined, "city/iot/v1/gw1/state", "city/iot/v1/gw1/result/lamp-1"])(
    "goes once when it is wanted at %s",
    (topic) => {
      expect(answerMessages(places, { device: "lamp-1", body, replyTo: { topic } }).reply).toBeUndefined();
    },
  );
});
