import { once } from "node:events";
import { createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type Bench, compared, failed, median, type Row } from "./bench.ts";
import { cpuSeconds, rssMb } from "./process.ts";
import { pointsPerDevice, startDaemon } from "./running-daemon.ts";

/** The whole daemon as it is shipped, against a simulated line of devices and a real broker. */
export const daemon: Bench = {
  name: "daemon",
  title: "start-up, memory and processor time of the whole daemon",
  method:
    "The daemon as it is shipped, beside simulated devices over TCP and a real broker. Start: from the process's start to the first message at the broker, median of 3. Idle: six devices of a hundred points, read once a minute; the median of 15 s of resident memory, one look a second, after 10 s (5 after 5 where quick), without history, with it, and with HTTPS open. 10,000 points a second: 100 devices of 100 points over TCP for 20 s (10 where quick).",
  goals: {
    "daemon.start.s": { atMost: 2 },
    "daemon.rss.idle.MB": { atMost: 75 },
    "daemon.rss.idle.history.MB": { atMost: 75 },
    "daemon.rss.idle.https.MB": { atMost: 75 },
    "daemon.rss.10kPoints.MB": { atMost: 120 },
  },
  run: async ({ quick, folder }) => {
    const rows: Row[] = [];
    const measured = async (name: string, unit: string, measure: () => Promise<Row[]>): Promise<void> => {
      try {
        rows.push(...(await measure()));
      } catch (error) {
        rows.push(failed(name, unit, error));
      }
    };
    await measured("daemon.start.s", "s", async () => {
      const starts: number[] = [];
      for (let round = 0; round < 3; round++) {
        await using run = await startDaemon(join(folder, `start-${round}`), { devices: 1, every: "1s" });
        starts.push(run.firstMessageMs / 1000);
      }
      return [{ name: "daemon.start.s", value: median(starts), unit: "s" }];
    });
    // In turn, so that a machine that changes treats all alike.
    for (const [name, local] of Object.entries(idleWays)) {
      await measured(name, "MB", async () => {
        const more = await local();
        const rss = await idleRss(join(folder, `idle-${rows.length}`), more, quick);
        return [compared(name, rss, "MB", "the budget of 75 MB", budgetMb)];
      });
    }
    await measured("daemon.rss.10kPoints.MB", "MB", async () => {
      await using run = await startDaemon(join(folder, "full"), { devices: 100, every: "1s" });
      await sleep(3000);
      const cpu = cpuSeconds(run.pid);
      const requests = await run.requests();
      const start = performance.now();
      await sleep(quick ? 10_000 : 20_000);
      const seconds = (performance.now() - start) / 1000;
      const points = (((await run.requests()) - requests) * pointsPerDevice) / seconds;
      const rss = rssMb(run.pid);
      const share = ((cpuSeconds(run.pid) - cpu) / seconds) * 100;
      // A daemon that falls behind needs less memory: then the figure means nothing.
      if (points < 9800) throw new Error(`only ${points.toFixed(0)} points per second were read`);
      return [
        { name: "daemon.rss.10kPoints.MB", value: rss, unit: "MB" },
        { name: "daemon.cpu.10kPoints", value: share, unit: "%" },
        { name: "daemon.pointsPerSecond", value: points, unit: "1/s" },
      ];
    });
    return rows;
  },
};

const budgetMb = 75;

/** Idle: six devices whose hundred points each are read once a minute; nobody asks the local API. */
const idleWays: Readonly<Record<string, () => Promise<Readonly<Record<string, unknown>>>>> = {
  "daemon.rss.idle.MB": async () => ({ history: false }),
  "daemon.rss.idle.history.MB": async () => ({ history: { maxAge: "7d" } }),
  "daemon.rss.idle.https.MB": async () => ({
    history: false,
    local: { socket: "data/stadsnod.sock", https: { port: await freePort(), host: "127.0.0.1" } },
  }),
};

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}

/** The median of 15 s. */
async function idleRss(
  folder: string,
  more: Readonly<Record<string, unknown>>,
  quick: boolean,
): Promise<number> {
  await using run = await startDaemon(folder, { devices: 6, every: "60s", more });
  await sleep(quick ? 5000 : 10_000);
  const seen: number[] = [];
  for (let second = 0; second < (quick ? 5 : 15); second++) {
    seen.push(rssMb(run.pid));
    await sleep(1000);
  }
  return median(seen);
}
