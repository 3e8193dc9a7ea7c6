import { describe, expect, it } from "vitest";
import { VirtualClock } from "../../test/fault/virtual-clock.ts";
import type { Told } from "./dialect.ts";
import type { EndDeviceSettings } from "./end-device.ts";
import { createNetwork } from "./network.ts";
import { deviceId, theThingsStack } from "./the-things-stack.ts";

const device: EndDeviceSettings = {
  devEui: "a81758fffe050001",
  name: "School 4B",
  model: { profile: "ELSYS ERS CO2", brand: "elsys", model: "ers-co2", firmware: "1.0" },
  payload: () => ({ fPort: 5, bytes: Uint8Array.of(0xaa) }),
  supply: () => 88,
};

function story() {
  const clock = new VirtualClock();
  const network = createNetwork({
    devices: [device],
    now: () => clock.now(),
    after: (ms, callback) => clock.timer(ms, callback),
  });
  const dialect = theThingsStack(1, { application: "city", tenant: "ttn" });
  const told: Told[] = [];
  network.listen((event) => {
    const message = dialect.tell(event);
    if (message) told.push(message);
  }, dialect.policy);
  const only = network.devices[0]!;
  const operate = (verb: string, downlinks: readonly unknown[]) => {
    const topic = `v3/city@ttn/devices/school-4b/down/${verb}`;
    const command = dialect.command(topic, Buffer.from(JSON.stringify({ downlinks })), clock.now());
    if (command.replace) only.queue.clear();
    for (const item of command.items) network.enqueue(only, item);
    return command;
  };
  const uplink = async () => {
    only.send();
    await clock.advance(10_000);
  };
  return { told, operate, uplink, only };
}

const read = ({ payload }: Told) => JSON.parse(Buffer.from(payload).toString());
const last = ({ topic }: Told) => topic.slice("v3/city@ttn/devices/school-4b/".length);

describe("The Things Stack's events", () => {
  it("come in the topics of application and tenant, without zeros", async () => {
    const { told, uplink } = story();
    for (let count = 0; count < 3; count++) await uplink();
    expect(told.map(last)).toEqual(["join", "up", "up", "up"]);
    const [join, first, second, third] = told.map(read);
    expect(join).toMatchObject({
      end_device_ids: {
        device_id: "school-4b",
        application_ids: { application_id: "city" },
        dev_eui: "A81758FFFE050001",
        dev_addr: expect.stringMatching(/^01[0-9A-F]{6}$/),
      },
      join_accept: { session_key_id: expect.any(String) },
    });
    expect(first.uplink_message).toMatchObject({
      f_port: 5,
      frm_payload: "qg==",
      settings: {
        data_rate: { lora: { bandwidth: 125_000 } },
        frequency: expect.stringMatching(/^86[78]\d00000$/),
      },
      version_ids: { brand_id: "elsys", model_id: "ers-co2" },
      received_at: expect.stringMatching(/^\d{4}-.*\.\d{9}Z$/),
      consumed_airtime: expect.stringMatching(/^\d+\.\d{6}s$/),
    });
    for (const absent of ["f_cnt", "confirmed", "decoded_payload", "last_battery_percentage"])
      expect(first.uplink_message).not.toHaveProperty(absent);
    expect(second.uplink_message.f_cnt).toBe(1);
    expect(third.uplink_message.last_battery_percentage).toMatchObject({
      f_cnt: 1,
      value: expect.closeTo(88.2, 0),
    });
  });

  it("tell a downlink's way with its correlation ids, and send it again after a no", async () => {
    const { told, operate, uplink, only } = story();
    await uplink();
    only.loseDownlinks(1);
    operate("push", [
      { f_port: 15, frm_payload: "vu8=", confirmed: true, priority: "NORMAL", correlation_ids: ["my:1"] },
    ]);
    for (let count = 0; count < 3; count++) await uplink();
    const way = told.filter(({ topic }) => topic.includes("/down/"));
    expect(way.map(last)).toEqual(["down/queued", "down/sent", "down/nack", "down/sent", "down/ack"]);
    for (const one of way.map(read)) {
      expect(one.correlation_ids[0]).toBe("my:1");
      expect(one.correlation_ids[1]).toMatch(/^as:downlink:[0-9A-HJKMNP-TV-Z]{26}$/);
    }
    expect(read(way[0]!).downlink_queued).toMatchObject({ f_port: 15, frm_payload: "vu8=", confirmed: true });
    expect(read(way[0]!).downlink_queued).not.toHaveProperty("f_cnt");
    expect(read(way[3]!).downlink_sent.f_cnt).toBe(1);
    expect(only.received.length).toBe(1);
  });

  it("tell what cannot be sent", async () => {
    const { told, operate, uplink } = story();
    await uplink();
    operate("push", [
      { f_port: 1, frm_payload: Buffer.alloc(243).toString("base64"), correlation_ids: ["my:2"] },
    ]);
    await uplink();
    const failed = told.find((one) => last(one) === "down/failed");
    expect(read(failed!)).toMatchObject({
      correlation_ids: ["my:2", expect.any(String)],
      downlink_failed: {
        downlink: { f_port: 1 },
        error: { namespace: "pkg/networkserver", name: "application_downlink_too_long", code: 3 },
      },
    });
  });
});

describe("The Things Stack's queue", () => {
  it("is replaced as a whole, also by nothing", () => {
    const { operate, only } = story();
    operate("push", [{ f_port: 1 }, { f_port: 2 }]);
    operate("replace", [{ f_port: 3 }]);
    expect(only.queue.items.map(({ fPort }) => fPort)).toEqual([3]);
    operate("replace", []);
    expect(only.queue.items).toEqual([]);
  });

  it.each([
    ["no port", {}, "f_port must be 1..233"],
    ["a port of MAC commands", { f_port: 234 }, "f_port must be 1..233"],
    ["what only a formatter could encode", { f_port: 1, decoded_payload: { on: true } }, "no formatter"],
    ["what is no base64", { f_port: 1, frm_payload: "vu8" }, "not base64"],
    ["an unknown priority", { f_port: 1, priority: "URGENT" }, "no such priority: URGENT"],
    ["correlation ids that are no texts", { f_port: 1, correlation_ids: [1] }, "not a list of short texts"],
  ])("refuses %s", (_, downlink, reason) => {
    expect(() => story().operate("push", [downlink])).toThrow(reason);
    expect(() => story().operate("shove", [])).toThrow("unknown operation: down/shove");
  });

  it("names devices as it must", () => {
    expect(deviceId("Papperskorg Sergels torg 3")).toBe("papperskorg-sergels-torg-3");
  });
});
