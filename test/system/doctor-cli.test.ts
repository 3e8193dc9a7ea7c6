import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { CheckDone, PortFacts } from "../../gateway/model/commissioning.ts";
import { openBroker } from "../../simulators/broker.ts";
import { newFolder, run, startDaemon } from "./daemon.ts";

const checksIn = (out: string): CheckDone[] =>
  out
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
const env = (more: Record<string, string> = {}) => ({ env: { LC_ALL: "", LANG: "C", ...more } });

describe("stadsnod doctor", () => {
  it("works in an empty folder, in the terminal's language", async () => {
    const cwd = newFolder();
    const english = await run(["doctor"], { cwd, ...env() });
    expect(english.out).toContain("No gateway.yaml was named");
    expect(english.out).toMatch(/\d+ ok, \d+ warnings, \d+ failed\n$/);
    const swedish = await run(["doctor"], { cwd, ...env({ LANG: "sv_SE.UTF-8" }) });
    expect(swedish.out).toContain("Ingen gateway.yaml angavs");
    const told = await run(["doctor", "--language", "sv"], { cwd, ...env() });
    expect(told.out).toContain("bara maskinen undersöktes");
    expect(told.out).not.toContain("\u001b[");
  });

  it("works with a gateway.yaml that is broken, and fails for it", async () => {
    const cwd = newFolder();
    writeFileSync(
      join(cwd, "gateway.yaml"),
      "gateway: {id: gw-1}\nconnections:\n  a: {protocol: modbus, serial: {port: /dev/ttyUSB77, baud: 9600}}\nnonsense: {password: hunter2}\n",
    );
    const { code, out } = await run(["doctor", "--json"], { cwd, ...env() });
    expect(code).toBe(1);
    const failed = checksIn(out).filter(({ result }) => result === "failed");
    expect(failed.map(({ id }) => id)).toEqual(expect.arrayContaining(["configuration", "port-missing"]));
    expect(out).not.toContain("hunter2");
  });

  it("says that a file is not there", async () => {
    const { code, out } = await run(["doctor", "nowhere.yaml", "--json"], { cwd: newFolder(), ...env() });
    expect(code).toBe(1);
    expect(checksIn(out)[0]).toMatchObject({ id: "configuration", result: "failed" });
  });

  it("looks at the broker beside a running gateway", async () => {
    await using broker = await openBroker({ port: 0 });
    await using daemon = await startDaemon({
      yaml: `gateway: {id: gw-1}\nnorthbound:\n  city: {type: mqtt, url: "${broker.url}"}\n`,
    });
    await daemon.until(({ northbound }) => northbound[0]?.connected === true);
    const { out } = await run(["doctor", "--json"], { cwd: daemon.folder, ...env() });
    const city = checksIn(out).filter(({ subject }) => subject === "city");
    expect(city.map(({ id, result }) => `${id} ${result}`)).toEqual([
      "broker-name not-applicable",
      "broker-tcp ok",
      "broker-tls not-applicable",
      "broker-mqtt ok",
      "broker-subscribe not-applicable",
      "broker-publish ok",
    ]);
    expect((await daemon.status()).northbound[0]?.connected).toBe(true);
    expect(daemon.log.filter(({ msg }) => msg?.includes("not connected"))).toEqual([]);
  });
});

describe("stadsnod ports", () => {
  it("lists the ports of this machine", async () => {
    const { code, out } = await run(["ports", "--json"], { cwd: newFolder(), ...env() });
    expect(code).toBe(0);
    const ports: PortFacts[] = JSON.parse(out);
    for (const { name, names } of ports) {
      expect(names).toContain(name);
      expect(existsSync(name)).toBe(true);
    }
    expect((await run(["ports"], { cwd: newFolder(), ...env() })).code).toBe(0);
  });
});

describe("stadsnod diag", () => {
  it("writes one file for its owner alone, of a running gateway or of none, and never over another", async () => {
    await using daemon = await startDaemon({
      yaml: `gateway: {id: gw-1, title: Hos Anna}\nnorthbound:\n  city: {type: mqtt, url: "mqtt://127.0.0.1:9", username: anna, password: "plain-Hemligt-1"}\n`,
    });
    const file = join(daemon.folder, "b.tar.gz");
    const made = await run(["diag", "-o", "b.tar.gz"], { cwd: daemon.folder, ...env() });
    expect(made.err).toMatch(/Look through it/);
    expect([made.code, made.out]).toEqual([0, expect.stringMatching(/b\.tar\.gz: \d+ kB/)]);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    execFileSync("tar", ["-xzf", file], { cwd: daemon.folder });
    const read = (name: string) => readFileSync(join(daemon.folder, name), "utf8");
    expect(JSON.parse(read("status.json"))).toMatchObject({ gateway: "gw-1" });
    expect(read("log.jsonl")).toContain("the local API listens");
    expect(read("storage.txt")).toContain("outbox-city");
    const all = execFileSync("tar", ["-xzOf", file], { encoding: "utf8" });
    for (const word of ["plain-Hemligt-1", "Hos Anna", "anna"]) expect(all).not.toContain(word);
    const again = await run(["diag", "-o", "b.tar.gz"], { cwd: daemon.folder, ...env() });
    expect([again.code, again.err]).toEqual([2, expect.stringContaining("never replaces a file")]);
    await daemon.end("SIGTERM");
    const down = await run(["diag", "-o", "c.tar.gz"], { cwd: daemon.folder, ...env() });
    expect(down.code).toBe(0);
    const status = execFileSync("tar", ["-xzOf", join(daemon.folder, "c.tar.gz"), "status.json"], {
      encoding: "utf8",
    });
    expect(status).toMatch(/^not to be had: /);
  });
});
