import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { listBackups, restoreBackup } from "../../gateway/cli/node-red/backups.ts";
import { placesOf } from "../../gateway/cli/node-red/prepare.ts";
import type { NodeRedStatus } from "../../gateway/cli/node-red/status-file.ts";
import { readStatus } from "../../gateway/cli/node-red/status-file.ts";
import { newFolder, root, run as runProgram } from "../system/daemon.ts";
import { openDoors } from "../system/local-doors.ts";
import { ask, atStart, deploy, freePort, type Supervised, startNodeRed } from "./supervised.ts";

const idle = atStart("return msg;");

describe("Node-RED with the gateway's users", () => {
  let nodeRed: Supervised;
  const tokens: Record<string, string> = {};
  beforeAll(async () => {
    nodeRed = await startNodeRed();
    await nodeRed.until(({ state }) => state === "running");
    for (const role of ["viewer", "technician", "operator"])
      tokens[role] = await nodeRed.doors.sessionOf(role, `${role}-1`);
  });
  afterAll(() => nodeRed[Symbol.asyncDispose]());
  const login = (user: string, given: string) =>
    ask(nodeRed, "/auth/token", {
      body: {
        client_id: "node-red-editor",
        grant_type: "password",
        scope: "",
        username: user,
        password: given,
      },
    });

  it("lets nobody in without a login", async () => {
    expect((await ask(nodeRed, "/flows")).status).toBe(401);
    expect((await ask(nodeRed, "/settings")).status).toBe(401);
    expect((await ask(nodeRed, "/nodes")).status).toBe(401);
    expect((await ask(nodeRed, "/flows", { token: "guessed-guessed-guessed-guessed" })).status).toBe(401);
    expect((await deploy(nodeRed, "guessed-guessed-guessed-guessed", idle)).status).toBe(401);
  });

  it("lets operators deploy", async () => {
    const answer = await deploy(nodeRed, tokens.operator!, idle);
    expect(answer).toMatchObject({ status: 200 });
    const flows = await ask(nodeRed, "/flows", { token: tokens.operator! });
    expect(flows.json.flows.map(({ id }: { id: string }) => id)).toEqual(idle.map(({ id }) => id));
  });

  it.each(["viewer", "technician"])("lets a %s look, and no more", async (role) => {
    const token = tokens[role]!;
    expect((await ask(nodeRed, "/flows", { token })).status).toBe(200);
    expect((await deploy(nodeRed, token, idle)).status).toBe(401);
    expect((await ask(nodeRed, "/inject/inject-1", { token, body: {} })).status).toBe(401);
  });

  it("takes the password of the gateway in the editor, and the session ends with the user", async () => {
    const { password: first } = await nodeRed.doors
      .ask({ door: "socket", method: "POST", path: "/v1/users", body: { name: "kim", role: "operator" } })
      .then(({ json }) => json);
    // A first password opens nothing until it is changed.
    expect((await login("kim", first)).status).toBe(403);
    await nodeRed.doors.login("kim", first);
    expect((await login("kim", "wrong-wrong-wrong")).status).toBe(403);
    const { status, json } = await login("kim", `quite-another-${first}`);
    expect(status).toBe(200);
    const { json: settings } = await ask(nodeRed, "/settings", { token: json.access_token });
    expect(settings.user).toMatchObject({ username: "kim", permissions: "*" });
    await nodeRed.doors.ask({ door: "socket", method: "DELETE", path: "/v1/users/kim" });
    await expect
      .poll(() => ask(nodeRed, "/flows", { token: json.access_token }).then((answer) => answer.status), {
        timeout: 20_000,
        interval: 500,
      })
      .toBe(401);
    expect(JSON.stringify(nodeRed.log)).not.toContain(first);
  });

  it("has neither exec nor files, and refuses flows that need them", async () => {
    const token = tokens.operator!;
    const { json: sets } = await ask(nodeRed, "/nodes", { token });
    const types = sets.flatMap(({ types: of }: { types: string[] }) => of);
    expect(types).toContain("function");
    for (const type of ["exec", "file", "file in", "watch"]) expect(types).not.toContain(type);
    const exec = { id: "exec-1", type: "exec", z: "tab-1", command: "id", wires: [[], [], []] };
    const answer = await deploy(nodeRed, token, [...idle, exec]);
    expect(answer.status).toBe(400);
    expect(answer.text).toContain("exec");
    // What ran goes on.
    expect((await ask(nodeRed, "/flows", { token })).json.flows).toHaveLength(idle.length);
    expect((await deploy(nodeRed, token, [...idle, { ...exec, d: true }])).status).toBe(200);
  });

  it("installs nothing", async () => {
    const answer = await ask(nodeRed, "/nodes", {
      token: tokens.operator!,
      body: { module: "node-red-node-x" },
    });
    expect(answer.status).toBeGreaterThanOrEqual(400);
  });

  it("keeps the secret of the credentials to itself", () => {
    const { secret, token } = placesOf(nodeRed.config);
    expect(statSync(secret).mode & 0o777).toBe(0o600);
    expect(readFileSync(secret, "utf8")).toMatch(/^[0-9a-f]{64}\n$/);
    // Nothing has asked the gateway yet, but for logins.
    expect(existsSync(token)).toBe(false);
  });

  it("lets our nodes ask the gateway, as its token and with nothing typed", async () => {
    const item = { z: "tab-1", name: "", gateway: "gw", device: "lamp-1", point: "level" };
    const flow = [
      { id: "tab-1", type: "tab", label: "test" },
      { id: "gw", type: "stadsnod-gateway", connection: "socket", socket: "", url: "", fingerprint: "" },
      {
        ...item,
        id: "in",
        type: "stadsnod-reading",
        audience: "",
        emit: "all",
        everyS: 60,
        quality: "good",
        initial: true,
        wires: [["half"]],
      },
      {
        id: "half",
        type: "function",
        z: "tab-1",
        func: "return { payload: msg.payload / 2 };",
        outputs: 1,
        libs: [],
        wires: [["out"]],
      },
      {
        ...item,
        id: "out",
        type: "stadsnod-command",
        value: "",
        valueType: "msg",
        priority: "",
        expiresS: 30,
        reason: "",
        confirm: "message",
        inFlight: 10,
        wires: [[], []],
      },
    ];
    const { operator = "" } = tokens;
    expect((await deploy(nodeRed, operator, flow)).status).toBe(200);
    const { submitted } = nodeRed.doors.surface;
    await expect.poll(() => submitted.length, { timeout: 30_000 }).toBeGreaterThan(0);
    expect(submitted[0]).toMatchObject({ issuer: "token:node-red", priority: "automation", value: 40 });
  });

  it("keeps the state of alarms over a restart, and a kill", async () => {
    const button = (name: string, func: string) => [
      {
        id: `inject-${name}`,
        type: "inject",
        z: "tab-a",
        props: [],
        once: false,
        repeat: "",
        crontab: "",
        wires: [[`function-${name}`]],
      },
      { id: `function-${name}`, type: "function", z: "tab-a", func, outputs: 1, libs: [], wires: [[]] },
    ];
    const flow = [
      { id: "tab-a", type: "tab", label: "alarm" },
      {
        id: "inject-a",
        type: "inject",
        z: "tab-a",
        props: [{ p: "payload" }, { p: "topic", v: "lamp-1/level", vt: "str" }],
        payload: "99",
        payloadType: "num",
        once: false,
        repeat: "",
        crontab: "",
        wires: [["alarm-a"]],
      },
      {
        id: "alarm-a",
        type: "stadsnod-alarm",
        z: "tab-a",
        name: "too bright",
        rule: "above",
        limit: "50",
        high: "",
        hysteresis: "",
        severity: "high",
        latching: true,
        onDelay: "",
        offDelay: "",
        bad: "keep",
        topic: "",
        wires: [["function-a"]],
      },
      {
        id: "function-a",
        type: "function",
        z: "tab-a",
        func: "node.warn('alarm ' + msg.payload);",
        outputs: 1,
        libs: [],
        wires: [[]],
      },
      ...button("last", "node.warn('all was heard');"),
      ...button(
        "kill",
        `const { process } = Buffer.constructor("return globalThis")(); process.kill(process.pid, "SIGKILL");`,
      ),
    ];
    const token = tokens.operator!;
    const said = () => nodeRed.log.map(({ text }) => text).filter((text) => /alarm raised/.test(text)).length;
    // Until the flows run, there is no such button.
    const press = (id = "inject-a") =>
      expect
        .poll(() => ask(nodeRed, `/inject/${id}`, { token, body: {} }).then(({ status }) => status, String), {
          timeout: 30_000,
        })
        .toBe(200);
    expect((await deploy(nodeRed, token, flow)).status).toBe(200);
    await press();
    await expect.poll(said, { timeout: 30_000 }).toBe(1);
    const { home } = placesOf(nodeRed.config);
    const file = join(home, "alarms", "tab-a", "alarm-a.json");
    await expect
      .poll(() => existsSync(file) && readFileSync(file, "utf8"), { timeout: 30_000 })
      .toContain('"active": true');
    const before = nodeRed.statuses.length;
    await press("inject-kill");
    const since = (state: string) =>
      nodeRed.until((status) => nodeRed.statuses.indexOf(status) >= before && status.state === state);
    await since("restarting");
    await since("running");
    // The same reading again is nothing new to an alarm that knows that it is raised.
    await press();
    await press();
    await press("inject-last");
    await expect
      .poll(() => nodeRed.log.some(({ text }) => /all was heard/.test(text)), { timeout: 30_000 })
      .toBe(true);
    expect(said()).toBe(1);
  });

  it("keeps what was deployed, and goes back to it", async () => {
    const { home } = placesOf(nodeRed.config);
    const token = tokens.operator!;
    const answers = [];
    for (const code of ["return 1;", "return 2;"]) answers.push(await deploy(nodeRed, token, atStart(code)));
    expect(answers.map(({ status }) => status)).toEqual([200, 200]);
    const [, earlier] = await listBackups(home);
    await restoreBackup(home, earlier!.name);
    const placeOf = (status: NodeRedStatus) => nodeRed.statuses.indexOf(status);
    const before = nodeRed.statuses.length;
    await nodeRed.restart();
    const down = await nodeRed.until((one) => placeOf(one) >= before && one.state !== "running");
    await nodeRed.until((one) => placeOf(one) > placeOf(down) && one.state === "running");
    const { json } = await ask(nodeRed, "/flows", { token });
    expect(json.flows.at(-1).func).toBe("return 1;");
    await expect(restoreBackup(home, "../flows")).rejects.toMatchObject({ code: "unknown-backup" });
  });
});

describe.skipIf(process.getuid?.() !== 0)("Node-RED under an account of its own (needs root)", () => {
  it("cannot do what the supervisor can, even when a flow breaks out of its sandbox", async () => {
    const folder = newFolder();
    await using doors = await openDoors();
    for (const path of [folder, dirname(doors.socket)]) chmodSync(path, 0o711);
    await using nodeRed = await startNodeRed({ folder, doors, nodeRed: { user: "nobody" } });
    await nodeRed.until(({ state }) => state === "running");
    const { settings, gate } = placesOf(nodeRed.config);
    const code = `
      const { process } = Buffer.constructor("return globalThis")();
      const net = process.getBuiltinModule("node:net");
      const fs = process.getBuiltinModule("node:fs");
      for (const path of ${JSON.stringify([doors.socket, gate])}) {
        const socket = net.connect(path, () => { node.warn("opened " + path); socket.destroy(); });
        socket.on("error", (error) => node.warn(error.code + " " + path));
      }
      try { fs.appendFileSync(${JSON.stringify(settings)}, " "); } catch (error) { node.warn(error.code + " settings"); }
      node.warn("account " + process.getuid() + " " + process.getgroups().length);`;
    expect((await deploy(nodeRed, await doors.sessionOf("operator"), atStart(code))).status).toBe(200);
    const logged = (words: string) =>
      expect.poll(() => nodeRed.log.map(({ text }) => text).join("\n"), { timeout: 30_000 }).toContain(words);
    await logged(`EACCES ${doors.socket}`);
    await logged(`opened ${gate}`);
    await logged("EACCES settings");
    await logged(`account ${statSync(placesOf(nodeRed.config).home).uid} `);
    expect(statSync(placesOf(nodeRed.config).home).uid).not.toBe(0);
  });
});

describe("the built supervisor", () => {
  it("runs Node-RED, says how it is, and takes it along when it ends", async () => {
    const folder = newFolder();
    const port = await freePort();
    writeFileSync(
      join(folder, "gateway.yaml"),
      `gateway: {id: gw-test, pen: 32474}\nlocal: {https: {}}\nnodeRed: {enabled: true, port: ${port}}\n`,
    );
    const program = join(root, "dist", "stadsnod.js");
    const child = spawn(process.execPath, [program, "node-red"], {
      cwd: folder,
      stdio: ["ignore", "ignore", "pipe"],
    });
    const there = Promise.withResolvers<void>();
    createInterface({ input: child.stderr }).on("line", (line) => {
      if (line.includes("Node-RED is there")) there.resolve();
    });
    const ended = once(child, "exit");
    await Promise.race([there.promise, ended.then(() => Promise.reject(new Error("it ended")))]);
    // No gateway is there: nobody gets in, and Node-RED works on.
    expect((await ask({ url: `http://127.0.0.1:${port}` }, "/flows")).status).toBe(401);
    const { out } = await runProgram(["node-red", "status", "--json"], { cwd: folder });
    expect(JSON.parse(out)).toMatchObject({ state: "running", crashes: 0, pid: child.pid });
    child.kill("SIGTERM");
    expect((await ended)[0]).toBe(0);
    await expect(ask({ url: `http://127.0.0.1:${port}` }, "/flows")).rejects.toThrow();
    expect(await runProgram(["node-red", "status"], { cwd: folder })).toMatchObject({ code: 3 });
  });
});

describe("where gateway.yaml does not enable it", () => {
  it("refuses a person, and lets systemd go", async () => {
    const folder = newFolder();
    writeFileSync(join(folder, "gateway.yaml"), "gateway: {id: gw-test, pen: 32474}\n");
    expect(await runProgram(["node-red"], { cwd: folder })).toMatchObject({ code: 2 });
    const { code, err } = await runProgram(["node-red", "run", "--if-enabled"], { cwd: folder });
    expect(err).toContain("Node-RED is off");
    expect(code).toBe(0);
  });
});

describe("flows that go wrong", () => {
  const run = async (code: string, nodeRed: Supervised) => {
    await nodeRed.until(({ state }) => state === "running");
    const token = await nodeRed.doors.sessionOf("operator");
    const answer = await deploy(nodeRed, token, atStart(code));
    expect(answer.status).toBe(200);
    return token;
  };

  it("ends a flow that loops for ever, and runs its flows no more after the third time", async () => {
    const folder = newFolder();
    await using doors = await openDoors();
    {
      await using nodeRed = await startNodeRed({ folder, doors, policy: { silenceMs: 4000 } });
      const token = await run("setTimeout(() => { for (;;); }, 10);", nodeRed);
      const hung = await nodeRed.until(({ crashes }) => crashes === 1);
      expect(hung.lastCrash).toMatchObject({ code: "hung" });
      expect(await nodeRed.until(({ state }) => state === "safe-mode")).toMatchObject({ crashes: 3 });
      expect(nodeRed.log.some(({ code }) => code === "safe-mode")).toBe(true);
      expect(await readStatus(nodeRed.config.nodeRed.userDir)).toMatchObject({ state: "safe-mode" });
      // The flows are there to be mended.
      const { json } = await ask(nodeRed, "/flows", { token });
      expect(json.flows).toHaveLength(3);
    }
    // Still so after a restart of the supervisor, until somebody deploys.
    await using again = await startNodeRed({ folder, doors });
    await again.until(({ state }) => state === "safe-mode");
    const token = await doors.sessionOf("operator");
    expect((await deploy(again, token, idle)).status).toBe(200);
    await again.until(({ state, safe }) => state === "running" && !safe);
  });

  it.each([
    [
      "eats JavaScript's memory",
      "const a = []; const more = () => { for (let i = 0; i < 3e5; i++) a.push({ i }); setTimeout(more, 1); }; more();",
      /heap-limit|memory/,
    ],
    [
      "eats other memory",
      "const a = []; const more = () => { a.push(Buffer.alloc(2e7, 1)); setTimeout(more, 50); }; more();",
      /^memory$/,
    ],
    ["leaves a rejection unhandled", "Promise.reject(new Error('boom of the flow'));", /^exit$/],
  ])("starts anew after a flow that %s", async (_what, code, cause) => {
    await using nodeRed = await startNodeRed({ policy: { crashes: 1 } });
    await run(code, nodeRed);
    const { lastCrash } = await nodeRed.until(({ crashes }) => crashes === 1);
    expect(lastCrash?.code).toMatch(cause);
    if (lastCrash?.code === "exit") expect(lastCrash.text).toContain("boom of the flow");
    await nodeRed.until(({ state }) => state === "safe-mode");
  });

  it("is not disturbed by a flow that throws at its start, or loops in a message", async () => {
    await using nodeRed = await startNodeRed();
    const token = await run("throw new Error('at the start');", nodeRed);
    const logged = (words: string) =>
      expect.poll(() => nodeRed.log.some(({ text }) => text.includes(words)), { timeout: 30_000 }).toBe(true);
    await logged("at the start");
    expect((await deploy(nodeRed, token, atStart("for (;;);"))).status).toBe(200);
    await logged("timed out");
    expect(nodeRed.statuses.at(-1)).toMatchObject({ state: "running", crashes: 0 });
  });
});
