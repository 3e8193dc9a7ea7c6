import { describe, expect, it } from "vitest";
import { VirtualClock } from "../../test/fault/virtual-clock.ts";
import { type ChirpStackOptions, chirpstack } from "./chirpstack.ts";
import { downlinkCommand, events as schemas } from "./chirpstack-messages.ts";
import type { Told } from "./dialect.ts";
import type { EndDeviceSettings } from "./end-device.ts";
import { createNetwork } from "./network.ts";
import { decode, encode, seconds } from "./protobuf.ts";

const device: EndDeviceSettings = {
  devEui: "a81758fffe050001",
  name: "School 4B",
  model: { profile: "ELSYS ERS CO2" },
  payload: () => ({ fPort: 5, bytes: Uint8Array.of(0xaa) }),
  supply: () => 88,
};

async function story(options: ChirpStackOptions = {}, empty = false) {
  const clock = new VirtualClock();
  const network = createNetwork({
    devices: [empty ? { ...device, payload: () => undefined } : device],
    now: () => clock.now(),
    after: (ms, callback) => clock.timer(ms, callback),
  });
  const dialect = chirpstack(1, options);
  const told: Told[] = [];
  network.listen((event) => {
    const message = dialect.tell(event);
    if (message) told.push(message);
  }, dialect.policy);
  const [only] = network.devices;
  const topic = `application/${dialect.application}/device/${device.devEui}/command/down`;
  const down = (fields: Record<string, unknown>) => {
    const json = JSON.stringify({ devEui: device.devEui, ...fields });
    for (const item of dialect.command(topic, Buffer.from(json), clock.now()).items)
      network.enqueue(only!, item);
  };
  const uplink = async () => {
    only!.send();
    await clock.advance(10_000);
  };
  return { dialect, told, down, uplink, clock, only: only!, topic };
}

const id = "1bbcab1d-6ec6-4136-b3f5-d63be1dc08de";
const read = ({ payload }: Told) => JSON.parse(Buffer.from(payload).toString());

describe("ChirpStack's events", () => {
  it("come in JSON without zeros, in the topics of the application", async () => {
    const { dialect, told, uplink } = await story();
    await uplink();
    await uplink();
    const base = `application/${dialect.application}/device/a81758fffe050001/event`;
    expect(told.map(({ topic }) => topic)).toEqual(["join", "up", "up", "status"].map((e) => `${base}/${e}`));
    const [join, first, second, status] = told.map(read);
    expect(Object.keys(join)).toEqual(["deduplicationId", "time", "deviceInfo", "devAddr", "regionConfigId"]);
    expect(first).toMatchObject({
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}\+00:00$/),
      deviceInfo: { devEui: "a81758fffe050001", deviceProfileName: "ELSYS ERS CO2", deviceName: "School 4B" },
      adr: true,
      fPort: 5,
      data: "qg==",
      txInfo: { modulation: { lora: { bandwidth: 125_000, codeRate: "CR_4_5" } } },
    });
    for (const absent of ["fCnt", "confirmed", "object"]) expect(first).not.toHaveProperty(absent);
    expect(first.deviceInfo).not.toHaveProperty("deviceClassEnabled");
    expect(second.fCnt).toBe(1);
    expect(second.deduplicationId).not.toBe(first.deduplicationId);
    expect(first.rxInfo[0].gatewayId).toMatch(/^0016c001f150000[1-4]$/);
    expect(status).toMatchObject({ batteryLevel: expect.closeTo(88.2, 0) });
    expect(status.batteryLevel.toString().length).toBeLessThan(10);
  });

  it("have neither port nor data for an empty frame", async () => {
    const { told, uplink } = await story({}, true);
    await uplink();
    expect(read(told[1]!)).not.toHaveProperty("fPort");
    expect(read(told[1]!)).not.toHaveProperty("data");
  });

  it("tell a downlink's way: accepted by the gateway, then acknowledged or not", async () => {
    const { told, down, uplink, only } = await story();
    down({ id, confirmed: true, fPort: 10, data: "AQI=" });
    await uplink();
    await uplink();
    only.loseDownlinks(1);
    down({ confirmed: true, fPort: 10, data: "AQI=" });
    await uplink();
    await uplink();
    const acks = told.filter(({ topic }) => /ack$/.test(topic)).map(read);
    expect(acks.map(({ queueItemId }) => queueItemId)).toEqual([
      id,
      id,
      acks[2].queueItemId,
      acks[2].queueItemId,
    ]);
    expect(acks[0]).toMatchObject({ gatewayId: expect.any(String), txInfo: { timing: { delay: {} } } });
    expect(acks[0]).not.toHaveProperty("fCntDown");
    expect(acks[1]).toMatchObject({ acknowledged: true });
    expect(acks[2]).toMatchObject({ fCntDown: 1 });
    expect(acks[3]).not.toHaveProperty("acknowledged");
  });

  it("log what is thrown away", async () => {
    const { told, down, uplink, clock, only } = await story();
    down({ id, fPort: 10, expiresAt: new Date(clock.now() + 1000).toISOString() });
    down({ id, fPort: 10, data: Buffer.alloc(243).toString("base64") });
    await clock.advance(2000);
    await uplink();
    only.resetCounter();
    await uplink();
    expect(told.filter(({ topic }) => topic.endsWith("log")).map(read)).toMatchObject([
      { level: "ERROR", code: "EXPIRED", context: { queue_item_id: id } },
      { level: "ERROR", code: "DOWNLINK_PAYLOAD_SIZE", context: { queue_item_id: id, item_size: "243" } },
      { level: "WARNING", code: "UPLINK_F_CNT_RESET" },
    ]);
  });

  it("say the same in protobuf", async () => {
    const [json, binary] = [await story(), await story({ format: "protobuf" })];
    for (const { uplink } of [json, binary]) await uplink();
    expect(binary.told.map(({ topic }) => topic)).toEqual(json.told.map(({ topic }) => topic));
    const up = decode(schemas.up, binary.told[1]!.payload);
    const same = read(json.told[1]!);
    expect(up).toMatchObject({ deduplicationId: same.deduplicationId, devAddr: same.devAddr, dr: same.dr });
    expect(up.data).toEqual(Uint8Array.of(0xaa));
    expect(up.rxInfo).toHaveLength(same.rxInfo.length);
  });
});

describe("ChirpStack's command", () => {
  const good = { devEui: device.devEui, fPort: 10, data: "AQI=" };

  it.each([
    ["another device in the topic", { ...good, devEui: "a81758fffe050002" }, "is not the topic's"],
    ["the DevEUI in capitals", { ...good, devEui: "A81758FFFE050001" }, "is not the topic's"],
    ["no port", { devEui: device.devEui, data: "AQI=" }, "fPort must be 1..255, not 0"],
    ["a port of 256", { ...good, fPort: 256 }, "fPort must be 1..255"],
    ["an id that is no UUID", { ...good, id: "my-command" }, "not a UUID: my-command"],
    ["an object without a codec", { ...good, object: { level: 50 } }, "no codec"],
    ["data that is no base64", { ...good, data: "{}" }, "not base64"],
    ["an expiry that is no moment", { ...good, expiresAt: "soon" }, "not a moment: soon"],
  ])("is refused: %s", async (_, fields, reason) => {
    const { dialect, topic } = await story();
    expect(() => dialect.command(topic, Buffer.from(JSON.stringify(fields)), 0)).toThrow(reason);
  });

  it("is refused for another application, another command and no JSON at all", async () => {
    const { dialect, topic } = await story();
    const body = Buffer.from(JSON.stringify(good));
    const other = topic.replace(dialect.application, id);
    expect(() => dialect.command(other, body, 0)).toThrow("not one of this application");
    expect(() => dialect.command(topic.replace("/down", "/flush"), body, 0)).toThrow(
      "unknown command: flush",
    );
    expect(() => dialect.command(topic, Buffer.from("down"), 0)).toThrow();
  });

  it("may be protobuf, and gets an id when it has none", async () => {
    const { dialect, topic } = await story({ format: "protobuf" });
    const body = encode(downlinkCommand, {
      devEui: device.devEui,
      fPort: 10,
      data: Uint8Array.of(1, 2),
      expiresAt: seconds(1_790_000_000_500),
    });
    const [item] = dialect.command(topic, body, 0).items;
    expect(item).toMatchObject({ fPort: 10, bytes: Uint8Array.of(1, 2), expiresAt: 1_790_000_000_500 });
    expect(item?.id).toMatch(/^[0-9a-f-]{36}$/);
  });
});
