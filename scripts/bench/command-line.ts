import { randomUUID } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { setPriority } from "node:os";
import { join } from "node:path";
import { decode, encode } from "cborg";
import { connectAsync } from "mqtt";
import { openBroker } from "../../simulators/broker.ts";
import type { GatewayCommandsAnswers } from "./children/gateway-commands.ts";
import type { SimulatorReady, SimulatorSettings } from "./children/simulator.ts";
import { idealRate, type LineAnswers } from "./line-efficiency.ts";
import { type Child, commonMs, startChild } from "./process.ts";

const baud = 9600;
const registers = 20;
const units = Array.from({ length: 10 }, (_, index) => index + 1);

/** What one poll of the line takes at least, ms. */
export const transactionMs = 1000 / idealRate(baud, registers);

export interface Sent {
  readonly id: string;
  readonly unit: number;
  readonly value: number;
  /** When it was given to the client, as of `commonMs`. */
  readonly at: number;
}

/** A last word. */
export interface LastWord {
  readonly state: string;
  readonly code: string;
}

/** A gateway on a saturated line: ten devices of 20 registers at 9600 baud, more polls asked for than it carries. */
export interface CommandLine extends AsyncDisposable {
  readonly line: Child<SimulatorReady, LineAnswers>;
  readonly gateway: Child<unknown, GatewayCommandsAnswers>;
  /** Publishes a command with a value that no other has; to any device unless named. */
  send(unit?: number): Sent;
  /** Last words, by id. */
  readonly lasts: ReadonlyMap<string, LastWord>;
  last(id: string): Promise<LastWord>;
}

/** Opens it, and waits until every device has been read. */
export async function openCommandLine(folder: string, share: number): Promise<CommandLine> {
  await using stack = new AsyncDisposableStack();
  const wire: SimulatorSettings["wire"] = { kind: "line", baud, parity: "even", record: true };
  const line = stack.use(
    await startChild<SimulatorReady, LineAnswers>("simulator.ts", {
      wire,
      units,
    } satisfies SimulatorSettings),
  );
  // A line is no program: it does not wait for a processor that others use.
  try {
    setPriority(line.pid, -10);
  } catch {
    // Only who may.
  }
  const broker = stack.use(await openBroker({ port: 0 }));
  const city = await connectAsync(broker.url);
  stack.defer(() => city.endAsync(true));
  const lasts = new Map<string, LastWord>();
  const waiters = new Map<string, (word: LastWord) => void>();
  city.on("message", (_topic, payload) => {
    const { id, state, code = "", last } = decode(payload);
    if (last !== true) return;
    lasts.set(id, { state, code });
    waiters.get(id)?.({ state, code });
    waiters.delete(id);
  });
  await city.subscribeAsync("stadsnod/v1/+/result/#", { qos: 1 });
  const file = join(folder, "gateway.yaml");
  mkdirSync(join(folder, "profiles/bench"), { recursive: true });
  writeFileSync(join(folder, "profiles/bench/lamp.yaml"), profile());
  writeFileSync(file, configuration(line.ready.path, broker.url, share));
  const gateway = stack.use(
    await startChild<unknown, GatewayCommandsAnswers>("gateway-commands.ts", { file }),
  );
  await polled(line);
  let value = 0;
  const held = stack.move();
  return {
    line,
    gateway,
    lasts,
    send: (unit = units[Math.floor(Math.random() * units.length)] ?? 1) => {
      value = (value % 60_000) + 1;
      const id = randomUUID();
      const command = { id, point: "level", value, issuer: "city", expiresIn: 10_000 };
      const at = commonMs();
      city.publish(`stadsnod/v1/bench-01/command/lamp-${unit}`, Buffer.from(encode(command)), { qos: 1 });
      return { id, unit, value, at };
    },
    last: (id) => {
      const known = lasts.get(id);
      if (known) return Promise.resolve(known);
      return new Promise((resolve) => waiters.set(id, resolve));
    },
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}

async function polled(line: CommandLine["line"]): Promise<void> {
  const limit = performance.now() + 20_000;
  while ((await line.ask("traffic")).polls < 3 * units.length) {
    if (performance.now() > limit) throw new Error("the line is not polled");
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** JSON is YAML. */
function profile(): string {
  const points = Array.from({ length: registers }, (_, index) => [
    `p${index}`,
    { at: { input: index, type: "u16" }, unit: "W", kind: "gauge", class: "fast" },
  ]);
  const level = {
    at: { holding: 0, type: "u16" },
    unit: "W",
    kind: "gauge",
    class: "slow",
    write: { range: [0, 65_000], expiry: { max: "1h" } },
  };
  return JSON.stringify({
    profile: "bench/lamp",
    version: "1.0.0",
    title: { en: "A lamp whose level can be written" },
    manufacturer: "Bench",
    models: ["lamp"],
    category: "lighting",
    sources: [{ document: "scripts/bench" }],
    status: "draft",
    protocol: "modbus",
    modbus: { addressing: "protocol" },
    points: { ...Object.fromEntries(points), level },
  });
}

function configuration(port: string, url: string, share: number): string {
  return JSON.stringify({
    gateway: { id: "bench-01", pen: 32473 },
    profiles: ["profiles"],
    connections: { line: { protocol: "modbus", serial: { port, baud, parity: "even" } } },
    devices: Object.fromEntries(
      units.map((unit) => [`lamp-${unit}`, { profile: "bench/lamp", connection: "line", unit }]),
    ),
    poll: { fast: "100ms", normal: "1h", slow: "1h" },
    northbound: { city: { type: "mqtt", url } },
    commands: { issuers: { city: { devices: ["*"], points: ["*"] } }, share: `${share * 100}%` },
    storage: { folder: "data" },
    local: { socket: "data/stadsnod.sock" },
    clock: { trust: "always" },
    history: false,
  });
}
