import { setTimeout as sleep } from "node:timers/promises";
import { type Bench, quantile, type Row } from "./bench.ts";
import { openCommandLine, transactionMs } from "./command-line.ts";
import { cpuSeconds } from "./process.ts";

/** What a command may wait beyond the poll that is under way, ms. */
const slackMs = 20;

/**
 * How long commands wait on a saturated line, one after the other at random moments. Rows
 * `commands.latency.receipt.*`: from the bytes in the desk's hands to the first byte of the write on
 * the line, beside the limit (one poll and 20 ms). `publish`: the same from the city's MQTT client on, through a
 * broker. `poll`: how long the polls of the same run took, from the first byte to the next request: what is above
 * the ideal is the machine's doing. `durable`: from receipt until `accepted` is on the disk, which comes before the first byte.
 */
export const commandLatency: Bench = {
  name: "commands.latency",
  title: "from a command to its first byte on a saturated line of 9600 baud",
  method:
    "1,000 commands (100 where quick), one after the other at random moments, to ten devices of 20 registers on a simulated line of 9600 baud that is polled without pause. `receipt`: from the command's bytes in the gateway's hands to the first byte of its write on the line; `publish`: the same from the city's MQTT client on; `durable`: until it is on the disk; `poll`: what the polls of the same run took, which is the machine's doing where it is above the ideal. Quantiles over all commands. The limit is one poll and 20 ms.",
  goals: { "commands.latency.receipt.p99": { atMost: 1, of: "ratio" } },
  run: async ({ quick, folder }) => {
    await using rig = await openCommandLine(folder, 0.5);
    const found = {
      receipt: [] as number[],
      publish: [] as number[],
      durable: [] as number[],
      poll: [] as number[],
    };
    await rig.gateway.ask("receipts");
    for (let number = 0; number < (quick ? 100 : 1000); number++) {
      await sleep(Math.random() * transactionMs);
      await rig.line.ask("reset");
      const sent = rig.send();
      const { state, code } = await rig.last(sent.id);
      if (state !== "succeeded") throw new Error(`a command ended as ${state} ${code}`);
      const { writes, pollMs } = await rig.line.ask("traffic");
      const [receipt, another] = await rig.gateway.ask("receipts");
      const write = writes.find(({ unit, value }) => unit === sent.unit && value === sent.value);
      if (!write || !receipt || another) throw new Error("a command was not seen on its way");
      if (write.at < receipt.at + receipt.durableMs - 1)
        throw new Error("a write went out before its command was durable");
      found.receipt.push(write.at - receipt.at);
      found.publish.push(write.at - sent.at);
      found.durable.push(receipt.durableMs);
      found.poll.push(...pollMs);
    }
    const limit = transactionMs + slackMs;
    const rows: Row[] = [{ name: "commands.latency.limit", value: limit, unit: "ms" }];
    for (const [from, values] of Object.entries(found))
      for (const [name, share] of Object.entries({ p50: 0.5, p99: 0.99, max: 1 })) {
        const value = quantile(values, share);
        const beside =
          from === "durable" || from === "poll" ? {} : { ratioTo: "the limit", ratio: value / limit };
        rows.push({ name: `commands.latency.${from}.${name}`, value, unit: "ms", ...beside });
      }
    return rows;
  },
};

/**
 * 100 commands a second to a line that carries about ten. Per share (most of the line's time for
 * commands): polls a second during the flood beside before it, which must stay above 1 - share; how long a poll took
 * beside before it (above 1: the machine is busy with something else); what became of the commands; and how many never had a last word.
 */
export const commandFlood: Bench = {
  name: "commands.flood",
  title: "100 commands a second on a saturated line",
  method:
    "Polls a second of the same line while 100 commands a second come for 60 s (10 s where quick), divided by those of the 5 s before; once with a share of half of the line's time for commands, once with a fifth. Polls must keep at least what the share leaves them. Every command must have a last word.",
  goals: {
    "commands.flood.50.pollsPerSecond": { atLeast: 0.5, of: "ratio" },
    "commands.flood.20.pollsPerSecond": { atLeast: 0.8, of: "ratio" },
    "commands.flood.50.withoutLastWord": { atMost: 0 },
    "commands.flood.20.withoutLastWord": { atMost: 0 },
  },
  run: async ({ quick, folder }) => {
    const rows: Row[] = [];
    for (const share of [0.5, 0.2]) rows.push(...(await flood(`${folder}/${share}`, share, quick)));
    return rows;
  },
};

async function flood(folder: string, share: number, quick: boolean): Promise<Row[]> {
  await using rig = await openCommandLine(folder, share);
  const { line, gateway, lasts, send } = rig;
  const during = async (seconds: number, every: () => void) => {
    await line.ask("reset");
    const start = performance.now();
    const total = Math.round(seconds * 100);
    for (let tick = 0; tick < total; tick++) {
      every();
      const wait = start + (tick + 1) * 10 - performance.now();
      if (wait > 0) await sleep(wait);
    }
    const { polls, pollMs, writes } = await line.ask("traffic");
    const perSecond = (polls * 1000) / (performance.now() - start);
    return { perSecond, pollMs: quantile(pollMs, 0.5), writes: writes.length };
  };
  const calm = await during(5, () => {});
  const ids: string[] = [];
  const cpu = cpuSeconds(gateway.pid);
  const seconds = quick ? 10 : 60;
  const flooded = await during(seconds, () => ids.push(send().id));
  const cpuShare = ((cpuSeconds(gateway.pid) - cpu) / seconds) * 100;
  // All have at most 10 s left.
  for (let wait = 0; wait < 700 && ids.some((id) => !lasts.has(id)); wait++) await sleep(100);
  const name = `commands.flood.${share * 100}`;
  const ends = Map.groupBy(ids, (id) => {
    const { state, code } = lasts.get(id) ?? { state: "lost", code: "" };
    return code ? `${state}-${code}` : state;
  });
  return [
    { name: `${name}.pollsPerSecond.before`, value: calm.perSecond, unit: "1/s" },
    {
      name: `${name}.pollsPerSecond`,
      value: flooded.perSecond,
      unit: "1/s",
      ratioTo: "before",
      ratio: flooded.perSecond / calm.perSecond,
    },
    { name: `${name}.pollsLeast`, value: 1 - share, unit: "x before" },
    {
      name: `${name}.pollMs`,
      value: flooded.pollMs,
      unit: "ms",
      ratioTo: "before",
      ratio: flooded.pollMs / calm.pollMs,
    },
    { name: `${name}.writesPerSecond`, value: flooded.writes / seconds, unit: "1/s" },
    { name: `${name}.sent`, value: ids.length, unit: "" },
    ...Array.from(ends, ([end, { length }]) => ({ name: `${name}.${end}`, value: length, unit: "" })),
    { name: `${name}.withoutLastWord`, value: ends.get("lost")?.length ?? 0, unit: "" },
    { name: `${name}.cpu`, value: cpuShare, unit: "%" },
  ];
}
