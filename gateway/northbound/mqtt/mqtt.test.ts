import { zstdDecompressSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import {
  connack5,
  connack311,
  disconnect,
  openPeer,
  property,
  puback,
} from "../../../test/mqtt/broker-peer.ts";
import { never, openMqtt, packOf, problemOf } from "../../../test/mqtt/open-mqtt.ts";
import { LinkError, RefusedError } from "../../model/errors.ts";

const accepted = connack5(0);

describe("MQTT 5", () => {
  it("publishes a pack with its topic, format and properties", async () => {
    await using peer = await openPeer({ connect: () => accepted });
    await using northbound = await openMqtt({ url: peer.url });
    await northbound.connected(never);
    const bytes = Buffer.alloc(500, "pack ");
    await northbound.publish({ ...packOf(7, bytes), lane: "backlog", seqTo: 9 }, never);
    const [packet] = peer.publishes;
    expect(packet).toMatchObject({
      topic: "stadsnod/v1/gw1/backlog/open/112-zstd",
      retain: false,
      contentType: "application/senml+cbor",
      payloadFormat: 0,
      userProperties: { gw: "gw1", run: "run1", seq: "7", seqTo: "9" },
    });
    expect(zstdDecompressSync(packet!.payload)).toEqual(bytes);
    expect(northbound.status()).toMatchObject({
      connected: true,
      peer: `${peer.url} (MQTT 5)`,
      published: 1,
      bytes: packet!.payload.length,
    });
  });

  it("connects with a persistent session, its own client id and the configured keepalive", async () => {
    await using peer = await openPeer({ connect: () => accepted });
    await using northbound = await openMqtt({ url: peer.url, keepalive: 17 });
    await northbound.connected(never);
    expect(peer.connects).toEqual([
      { version: 5, cleanStart: false, keepalive: 17, clientId: "stadsnod-gw1" },
    ]);
  });

  it("falls back to 3.1.1 when the broker says that it does not speak 5", async () => {
    for (const refusal of [connack311(1), connack5(132)]) {
      await using peer = await openPeer({
        connect: ({ version }) => (version === 5 ? refusal : connack311(0)),
      });
      await using northbound = await openMqtt({ url: peer.url, compression: "none" });
      await northbound.connected(never);
      await northbound.publish(packOf(1), never);
      expect(peer.connects.map(({ version }) => version)).toEqual([5, 4]);
      expect(northbound.status().peer).toContain("(MQTT 3.1.1)");
      expect(peer.publishes[0]).toMatchObject({ topic: "stadsnod/v1/gw1/telemetry/open/112" });
    }
  });

  it("falls back to 3.1.1 when the broker closes without a word", async () => {
    await using peer = await openPeer({
      connect: ({ version }) => (version === 5 ? undefined : connack311(0)),
    });
    await using northbound = await openMqtt({ url: peer.url });
    await northbound.connected(never);
    expect(peer.connects.map(({ version }) => version)).toEqual([5, 4]);
  });

  it("does not fall back from a broker that has spoken 5 and is only restarting", async () => {
    let attempt = 0;
    await using peer = await openPeer({
      connect: () => (++attempt === 2 ? undefined : accepted),
      publish: (_, socket) => void socket.destroy(),
    });
    await using northbound = await openMqtt({ url: peer.url });
    await northbound.connected(never);
    await expect(northbound.publish(packOf(1), never)).rejects.toThrow(LinkError);
    await peer.until(() => attempt === 3);
    expect(peer.connects.map(({ version }) => version)).toEqual([5, 5, 5]);
  });

  it("takes a PUBACK below 0x80 as success and one from 0x80 as refusal", async () => {
    const reasons = [undefined, 0, 16, 128, 135, 151];
    await using peer = await openPeer({
      connect: () => accepted,
      publish: ({ id, topic }) => puback(id, topic.endsWith("/112") ? reasons.shift() : 0),
    });
    await using northbound = await openMqtt({ url: peer.url });
    await northbound.connected(never);
    for (const seq of [1, 2, 3]) await northbound.publish(packOf(seq), never);
    for (const code of ["refused", "not-authorized", "quota"]) {
      const refusal = await northbound.publish(packOf(4), never).then(
        () => undefined,
        (error: unknown) => error,
      );
      expect(refusal).toBeInstanceOf(RefusedError);
      expect(refusal).toMatchObject({ code });
    }
    expect(northbound.status()).toMatchObject({ connected: true, published: 3, refused: 3 });
  });

  it("keeps to the receive maximum", async () => {
    const held: number[] = [];
    let answered = 0;
    let most = 0;
    let release = (_id: number) => {};
    await using peer = await openPeer({
      connect: () => connack5(0, property.receiveMaximum(3)),
      publish: ({ id }, socket) => {
        held.push(id);
        most = Math.max(most, held.length - answered);
        release = (first) => {
          answered++;
          socket.write(puback(first));
        };
        return undefined;
      },
    });
    const northbound = await openMqtt({ url: peer.url });
    await northbound.connected(never);
    expect(northbound.concurrency).toBe(3);
    const all = [1, 2, 3, 4, 5].map((seq) => northbound.publish(packOf(seq), never).catch(() => {}));
    await peer.until(() => held.length === 3);
    const [first = 0] = held;
    release(first);
    await peer.until(() => held.length === 4);
    expect(most).toBe(3);
    await peer[Symbol.asyncDispose]();
    await Promise.all(all);
    await northbound[Symbol.asyncDispose]();
  });

  it("never sends a packet larger than the broker takes, and tells how large a pack may be", async () => {
    await using peer = await openPeer({ connect: () => connack5(0, property.maximumPacketSize(1000)) });
    await using northbound = await openMqtt({ url: peer.url, compression: "none" });
    await northbound.connected(never);
    const most = northbound.maxPackBytes;
    await northbound.publish(packOf(1, Buffer.alloc(most)), never);
    await expect(northbound.publish(packOf(2, Buffer.alloc(1000)), never)).rejects.toMatchObject({
      code: "too-large",
    });
    expect(peer.publishes.map(({ size }) => size <= 1000)).toEqual([true]);
    expect(most).toBeGreaterThan(600);
  });

  it("uses a topic alias where the broker grants one", async () => {
    await using peer = await openPeer({ connect: () => connack5(0, property.topicAliasMaximum(5)) });
    await using northbound = await openMqtt({ url: peer.url });
    await northbound.connected(never);
    await northbound.publish(packOf(1), never);
    await northbound.publish(packOf(2), never);
    expect(peer.publishes.map(({ topic, alias }) => [topic, alias])).toEqual([
      ["stadsnod/v1/gw1/telemetry/open/112", 1],
      ["", 1],
    ]);
  });

  it("says each reason of a refused CONNECT with what to do", async () => {
    const golden: unknown[] = [];
    for (const reason of [133, 134, 135, 136, 137, 138, 155, 200]) {
      await using peer = await openPeer({ connect: () => connack5(reason) });
      await using northbound = await openMqtt({ url: peer.url });
      const { code, message, hint } = await problemOf(northbound);
      golden.push([reason, code, message.replace(/127\.0\.0\.1:\d+/, "HOST"), hint]);
    }
    expect(golden).toEqual([
      [
        133,
        "client-id",
        "the broker HOST does not accept the client id (reason 133)",
        "set another `clientId:`",
      ],
      [
        134,
        "bad-credentials",
        "the broker HOST does not accept the username or password (reason 134)",
        "check `username:` and `password:`",
      ],
      [
        135,
        "not-authorized",
        "the broker HOST does not let this gateway in (reason 135)",
        "check the account and its rights at the broker",
      ],
      [
        136,
        "unavailable",
        "the broker HOST is not available (reason 136)",
        "the broker is starting or overloaded; the next attempt follows",
      ],
      [137, "unavailable", "the broker HOST is busy (reason 137)", "the next attempt follows"],
      [138, "banned", "the broker HOST has banned this client (reason 138)", "ask the broker's operator"],
      [
        155,
        "no-qos",
        "the broker HOST does not offer QoS 1 (reason 155)",
        "allow QoS 1 at the broker: without it nothing can be accounted for",
      ],
      [
        200,
        "connect-refused",
        "the broker HOST refuses the connection (reason 200)",
        "the broker's log says why",
      ],
    ]);
  });

  it("does not stay with a broker that offers no QoS 1", async () => {
    await using peer = await openPeer({ connect: () => connack5(0, property.maximumQos(0)) });
    await using northbound = await openMqtt({ url: peer.url });
    expect(await problemOf(northbound)).toMatchObject({ code: "no-qos" });
  });

  it("tells why the broker ended the connection", async () => {
    await using peer = await openPeer({ connect: () => accepted, publish: () => disconnect(142) });
    // A long pause before the reconnect, so that the reason stands.
    await using northbound = await openMqtt({ url: peer.url }, { random: () => 1 });
    await northbound.connected(never);
    await expect(northbound.publish(packOf(1), never)).rejects.toMatchObject({ code: "session-taken-over" });
    expect(await problemOf(northbound)).toMatchObject({
      code: "session-taken-over",
      hint: "each gateway needs an id and `clientId:` of its own",
    });
  });

  it("pings as often as the broker asks for", async () => {
    await using peer = await openPeer({ connect: () => connack5(0, property.serverKeepAlive(1)) });
    await using northbound = await openMqtt({ url: peer.url, keepalive: 3600 });
    await northbound.connected(never);
    await peer.until(() => peer.pings > 0);
  });

  it("announces the newest of each fact, retained, and again after a reconnect", async () => {
    await using peer = await openPeer({ connect: () => accepted });
    await using northbound = await openMqtt({ url: peer.url }, {});
    northbound.announce("state", Buffer.from("old"));
    northbound.announce("state", Buffer.from("online"));
    northbound.announce("description/meter", Buffer.from("{}"));
    await peer.until(() => peer.publishes.length === 2);
    expect(
      peer.publishes.map(({ topic, retain, contentType, payload }) => [
        topic,
        retain,
        contentType,
        `${payload}`,
      ]),
    ).toEqual([
      ["stadsnod/v1/gw1/state", true, "application/cbor", "online"],
      ["stadsnod/v1/gw1/description/meter", true, "application/td+json", "{}"],
    ]);
  });

  it("leaves the state of the last will behind when it ends as planned", async () => {
    await using peer = await openPeer({ connect: () => accepted });
    const northbound = await openMqtt({ url: peer.url });
    await northbound.connected(never);
    await northbound[Symbol.asyncDispose]();
    expect(peer.publishes.map(({ topic, retain, payload }) => [topic, retain, `${payload}`])).toEqual([
      ["stadsnod/v1/gw1/state", true, "offline"],
    ]);
  });

  it("rejects what it cannot send: not connected, aborted", async () => {
    await using northbound = await openMqtt({ url: "mqtt://127.0.0.1:1" }, { random: () => 1 });
    await expect(northbound.publish(packOf(1), never)).rejects.toMatchObject({ code: "not-connected" });
    expect(await problemOf(northbound)).toMatchObject({
      code: "connection-refused",
      message: "nothing listens at 127.0.0.1:1",
    });
    const reason = new Error("enough");
    await expect(northbound.connected(AbortSignal.abort(reason))).rejects.toBe(reason);
    await expect(northbound.publish(packOf(1), AbortSignal.abort(reason))).rejects.toBe(reason);
  });
});
