import { type Bench, failed, type Row } from "./bench.ts";
import { onLine } from "./line-efficiency.ts";
import type { MasterScript } from "./master.ts";
import { besideOthers } from "./peers.ts";

const all = Array.from({ length: 10 }, (_, index) => index + 1);
const dead = [3, 6, 9];
const healthy = all.filter((unit) => !dead.includes(unit));
const baud = 19_200;

/** What 3 dead units of 10 cost the other 7: their rate on a line of 7 against their rate on the line of 10. */
export const deadUnits: Bench = {
  name: "rtu.deadUnits",
  title: "3 of 10 units dead, 19200 baud, 20 registers each",
  method:
    "What the 7 healthy units of a line lose by 3 dead ones beside them: 1 minus their answers a second among the dead, divided by theirs on a line of their own. A simulated serial line that takes as long as a real one, 20 registers each, a timeout of 200 ms; two runs of 20 s for ours, and of 6 s for each peer (6 where quick). Ours counts from its first request, so the time in which it learns who is dead is included.",
  notComparable:
    "The peers ask all units in turn, as their users' loops do: they bring no list of dead units. Ours is the poll loop of the daemon, which asks a dead unit less and less often.",
  goals: { "rtu.deadUnits.loss": { atMost: 0.05 } },
  run: async ({ quick }) => {
    const loss = async (script: MasterScript): Promise<number> => {
      const durationMs = quick ? 6000 : script === "gateway-loop.ts" ? 20_000 : 6000;
      const settings = { registers: 20, timeoutMs: 200, durationMs };
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
    const others = await besideOthers("rtu.deadUnits.loss", "", async (other, script) => [
      { name: `rtu.deadUnits.loss.${other}`, value: await loss(script), unit: "" },
    ]);
    return [...rows, ...others];
  },
};
