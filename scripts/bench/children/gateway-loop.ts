// Our driver under its loop, which guards healthy units against dead ones.
import { openLoop } from "../../../gateway/southbound/loop.ts";
import { modbus } from "../../../gateway/southbound/modbus/protocol.ts";
import { connection, device, southbound } from "../gateway.ts";
import type { MasterResult, MasterSettings } from "../master.ts";
import { answer, settings, tell } from "./child.ts";

const wanted = settings<MasterSettings>();
/** More often than the line can: every unit is due as soon as it had its turn. */
const everyMs = 20;
const devices = wanted.units.map((unit) => device(unit, wanted, 0, everyMs));

answer({
  run: async (): Promise<MasterResult> => {
    const good = new Map(devices.map(({ id }) => [id, 0]));
    let counting = false;
    let wrong = 0;
    const context = southbound();
    await using loop = await openLoop({
      connection: "line",
      protocol: modbus,
      settings: connection(wanted),
      devices,
      context,
      learnedStore: { load: () => ({}), save: () => {} },
      sink: (from, readings) => {
        if (!counting || readings.some(({ quality }) => quality !== "good")) return;
        good.set(from.id, good.get(from.id)! + readings.length / wanted.registers);
        if (readings.some(({ name, value }) => name !== `p${value}`)) wrong++;
      },
    });
    // Steady state: every dead unit has been found dead.
    await context.clock.sleep(wanted.durationMs / 2);
    counting = true;
    const cpu = process.cpuUsage();
    const start = performance.now();
    await context.clock.sleep(wanted.durationMs);
    counting = false;
    const { user, system } = process.cpuUsage(cpu);
    const byUnit = Array.from(good.values());
    void loop;
    return {
      seconds: (performance.now() - start) / 1000,
      good: byUnit.reduce((total, count) => total + count, 0),
      failed: 0,
      wrong,
      byUnit,
      cpuSeconds: (user + system) / 1e6,
      rssMb: process.memoryUsage.rss() / 1e6,
    };
  },
});
tell({});
