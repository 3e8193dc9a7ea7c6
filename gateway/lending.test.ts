import { setImmediate as turn } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { cells, goodProfile } from "../test/fake-protocol.ts";
import { seeded } from "../test/fault/random.ts";
import { SimulatedDisk } from "../test/fault/simulated-disk.ts";
import { VirtualClock } from "../test/fault/virtual-clock.ts";
import { jobLine, onLine } from "./cli/service/lines.ts";
import { type JobStep, Jobs } from "./commissioning/jobs.ts";
import type { GatewayConfig } from "./config/config.ts";
import { loadConfig } from "./config/load.ts";
import { openGateway } from "./gateway.ts";
import { LinkError } from "./model/errors.ts";
import { silentLog } from "./model/log.ts";
import { loadProfiles } from "./profiles/library.ts";
import type { Protocol } from "./southbound/protocol.ts";
import { memoryPair } from "./transport/memory.ts";
import type { Connect } from "./transport/transport.ts";

const profile = goodProfile.replace("    doc: p. 9\n", "    doc: p. 9\n    write: {}\n");
const given = { 1: 2304, 2: 5, 3: 21.5, 4: 1, 5: 0, 6: "A-17", 7: true };
const line = "line-1: {protocol: cells, host: 10.0.0.7}";
const meter = "meter-1: {profile: acme/meter, connection: line-1, unit: 1}";

/** A gateway on lines that always answer; `opened` are the hosts that are open now. */
async function start() {
  const opened: string[] = [];
  const answering: Protocol = {
    ...cells,
    async open(settings, context) {
      const { host } = cells.connection.parse(settings);
      const driver = await cells.replay(given, context);
      opened.push(host);
      return {
        ...driver,
        [Symbol.asyncDispose]: async () => void opened.splice(opened.indexOf(host), 1),
      };
    },
  };
  const configured = async (connections: string, devices: string): Promise<GatewayConfig> => {
    const text = `gateway: {id: gw1, pen: 61234}\nconnections: {${connections}}\ndevices: {${devices}}\n`;
    const { config } = await loadConfig(text, "gateway.yaml", {
      protocols: [answering],
      northbounds: [],
      profiles: loadProfiles(
        ["device-profiles"],
        { list: () => ["acme/meter.yaml"], read: () => profile },
        [answering],
        new Set(["acme/meter"]),
      ),
      env: {},
      readFile: () => "",
    });
    return config!;
  };
  let next = await configured(line, meter);
  const clock = new VirtualClock();
  const gateway = await openGateway(next, {
    clock,
    random: seeded(1),
    log: silentLog,
    connect: () => Promise.reject(new LinkError("not used", { code: "refused" })),
    openDisk: async () => new SimulatedDisk({ random: seeded(2) }),
    reloadConfig: async () => ({ config: next, diagnostics: [] }),
  });
  await clock.advance(2000);
  return {
    gateway,
    clock,
    opened,
    state: () => gateway.loops.get("line-1")?.status(),
    async reload(connections: string, devices: string) {
      next = await configured(connections, devices);
      expect(await gateway.reload()).toMatchObject({ applied: true });
      await clock.advance(2000);
    },
    [Symbol.asyncDispose]: async () => {
      const closing = gateway[Symbol.asyncDispose]();
      await clock.advance(2000);
      await closing;
    },
  };
}

const never = new AbortController().signal;

describe("a borrowed line", () => {
  it("is closed while it is used, says who has it, and is opened again", async () => {
    await using bench = await start();
    const { gateway, opened, clock } = bench;
    expect(opened).toEqual(["10.0.0.7"]);
    expect(bench.state()?.state).toBe("open");
    const told = await gateway.borrow(
      "line-1",
      async ({ connection }) => {
        expect(opened).toEqual([]);
        expect(bench.state()).toMatchObject({
          state: "borrowed",
          borrowedBy: "anna's scan",
          devices: [{ device: "meter-1", availability: "unknown", problem: expect.stringContaining("anna") }],
        });
        return connection.settings;
      },
      "anna's scan",
    );
    expect(told).toMatchObject({ host: "10.0.0.7" });
    await clock.advance(2000);
    expect(opened).toEqual(["10.0.0.7"]);
    expect(bench.state()).toMatchObject({ state: "open", devices: [{ availability: "available" }] });
  });

  it("refuses reads and commands at once", async () => {
    await using bench = await start();
    const { gateway, clock } = bench;
    await using _loan = await gateway.lend("line-1", "anna");
    await expect(gateway.readNow("meter-1", [], never)).rejects.toMatchObject({
      name: "TransientError",
      code: "line-borrowed",
      message: expect.stringContaining("anna"),
    });
    await expect(gateway.readNow("nobody", [], never)).rejects.toMatchObject({ code: "unknown-device" });
    const desk = gateway.control.desk!;
    await desk.submit(
      {
        id: "a",
        device: "meter-1",
        point: "voltage",
        action: "write",
        value: 230,
        issuer: "bo",
        expiry: { inMs: 60_000 },
        priority: "operator",
      },
      { kind: "local", user: "bo" },
    );
    await clock.advance(1000);
    expect(desk.list()).toMatchObject([
      { id: "a", state: "failed", code: "unavailable", text: expect.stringContaining("borrowed by anna") },
    ]);
  });

  it("is a job's until that ends, fails or is stopped, and its frames are seen", async () => {
    await using bench = await start();
    const { gateway, clock } = bench;
    const jobs = new Jobs({
      clock,
      log: silentLog,
      kinds: {
        scan: (what, by) => {
          const where = jobLine(gateway, what);
          return {
            subject: where.subject,
            lines: where.keys,
            run: (signal) =>
              onLine(gateway, where, { by, signal, connect: async () => memoryPair(clock)[0] }, work),
          };
        },
      },
    });
    async function* work(connect: Connect, signal: AbortSignal): AsyncIterable<JobStep> {
      await using wire = await connect({ kind: "tcp", host: "10.0.0.7", port: 4000 }, signal);
      void wire.write(Uint8Array.of(1, 2, 3));
      yield { progress: { done: 1, doing: { en: "asks", sv: "frågar" } } };
      await new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
    }
    const job = await jobs.start("scan", { connection: "line-1" }, "anna");
    await clock.advance(1000);
    expect(bench.state()).toMatchObject({ state: "borrowed", borrowedBy: "anna" });
    await expect(jobs.start("scan", { connection: "line-1" }, "bo")).rejects.toMatchObject({
      code: "line-busy",
    });
    const leaving = new AbortController();
    const seen: unknown[] = [];
    for await (const told of gateway.frames.listen("line-1", leaving.signal)) {
      seen.push(told);
      leaving.abort();
    }
    expect(seen).toMatchObject([[{ direction: "sent", hex: "010203" }]]);
    expect(jobs.stop(job.id)).toBe(true);
    await jobs.ended(job.id);
    expect(jobs.get(job.id)?.state).toBe("stopped");
    await clock.advance(2000);
    expect(bench.state()?.state).toBe("open");
    expect(bench.opened).toEqual(["10.0.0.7"]);
  });

  it("is opened again when its use throws, with the very error told", async () => {
    await using bench = await start();
    const boom = new Error("boom");
    await expect(bench.gateway.borrow("line-1", () => Promise.reject(boom))).rejects.toBe(boom);
    await bench.clock.advance(2000);
    expect(bench.state()?.state).toBe("open");
  });

  it("stays closed through a reload and takes the new settings and devices afterwards", async () => {
    await using bench = await start();
    const { gateway, opened, clock } = bench;
    const loan = await gateway.lend("line-1", "anna");
    await bench.reload(
      "line-1: {protocol: cells, host: 10.0.0.9}",
      `${meter}, meter-2: {profile: acme/meter, connection: line-1, unit: 2}`,
    );
    expect(opened).toEqual([]);
    expect(bench.state()?.state).toBe("borrowed");
    expect(bench.state()?.devices.map(({ device }) => device)).toEqual(["meter-1", "meter-2"]);
    await bench.reload("line-1: {protocol: cells, host: 10.0.0.9}", meter);
    expect(bench.state()?.devices.map(({ device }) => device)).toEqual(["meter-1"]);
    await loan[Symbol.asyncDispose]();
    await loan[Symbol.asyncDispose]();
    await clock.advance(2000);
    expect(opened).toEqual(["10.0.0.9"]);
    expect(bench.state()?.devices).toMatchObject([{ device: "meter-1", availability: "available" }]);
  });

  it("is not opened again when a reload has removed its connection, and is when another brought it back", async () => {
    await using bench = await start();
    const { gateway, opened, clock } = bench;
    const first = await gateway.lend("line-1", "anna");
    await bench.reload("", "");
    expect(bench.state()).toBeUndefined();
    await first[Symbol.asyncDispose]();
    await clock.advance(2000);
    expect(opened).toEqual([]);
    expect(gateway.loops.size).toBe(0);
    await bench.reload(line, meter);
    const second = await gateway.lend("line-1", "anna");
    await bench.reload("", "");
    await bench.reload(line, meter);
    expect(opened).toEqual([]);
    expect(bench.state()?.state).toBe("borrowed");
    await second[Symbol.asyncDispose]();
    await clock.advance(2000);
    expect(opened).toEqual(["10.0.0.7"]);
  });

  it("is known all the while: a command that comes as it is given back is told to wait, not that nobody is there", async () => {
    await using bench = await start();
    const { gateway, clock } = bench;
    const loan = await gateway.lend("line-1", "anna");
    let back = false;
    const returning = loan[Symbol.asyncDispose]().then(() => {
      back = true;
    });
    for (let step = 1; !back; step++) {
      expect(gateway.loops.has("line-1")).toBe(true);
      // Between any two steps of it a command may come.
      await (step % 100 === 0 ? turn() : Promise.resolve());
    }
    await returning;
    await clock.advance(2000);
    expect(bench.state()?.state).toBe("open");
  });

  it("has one borrower, and only lines that are configured have any", async () => {
    await using bench = await start();
    await using _loan = await bench.gateway.lend("line-1", "anna");
    await expect(bench.gateway.lend("line-1", "bo")).rejects.toMatchObject({
      name: "RefusedError",
      code: "line-busy",
      message: expect.stringContaining("anna"),
    });
    await expect(bench.gateway.lend("nowhere", "bo")).rejects.toMatchObject({ code: "unknown-connection" });
  });

  it("is not opened again by a gateway that stops", async () => {
    const bench = await start();
    const loan = await bench.gateway.lend("line-1", "anna");
    await bench[Symbol.asyncDispose]();
    expect(loan.signal.aborted).toBe(true);
    await loan[Symbol.asyncDispose]();
    await bench.clock.advance(5000);
    expect(bench.opened).toEqual([]);
    await expect(bench.gateway.lend("line-1", "bo")).rejects.toMatchObject({ code: "closed" });
  });
});
