// Our loop over calm polling: every unit once a second, as the daemon does it.
import { openLoop } from "../../../gateway/southbound/loop.ts";
import { modbus } from "../../../gateway/southbound/modbus/protocol.ts";
import { connection, device, southbound } from "../gateway.ts";
import type { MasterResult, MasterSettings } from "../master.ts";
import { answer, settings, tell } from "./child.ts";

const wanted = settings<MasterSettings>();
const everyMs = 1000;
const width = wanted.type === "u32" ? 2 : 1;
const values = wanted.registers / width;

answer({
  run: async (): Promise<MasterResult> => {
    const good = new Map<string, number>();
    let wrong = 0;
    const context = southbound();
    await using loop = await openLoop({
      connection: "field",
      protocol: modbus,
      settings: connection(wanted),
      devices: wanted.units.map((unit) => device(unit, wanted, 0, everyMs)),
      context,
      learnedStore: { load: () => ({}), save: () => {} },
      sink: (from, readings) => {
        good.set(from.id, (good.get(from.id) ?? 0) + readings.length / values);
        // One value of each answer is looked at: judging all of them would be the largest part of the work.
        const reading = readings[(good.get(from.id) ?? 0) % readings.length];
        if (!reading) return;
        const first = Number(reading.name.slice(1)) * width;
        if (reading.value !== (width === 1 ? first : first * 0x10000 + first + 1)) wrong++;
      },
    });
    await context.clock.sleep(wanted.warmUpMs ?? 0);
    good.clear();
    const cpu = process.cpuUsage();
    const start = performance.now();
    await context.clock.sleep(wanted.durationMs);
    const { user, system } = process.cpuUsage(cpu);
    const seconds = (performance.now() - start) / 1000;
    void loop;
    const byUnit = Array.from(good.values());
    return {
      seconds,
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
