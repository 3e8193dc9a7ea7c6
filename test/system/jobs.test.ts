import { request } from "node:http";
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
