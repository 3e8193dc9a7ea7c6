import { type Bench, compared, type Row } from "./bench.ts";
import type { SimulatorReady, SimulatorSettings } from "./children/simulator.ts";
import type { MasterAnswers, MasterResult, MasterSettings } from "./master.ts";
import { startChild } from "./process.ts";

export type MasterScript = "gateway.ts" | "gateway-steady.ts" | "modbus-serial.ts";

/** Runs one master, in a process of its own, against a fresh TCP device, in another. */
export async function overTcp(
  script: MasterScript,
  settings: Omit<MasterSettings, "endpoint">,
  late?: SimulatorSettings["late"],
): Promise<MasterResult> {
  const device: SimulatorSettings = {
    wire: { kind: "tcp" },
    units: settings.units,
    ...(late ? { late } : {}),
  };
  await using simulator = await startChild<SimulatorReady>("simulator.ts", device);
  const { port } = simulator.ready;
  const full: MasterSettings = { ...settings, endpoint: { kind: "tcp", port } };
  await using master = await startChild<unknown, MasterAnswers>(script, full);
  const result = await master.ask("run");
  if (!late && result.wrong > 0) throw new Error(`${script}: ${result.wrong} answers with wrong values`);
  return result;
}

/** Requests and values per second, processor time and memory, beside modbus-serial. */
export const modbusTcp: Bench = {
  name: "modbus.tcp",
  title: "one TCP connection, as fast as it goes",
  run: async ({ quick }) => {
    const base = {
      units: [1],
      timeoutMs: 2000,
      concurrency: 1,
      durationMs: quick ? 1500 : 6000,
      warmUpMs: 1000,
    } as const;
    const small = { ...base, registers: 2, type: "u32" } as const;
    const large = { ...base, registers: 120, type: "u32" } as const;
    const rows: Row[] = [];
    const pair = async (
      settings: Omit<MasterSettings, "endpoint">,
    ): Promise<[MasterResult, MasterResult]> => [
      await overTcp("gateway.ts", settings),
      await overTcp("modbus-serial.ts", settings),
    ];
    const rate = ({ good, seconds }: MasterResult): number => good / seconds;
    const peer = "modbus-serial";

    const [ours, theirs] = await pair(small);
    rows.push(compared("modbus.tcp.requestsPerSecond", rate(ours), "1/s", peer, rate(theirs)));
    const [oursPipelined, theirsPipelined] = await pair({ ...small, concurrency: 16 });
    rows.push(
      compared("modbus.tcp.requestsPerSecond.16", rate(oursPipelined), "1/s", peer, rate(theirsPipelined)),
    );
    const [oursLarge, theirsLarge] = await pair(large);
    const perValues = ({ cpuSeconds, good }: MasterResult): number => (cpuSeconds / (good * 60)) * 1e5;
    rows.push(
      compared("modbus.tcp.valuesPerSecond", rate(oursLarge) * 60, "1/s", peer, rate(theirsLarge) * 60),
      compared("modbus.tcp.cpuPer100kValues", perValues(oursLarge), "s", peer, perValues(theirsLarge)),
      compared("modbus.tcp.rss", oursLarge.rssMb, "MB", peer, theirsLarge.rssMb),
    );
    return rows;
  },
};
