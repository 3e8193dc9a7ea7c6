import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { expect, it } from "vitest";
import { ask as askLocal, newFolder, program } from "../system/daemon.ts";
import { ask } from "./supervised.ts";

// What `npm start` runs, as a process of its own: the city, the gateway, and Node-RED beside it.

interface Demo extends AsyncDisposable {
  /** The first line, past or future, that matches. Rejects when the demonstration ends before. */
  line(pattern: RegExp): Promise<RegExpExecArray>;
  /** Ends it as Ctrl-C does; resolves to its exit code. */
  stop(): Promise<number | null>;
}

function startDemo(...args: string[]): Demo {
  const child = spawn(process.execPath, [program, "demo", ...args], {
    cwd: newFolder(),
    stdio: ["ignore", "pipe", "pipe"],
  });
  const lines: string[] = [];
  const waiting = new Set<(over: boolean) => void>();
  const look = (over: boolean) => {
    for (const one of waiting) one(over);
  };
  const take = (stream: Readable) =>
    createInterface({ input: stream }).on("line", (text) => {
      lines.push(text);
      look(false);
    });
  take(child.stdout);
  take(child.stderr);
  const ended = once(child, "close").then(([code]) => {
    look(true);
    return code as number | null;
  });
  return {
    line: (pattern) =>
      new Promise((resolve, reject) => {
        let from = 0;
        const check = (over: boolean) => {
          for (; from < lines.length; from++) {
            const found = pattern.exec(lines[from] ?? "");
            if (!found) continue;
            waiting.delete(check);
            return resolve(found);
          }
          if (over) reject(new Error(`it ended without ${pattern}:\n${lines.slice(-30).join("\n")}`));
        };
        waiting.add(check);
        check(child.exitCode !== null);
      }),
    stop: () => {
      child.kill("SIGINT");
      return ended;
    },
    async [Symbol.asyncDispose]() {
      if (child.exitCode === null) child.kill("SIGKILL");
      await ended;
    },
  };
}

it("runs the street lighting in Node-RED on the simulated lamp, for whoever has the printed password", {
  timeout: 400_000,
}, async () => {
  await using demo = startDemo("--node-red");
  const [, socket = ""] = await demo.line(/ status --socket (\S+)$/);
  // Nobody sees the gateway's log in the terminal; its page has it.
  const { body: log } = await askLocal<{ lines: readonly string[] }>(socket, "GET", "/v1/logs?lines=1000");
  expect(log.lines.join("\n")).toContain("the local API listens");
  const [, url = "", username, password = ""] = await demo.line(
    /^Node-RED: (http:\/\/127\.0\.0\.1:\d+)\/ .* User (\w+), password ([\w-]+) /,
  );
  const where = { url };
  const login = (given: string) =>
    ask(where, "/auth/token", {
      body: {
        client_id: "node-red-editor",
        grant_type: "password",
        scope: "",
        username,
        password: given,
      },
    });
  expect((await ask(where, "/flows")).status).toBe(401);
  expect((await login(`${password}x`)).status).toBe(403);
  const { status, json } = await login(password);
  expect(status).toBe(200);
  const token = json.access_token;
  expect((await ask(where, "/settings", { token })).json.user).toMatchObject({ permissions: "*" });

  const { flows } = (await ask(where, "/flows", { token })).json;
  const command = flows.find(({ type }: { type: string }) => type === "stadsnod-command");
  expect(command).toMatchObject({ device: "lamp-1", point: "level" });
  // What the flow's devices are picked from: all of them are in the scene.
  const { json: listed } = await ask(where, `/stadsnod/${command.gateway}/devices`, { token });
  for (const { type, device, point } of flows) {
    if (type !== "stadsnod-reading" && type !== "stadsnod-command") continue;
    const found = listed.find(({ id }: { id: string }) => id === device);
    expect(found?.points.map(({ name }: { name: string }) => name)).toContain(point);
  }

  const [, asked, shown] = await demo.line(
    /command by token:node-red: lamp-1 level (\d+) %: succeeded: (\d+) %/,
  );
  expect(shown).toBe(asked);
  // An operator may deploy what is there.
  expect((await ask(where, "/flows", { token, body: { flows } })).status).toBe(200);

  expect(await demo.stop()).toBe(0);
  await expect(ask(where, "/flows")).rejects.toThrow();
});

it("leaves Node-RED out where nobody looks", async () => {
  await using demo = startDemo("--json", "--for", "2s");
  const [, missing] = await demo.line(/"missing":(\d+)/);
  expect(missing).toBe("0");
  await expect(demo.line(/^Node-RED: /)).rejects.toThrow("it ended without");
});
