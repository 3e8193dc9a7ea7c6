import { type Bench, compared, type Row } from "./bench.ts";
import type { DeskAnswers, DeskSettings } from "./children/command-desk.ts";
import { startChild } from "./process.ts";

/**
 * The desk alone: CBOR commands that are checked, made durable, carried out by a field that takes no time,
 * and given a durable last word. `oneAtATime`: each waits for the disk by itself; `together`: a hundred
 * devices are commanded at once and share its syncs.
 */
export const commandDesk: Bench = {
  name: "commands.desk",
  title: "commands a second that the desk makes durable",
  method:
    "The desk alone on the disk of the repository: CBOR commands that are checked, made durable, carried out by a field that takes no time, and given a durable last word, for 5 s (3 where quick); once each waits for the disk by itself, once a hundred devices are commanded at a time and share its syncs. One run each.",
  run: async ({ quick, folder }) => {
    const run = async (name: string, parallel: number) => {
      const wanted: DeskSettings = { folder: `${folder}/${name}`, parallel, seconds: quick ? 3 : 5 };
      await using child = await startChild<unknown, DeskAnswers>("command-desk.ts", wanted);
      const { commands, seconds, cpuSeconds } = await child.ask("run");
      return { perSecond: commands / seconds, cpu: (cpuSeconds * 1e6) / commands };
    };
    const alone = await run("alone", 1);
    const together = await run("together", 100);
    return [
      { name: "commands.desk.perSecond.oneAtATime", value: alone.perSecond, unit: "1/s" },
      compared(
        "commands.desk.perSecond.together",
        together.perSecond,
        "1/s",
        "one at a time",
        alone.perSecond,
      ),
      { name: "commands.desk.cpu.oneAtATime", value: alone.cpu, unit: "us each" },
      compared("commands.desk.cpu.together", together.cpu, "us each", "one at a time", alone.cpu),
    ] satisfies Row[];
  },
};
