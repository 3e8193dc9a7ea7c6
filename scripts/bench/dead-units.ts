import { type Bench, failed, type Row } from "./bench.ts";
import { onLine } from "./line-efficiency.ts";

const all = Array.from({ length: 10 }, (_, index) => index + 1);
const dead = [3, 6, 9];
const healthy = all.filter((unit) => !dead.includes(unit));
const baud = 19_200;

/** What 3 dead units of 10 cost the other 7: their rate on a line of 7 against their rate on the line of 10. */
export const deadUnits: Bench = {
  name: "rtu.deadUnits",
  title: "3 of 10 units dead, 19200 baud, 20 registers each",
  run: async ({ quick }) => {
    const settings = { registers: 20, timeoutMs: 200, durationMs: quick ? 6000 : 30_000 };
    const loss = async (script: "gateway-loop.ts" | "modbus-serial.ts"): Promise<number> => {
      const alone = await onLine(script, { baud }, { ...settings, units: healthy });
      const among = await onLine(script, { baud, dead }, { ...settings, units: all });
      const rate = (run: typeof alone): number => run.master.good / run.master.seconds;
      return 1 - rate(among) / rate(alone);
    };
    const peer = await loss("modbus-serial.ts");
    const rows: Row[] = [{ name: "rtu.deadUnits.loss.modbusSerial", value: peer, unit: "" }];
    try {
      const ours = await loss("gateway-loop.ts");
      rows.push({
        name: "rtu.deadUnits.loss",
        value: ours,
        unit: "",
        ratioTo: "modbus-serial",
        ratio: ours / peer,
      });
    } catch (error) {
      rows.push(failed("rtu.deadUnits.loss", "", error));
    }
    return rows;
  },
};
