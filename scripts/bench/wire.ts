import { decodePack, encodePack, mergePacks, type Series } from "../../gateway/codec/senml.ts";
import { compress } from "../../gateway/northbound/mqtt/message.ts";
import { type Bench, compared, median, type Row } from "./bench.ts";
import { type CityReading, cityReadings } from "./readings.ts";

/** Bytes and nanoseconds per reading of SenML-CBOR packs, beside one JSON object per reading. */
export const wire: Bench = {
  name: "wire",
  title: "bytes and ns per reading, 10,000 city readings",
  method:
    "10,000 readings of 20 city devices from a seeded generator (`scripts/bench/readings.ts`), in packs of 100 in the order of polling, of one device, and merged to a backlog of 64 kB messages. Bytes are exact and the same on every machine; compression is zstd as the MQTT northbound does it. Nanoseconds are the median of 30 rounds over all 10,000, after one that does not count.",
  notComparable:
    "The JSON has one object per reading with short names of device and point and no accounting; our packs carry a globally unique name (RFC 9039), unit and sequence number, which is most of their size.",
  goals: {
    "wire.bytesPerReading.batch100.raw": { atMost: 20 },
    "wire.bytesPerReading.batch100.compressed": { atMost: 7 },
    "wire.bytesPerReading.backlog.compressed": { atMost: 3.5 },
  },
  run: async ({ quick }) => {
    const readings = cityReadings(10_000);
    const total = readings.length;
    const packs = inBatches(readings, 100).map(pack);
    const bytes = packs.map((one) => encodePack(one));
    const raw = sum(bytes, ({ length }) => length) / total;
    const compressed = sum(bytes, (one) => zstd(one).length) / total;
    const json = inBatches(readings, 100).map((batch) => Buffer.from(batch.map(jsonLine).join("\n")));
    const jsonRaw = sum(json, ({ length }) => length) / total;
    const jsonCompressed = sum(json, (one) => zstd(one).length) / total;
    const rounds = quick ? 5 : 30;
    const encoding = nanoseconds(rounds, total, () => {
      for (const one of packs) encodePack(one);
    });
    const decoding = nanoseconds(rounds, total, () => {
      for (const one of bytes) decodePack(one);
    });
    const jsonEncoding = nanoseconds(rounds, total, () =>
      inBatches(readings, 100).map((batch) => batch.map(jsonLine)),
    );
    const jsonDecoding = nanoseconds(rounds, total, () =>
      json.map((one) =>
        one
          .toString()
          .split("\n")
          .map((line): unknown => JSON.parse(line)),
      ),
    );
    const rows: Row[] = [
      compared("wire.bytesPerReading.batch100.raw", raw, "B", "JSON objects", jsonRaw),
      compared(
        "wire.bytesPerReading.batch100.compressed",
        compressed,
        "B",
        "JSON objects, zstd",
        jsonCompressed,
      ),
      compared(
        "wire.bytesPerReading.backlog.compressed",
        backlog(bytes) / total,
        "B",
        "JSON objects, zstd",
        jsonCompressed,
      ),
      ...oneDevice(readings),
      compared("wire.encode.nsPerReading", encoding, "ns", "JSON.stringify", jsonEncoding),
      compared("wire.decode.nsPerReading", decoding, "ns", "JSON.parse", jsonDecoding),
    ];
    return rows;
  },
};

/** The same readings when each pack holds 100 of one device: what longer series save. */
function oneDevice(readings: readonly CityReading[]): Row[] {
  const bytes = Object.values(Object.groupBy(readings, ({ base }) => base))
    .flatMap((own = []) => inBatches(own, 100))
    .filter(({ length }) => length === 100)
    .map((batch, index) => encodePack(pack(batch, index)));
  const total = bytes.length * 100;
  const name = "wire.bytesPerReading.batch100.oneDevice";
  return [
    { name: `${name}.raw`, value: sum(bytes, ({ length }) => length) / total, unit: "B" },
    { name: `${name}.compressed`, value: sum(bytes, (one) => zstd(one).length) / total, unit: "B" },
  ];
}

/** As `telemetry/` builds a pack: by series, in order of first appearance. */
function pack(batch: readonly CityReading[], index: number) {
  const series = new Map<string, Series & { times: number[]; values: CityReading["value"][] }>();
  for (const { base, name, unit, value, time } of batch) {
    let one = series.get(base + name);
    if (!one) {
      one = { base, name, unit, times: [], values: [] };
      series.set(base + name, one);
    }
    one.times.push(time);
    one.values.push(value);
  }
  const seq = index + 1;
  return {
    header: { gateway: "vasastan-07", audience: "street", run: "k7w2m9qd", seq, seqTo: seq },
    series: Array.from(series.values()),
  };
}

/** What the forwarder puts into one message of a backlog: stored packs of 64 kB together. */
const mergedBytes = 64 * 1024;

/** Bytes after merging stored packs as the forwarder does, and compressing them. */
function backlog(packs: readonly Uint8Array[]): number {
  const size = Math.floor(mergedBytes / (sum(packs, ({ length }) => length) / packs.length));
  return sum(inBatches(packs, size), (some) => zstd(mergePacks(some)).length);
}

function jsonLine({ base, name, unit, value, time }: CityReading): string {
  return JSON.stringify({
    device: base.slice(base.indexOf("stadsnod-") + 9, -1),
    point: name,
    time,
    value,
    unit,
  });
}

/** As the MQTT northbound compresses; JSON is compressed in the same way. */
function zstd(bytes: Uint8Array): Uint8Array {
  return compress(bytes, "zstd");
}

function inBatches<T>(all: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(all.length / size) }, (_, index) =>
    all.slice(index * size, (index + 1) * size),
  );
}

function sum<T>(all: readonly T[], of: (one: T) => number): number {
  return all.reduce((total, one) => total + of(one), 0);
}

/** Median over rounds, after one round that does not count. */
function nanoseconds(rounds: number, readings: number, work: () => void): number {
  const times = Array.from({ length: rounds + 1 }, () => {
    const start = performance.now();
    work();
    return ((performance.now() - start) * 1e6) / readings;
  });
  return median(times.slice(1));
}
