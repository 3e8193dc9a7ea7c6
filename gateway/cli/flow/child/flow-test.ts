import { createServer } from "node:http";
import { createRequire } from "node:module";
import { join } from "node:path";
import type { FlowAnswer, FlowJob, FlowNode, PayloadAnswer, PayloadAsked, StepResult } from "../messages.ts";
import { FakeGateway } from "./fake-gateway.ts";
import { type Deed, isNode, judge } from "./judge.ts";
import type { CommandGiven } from "./pretended-commands.ts";
import { VirtualTime } from "./virtual-time.ts";

// The process of `stadsnod flow test`: Node-RED without an editor, in time that stands still, beside a simulated
// gateway. It gets one job and answers once.

const time = new VirtualTime();
// Before anything else is loaded: whoever keeps a `setTimeout` of before would live in another time.
time.install();

const socketName = "gateway.sock";
/** Rounds of the event loop without anything new after which nothing more will come by itself. */
const quietRounds = 12;
const mostDeeds = 100_000;

interface Red {
  init(server: object, settings: object): void;
  start(): Promise<void>;
  stop(): Promise<void>;
  readonly events: { on(event: string, callback: (event: unknown) => void): void };
  readonly hooks: { add(name: string, callback: (event: unknown) => void): void };
  readonly util: { cloneMessage(msg: object): Record<string, unknown> };
  readonly nodes: { getNode(id: string): { receive(msg?: object): void } | null };
}

class FlowTest {
  readonly #job: FlowJob;
  readonly #problems: string[] = [];
  readonly #results: StepResult[] = [];
  readonly #nodes: ReadonlyMap<string, FlowNode>;
  readonly #gateway: FakeGateway;
  #deeds: Deed[] = [];
  #sent = 0;

  constructor(job: FlowJob) {
    this.#job = job;
    this.#nodes = new Map(job.flow.map((node) => [node.id, node]));
    this.#gateway = new FakeGateway(job.scenario, time, {
      command: (command: CommandGiven) => this.#add({ kind: "command", at: time.passed, command }),
      published: (value) => this.#add({ kind: "published", at: time.passed, value }),
      problem: (problem) => this.#problem(problem),
      payload: askPayload,
    });
  }

  async run(): Promise<FlowAnswer> {
    const { scenario, folder } = this.#job;
    await using _gateway = this.#gateway;
    await this.#gateway.listen(join(folder, socketName));
    const red = await this.#start();
    try {
      let at = 0;
      for (const [index, step] of scenario.steps.entries()) {
        at = step.at ?? at;
        await time.advance(at, () => this.#settled());
        const { reading, inject, state, fail, expect } = step;
        if (state) this.#gateway.state(state.device, state.state, state.problem);
        if (fail) this.#gateway.fail(fail.device, fail.point, fail.code);
        if (reading) this.#gateway.tell([reading].flat());
        if (inject !== undefined) this.#inject(red, inject);
        await this.#settled();
        if (expect === undefined) continue;
        const wanted = expect === "no-command" ? { "no-command": true as const } : expect;
        for (const judgement of judge(wanted, this.#deeds))
          this.#results.push({ step: index, at, ...judgement });
        this.#deeds = [];
      }
    } finally {
      await red.stop();
    }
    return { kind: "done", results: this.#results, problems: this.#problems };
  }

  async #start(): Promise<Red> {
    const require = createRequire(createRequire(import.meta.url).resolve("node-red/red.js"));
    const red: Red = require("./lib/red.js");
    this.#watchOutputs(require);
    const started = Promise.withResolvers<void>();
    red.init(createServer(), this.#settings());
    red.events.on("flows:started", () => started.resolve());
    red.events.on("runtime-event", (event) => {
      const payload = partOf(event, "payload");
      const error = partOf(payload, "error");
      if (typeof error === "string")
        started.reject(
          new Error(`the flow does not start: ${error} ${JSON.stringify(partOf(payload, "types") ?? "")}`),
        );
    });
    await red.start();
    await started.promise;
    await this.#settled();
    return red;
  }

  #settings(): object {
    const { folder, flow, scenario } = this.#job;
    const nothing = async () => {};
    return {
      userDir: folder,
      httpAdminRoot: false,
      httpNodeRoot: false,
      disableEditor: true,
      credentialSecret: false,
      telemetry: { enabled: false, updateNotification: false },
      externalModules: {
        autoInstall: false,
        palette: { allowInstall: false },
        modules: { allowInstall: false },
      },
      functionExternalModules: false,
      nodesExcludes: ["90-exec.js", "10-file.js", "23-watch.js"],
      stadsnodClock: time.clock,
      storageModule: {
        init: nothing,
        getFlows: async () => {
          // Nodes must not be older than the time they live in.
          time.stop(Date.parse(scenario.start));
          this.#gateway.begin();
          return flow.map((node) => this.#connected(node));
        },
        getCredentials: async () => ({}),
        saveFlows: nothing,
        saveCredentials: nothing,
        getSettings: async () => ({}),
        saveSettings: nothing,
        getSessions: async () => ({}),
        saveSessions: nothing,
        getLibraryEntry: async () => [],
        saveLibraryEntry: nothing,
      },
      logging: {
        console: { level: "off" },
        test: {
          level: "warn",
          metrics: false,
          audit: false,
          handler:
            () => (line: { level: number; msg: unknown; name?: string; id?: string; type?: string }) => {
              const { level, msg, name, id, type } = line;
              // 20 is error, 30 is warn: what a flow says by node.warn is no problem.
              if (level > 20) return;
              const text =
                msg instanceof Error ? msg.message : typeof msg === "string" ? msg : JSON.stringify(msg);
              this.#problem(`${id ? `"${name || id}" (${type}): ` : ""}${text}`);
            },
        },
      },
    };
  }

  /** Whatever gateway a flow means, here it is the simulated one. */
  #connected(node: FlowNode): FlowNode {
    if (node.type !== "stadsnod-gateway") return node;
    return { ...node, connection: "socket", socket: join(this.#job.folder, socketName) };
  }

  /** Every message that a node sends, also where no wire begins. */
  #watchOutputs(require: NodeJS.Require): void {
    const runtime = createRequire(require.resolve("@node-red/runtime"));
    const { prototype } = runtime("./nodes/Node.js");
    const { cloneMessage } = runtime("@node-red/util").util;
    const { send } = prototype;
    const watch = (id: string, given: unknown) => {
      this.#sent++;
      const node = this.#nodes.get(id);
      if (!node || given === null || given === undefined) return;
      const ports = Array.isArray(given) ? given : [given];
      for (const [port, messages] of ports.entries())
        for (const msg of Array.isArray(messages) ? messages : [messages])
          if (typeof msg === "object" && msg !== null)
            this.#add({ kind: "output", at: time.passed, node, port, msg: cloneMessage(msg) });
    };
    // A node without wires is given a `send` of its own that does nothing.
    const { updateWires } = prototype;
    prototype.updateWires = function (
      this: { id: string; _wireCount?: number; send?: unknown },
      wires: unknown,
    ) {
      updateWires.call(this, wires);
      if (this._wireCount === 0) this.send = (given: unknown) => watch(this.id, given);
    };
    prototype.send = function (this: { id: string; _alias?: string }, given: unknown) {
      watch(this._alias ?? this.id, given);
      return send.call(this, given);
    };
  }

  #inject(red: Red, named: string): void {
    const node = this.#job.flow.find((one) => one.type === "inject" && isNode(one, named));
    if (node) red.nodes.getNode(node.id)?.receive({});
    else this.#problem(`there is no inject node "${named}"`);
  }

  #add(deed: Deed): void {
    if (this.#deeds.length < mostDeeds) this.#deeds.push(deed);
    else if (this.#deeds.length === mostDeeds) this.#problem("the flow does more than a test can keep");
  }

  #problem(text: string): void {
    if (this.#problems.length < 100) this.#problems.push(`at ${time.passed / 1000}s: ${text}`);
  }

  /** Resolves when everything that can happen without time passing has happened. */
  async #settled(): Promise<void> {
    let before = -1;
    for (let quiet = 0; quiet < quietRounds; quiet++) {
      const now = this.#sent + this.#gateway.activity + time.activity;
      if (now !== before || this.#gateway.open > 0) quiet = 0;
      before = now;
      await time.round();
    }
  }
}

function partOf(value: unknown, key: string): unknown {
  return typeof value === "object" && value !== null ? Reflect.get(value, key) : undefined;
}

const asked = new Map<number, (answer: PayloadAnswer) => void>();
let questions = 0;

/** Whoever started this process has the profiles. What it makes of a payload has the flow's time. */
async function askPayload(route: string, body: Readonly<Record<string, unknown>>): Promise<unknown> {
  const id = ++questions;
  const { promise, resolve } = Promise.withResolvers<PayloadAnswer>();
  asked.set(id, resolve);
  process.send?.({ kind: "payload", id, route, body } satisfies PayloadAsked);
  const { answer: found, problem } = await promise;
  asked.delete(id);
  if (problem) throw Object.assign(new Error(problem.message), { code: problem.code });
  const readings = partOf(found, "readings");
  if (!Array.isArray(readings)) return found;
  return { readings: readings.map((one) => ({ ...one, time: new Date(time.now()).toISOString() })) };
}

function answer(given: FlowAnswer): void {
  process.send?.(given, () => process.exit(0));
}

process.on("message", (message: PayloadAnswer | FlowJob) => {
  if ("kind" in message) asked.get(message.id)?.(message);
});
process.once("message", (job: FlowJob) => {
  new FlowTest(job).run().then(answer, (error: unknown) => {
    answer({ kind: "failed", message: error instanceof Error ? error.message : String(error) });
  });
});
process.on("disconnect", () => process.exit(1));
