import { type Bench, compared, failed, type Row } from "./bench.ts";
import type { MasterScript, MasterSettings } from "./master.ts";
import { overTcp } from "./modbus-tcp.ts";
import { nodeRedCpuShare } from "./node-red.ts";
import { besideOthers } from "./peers.ts";

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
  method:
    "Processor time of the master's process, all threads, while it reads 120 registers 50 times a second over one TCP connection and decodes them to 32-bit values: our poll loop with 16 requests and with one request under way, and modbus-serial in three ways (a read every 20 ms, all 50 at once one after the other, all 50 at once 16 at a time). Each runs for 20 s after 40 s that do not count, as V8 needs about half a minute at this calm rate to compile what is hot (4 s after 4 s where quick: that shows the compiling, too). Most of the cost is waking up, so who reads in bursts pays less: the goal of one half is judged beside modbus-serial at its cheapest, too.",
  notComparable:
    "Node-RED reads one unit 50 times a second and shows the whole process, its flow engine included. jsmodbus reads one unit 50 times a second, since each of its clients parses the answers of all units on the connection. mbpoll, a C program, prints the values as text; it can only space its reads. Ours also plans, schedules, scales and stamps.",
  goals: {
    "modbus.steady.cpuRatioToNodeRed": { atMost: 0.1 },
    "modbus.steady.cpuRatioToModbusSerial": { atMost: 0.5 },
    "modbus.steady.cpuRatioToModbusSerial.best": { atMost: 0.5 },
  },
  run: async ({ quick, folder }) => {
    const durationMs = quick ? 4000 : 20_000;
    const warmUpMs = quick ? 4000 : 40_000;
    const base = {
      units,
      registers,
      type: "u32",
      timeoutMs: 1000,
      durationMs,
      perSecond,
      warmUpMs,
    } as const;
    const once = async (
      script: MasterScript,
      more: Pick<MasterSettings, "concurrency" | "burst"> & Partial<Pick<MasterSettings, "units">>,
    ): Promise<number> => {
      const { cpuSeconds, seconds, good } = await overTcp(script, { ...base, ...more });
      // mbpoll waits between its polls for as long as they are apart: it is a little slow, and told per read.
      const least = script === "mbpoll.ts" ? 0.8 : 0.98;
      if (good < (durationMs / 1000 - 1) * perSecond * least)
        throw new Error(`${script} made only ${good} reads`);
      return ((cpuSeconds / seconds) * 100 * (seconds * perSecond)) / good;
    };
    const ours = await once("gateway-steady.ts", { concurrency: 16 });
    const oneAtATime = await once("gateway-steady.ts", { concurrency: 1 });
    const spaced = await once("modbus-serial.ts", { concurrency: 1 });
    const burst = await once("modbus-serial.ts", { concurrency: 1, burst: true });
    const burst16 = await once("modbus-serial.ts", { concurrency: 16, burst: true });
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
      const nodeRed = await nodeRedCpuShare({ folder, registers, perSecond, durationMs, warmUpMs });
      rows.push(
        compared("modbus.steady.cpu.nodeRed", nodeRed.cpuPercent, "%", "ours", ours),
        { name, value: ours / nodeRed.cpuPercent, unit: "" },
        { name: "modbus.steady.nodeRed.readsPerSecond", value: nodeRed.readsPerSecond, unit: "1/s" },
      );
    } catch (error) {
      rows.push(failed(name, "", error));
    }
    const others = await besideOthers("modbus.steady.cpu", "%", async (other, script) => {
      const asked = script === "jsmodbus.ts" ? { units: [1] } : {};
      const cpu = await once(script, { concurrency: 1, ...asked });
      return [compared(`modbus.steady.cpu.${other}`, cpu, "%", "ours", ours)];
    });
    return [...rows, ...others];
  },
};
