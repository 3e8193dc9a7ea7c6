import { Socket } from "node:net";
import type { IPublishPacket, MqttClient } from "mqtt";
import { expect, it } from "vitest";
import { Inbox } from "./inbox.ts";

/** An inbox whose messages are never taken over, and what it lets through. */
function stuck(mostUnowed?: number) {
  const taken: string[] = [];
  const notTaken: boolean[] = [];
  const inbox = new Inbox({
    take: (packet) => {
      taken.push(packet.topic);
      return new Promise(() => {});
    },
    onNotTaken: (_cause, owed) => notTaken.push(owed),
    mostTaken: 6,
    mostUnowed,
  });
  const client: Pick<MqttClient, "handleMessage"> = { handleMessage: () => {} };
  inbox.attach(client as MqttClient, new Socket());
  /** Whether the next packet, a PUBACK of telemetry perhaps, is read. */
  const receive = (qos: 0 | 1, messageId?: number): boolean => {
    let read = false;
    const packet: IPublishPacket = {
      cmd: "publish",
      topic: `t${qos}`,
      payload: "",
      qos,
      dup: false,
      retain: false,
      ...(messageId === undefined ? {} : { messageId }),
    };
    client.handleMessage(packet, () => {
      read = true;
    });
    return read;
  };
  return { receive, taken, notTaken };
}

it("loses messages with QoS 0 rather than stop reading for them", () => {
  const { receive, taken, notTaken } = stuck(3);
  expect(Array.from({ length: 50 }, () => receive(0))).toEqual(Array(50).fill(true));
  expect(taken).toHaveLength(3);
  expect(notTaken).toEqual(Array(47).fill(false));
  expect([receive(1, 1), receive(1, 2)]).toEqual([true, true]);
  // As many as may be taken: now nothing is read on.
  expect(receive(1, 3)).toBe(false);
});

it("holds them up where they must not be lost", () => {
  const { receive, notTaken } = stuck();
  expect(Array.from({ length: 6 }, () => receive(0))).toEqual([true, true, true, true, true, false]);
  expect(notTaken).toEqual([]);
});
