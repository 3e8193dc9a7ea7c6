import { characterMs, type LineStatistics, silenceMs } from "../../simulators/line.ts";
import { type Bench, failed, type Row } from "./bench.ts";
import type { LineTraffic, SimulatorReady, SimulatorSettings } from "./children/simulator.ts";
import type { MasterAnswers, MasterResult, MasterScript, MasterSettings } from "./master.ts";
import { besideOthers } from "./peers.ts";
import { startChild } from "./process.ts";

export interface LineAnswers {
  readonly statistics: LineStatistics;
  readonly traffic: LineTraffic;
  readonly reset: null;
}

/** The most transactions a second that a line can carry: 8 characters there, 5 and 2 per register back, a silence after each, no turnaround. */
export function idealRate(baud: number, registers: number): number {
  const settings = { baud, parity: "even" } as const;
  return 1000 / ((8 + 5 + 2 * registers) * characterMs(settings) + 2 * silenceMs(settings));
}

/** Runs one master against a paced line; both in processes of their own. */
export async function onLine(
  script: MasterScript,
  line: { readonly baud: number; readonly dead?: readonly number[] },
  settings: Omit<MasterSettings, "endpoint" | "concurrency" | "type">,
): Promise<{ readonly master: MasterResult; readonly line: LineStatistics }> {
  const device: SimulatorSettings = {
    wire: { kind: "line", baud: line.baud, parity: "even" },
    units: settings.units,
    dead: line.dead ?? [],
  };
  await using simulator = await startChild<SimulatorReady, LineAnswers>("simulator.ts", device);
  const full: MasterSettings = {
    ...settings,
    type: "u16",
    concurrency: 1,
    endpoint: { kind: "serial", path: simulator.ready.path, baud: line.baud, parity: "even" },
  };
  await using master = await startChild<unknown, MasterAnswers>(script, full);
  await simulator.ask("reset");
  const result = await master.ask("run");
  if (result.wrong > 0) throw new Error(`${script}: ${result.wrong} answers with wrong values`);
  return { master: result, line: await simulator.ask("statistics") };
}

/** Transactions per second on one unit against the ideal of the line, and whether the silences were kept. */
export const lineEfficiency: Bench = {
  name: "rtu.lineEfficiency",
  title: "share of a serial line's ideal rate, 20 registers",
  method:
    "One unit on a simulated serial line that takes as long as a real one (a pty; 8 data bits, even parity, no turnaround in the device), 20 registers, asked again as soon as the answer is there, for 6 s (3 where quick); a run per rate. The ideal has the characters of request and answer and the silence of 3.5 characters (1.75 ms above 19200 baud) that the specification asks for after each. `rtu.silenceViolations`: requests that began before that silence was over.",
  notComparable:
    "The peers keep no silence, so they can be above 1; a real device may then take two frames for one. Their share is what they gain by that, not a better use of the line. mbpoll's includes its start (some 30 ms of the run).",
  goals: {
    "rtu.lineEfficiency.9600": { atLeast: 0.95 },
    "rtu.lineEfficiency.19200": { atLeast: 0.95 },
    "rtu.lineEfficiency.115200": { atLeast: 0.85 },
    "rtu.silenceViolations.9600": { atMost: 0 },
    "rtu.silenceViolations.19200": { atMost: 0 },
    "rtu.silenceViolations.115200": { atMost: 0 },
  },
  run: async ({ quick }) => {
    const rows: Row[] = [];
    for (const baud of [9600, 19_200, 115_200]) {
      const name = `rtu.lineEfficiency.${baud}`;
      const ideal = idealRate(baud, 20);
      const settings = { units: [1], registers: 20, timeoutMs: 1000, durationMs: quick ? 3000 : 6000 };
      const measured = async (script: MasterScript) => {
        const { master, line } = await onLine(script, { baud }, settings);
        return {
          efficiency: master.good / master.seconds / ideal,
          violations: line.silenceViolations + line.collisions,
          requests: line.requests,
          cpuMs: (master.cpuSeconds * 1000) / master.good,
        };
      };
      const peer = await measured("modbus-serial.ts");
      rows.push({ name: `${name}.modbusSerial`, value: peer.efficiency, unit: "" });
      rows.push({
        name: `rtu.silenceViolations.${baud}.modbusSerial`,
        value: peer.violations,
        unit: `of ${peer.requests}`,
      });
      try {
        const ours = await measured("gateway.ts");
        rows.push({
          name,
          value: ours.efficiency,
          unit: "",
          ratioTo: "modbus-serial",
          ratio: ours.efficiency / peer.efficiency,
        });
        rows.push({
          name: `rtu.silenceViolations.${baud}`,
          value: ours.violations,
          unit: `of ${ours.requests}`,
        });
        rows.push({
          name: `rtu.cpuPerTransaction.${baud}`,
          value: ours.cpuMs,
          unit: "ms",
          ratioTo: "modbus-serial",
          ratio: ours.cpuMs / peer.cpuMs,
        });
      } catch (error) {
        rows.push(failed(name, "", error));
      }
      const others = await besideOthers(name, "", async (other, script) => {
        const { efficiency, violations, requests } = await measured(script);
        return [
          { name: `${name}.${other}`, value: efficiency, unit: "" },
          {
            name: `rtu.silenceViolations.${baud}.${other}`,
            value: violations,
            unit: `of ${requests}`,
          },
        ];
      });
      rows.push(...others);
    }
    return rows;
  },
};
