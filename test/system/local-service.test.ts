import { once } from "node:events";
import { request as httpRequest, type IncomingMessage } from "node:http";
import { buffer } from "node:stream/consumers";
import { gunzipSync, gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type JobStep, Jobs } from "../../gateway/commissioning/jobs.ts";
import * as answers from "../../gateway/local/answers.ts";
import type { EnrolmentFacts, FrameSeen, LocalService } from "../../gateway/local/commissioning.ts";
import { ConfigError } from "../../gateway/model/errors.ts";
import type { Job } from "../../gateway/model/job.ts";
import { silentLog } from "../../gateway/model/log.ts";
import { realClock } from "../mqtt/real-clock.ts";
import { type Doors, openDoors } from "./local-doors.ts";

const socket = { door: "socket" } as const;
const frame = (hex: string): FrameSeen => ({
  at: "2026-11-22T05:00:00.000Z",
  direction: "sent",
  hex,
  bytes: hex.length / 2,
});

/** Follows an event stream on the socket until `enough`, then leaves. */
function events(doors: Doors, path: string, enough: (text: string) => boolean): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = "";
    const asked = httpRequest({ socketPath: doors.socket, path });
    asked.on("error", (error) => (enough(text) ? resolve(text) : reject(error)));
    asked.on("response", (response) => {
      response.setEncoding("utf8").on("data", (chunk: string) => {
        text += chunk;
        if (!enough(text)) return;
        resolve(text);
        asked.destroy();
      });
      response.on("end", () => resolve(text));
      response.on("error", () => resolve(text));
    });
    asked.end();
  });
}

/** An answer on the socket as it comes. */
async function raw(doors: Doors, path: string, headers: Record<string, string>) {
  const asked = httpRequest({ socketPath: doors.socket, path, headers }).end();
  const response: IncomingMessage = (await once(asked, "response"))[0];
  return { status: response.statusCode, headers: response.headers, bytes: await buffer(response) };
}

describe("a gateway that is put into service", () => {
  let doors: Doors;
  let jobs: Jobs;
  let go: PromiseWithResolvers<void>;
  let framesLeft = 0;
  let enrolment: EnrolmentFacts | undefined;

  beforeAll(async () => {
    go = Promise.withResolvers();
    jobs = new Jobs({
      clock: realClock,
      log: silentLog,
      kinds: {
        wiring: ({ connection, seconds }, by) => {
          if (connection === "nowhere")
            throw new ConfigError("no connection nowhere", { code: "unknown-connection" });
          return {
            subject: `${String(connection)} ${String(seconds)} ${by}`,
            lines: [String(connection)],
            async *run(signal): AsyncGenerator<JobStep> {
              yield { progress: { done: 1, total: 2, doing: { en: "asks", sv: "frågar" } } };
              const stopped = new Promise<void>((end) => signal.addEventListener("abort", () => end()));
              await Promise.race([go.promise, stopped]);
            },
          };
        },
        diagnostics: () => ({
          subject: "gateway",
          async *run(): AsyncGenerator<JobStep> {
            const content = new TextEncoder().encode("bundle");
            yield { finding: { kind: "file", name: 'a"b\r\n.zip', bytes: content.length }, content };
          },
        }),
      },
    });
    const service: Partial<LocalService> = {
      jobs,
      ports: async () => [{ name: "/dev/ttyUSB0", names: ["/dev/ttyUSB0"], what: "FTDI", stable: false }],
      profiles: async (known) =>
        known === "t1" ? undefined : { tag: "t1", gzip: gzipSync(JSON.stringify([{ id: "a/b" }])) },
      machine: async () => ({
        os: "Debian",
        hostname: "gw",
        addresses: [],
        uptimeS: 1,
        load: 0,
        memory: { totalMB: 1, freeMB: 1 },
        disk: { totalMB: 1, freeMB: 1 },
        node: "v24",
      }),
      enrolment: async () => enrolment,
      alarms: () => [{ id: "x", severity: "major", message: { en: "a", sv: "b" } }],
      frames(connection, signal) {
        if (connection !== "roof")
          throw new ConfigError("no such connection", { code: "unknown-connection" });
        return (async function* () {
          try {
            yield [frame("0103"), frame("0104")];
            yield { lost: 7 };
            await new Promise<void>((end) => signal.addEventListener("abort", () => end(), { once: true }));
          } finally {
            framesLeft++;
          }
        })();
      },
    };
    doors = await openDoors({ surface: { service } });
  });
  afterAll(async () => {
    await jobs[Symbol.asyncDispose]();
    await doors[Symbol.asyncDispose]();
  });

  it("shows ports, machine and alarms as described", async () => {
    const { ask } = doors;
    expect(answers.ports.parse((await ask({ ...socket, path: "/v1/ports" })).json)).toHaveLength(1);
    expect(answers.machine.parse((await ask({ ...socket, path: "/v1/machine" })).json).os).toBe("Debian");
    expect(answers.alarms.parse((await ask({ ...socket, path: "/v1/alarms" })).json)).toHaveLength(1);
  });

  it("tells how far the gateway is with its certificate, and that nobody has begun", async () => {
    const asked = () => doors.ask({ ...socket, path: "/v1/enrolment" });
    const { status, json } = await asked();
    expect([status, json.error]).toEqual([404, "no-enrolment"]);
    enrolment = {
      state: "waiting-for-network",
      gateway: "pole-17",
      why: { code: "est-unreachable", message: "ca.example.org does not answer", hint: "look at the cable" },
      nextS: 30,
      at: "2026-11-22T05:00:00.000Z",
    };
    expect(answers.enrolment.parse((await asked()).json)).toEqual(enrolment);
  });

  it("sends the profiles once, compressed to who can take it, and says when nothing has changed", async () => {
    const { ask } = doors;
    const plain = await ask({ ...socket, path: "/v1/profiles" });
    expect(plain.json).toEqual([{ id: "a/b" }]);
    expect(plain.headers).toMatchObject({ etag: 'W/"t1"', "cache-control": "private, no-cache" });
    const { headers, bytes } = await raw(doors, "/v1/profiles", { "accept-encoding": "br, gzip" });
    expect(headers["content-encoding"]).toBe("gzip");
    expect(JSON.parse(gunzipSync(bytes).toString())).toEqual([{ id: "a/b" }]);
    const known = await ask({ ...socket, path: "/v1/profiles", headers: { "if-none-match": 'W/"t1"' } });
    expect([known.status, known.text]).toEqual([304, ""]);
    for (const wrong of ["*", 'W/"other"', `"${"x".repeat(5000)}"`])
      expect(
        (await ask({ ...socket, path: "/v1/profiles", headers: { "if-none-match": wrong } })).status,
      ).toBe(200);
  });

  it("shows frames until their reader leaves, and none of a connection that is not there", async () => {
    const text = await events(doors, "/v1/frames/roof", (got) => got.includes("event: lost"));
    expect(text).toContain(`data: [${JSON.stringify(frame("0103"))},${JSON.stringify(frame("0104"))}]\n\n`);
    expect(text).toContain("event: lost\ndata: 7\n\n");
    await expect.poll(() => framesLeft).toBe(1);
    const { status, json } = await doors.ask({ ...socket, path: "/v1/frames/cellar" });
    expect([status, json.error]).toEqual([404, "unknown-connection"]);
  });

  it("begins a job, tells how it goes to its end, and keeps it", async () => {
    const { ask } = doors;
    const post = (body: unknown) => ask({ ...socket, method: "POST", path: "/v1/jobs", body });
    const { status, json, headers } = await post({ kind: "wiring", connection: "roof" });
    expect(status).toBe(202);
    expect(answers.job.parse(json)).toMatchObject({
      state: "running",
      subject: "roof 20 local",
      by: "local",
    });
    expect(headers.location).toBe(`/v1/jobs/${json.id}`);
    expect(await post({ kind: "wiring", connection: "roof" })).toMatchObject({
      status: 409,
      json: { error: "line-busy" },
    });
    expect(await post({ kind: "wiring", connection: "nowhere" })).toMatchObject({
      status: 404,
      json: { error: "unknown-connection" },
    });
    expect(await post({ kind: "doctor" })).toMatchObject({
      status: 404,
      json: { error: "unknown-job-kind" },
    });
    const told = events(doors, `/v1/jobs/${json.id}/events`, (got) => {
      if (got.includes('"total":2')) go.resolve();
      return got.includes('"state":"done"');
    });
    const jobsTold = (await told)
      .split("\n\n")
      .filter((event) => event.startsWith("data: "))
      .map((event): Job => JSON.parse(event.slice("data: ".length)));
    expect(jobsTold[0]?.state).toBe("running");
    expect(jobsTold.at(-1)?.state).toBe("done");
    for (const one of jobsTold) answers.job.parse(one);
    expect((await ask({ ...socket, path: `/v1/jobs/${json.id}` })).json.state).toBe("done");
    expect(answers.jobs.parse((await ask({ ...socket, path: "/v1/jobs" })).json)[0]?.id).toBe(json.id);
    expect(doors.audit.at(-1)).toMatchObject({
      what: "job",
      who: "local",
      detail: { action: "start", kind: "wiring", id: json.id },
    });
    const late = await ask({ ...socket, method: "DELETE", path: `/v1/jobs/${json.id}` });
    expect([late.status, late.json.error]).toEqual([404, "job-ended"]);
  });

  it("stops a job", async () => {
    const { ask } = doors;
    go = Promise.withResolvers();
    const body = { kind: "wiring", connection: "cellar" };
    const { json } = await ask({ ...socket, method: "POST", path: "/v1/jobs", body });
    const path = `/v1/jobs/${json.id}`;
    expect((await ask({ ...socket, method: "DELETE", path })).json).toEqual({ ok: true });
    await jobs.ended(json.id);
    expect((await ask({ ...socket, path })).json.state).toBe("stopped");
    expect(doors.audit.at(-1)).toMatchObject({ what: "job", detail: { action: "stop" } });
  });

  it("gives the files of a job, under a name that breaks no header", async () => {
    const { ask } = doors;
    const { json } = await ask({
      ...socket,
      method: "POST",
      path: "/v1/jobs",
      body: { kind: "diagnostics" },
    });
    await jobs.ended(json.id);
    const file = await ask({
      ...socket,
      path: `/v1/jobs/${json.id}/files/${encodeURIComponent('a"b\r\n.zip')}`,
    });
    expect([file.status, file.text]).toEqual([200, "bundle"]);
    expect(file.headers["content-disposition"]).toBe('attachment; filename="a_b__.zip"');
    for (const name of ["other", "..%2f..%2fetc%2fpasswd", "%00"])
      expect((await ask({ ...socket, path: `/v1/jobs/${json.id}/files/${name}` })).status).toBe(404);
    expect((await ask({ ...socket, path: "/v1/jobs/none/files/bundle" })).json.error).toBe("unknown-job");
  });

  it("takes no job that is not spelled out", async () => {
    const wrong: unknown[] = [
      {},
      { kind: "format-disk" },
      { kind: "scan" },
      { kind: "scan", connection: "roof", port: "/dev/ttyUSB0" },
      { kind: "scan", host: "10.0.0.1", tcpPort: 70_000 },
      { kind: "scan", connection: "roof", effort: "brutal" },
      { kind: "scan", connection: "roof", extra: 1 },
      { kind: "scan", connection: "roof", addresses: "1".repeat(301) },
      { kind: "line-settings" },
      { kind: "wiring", connection: "roof", seconds: 1e9 },
      { kind: "wiring", connection: { toString: "x" } },
      { kind: "listen" },
      { kind: "doctor", run: "rm" },
      { kind: "northbound-test" },
      { kind: "__proto__" },
      [{ kind: "doctor" }],
      null,
    ];
    for (const body of wrong) {
      const { status, json } = await doors.ask({ ...socket, method: "POST", path: "/v1/jobs", body });
      expect([status, json.error], JSON.stringify(body)).toEqual([400, "bad-request"]);
    }
  });
});

describe("a gateway without these parts", () => {
  it("says so", async () => {
    await using doors = await openDoors();
    const codes = await Promise.all(
      ["ports", "profiles", "machine", "alarms", "frames/roof", "jobs", "jobs/x", "jobs/x/events"].map(
        async (path) => {
          const { status, json } = await doors.ask({ ...socket, path: `/v1/${path}` });
          expect(status).toBe(404);
          return json.error;
        },
      ),
    );
    expect(codes).toEqual([
      "no-ports",
      "no-profiles",
      "no-machine",
      "no-alarms",
      "no-frames",
      "no-jobs",
      "no-jobs",
      "no-jobs",
    ]);
  });
});
