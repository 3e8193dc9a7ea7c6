import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { one, zero } from "../../model/decimal.ts";
import type { Device, Point, PollClass } from "../../model/device.ts";
import type { Learned, Protocol } from "../protocol.ts";
import { describeLearned, fasterLines, learnModbus, planModbus } from "./plan.ts";
import type { ModbusAddress, ModbusConnection, ModbusDevice, ModbusHead } from "./settings.ts";

type ModbusPoint = Point<ModbusAddress>;

/** What this part gives to the Protocol object. */
const part: Pick<
  Protocol<ModbusConnection, ModbusDevice, ModbusHead, ModbusAddress>,
  "plan" | "learn" | "faster" | "describeLearned"
> = { plan: planModbus, learn: learnModbus, faster: fasterLines, describeLearned };

const line = (baud: number, parity: "none" | "even" = "none"): ModbusConnection => ({
  endpoint: { kind: "serial", port: "/dev/x", baud, dataBits: 8, parity, stopBits: 1 },
  framing: "rtu",
  concurrency: 1,
  timing: {},
});

function point(
  number: number,
  type = "u16",
  table: ModbusAddress["table"] = "input",
  pollClass: PollClass = "fast",
): ModbusPoint {
  return {
    name: `${table}${number}`,
    address: { table, number, type },
    scale: one,
    offset: zero,
    kind: "gauge",
    pollClass,
    absent: [],
    personal: false,
  };
}

function deviceOf(
  points: readonly ModbusPoint[],
  head: Partial<ModbusHead> & { limits?: Partial<ModbusHead["read"]> } = {},
): Device<ModbusAddress, ModbusDevice, ModbusHead> {
  const { limits, ...rest } = head;
  return {
    id: "meter1",
    connection: "line",
    settings: { unit: 1 },
    urn: "urn:dev:ops:1-x-meter1:",
    audience: "open",
    audiences: new Map(),
    poll: { fast: 1000, normal: 10_000, slow: 60_000 },
    profile: {
      id: "x/y",
      version: "1.0.0",
      title: { en: "x" },
      manufacturer: "x",
      models: [],
      category: "energy-meter",
      status: "draft",
      protocol: "modbus",
      points,
      hash: "",
      protocolSettings: {
        addressing: "protocol",
        order: "ABCD",
        read: { maxRegisters: 125, maxBits: 2000, gaps: "allow", windows: [], forbidden: [], ...limits },
        atomic: [],
        timing: {},
        ...rest,
      },
    },
  };
}

const range = (count: number, from = 0) => Array.from({ length: count }, (_, index) => point(from + index));

/** Plays a unit that refuses reads, until it refuses none that the plan asks for, or only single known ranges. */
function teach(
  points: readonly ModbusPoint[],
  refuses: (read: { start: number; count: number }) => boolean,
  head: Parameters<typeof deviceOf>[1] = {},
): { learned: Learned; refusals: number; plan: ReturnType<typeof planModbus> } {
  const device = deviceOf(points, head);
  let learned: Learned = {};
  let refusals = 0;
  for (;;) {
    const plan = planModbus(line(19_200), device, points, learned);
    const next = plan.requests
      .filter(refuses)
      .map((read) => learnModbus(read, learned))
      .find((taught) => taught !== undefined);
    if (!next) return { learned, refusals, plan };
    refusals += 1;
    learned = JSON.parse(JSON.stringify(next));
    if (refusals > 1000) throw new Error("does not end");
  }
}

describe("planModbus", () => {
  it("costs a read as the frames on the line do", () => {
    const cost = (connection: ModbusConnection, count: number) =>
      planModbus(connection, deviceOf([]), range(count), {}).requests[0]!.costMs;
    // 9600 8N1, 10 bits: 15 characters, 5 ms turnaround, 3.65 ms silence.
    expect(cost(line(9600), 1)).toBeCloseTo(15 * (10_000 / 9600) + 5 + 35_000 / 9600, 6);
    // 115200 8E1, 11 bits, silence 1.75 ms.
    expect(cost(line(115_200, "even"), 120)).toBeCloseTo(253 * (11_000 / 115_200) + 5 + 1.75, 6);
    const tcp: ModbusConnection = {
      endpoint: { kind: "tcp", host: "h", port: 502 },
      framing: "tcp",
      concurrency: 1,
      timing: { turnaround: 2 },
    };
    expect(cost(tcp, 10)).toBeCloseTo(2 + 41 * 0.01, 6);
    const ascii: ModbusConnection = { ...line(9600), framing: "ascii" };
    expect(cost(ascii, 3)).toBeCloseTo((17 + 11 + 12) * (10_000 / 9600) + 5, 6);
  });

  it("counts bits as bytes on the line", () => {
    const coils = Array.from({ length: 16 }, (_, index) => point(index, "bool", "coil"));
    const plan = planModbus(line(9600), deviceOf(coils), coils, {});
    expect(plan.requests).toMatchObject([
      { table: "coil", start: 0, count: 16, label: "FC1 0x0000..0x000F (16 bits)" },
    ]);
    expect(plan.requests[0]!.costMs).toBeCloseTo(15 * (10_000 / 9600) + 5 + 35_000 / 9600, 6);
  });

  it("bridges wider gaps on faster lines", () => {
    const two = (gap: number) => [point(0), point(1 + gap)];
    const requests = (baud: number, gap: number) =>
      planModbus(line(baud), deviceOf(two(gap)), two(gap), {}).requests.length;
    const widest = (baud: number) => {
      let gap = 0;
      while (requests(baud, gap + 1) === 1) gap += 1;
      return gap;
    };
    expect(widest(9600)).toBeLessThan(widest(19_200));
    expect(widest(19_200)).toBeLessThan(widest(115_200));
  });

  it("keeps to the profile's block size, windows, forbidden ranges, atomic ranges and gaps", () => {
    const points = range(100);
    const reads = (limits: Partial<ModbusHead["read"]>, atomic: ModbusHead["atomic"] = []) =>
      planModbus(line(19_200), deviceOf(points, { limits, atomic }), points, {}).requests.map(
        ({ start, count }) => [start, count],
      );
    expect(reads({ maxRegisters: 40 }).map(([, count]) => count)).toHaveLength(3);
    expect(
      reads({
        windows: [
          [0, 9],
          [10, 29],
        ],
      }),
    ).toEqual([
      [0, 10],
      [10, 20],
    ]);
    expect(reads({ forbidden: { input: [[50, 50]] } })).toEqual([
      [0, 50],
      [51, 49],
    ]);
    expect(reads({ forbidden: { holding: [[50, 50]] } })).toEqual([[0, 100]]);
    const whole = reads({ maxRegisters: 50 }, [[45, 54]]);
    expect(whole.some(([start, count]) => start! <= 45 && start! + count! >= 55)).toBe(true);
    const gapped = [point(0), point(2)];
    const strict = deviceOf(gapped, { limits: { gaps: "forbid" } });
    expect(planModbus(line(19_200), strict, gapped, {}).requests).toHaveLength(2);
  });

  it("leaves out a point whose address does not exist", () => {
    const points = [point(0), point(0xffff, "f32")];
    const plan = planModbus(line(9600), deviceOf(points), points, {});
    expect(plan.requests.flatMap((request) => request.points.map(({ name }) => name))).toEqual(["input0"]);
  });
});

describe("learnModbus", () => {
  it("fits the seam", () => {
    const points = range(2);
    const { requests } = part.plan(line(9600), deviceOf(points), points, {});
    const learned = part.learn(requests[0]!, {});
    expect(part.describeLearned?.(learned ?? {})).toEqual(["input: no read crosses 1"]);
    expect(part.plan(line(9600), deviceOf(points), points, learned ?? {}).requests).toHaveLength(2);
  });

  it("finds the one bad point of 64 in O(log n) refusals, and joins its neighbours again", () => {
    fc.assert(
      fc.property(fc.nat({ max: 63 }), (bad) => {
        const covers = (read: { start: number; count: number }) =>
          read.start <= bad && bad < read.start + read.count;
        const { plan, refusals } = teach(range(64), covers);
        expect(refusals).toBeLessThanOrEqual(7);
        const alone = plan.requests.filter(covers);
        expect(alone).toMatchObject([{ start: bad, count: 1 }]);
        const rest = plan.requests.filter((read) => !covers(read)).map(({ start, count }) => [start, count]);
        const expected = [
          [0, bad],
          [bad + 1, 63 - bad],
        ].filter(([, count]) => count! > 0);
        expect(rest).toEqual(expected);
      }),
    );
  });

  it("blames a gap before a point", () => {
    const points = [...range(4), ...range(4, 6)];
    const { plan, refusals, learned } = teach(points, ({ start, count }) => start < 6 && start + count > 4);
    expect(refusals).toBe(1);
    expect(plan.requests.map(({ start, count }) => [start, count])).toEqual([
      [0, 4],
      [6, 4],
    ]);
    expect(describeLearned(learned)).toEqual(["input: no read crosses 6"]);
  });

  it("ends with every healthy point read, whatever set of registers is refused", () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.nat({ max: 80 }), { minLength: 1, maxLength: 50 }),
        fc.array(fc.nat({ max: 80 }), { maxLength: 6 }),
        fc.integer({ min: 8, max: 125 }),
        (numbers, bad, most) => {
          const refuses = ({ start, count }: { start: number; count: number }) =>
            count > most || bad.some((address) => start <= address && address < start + count);
          const { plan } = teach(
            numbers.map((number) => point(number)),
            refuses,
          );
          const read = plan.requests.filter((request) => !refuses(request));
          expect(
            read.flatMap((request) => request.points.map(({ address }) => address.number)).sort(),
          ).toEqual(numbers.filter((number) => !bad.includes(number)).sort());
        },
      ),
      { numRuns: 200 },
    );
  });

  it("keeps overlapping values and atomic ranges together", () => {
    const overlapping = [point(0, "u32"), point(1)];
    const { plan } = teach(overlapping, () => true);
    expect(plan.requests).toMatchObject([{ start: 0, count: 2 }]);
    const { plan: atomic } = teach(range(3), () => true, { atomic: [[0, 2]] });
    expect(atomic.requests).toMatchObject([{ start: 0, count: 3 }]);
  });

  it("ignores what is not its own on the disk", () => {
    const points = range(3);
    for (const learned of [
      { tables: 5 },
      { tables: { input: { cuts: [{ at: "1" }], forbidden: [[1, 2]] } } },
    ]) {
      expect(planModbus(line(9600), deviceOf(points), points, learned).requests).toHaveLength(1);
    }
  });

  it("ignores a learned cut that a newer profile puts inside a value", () => {
    const points = [point(0, "u32")];
    const learned = { tables: { input: { cuts: [{ at: 1, from: 0, to: 2 }], forbidden: [] } } };
    expect(planModbus(line(9600), deviceOf(points), points, learned).requests).toHaveLength(1);
  });
});

describe("fasterLines", () => {
  it("offers the usual speeds above the present one, on serial lines only", () => {
    expect(fasterLines(line(38_400)).map(({ change }) => change)).toEqual([
      "raise baud to 57600",
      "raise baud to 115200",
    ]);
    const tcp: ModbusConnection = { ...line(9600), endpoint: { kind: "tcp", host: "h", port: 502 } };
    expect(fasterLines(tcp)).toEqual([]);
  });
});
