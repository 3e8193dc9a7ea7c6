import { once } from "node:events";
import { readFileSync, statSync } from "node:fs";
import { request } from "node:https";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import { connect } from "node:tls";
import { describe, expect, it } from "vitest";
import { type Daemon, newFolder, run, startDaemon } from "./daemon.ts";
import { meterProfile, writeProfiles } from "./field.ts";
import { askDoor, type Told } from "./local-doors.ts";

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

const yamlWith = (https: string) => `gateway: {id: gw-test, pen: 32474}
storage: {folder: store}
local: {socket: s.sock, https: ${https}}
`;

const passwordLine = /the first password of user admin is (\S+) \(to be changed/;

/** By HTTPS, trusting nothing but this certificate. */
function trusting(port: number, ca: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    request({ port, host: "localhost", path: "/healthz", ca }, (response) => {
      response.resume().on("end", () => resolve(response.statusCode));
    })
      .on("error", reject)
      .end();
  });
}

describe("a gateway with an HTTPS door", () => {
  it("makes its certificate and its admin once, and is managed from the command line", async () => {
    const port = await freePort();
    const folder = newFolder();
    writeProfiles(folder, { "test/meter": meterProfile });
    const yaml = yamlWith(`{port: ${port}, host: localhost}`);
    const start = () => startDaemon({ folder, yaml });
    const users = async (daemon: Daemon, ...args: string[]) =>
      run(["users", ...args, "--socket", daemon.socket], { cwd: folder });
    let fingerprint = "";
    {
      await using daemon = await start();
      const ask = (path: string, method = "GET", headers = {}, body?: unknown): Promise<Told> =>
        askDoor({ path, method, headers, body }, { socket: daemon.socket, port });
      const { fingerprint256 } = await (async () => {
        const socket = connect({ port, host: "localhost", rejectUnauthorized: false });
        await once(socket, "secureConnect");
        const found = socket.getPeerCertificate();
        socket.destroy();
        return found;
      })();
      fingerprint = fingerprint256;
      expect((await daemon.status()).https).toEqual({ port, fingerprint });
      expect(daemon.log.find(({ msg }) => msg === "the local API listens")).toMatchObject({ fingerprint });
      const kept = JSON.parse(readFileSync(join(folder, "store", "local", "certificate.json"), "utf8"));
      expect(await trusting(port, kept.cert)).toBe(200);
      for (const file of ["certificate.json", "users.json"])
        expect(statSync(join(folder, "store", "local", file)).mode & 0o777).toBe(0o640);

      const password = passwordLine.exec(daemon.output)?.[1] ?? "";
      const body = { user: "admin", password };
      expect((await ask("/v1/login", "POST", {}, body)).json).toMatchObject({
        role: "admin",
        mustChange: true,
      });

      const added = await users(daemon, "add", "kim", "--role", "technician");
      expect(added).toMatchObject({ code: 0, out: expect.stringMatching(/^(\S{4}-){3}\S{4}\n$/) });
      const token = await users(daemon, "token", "add", "node-red");
      expect(token).toMatchObject({ code: 0, out: expect.stringMatching(/^sn_\S{43}\n$/) });
      const headers = { authorization: `Bearer ${token.out.trim()}` };
      expect((await ask("/v1/status", "GET", headers)).json).toMatchObject({ gateway: "gw-test" });
      expect((await ask("/v1/users", "GET", headers)).status).toBe(403);
      const passwd = await users(daemon, "passwd", "kim");
      expect(passwd.out).not.toBe(added.out);
      const list = await users(daemon, "list");
      expect(list).toMatchObject({ code: 0 });
      for (const text of ["admin", "kim ", "technician", "node-red", "automation", fingerprint, String(port)])
        expect(list.out).toContain(text);
      expect(JSON.parse((await users(daemon, "list", "--json")).out)).toMatchObject({
        users: [{ name: "admin" }, { name: "kim", role: "technician" }],
        tokens: [{ name: "node-red", by: "local" }],
      });
      expect(await users(daemon, "remove", "admin")).toMatchObject({
        code: 1,
        err: expect.stringContaining("[last-admin]"),
      });
      expect(await users(daemon, "remove", "nobody")).toMatchObject({ code: 2 });
      expect(await users(daemon, "token", "remove", "node-red")).toMatchObject({ code: 0 });
      expect((await ask("/v1/status", "GET", headers)).status).toBe(401);

      // What is secret was said once, and not by the log.
      expect(daemon.output.split(password)).toHaveLength(2);
      const logged = daemon.log.filter(({ text }) => text === undefined).map((line) => JSON.stringify(line));
      const lines = await ask("/v1/logs", "GET", { authorization: "Bearer x" });
      expect(lines.status).toBe(401);
      const ring = await askDoor(
        { door: "socket", path: "/v1/logs?lines=200" },
        { socket: daemon.socket, port },
      );
      expect(ring.json.lines).toHaveLength(logged.length);
      const shown = readFileSync(join(folder, "store", "local", "users.json"), "utf8");
      for (const secret of [password, added.out.trim(), token.out.trim(), passwd.out.trim()])
        for (const text of [...logged, ring.text, shown]) expect(text).not.toContain(secret);
      await daemon.end("SIGTERM");
    }
    await using again = await start();
    expect((await again.status()).https?.fingerprint).toBe(fingerprint);
    expect(again.output).not.toMatch(passwordLine);
    const configuration = await askDoor(
      { door: "socket", path: "/v1/configuration" },
      { socket: again.socket, port },
    );
    expect(configuration.json.text).toContain(`https: {port: ${port}`);
    const check = await askDoor(
      {
        door: "socket",
        method: "POST",
        path: "/v1/configuration/check",
        body: { text: yaml.replace("folder", "foldr") },
      },
      { socket: again.socket, port },
    );
    expect(check.json.diagnostics).toMatchObject([{ code: "unknown-key", line: 2 }]);
    again.write(yamlWith(`{port: ${port}}`));
    const reload = await askDoor(
      { door: "socket", method: "POST", path: "/v1/reload" },
      { socket: again.socket, port },
    );
    expect(reload).toMatchObject({ status: 422, json: { changes: ["needs a restart: local"] } });
  });

  it("works on without the door when it cannot be opened, and says why", async () => {
    const taken = createServer().listen(0, "127.0.0.1");
    await once(taken, "listening");
    const { port } = taken.address() as AddressInfo;
    const why: [string, string][] = [
      [`{port: ${port}, host: 127.0.0.1}`, "https-port"],
      ["{port: 8443, cert: nowhere.pem, key: nowhere.key}", "https-certificate"],
      ["{port: 8443, cert: gateway.yaml, key: gateway.yaml}", "https-certificate"],
    ];
    for (const [https, code] of why) {
      await using daemon = await startDaemon({ yaml: yamlWith(https) });
      expect(daemon.log.find((line) => line.code === code)?.msg).toContain("HTTPS stays shut");
      expect((await daemon.status()).https).toBeUndefined();
      const users = await run(["users", "list", "--socket", daemon.socket]);
      expect(users.code).toBe(2);
      expect(users.err).toContain("[no-users]");
    }
    taken.close();
  });
});
