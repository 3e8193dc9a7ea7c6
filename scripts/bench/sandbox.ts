import type { Codec, UplinkInput } from "../../gateway/sandbox/codec.ts";
import { openSandbox } from "../../gateway/sandbox/sandbox.ts";
import { openClock } from "../../gateway/store/clock.ts";
import { type Bench, median, type Row } from "./bench.ts";

/** A climate sensor's tag-length-value format, written as makers write such scripts. */
const source = `
var TYPES = { 1: ["temperature", 2, true, 10], 2: ["humidity", 1, false, 1], 4: ["light", 2, false, 1], 5: ["motion", 1, false, 1],
  6: ["co2", 2, false, 1], 7: ["vdd", 2, false, 1000], 20: ["pressure", 4, false, 1000], 11: ["pulses", 4, false, 1] };
function number(bytes, at, size, signed) {
  var value = 0;
  for (var i = 0; i < size; i++) value = value * 256 + bytes[at + i];
  if (signed && bytes[at] & 0x80) value -= Math.pow(256, size);
  return value;
}
function decodeUplink(input) {
  var data = {}, warnings = [];
  for (var at = 0; at < input.bytes.length; ) {
    var type = TYPES[input.bytes[at++]];
    if (!type) { warnings.push("unknown type at " + (at - 1)); break; }
    data[type[0]] = Number((number(input.bytes, at, type[1], type[2]) / type[3]).toFixed(3));
    at += type[1];
  }
  data.dewPoint = Math.round((data.temperature - (100 - data.humidity) / 5) * 10) / 10;
  return { data: data, warnings: warnings };
}`;

const uplink: UplinkInput = {
  bytes: Buffer.from("0100e20229040027050606036307 0e31 14000f7a80".replaceAll(" ", ""), "hex"),
  fPort: 5,
  recvTime: 1_790_000_000_000,
};

/** Codec scripts in their thread: how many uplinks they decode, how fast they start and come back, what they cost. */
export const sandbox: Bench = {
  name: "sandbox",
  title: "LoRaWAN codec scripts in their sandbox",
  method:
    "A climate sensor's script decodes one uplink 10,000 times (2,000 where quick) after a quarter of that to warm up, alone and in turn with 15 others. `load` is the median of 16 scripts. `recovery`: how long a neighbour's uplink waits, beyond the limit of 250 ms, when a script has to be ended with its thread; median of 3.",
  goals: { "sandbox.decodesPerCoreSecond": { atLeast: 1000 } },
  run: async ({ quick }) => {
    const calls = quick ? 2000 : 10_000;
    using clock = openClock({ floor: 0, trust: "always" });
    const rssBefore = process.memoryUsage.rss();
    const begun = performance.now();
    await using box = openSandbox({ clock });
    const codec = await box.load("climate", source);
    await decode(codec);
    const rows: Row[] = [{ name: "sandbox.firstDecode", value: performance.now() - begun, unit: "ms" }];

    await repeat(calls / 4, () => decode(codec)); // warm
    const single = await repeat(calls, () => decode(codec));
    rows.push({ name: "sandbox.decodes", value: single.perSecond, unit: "1/s" });
    rows.push({ name: "sandbox.decodesPerCoreSecond", value: single.perCoreSecond, unit: "1/s" });

    const loads: number[] = [];
    const others: Codec[] = [];
    for (let index = 0; index < 16; index++) {
      const start = performance.now();
      others.push(await box.load(`climate ${index}`, source));
      loads.push(performance.now() - start);
    }
    rows.push({ name: "sandbox.load", value: median(loads), unit: "ms" });
    let next = 0;
    const mixed = await repeat(calls, () => decode(others[next++ % others.length]!));
    rows.push({ name: "sandbox.decodes.16codecs", value: mixed.perSecond, unit: "1/s" });
    rows.push({ name: "sandbox.rss", value: (process.memoryUsage.rss() - rssBefore) / 1e6, unit: "MB" });

    // Ends only with its thread: how long the next uplink of a neighbour waits beyond the 250 ms of the limit.
    const stuck = await box.load("stuck", "function decodeUplink() { new Array(1e9).join('x') }");
    const recoveries: number[] = [];
    for (let round = 0; round < 3; round++) {
      const start = performance.now();
      await Promise.all([stuck.decodeUplink(uplink), decode(codec)]);
      recoveries.push(performance.now() - start - 250);
    }
    rows.push({ name: "sandbox.recovery", value: median(recoveries), unit: "ms" });
    return rows;
  },
};

async function decode(codec: Codec): Promise<void> {
  const { data, errors } = await codec.decodeUplink(uplink);
  if (data?.temperature !== 22.6 || data.pressure !== 1014.4)
    throw new Error(`the codec decodes something else: ${errors.join(", ")}`);
}

async function repeat(
  times: number,
  run: () => Promise<void>,
): Promise<{ perSecond: number; perCoreSecond: number }> {
  const start = performance.now();
  const cpu = process.cpuUsage();
  for (let time = 0; time < times; time++) await run();
  const { user, system } = process.cpuUsage(cpu);
  return {
    perSecond: (times * 1000) / (performance.now() - start),
    perCoreSecond: (times * 1e6) / (user + system),
  };
}
