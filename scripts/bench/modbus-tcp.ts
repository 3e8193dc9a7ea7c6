import { type Bench, compared, median, type Row } from "./bench.ts";
import type { SimulatorReady, SimulatorSettings } from "./children/simulator.ts";
import type { MasterAnswers, MasterResult, MasterScript, MasterSettings } from "./master.ts";
import { besideOthers } from "./peers.ts";
import { startChild } from "./process.ts";

/** Runs one master, in a process of its own, against a fresh TCP device, in another. */
export async function overTcp(
  script: MasterScript,
  settings: Omit<MasterSettings, "endpoint">,
  faults: Pick<SimulatorSettings, "late" | "counted"> = {},
): Promise<MasterResult> {
  const device: SimulatorSettings = {
    wire: { kind: "tcp" },
    units: settings.units,
    ...faults,
  };
  await using simulator = await startChild<SimulatorReady, { readonly stallMs: number }>(
    "simulator.ts",
    device,
  );
  const { port } = simulator.ready;
  const full: MasterSettings = { ...settings, endpoint: { kind: "tcp", port } };
  await using master = await startChild<unknown, MasterAnswers>(script, full);
  const result = await master.ask("run");
  if (!faults.late && result.wrong > 0)
    throw new Error(`${script}: ${result.wrong} answers with wrong values`);
  return faults.late ? withStalls(result, await simulator.ask("stallMs")) : result;
}

/** The longest that either process stood still. */
export function withStalls(result: MasterResult, deviceMs: number): MasterResult {
  return { ...result, stallMs: Math.max(result.stallMs ?? 0, deviceMs) };
}

/** Requests and values per second, processor time and memory, beside modbus-serial. */
export const modbusTcp: Bench = {
  name: "modbus.tcp",
  title: "one TCP connection, as fast as it goes",
  method:
    "Each master, in a process of its own, reads one simulated device, in another, over loopback for 1.5 s after a second that does not count: 2 registers as one 32-bit value with one request under way, the same with 16, and 120 registers as 60 values. Every value is checked. Ours and modbus-serial in turn, three times (once where quick); told are medians. The other peers once.",
  notComparable:
    "jsmodbus sends one request at a time whatever it is given. mbpoll pauses between polls, so it makes one pass over a list of ten units without pauses; its rate includes its start (some 30 ms) and its processor time the printing of each value as text. Rows of a peer that end in its name are the peer's figure beside ours.",
  run: async ({ quick }) => {
    const base = {
      units: [1],
      timeoutMs: 2000,
      concurrency: 1,
      durationMs: 1500,
      warmUpMs: 1000,
    } as const;
    const small = { ...base, registers: 2, type: "u32" } as const;
    const large = { ...base, registers: 120, type: "u32" } as const;
    const peer = "modbus-serial";
    /** In turn, so that a machine whose speed drifts treats both alike. */
    const pair = async (settings: Omit<MasterSettings, "endpoint">): Promise<[Figures, Figures]> => {
      const ours: MasterResult[] = [];
      const theirs: MasterResult[] = [];
      for (let round = 0; round < (quick ? 1 : 3); round++) {
        ours.push(await overTcp("gateway.ts", settings));
        theirs.push(await overTcp("modbus-serial.ts", settings));
      }
      return [figures(ours), figures(theirs)];
    };
    const [ours, theirs] = await pair(small);
    const [oursPipelined, theirsPipelined] = await pair({ ...small, concurrency: 16 });
    const [oursLarge, theirsLarge] = await pair(large);
    const row = (figure: string, unit: string, value: number, peerValue: number): Row =>
      compared(`modbus.tcp.${figure}`, value, unit, peer, peerValue);
    const rows: Row[] = [
      row("requestsPerSecond", "1/s", ours.rate, theirs.rate),
      row("requestsPerSecond.16", "1/s", oursPipelined.rate, theirsPipelined.rate),
      row("valuesPerSecond", "1/s", oursLarge.rate * 60, theirsLarge.rate * 60),
      row("cpuPer100kValues", "s", oursLarge.cpuPer100kValues, theirsLarge.cpuPer100kValues),
      row("rss", "MB", oursLarge.rssMb, theirsLarge.rssMb),
    ];
    const others = await besideOthers("modbus.tcp", "", async (other, script) => {
      const units = script === "mbpoll.ts" ? Array.from({ length: 10 }, (_, index) => index + 1) : [1];
      const few = figures([await overTcp(script, { ...small, units })]);
      const many = figures([await overTcp(script, { ...large, units })]);
      const name = (figure: string): string => `modbus.tcp.${figure}.${other}`;
      return [
        compared(name("requestsPerSecond"), few.rate, "1/s", "ours", ours.rate),
        compared(name("valuesPerSecond"), many.rate * 60, "1/s", "ours", oursLarge.rate * 60),
        compared(name("cpuPer100kValues"), many.cpuPer100kValues, "s", "ours", oursLarge.cpuPer100kValues),
        compared(name("rss"), many.rssMb, "MB", "ours", oursLarge.rssMb),
      ];
    });
    return [...rows, ...others];
  },
};

interface Figures {
  /** Good requests a second. */
  readonly rate: number;
  /** Seconds, when every request brings 60 values. */
  readonly cpuPer100kValues: number;
  readonly rssMb: number;
}

/** Each the median over the runs. */
function figures(runs: readonly MasterResult[]): Figures {
  const of = (figure: (run: MasterResult) => number): number => median(runs.map(figure));
  return {
    rate: of(({ good, seconds }) => good / seconds),
    cpuPer100kValues: of(({ cpuSeconds, good }) => (cpuSeconds / (good * 60)) * 1e5),
    rssMb: of(({ rssMb }) => rssMb),
  };
}
