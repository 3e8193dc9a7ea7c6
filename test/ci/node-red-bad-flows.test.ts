import { spawn } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { type BadFlow, badFlow, badFlowNames } from "../../scripts/bench/bad-flows.ts";
import { openBroker } from "../../simulators/broker.ts";
import { type Daemon, newFolder, program, startDaemon } from "../system/daemon.ts";
import { configuration, meterProfile, openMeters, watchPlatform, writeProfiles } from "../system/field.ts";
import { askLocal } from "./ask-local.ts";
import { freePort } from "./supervised.ts";

// A daemon, a platform, and Node-RED under `stadsnod node-red` with a flow that goes wrong: telemetry goes on without a
// missing number, and commands of others succeed. How fast: `npm run bench -- --only nodered.flows`.

const profile = `${meterProfile}  set: {at: {holding: 10}, unit: "%", write: {range: [0, 100]}}\n`;
const settable = {
  registers: { holding: { 0: "4366 8000", 2: "FFCA", 3: "0001 E240", 5: 1, 6: "0008", 10: 0 } },
};

/** Resolves when the flow has done what it is for. */
async function harm(name: BadFlow, daemon: Daemon, userDir: string, said: () => string): Promise<void> {
  const status = () => JSON.parse(readFileSync(join(userDir, "supervisor.json"), "utf8"));
  if (name === "endless" || name === "leak")
    return expect.poll(() => status().crashes, { timeout: 90_000, interval: 200 }).toBeGreaterThan(0);
  if (name === "throw") return expect.poll(said, { timeout: 60_000 }).toContain("thrown at the start");
  await expect
    .poll(
      async () => {
        const commands = await askLocal<{ issuer: string }[]>(
          daemon.socket,
          "GET",
          "/v1/commands?device=meter-2",
        );
        return commands.filter(({ issuer }) => issuer === "token:node-red").length;
      },
      { timeout: 60_000, interval: 200 },
    )
    .toBeGreaterThan(5);
}

describe("a daemon beside a flow that goes wrong", () => {
  it.each(badFlowNames)(
    "measures and obeys others: %s",
    async (name) => {
      await using stack = new AsyncDisposableStack();
      const meters = stack.use(await openMeters([1, 2], { 1: settable, 2: settable }));
      const broker = stack.use(await openBroker({ port: 0 }));
      const platform = watchPlatform(broker.url);
      const watched = stack.use(await platform);
      const folder = newFolder();
      writeProfiles(folder, { "test/meter": profile });
      const [https, port] = [await freePort(), await freePort()];
      const yaml = `${configuration({
        port: meters.port,
        broker: broker.url,
        devices: { "meter-1": { unit: 1 }, "meter-2": { unit: 2 } },
      })}
local: {socket: s.sock, https: {port: ${https}, host: 127.0.0.1}}
nodeRed: {enabled: true, port: ${port}, userDir: node-red, memory: 128MB}
`;
      const daemon = stack.use(await startDaemon({ folder, yaml }));
      const userDir = join(folder, "node-red");
      mkdirSync(join(userDir, "home"), { recursive: true });
      writeFileSync(
        join(userDir, "home", "flows.json"),
        JSON.stringify(badFlow(name, { device: "meter-2", point: "set" })),
      );
      const supervisor = spawn(process.execPath, [program, "node-red", "gateway.yaml"], {
        cwd: folder,
        stdio: ["ignore", "ignore", "pipe"],
      });
      let said = "";
      supervisor.stderr.setEncoding("utf8").on("data", (text: string) => {
        said = (said + text).slice(-20_000);
      });
      const ended = new Promise((resolve) => supervisor.once("exit", resolve));
      stack.defer(async () => {
        supervisor.kill("SIGTERM");
        await ended;
      });
      await watched.reading("meter-1", "voltage");
      await expect
        .poll(
          () => {
            try {
              return JSON.parse(readFileSync(join(userDir, "supervisor.json"), "utf8")).state;
            } catch {
              return "not yet";
            }
          },
          { timeout: 60_000 },
        )
        .not.toBe("not yet");
      await harm(name, daemon, userDir, () => said);

      const before = watched.readings.length;
      for (const value of [10, 20, 30]) {
        const command = { device: "meter-1", point: "set", value };
        const result = await askLocal(daemon.socket, "POST", "/v1/commands?wait=30s", command);
        expect(result).toMatchObject({ state: "succeeded", value });
      }
      await watched.platform.until(() => watched.readings.length >= before + 50);
      expect(watched.platform.summary()).toMatchObject({ missing: 0, lost: 0, malformed: 0 });
      expect(watched.readings.slice(before).filter(({ name: one }) => one.endsWith("/quality"))).toEqual([]);
    },
    240_000,
  );
});
