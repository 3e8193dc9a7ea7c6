import type { GatewayConfig } from "../../gateway/config/config.ts";
import { loadConfig } from "../../gateway/config/load.ts";
import { LinkError } from "../../gateway/model/errors.ts";
import type { NorthboundKind } from "../../gateway/northbound/northbound.ts";
import { loadProfiles } from "../../gateway/profiles/library.ts";
import { modbus } from "../../gateway/southbound/modbus/protocol.ts";
import { type MemoryTransport, memoryPair } from "../../gateway/transport/memory.ts";
import type { Connect } from "../../gateway/transport/transport.ts";
import type { VirtualClock } from "./virtual-clock.ts";

// A street of Modbus TCP units for simulated weeks: cheap, and nothing of it grows with time.

export interface WeekFieldOptions {
  readonly devices: number;
  /** Registers of a device, read in one request; each is a point. */
  readonly points: number;
  readonly pollMs: number;
  /** Bound of the outbox. */
  readonly maxBytes?: string;
  /** True time, ms. */
  now(): number;
  /** The process that lives. */
  run(): string | undefined;
}

const answerMs = 12;
const requestBytes = 12;

export class WeekField {
  fault: "silent" | "refused" | undefined;
  /** Registers that were read. */
  readings = 0;
  readonly #options: WeekFieldOptions;
  #line: MemoryTransport | undefined;

  constructor(options: WeekFieldOptions) {
    this.#options = options;
  }

  break(fault: "silent" | "refused"): void {
    this.fault = fault;
    if (fault === "refused") this.#line?.lose(new LinkError("reset by peer", { code: "lost" }));
  }

  /** The way to the units for one process. */
  connect(clock: VirtualClock, run: string): Connect {
    return async (endpoint) => {
      if (this.fault === "refused" || this.#options.run() !== run)
        throw new LinkError("nobody listens", { code: "refused" });
      const [near, far] = memoryPair(clock, { endpoint });
      this.#line = near;
      let rest: Uint8Array = new Uint8Array(0);
      far.receive((chunk) => {
        rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
        for (; rest.length >= requestBytes; rest = rest.subarray(requestBytes)) {
          const reply = this.#answer(rest.slice(0, requestBytes));
          if (!reply || this.fault === "silent" || this.#options.run() !== run) continue;
          this.readings += (reply.length - 9) / 2;
          clock.timer(answerMs, () => void far.write(reply).catch(() => {}));
        }
      });
      return near;
    };
  }

  /** Register j of every unit holds the seconds of true time, plus j. */
  #answer(request: Uint8Array): Uint8Array | undefined {
    const view = new DataView(request.buffer, request.byteOffset, requestBytes);
    const [code, start, count] = [request[7]!, view.getUint16(8), view.getUint16(10)];
    if (code !== 3) return undefined;
    const reply = new Uint8Array(9 + 2 * count);
    const out = new DataView(reply.buffer);
    reply.set(request.subarray(0, 4));
    out.setUint16(4, 3 + 2 * count);
    reply[6] = request[6]!;
    reply[7] = code;
    reply[8] = 2 * count;
    const tick = Math.floor(this.#options.now() / 1000);
    for (let j = 0; j < count; j++) out.setUint16(9 + 2 * j, (tick + start + j) & 0xffff);
    return reply;
  }
}

/** Two configurations that a reload goes between: the other one reopens the far side and reads slow points at another pace. */
export function weekConfigs(
  kind: NorthboundKind,
  { devices, points, pollMs, maxBytes = "256MB" }: WeekFieldOptions,
): Promise<readonly GatewayConfig[]> {
  const lines = Array.from(
    { length: points },
    (_, j) => `  r${j}: {at: {holding: ${j}}, unit: count, class: fast}`,
  );
  const profile = `profile: acme/street
version: 1.0.0
title: Street
manufacturer: Acme
models: [S]
category: energy-meter
sources: [{document: made for the test}]
status: draft
protocol: modbus
modbus: {addressing: protocol}
points:
${lines.join("\n")}
  extra: {at: {holding: 200}, unit: count, class: normal}
`;
  const library = loadProfiles(
    ["profiles"],
    { list: () => ["acme/street.yaml"], read: () => profile },
    [modbus],
    new Set(["acme/street"]),
  );
  const text = (variant: number) => `gateway: {id: gw1, pen: 61234}
connections: {street: {protocol: modbus, tcp: {host: 10.0.0.7}, timing: {timeout: 500ms}}}
devices:
${Array.from({ length: devices }, (_, index) => `  s${index + 1}: {profile: acme/street, connection: street, unit: ${index + 1}, audience: ${index % 2 ? "open" : "energy"}}`).join("\n")}
poll: {fast: ${pollMs}ms, normal: ${variant ? 15 : 10}m, slow: 30m}
audiences: {energy: {}}
northbound: {city: {type: simulated, pace: ${variant}}}
storage: {maxBytes: ${maxBytes}}
telemetry: {maxAge: 5s, maxReadings: 200}
`;
  return Promise.all(
    [0, 1].map(async (variant) => {
      const { config, diagnostics } = await loadConfig(text(variant), "gateway.yaml", {
        protocols: [modbus],
        northbounds: [kind],
        profiles: library,
        env: {},
        readFile: () => "",
      });
      const errors = diagnostics.filter(({ severity }) => severity === "error");
      if (!config || errors.length > 0) throw new Error(errors.map(({ message }) => message).join("; "));
      return config;
    }),
  );
}
