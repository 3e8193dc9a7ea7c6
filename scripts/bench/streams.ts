import { once } from "node:events";
import { type ClientRequest, type IncomingMessage, request } from "node:http";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type Bench, compared, type Row } from "./bench.ts";
import { cpuSeconds, rssMb } from "./process.ts";
import { pointsPerDevice, type RunningDaemon, startDaemon } from "./running-daemon.ts";

/**
 * What event streams cost: the daemon reads 100 points a second, and one or 1,000 readers on its Unix
 * socket are told all of them. `delivered`: readings that a reader got per reading; below 1 some were lost.
 */
export const localStreams: Bench = {
  name: "local.streams",
  title: "readers of /v1/readings on the Unix socket, 100 readings a second",
  method:
    "The daemon reads 100 points a second; 1 and then 1,000 readers on its Unix socket are told all of them for 8 s (5 where quick), after 3 s that do not count. Memory is the most that was seen, processor time that of the daemon's process. `delivered`: readings that a reader got per reading; below 1 some were lost.",
  run: async ({ quick, folder }) => {
    const ways: Record<string, Cost> = {};
    for (const readers of [1, 1000]) {
      await using run = await startDaemon(join(folder, String(readers)), { devices: 1, every: "1s" });
      ways[readers] = await cost(run, readers, quick ? 5 : 8);
    }
    const [one, many] = [ways[1]!, ways[1000]!];
    return [
      { name: "local.streams.1.rss.MB", value: one.rss, unit: "MB" },
      compared("local.streams.1000.rss.MB", many.rss, "MB", "1 stream", one.rss),
      { name: "local.streams.1.cpu", value: one.cpu, unit: "%" },
      compared("local.streams.1000.cpu", many.cpu, "%", "1 stream", one.cpu),
      { name: "local.streams.1.delivered", value: one.delivered, unit: "" },
      { name: "local.streams.1000.delivered", value: many.delivered, unit: "" },
    ] satisfies Row[];
  },
};

interface Cost {
  readonly rss: number;
  readonly cpu: number;
  readonly delivered: number;
}

async function cost(daemon: RunningDaemon, readers: number, seconds: number): Promise<Cost> {
  const requests: ClientRequest[] = [];
  let readings = 0;
  try {
    for (let reader = 0; reader < readers; reader++) {
      const asked = request({ socketPath: daemon.socket, path: "/v1/readings" });
      asked.on("error", () => {});
      requests.push(asked);
      asked.end();
      const [response]: IncomingMessage[] = await once(asked, "response");
      if (response?.statusCode !== 200) throw new Error(`status ${response?.statusCode}`);
      // Each reading is one object.
      response.on("data", (chunk: Buffer) => {
        for (let at = chunk.indexOf("{"); at >= 0; at = chunk.indexOf("{", at + 1)) readings++;
      });
    }
    await sleep(3000);
    readings = 0;
    const before = await daemon.requests();
    const cpu = cpuSeconds(daemon.pid);
    const start = performance.now();
    const rss: number[] = [];
    while (performance.now() - start < seconds * 1000) {
      await sleep(1000);
      rss.push(rssMb(daemon.pid));
    }
    const took = (performance.now() - start) / 1000;
    const polls = (await daemon.requests()) - before;
    return {
      rss: Math.max(...rss),
      cpu: ((cpuSeconds(daemon.pid) - cpu) / took) * 100,
      delivered: readings / readers / polls / pointsPerDevice,
    };
  } finally {
    for (const asked of requests) asked.destroy();
  }
}
