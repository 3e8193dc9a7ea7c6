import { type Bench, compared, failed, median, type Row } from "./bench.ts";
import type { MasterSettings } from "./master.ts";
import { type MasterScript, overTcp } from "./modbus-tcp.ts";
import { nodeRedCpuShare } from "./node-red.ts";

const registers = 120;
const perSecond = 50;
const units = Array.from({ length: perSecond }, (_, index) => index + 1);

/**
 * Processor time of calm polling: 50 units of 120 registers, each once a second, over one TCP
 * connection, decoded to 32-bit values. Ours is the loop as the daemon runs it, on a connection that
 * takes 16 requests at a time. modbus-serial reads the same units in three ways (evenly spaced, all
 * each second one after the other, all each second 16 at a time). Most of the cost is waking up, so
 * whoever wakes less often pays less: there is a row per way, one ratio to the evenly spaced polling
 * that its users write, and one to the cheapest of the three.
 */
export const modbusSteady: Bench = {
  name: "modbus.steady",
  title: "50 units of 120 registers, each once a second: processor time",
  run: async ({ quick, folder }) => {
    const durationMs = quick ? 4000 : 10_000;
    const base = {
      units,
      registers,
      type: "u32",
      timeoutMs: 1000,
      durationMs,
      perSecond,
      warmUpMs: quick ? 4000 : 8000,
    } as const;
    const once = async (
      script: MasterScript,
      more: Pick<MasterSettings, "concurrency" | "burst">,
    ): Promise<number> => {
      const { cpuSeconds, seconds, good } = await overTcp(script, { ...base, ...more });
      if (good < (durationMs / 1000 - 1) * perSecond * 0.98)
        throw new Error(`${script} made only ${good} reads`);
      return ((cpuSeconds / seconds) * 100 * (seconds * perSecond)) / good;
    };
    // In turn, so that a machine whose speed drifts treats all alike.
    const ways = {
      ours: () => once("gateway-steady.ts", { concurrency: 16 }),
      oneAtATime: () => once("gateway-steady.ts", { concurrency: 1 }),
      spaced: () => once("modbus-serial.ts", { concurrency: 1 }),
      burst: () => once("modbus-serial.ts", { concurrency: 1, burst: true }),
      burst16: () => once("modbus-serial.ts", { concurrency: 16, burst: true }),
    };
    const found: Record<keyof typeof ways, number[]> = {
      ours: [],
      oneAtATime: [],
      spaced: [],
      burst: [],
      burst16: [],
    };
    for (let round = 0; round < (quick ? 1 : 2); round++) {
      for (const [way, run] of Object.entries(ways) as [keyof typeof ways, () => Promise<number>][]) {
        found[way].push(await run());
      }
    }
    const { ours, oneAtATime, spaced, burst, burst16 } = mapped(found, median);
    const theirs = Math.min(spaced, burst, burst16);
    const rows: Row[] = [
      { name: "modbus.steady.cpu.modbusSerial.spaced", value: spaced, unit: "%" },
      { name: "modbus.steady.cpu.modbusSerial.burst", value: burst, unit: "%" },
      { name: "modbus.steady.cpu.modbusSerial.burst16", value: burst16, unit: "%" },
      compared("modbus.steady.cpu", ours, "%", "modbus-serial at its best", theirs),
      compared("modbus.steady.cpu.oneAtATime", oneAtATime, "%", "modbus-serial at its best", theirs),
      compared(
        "modbus.steady.cpuRatioToModbusSerial",
        ours / spaced,
        "",
        "modbus-serial, a read every 20 ms",
        1,
      ),
      { name: "modbus.steady.cpuRatioToModbusSerial.best", value: ours / theirs, unit: "" },
    ];
    const name = "modbus.steady.cpuRatioToNodeRed";
    try {
      const nodeRed = await nodeRedCpuShare({ folder, registers, perSecond, durationMs });
      rows.push(
        compared("modbus.steady.cpu.nodeRed", nodeRed.cpuPercent, "%", "ours", ours),
        { name, value: ours / nodeRed.cpuPercent, unit: "" },
        { name: "modbus.steady.nodeRed.readsPerSecond", value: nodeRed.readsPerSecond, unit: "1/s" },
      );
    } catch (error) {
      rows.push(failed(name, "", error));
    }
    return rows;
  },
};

function mapped<K extends string, A, B>(record: Record<K, A>, of: (value: A) => B): Record<K, B> {
  return Object.fromEntries(Object.entries<A>(record).map(([key, value]) => [key, of(value)])) as Record<
    K,
    B
  >;
}
