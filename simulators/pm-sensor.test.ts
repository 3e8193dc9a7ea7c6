import { describe, expect, it } from "vitest";
import { createPmSensor, type PmSensorSettings } from "./pm-sensor.ts";

/** A sensor on a wire that keeps what it sends, and time by hand. */
function bench(settings: PmSensorSettings) {
  const sent: string[] = [];
  const due: (() => void)[] = [];
  let receive: (chunk: Uint8Array) => void = () => {};
  const sensor = createPmSensor({
    ...settings,
    after: (_, callback) => {
      due.push(callback);
      return { [Symbol.dispose]: () => due.splice(due.indexOf(callback), due.includes(callback) ? 1 : 0) };
    },
  });
  sensor.attach({
    send: (bytes) => sent.push(Buffer.from(bytes).toString("hex")),
    receive: (receiver) => {
      receive = receiver;
    },
  });
  return {
    sensor,
    sent,
    tick: () => due.shift()?.(),
    say: (hex: string) => receive(Uint8Array.from(Buffer.from(hex.replaceAll(" ", ""), "hex"))),
  };
}

const sleep = "aa b4 06 01 00 00 00 00 00 00 00 00 00 00 00 ff ff 05 ab";
const work = "aa b4 06 01 01 00 00 00 00 00 00 00 00 00 00 ff ff 06 ab";

describe("the simulated fine dust sensor", () => {
  it("sends frames as its data sheet draws them", () => {
    const { sent, tick } = bench({ air: { pm25: 12.3, pm10: 34.5 }, id: 0xa1b2 });
    tick();
    tick();
    expect(sent).toEqual(["aac07b005901a1b228ab", "aac07b005901a1b228ab"]);
  });

  it("sleeps and works as it is told, byte by byte too, and heeds no damaged command", () => {
    const { sensor, sent, tick, say } = bench({ blankFrames: 1 });
    say(sleep);
    expect(sensor.works).toBe(false);
    expect(sent).toEqual(["aac506010000a1b25aab"]);
    tick();
    expect(sent.length).toBe(1);
    say(work.replace("06 ab", "07 ab"));
    expect(sensor.works).toBe(false);
    for (const byte of `55 aa ${work}`.split(" ")) say(byte);
    expect(sensor.works).toBe(true);
    expect(sensor.commands).toEqual([sleep, work].map((hex) => hex.replaceAll(" ", "")));
    tick();
    expect(sent.at(-1)).toBe("aac000000000a1b253ab");
  });

  it("damages frames as often as it is told", () => {
    const { sent, tick } = bench({ damagedEvery: 2 });
    for (const _ of [1, 2, 3, 4]) tick();
    expect(sent.map((frame) => frame.slice(-4))).toEqual(["28ab", "38ab", "28ab", "38ab"]);
  });
});
