import { once } from "node:events";
import { request } from "node:http";
import { createServer } from "node:net";
import { gunzipSync } from "node:zlib";
import { expect, it } from "vitest";
import type { Job } from "../../gateway/model/job.ts";
import { openModbusServer } from "../../simulators/modbus/server.ts";
import { ask, newFolder, startDaemon } from "./daemon.ts";
import { configuration, meterProfile, meterUnit, writeProfiles } from "./field.ts";

// Long work of the real daemon, as the technician's page asks for it.

const get = (socketPath: string, path: string): Promise<Buffer> =>
  new Promise((resolve, reject) => {
    request({ socketPath, path }, (answer) => {
      const chunks: Buffer[] = [];
      answer.on("data", (chunk: Buffer) => chunks.push(chunk));
      answer.on("end", () => resolve(Buffer.concat(chunks)));
      answer.on("error", reject);
    })
      .on("error", reject)
      .end();
  });

it("makes the bundle for whoever helps, without secrets, and tests the way to a broker that is not there", {
  timeout: 90_000,
}, async () => {
  await using line = await openModbusServer({ listen: { tcp: 0 }, units: { 1: meterUnit } });
  const folder = newFolder();
  writeProfiles(folder, { "test/meter": meterProfile });
  const secret = "canary-of-the-broker";
  const northbound = `northbound:\n  city: {type: mqtt, url: "mqtt://127.0.0.1:9", username: u, password: ${secret}}\n`;
  await using daemon = await startDaemon({
    folder,
    yaml: configuration({ port: line.port, more: northbound }),
  });
  const start = async (what: Readonly<Record<string, unknown>>): Promise<Job> => {
    const { status, body } = await ask<Job>(daemon.socket, "POST", "/v1/jobs", JSON.stringify(what));
    expect(status).toBe(202);
    // Ends with the job: the last event is its last state.
    const events = (await get(daemon.socket, `/v1/jobs/${body.id}/events`)).toString();
    const last =
      events
        .match(/^data: (.*)$/gm)
        ?.at(-1)
        ?.slice(6) ?? "";
    return JSON.parse(last);
  };

  const tested = await start({ kind: "northbound-test", northbound: "city" });
  expect(tested.state).toBe("done");
  expect(tested.findings).toContainEqual(
    expect.objectContaining({ kind: "check", id: "broker-tcp", result: "failed" }),
  );

  const bundled = await start({ kind: "diagnostics" });
  expect(bundled).toMatchObject({ state: "done", findings: [{ kind: "file" }] });
  const [file] = bundled.findings;
  if (file?.kind !== "file") throw new Error("no file");
  const bytes = await get(daemon.socket, `/v1/jobs/${bundled.id}/files/${file.name}`);
  expect(bytes.length).toBe(file.bytes);
  const content = gunzipSync(bytes).toString("latin1");
  expect(content).toContain("README.txt");
  expect(content).toContain("mqtt://127.0.0.1:9");
  expect(content).toContain("broker-tcp");
  expect(content).not.toContain(secret);
});

it("scans a host that a connection has with its line borrowed, and ends at once when the daemon is to stop", {
  timeout: 90_000,
}, async () => {
  await using line = await openModbusServer({ listen: { tcp: 0 }, units: { 1: meterUnit } });
  // Takes whatever comes and says nothing: a scan of it goes on for minutes.
  const asked: Buffer[] = [];
  const silent = createServer((socket) =>
    socket.on("data", (bytes) => asked.push(bytes)).on("error", () => {}),
  );
  silent.listen(0, "127.0.0.1");
  await once(silent, "listening");
  const address = silent.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  const folder = newFolder();
  const yaml = configuration({
    port: line.port,
    devices: { "meter-1": {} },
  }).replace(
    /( {2}roof: .*\n)/,
    `$1  mute: {protocol: modbus, tcp: {host: 127.0.0.1, port: ${address.port}}}\n`,
  );
  writeProfiles(folder, { "test/meter": meterProfile });
  await using daemon = await startDaemon({ folder, yaml });
  const { status } = await ask(
    daemon.socket,
    "POST",
    "/v1/jobs",
    JSON.stringify({ kind: "scan", host: "127.0.0.1", tcpPort: address.port, effort: "thorough" }),
  );
  expect(status).toBe(202);
  await daemon.until(({ connections }) =>
    connections.some(({ name, state }) => name === "mute" && state === "borrowed"),
  );
  await expect.poll(() => asked.length, { timeout: 20_000 }).toBeGreaterThan(2);
  // Reads only: nothing that a scan sends changes anything.
  for (const frame of asked) expect([1, 2, 3, 4, 17, 43]).toContain(frame[7]);
  const again = await ask(
    daemon.socket,
    "POST",
    "/v1/jobs",
    JSON.stringify({ kind: "scan", connection: "mute" }),
  );
  expect(again.status).toBe(409);
  const { ms, code } = await daemon.end("SIGTERM");
  expect(code).toBe(0);
  expect(ms).toBeLessThan(8000);
  silent.close();
});
