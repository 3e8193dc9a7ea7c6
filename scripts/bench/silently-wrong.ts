import { type Bench, compared, failed, type Row } from "./bench.ts";
import type { SimulatorReady, SimulatorSettings } from "./children/simulator.ts";
import type { MasterAnswers, MasterResult, MasterSettings } from "./master.ts";
import { overTcp } from "./modbus-tcp.ts";
import { startChild } from "./process.ts";

const timeoutMs = 50;

/** A unit of which every second answer comes 1.2 to 5 timeouts late; each read asks other registers than the one before. */
export const silentlyWrong: Bench = {
  name: "modbus.silentlyWrong",
  title: "answers that come late: values taken from the wrong registers",
  run: async ({ quick }) => {
    const requests = quick ? 20 : 100;
    const wrong = { ours: 0, theirs: 0, reads: 0 };
    for (const timeouts of [1.2, 2, 5]) {
      const settings = {
        units: [1],
        registers: 2,
        type: "u16",
        timeoutMs,
        concurrency: 1,
        durationMs: 0,
        requests,
        roam: true,
      } as const;
      const late = { nth: 2, ms: timeouts * timeoutMs };
      for (const over of [overTcp, overPty]) {
        wrong.ours += (await over("gateway.ts", settings, late)).wrong;
        wrong.theirs += (await over("modbus-serial.ts", settings, late)).wrong;
        wrong.reads += requests;
      }
    }
    const row = compared(
      "modbus.silentlyWrong",
      wrong.ours,
      `of ${wrong.reads}`,
      "modbus-serial",
      wrong.theirs,
    );
    const rows: Row[] = [
      row,
      { name: "modbus.silentlyWrong.modbusSerial", value: wrong.theirs, unit: `of ${wrong.reads}` },
    ];
    // Without a peer that falls for it the scene would prove nothing.
    if (wrong.theirs === 0)
      rows.push(failed("modbus.silentlyWrong.control", "", "the control found nothing"));
    return rows;
  },
};

async function overPty(
  script: "gateway.ts" | "modbus-serial.ts",
  settings: Omit<MasterSettings, "endpoint">,
  late: { readonly nth: number; readonly ms: number },
): Promise<MasterResult> {
  const device: SimulatorSettings = { wire: { kind: "pty" }, units: settings.units, late };
  await using simulator = await startChild<SimulatorReady>("simulator.ts", device);
  const full: MasterSettings = {
    ...settings,
    endpoint: { kind: "serial", path: simulator.ready.path, baud: 115_200, parity: "none" },
  };
  await using master = await startChild<unknown, MasterAnswers>(script, full);
  return await master.ask("run");
}
