import { once } from "node:events";
import { statSync } from "node:fs";
import { type ClientRequest, type IncomingMessage, request } from "node:http";
import { connect } from "node:net";
import { createInterface } from "node:readline";
import { describe, expect, it } from "vitest";
import type { ReadingJson } from "../../gateway/model/json.ts";
import { ask, type Daemon, newFolder, run, startDaemon } from "./daemon.ts";
import { configuration, meterProfile, openMeters, writeProfiles } from "./field.ts";

async function daemonWith(port: number, more = "", devices = {}): Promise<Daemon> {
  const folder = newFolder();
  writeProfiles(folder, { "test/meter": meterProfile });
  return startDaemon({
    folder,
    yaml: configuration({ port, more, devices: { "meter-1": {}, "meter-2": { unit: 2 }, ...devices } }),
  });
}

interface Events extends Disposable {
  next(): Promise<{ event: string; data: unknown }>;
}

/** Server-sent events, read by hand. */
async function events(daemon: Daemon, path: string): Promise<Events> {
  const asked: ClientRequest = request({ socketPath: daemon.socket, path }).end();
  asked.on("error", () => {});
  const [response] = (await once(asked, "response")) as [IncomingMessage];
  expect(response.headers["content-type"]).toBe("text/event-stream");
  const lines = createInterface({ input: response })[Symbol.asyncIterator]();
  return {
    async next() {
      let event = "message";
      for (;;) {
        const { value, done } = await lines.next();
        if (done) throw new Error("the stream ended");
        if (value.startsWith("event: ")) event = value.slice(7);
        else if (value.startsWith("data: ")) return { event, data: JSON.parse(value.slice(6)) };
      }
    },
    [Symbol.dispose]: () => asked.destroy(),
  };
}

describe("the local API of a running gateway", () => {
  it("tells status, latest readings, lines and accounts", async () => {
    await using meters = await openMeters([1, 2]);
    await using daemon = await daemonWith(meters.port);
    const status = await daemon.until(({ devices }) => devices.every(({ state }) => state === "available"));
    expect(status).toMatchObject({
      gateway: "gw-test",
      clock: { trusted: true, now: expect.stringMatching(/^20\d\d-.*Z$/) },
      connections: [{ name: "roof", state: "open" }],
      northbound: [],
      quarantined: [],
    });
    expect(status.devices.map(({ id, profile, connection }) => [id, profile, connection])).toEqual([
      ["meter-1", "test/meter", "roof"],
      ["meter-2", "test/meter", "roof"],
    ]);
    expect(statSync(daemon.socket).mode & 0o777).toBe(0o660);

    const latest = await ask<ReadingJson[]>(daemon.socket, "GET", "/v1/latest?device=meter-2&point=voltage");
    expect(latest).toMatchObject({
      status: 200,
      body: [{ device: "meter-2", point: "voltage", value: 230.5, unit: "V", quality: "good" }],
    });
    const all = await ask<ReadingJson[]>(daemon.socket, "GET", "/v1/latest");
    expect(all.body).toHaveLength(12);
    const lines = await ask(daemon.socket, "GET", "/v1/connections");
    expect(lines.body).toMatchObject([{ connection: "roof", state: "open", devices: [{}, {}] }]);
    const account = await ask(daemon.socket, "GET", "/v1/accounting");
    expect(account.body).toMatchObject({ gateway: "gw-test", run: status.run, northbound: [] });
  });

  it("polls on demand, and says no in words", async () => {
    await using meters = await openMeters([1, 2]);
    await using daemon = await daemonWith(meters.port);
    await daemon.until(({ devices }) => devices.every(({ state }) => state === "available"));
    const post = (body: string) =>
      ask<{ error: string; hint?: string }>(daemon.socket, "POST", "/v1/read", body);
    expect(await post('{"device": "meter-1", "points": ["temperature"]}')).toMatchObject({
      status: 200,
      body: [{ device: "meter-1", point: "temperature", value: -5.4, unit: "Cel", quality: "good" }],
    });
    expect((await post('{"device": "meter-1"}')).body).toHaveLength(6);
    meters.unit(2).fault({ kind: "silence" });
    expect(await post('{"device": "meter-2", "points": ["voltage"]}')).toMatchObject({
      body: [{ point: "voltage", quality: "comm-error" }],
    });
    const wrong: [string, number, string][] = [
      ['{"device": "nobody"}', 404, "unknown-device"],
      ['{"device": "meter-1", "points": ["nothing"]}', 404, "unknown-point"],
      [`{"device": 7}`, 400, "bad-request"],
      ["no json", 400, "bad-request"],
      [`{"device": "${"x".repeat(70_000)}"}`, 413, "body-too-large"],
    ];
    for (const [body, status, error] of wrong)
      expect(await post(body)).toMatchObject({ status, body: { error } });
    expect(await ask(daemon.socket, "DELETE", "/v1/status")).toMatchObject({ status: 404 });
    // Nothing of that harms anybody.
    expect((await daemon.status()).devices).toHaveLength(2);
  });

  it("streams readings as they come, to those who ask and only what they ask for", async () => {
    await using meters = await openMeters([1, 2]);
    await using daemon = await daemonWith(meters.port);
    await daemon.until(({ devices }) => devices.every(({ state }) => state === "available"));
    using stream = await events(daemon, "/v1/readings?device=meter-1&point=voltage");
    const first = await stream.next();
    expect(first.data).toMatchObject([{ device: "meter-1", point: "voltage", value: 230.5 }]);
    meters.unit(1).registers.setFloat("holding", 0, 229);
    meters.unit(2).registers.setFloat("holding", 0, 111);
    for (;;) {
      const { data } = await stream.next();
      const readings = data as ReadingJson[];
      expect(readings.map(({ device, point }) => `${device} ${point}`)).toEqual(
        readings.map(() => "meter-1 voltage"),
      );
      if (readings.some(({ value }) => value === 229)) break;
    }
  });

  it("bounds what waits for a reader that does not read, and tells it what it missed", async () => {
    // 2 devices x 100 points, about 100 times a second.
    const points = Array.from(
      { length: 100 },
      (_, i) => `  p${i}: {at: {holding: ${i}}, unit: count, class: {every: 10ms}}`,
    );
    const wide = `${meterProfile.slice(0, meterProfile.indexOf("points:")).replace("test/meter", "test/wide")}points:\n${points.join("\n")}\n`;
    await using meters = await openMeters([], { 1: { unmapped: "zeros" }, 2: { unmapped: "zeros" } });
    const folder = newFolder();
    writeProfiles(folder, { "test/wide": wide });
    const yaml = configuration({ port: meters.port, devices: { "meter-1": {}, "meter-2": { unit: 2 } } });
    await using daemon = await startDaemon({ folder, yaml: yaml.replaceAll("test/meter", "test/wide") });
    const lazy = connect(daemon.socket);
    await once(lazy, "connect");
    lazy.pause();
    lazy.write("GET /v1/readings HTTP/1.1\r\nHost: local\r\n\r\n");
    // Enough went by to fill every buffer between the two and the subscription behind many times.
    using other = await events(daemon, "/v1/readings");
    for (let seen = 0; seen < 60_000; ) {
      const { event, data } = await other.next();
      seen += event === "lost" ? (data as number) : (data as unknown[]).length;
    }
    expect((await daemon.status()).memoryMB).toBeLessThan(250);
    let text = "";
    lazy.setEncoding("utf8").resume();
    for await (const chunk of lazy) {
      text = (text + chunk).slice(-100_000);
      if (/event: lost\ndata: [1-9]\d*\n/.test(text)) break;
    }
    expect(text).toMatch(/event: lost\ndata: [1-9]\d*\n/);
    lazy.destroy();
  });

  it("takes over the socket of a gateway that was killed, and removes its own", async () => {
    await using meters = await openMeters([1, 2]);
    await using killed = await daemonWith(meters.port);
    await killed.end("SIGKILL");
    expect(statSync(killed.socket).isSocket()).toBe(true);
    await using next = await startDaemon({
      folder: killed.folder,
      yaml: configuration({ port: meters.port }),
    });
    expect((await next.status()).gateway).toBe("gw-test");
    await next.end("SIGTERM");
    expect(statSync(next.socket, { throwIfNoEntry: false })).toBeUndefined();
  });

  it("refuses a second gateway on the socket or the store, before it touches the store", async () => {
    await using meters = await openMeters([1, 2]);
    await using daemon = await daemonWith(meters.port);
    const { folder } = daemon;
    const second = await run(["run", "gateway.yaml"], { cwd: folder });
    expect(second).toMatchObject({ code: 2, out: "" });
    expect(second.err.replaceAll(folder, "FOLDER")).toBe(
      "stadsnod: another gateway already listens on FOLDER/s.sock [already-running]\n" +
        "hint: stop it first, or give this one its own `local: {socket: ...}` and `storage: {folder: ...}`\n",
    );
    daemon.write(`${configuration({ port: meters.port })}local: {socket: other.sock}\n`);
    const third = await run(["run", "gateway.yaml"], { cwd: folder });
    expect(third.code).toBe(2);
    expect(third.err.replaceAll(folder, "FOLDER")).toContain(
      "stadsnod: another gateway uses the store FOLDER/store [already-running]\n",
    );
    expect((await daemon.status()).devices).toHaveLength(2);
  });
});
