import { type Bench, compared, failed, type Row } from "./bench.ts";
import { overTcp } from "./modbus-tcp.ts";
import { nodeRedCpuShare } from "./node-red.ts";

const registers = 120;
const perSecond = 50;

/** Processor time of calm, regular polling: 50 reads of 120 registers each second, decoded to 32-bit values. */
export const modbusSteady: Bench = {
  name: "modbus.steady",
  title: "50 reads of 120 registers per second: processor time",
  run: async ({ quick, folder }) => {
    const durationMs = quick ? 4000 : 20_000;
    const settings = {
      units: [1],
      registers,
      type: "u32",
      timeoutMs: 1000,
      concurrency: 1,
      durationMs,
      perSecond,
      warmUpMs: quick ? 4000 : 10_000,
    } as const;
    const share = async (script: "gateway.ts" | "modbus-serial.ts"): Promise<number> => {
      const { cpuSeconds, seconds, good } = await overTcp(script, settings);
      const wanted = (durationMs / 1000) * perSecond;
      if (good < wanted * 0.98) throw new Error(`${script} made only ${good} of ${wanted} reads`);
      return (cpuSeconds / seconds) * 100;
    };
    const theirs = await share("modbus-serial.ts");
    const ours = await share("gateway.ts");
    const rows: Row[] = [
      compared("modbus.steady.cpu", ours, "%", "modbus-serial", theirs),
      { name: "modbus.steady.cpuRatioToModbusSerial", value: ours / theirs, unit: "" },
    ];
    const name = "modbus.steady.cpuRatioToNodeRed";
    try {
      const nodeRed = await nodeRedCpuShare({ folder, registers, perSecond, durationMs });
      rows.push(
        compared("modbus.steady.cpu.nodeRed", ours, "%", "node-red-contrib-modbus", nodeRed.cpuPercent),
        { name, value: ours / nodeRed.cpuPercent, unit: "" },
        { name: "modbus.steady.nodeRed.readsPerSecond", value: nodeRed.readsPerSecond, unit: "1/s" },
      );
    } catch (error) {
      rows.push(failed(name, "", error));
    }
    return rows;
  },
};
