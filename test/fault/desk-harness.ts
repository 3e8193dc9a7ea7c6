import type { CommandCodec } from "../../gateway/commands/codec-seam.ts";
import type { Answerers, AuditEntry, CommandDesk, Field } from "../../gateway/commands/command-desk.ts";
import { type DeskOptions, openDesk } from "../../gateway/commands/desk.ts";
import { type CommandRules, defaultRules } from "../../gateway/commands/rules.ts";
import type { Command, CommandResult } from "../../gateway/model/command.ts";
import { type Device, pollPeriod } from "../../gateway/model/device.ts";
import { LinkError, RefusedError } from "../../gateway/model/errors.ts";
import { silentLog } from "../../gateway/model/log.ts";
import type { Reading } from "../../gateway/model/reading.ts";
import type { Value } from "../../gateway/model/value.ts";
import { isRefused, type WriteInputs } from "../../gateway/model/write.ts";
import type { Answer, IncomingCommand } from "../../gateway/northbound/northbound.ts";
import { loadProfile } from "../../gateway/profiles/load.ts";
import type { WriteOrder, WriteOutcome } from "../../gateway/southbound/write-order.ts";
import { cells } from "../fake-protocol.ts";
import { seeded } from "./random.ts";
import { SimulatedDisk } from "./simulated-disk.ts";
import { settle, VirtualClock } from "./virtual-clock.ts";

const profileText = `profile: acme/lamp
version: 1.0.0
title: {en: Acme lamp}
manufacturer: Acme
models: [L1]
category: energy-meter
sources: [{document: Acme L1 manual}]
status: draft
protocol: cells
cells: {base: 0}
points:
  level: {at: {cell: 1}, unit: "%", range: [0, 100], class: fast, write: {range: [0, 100]}}
  worn: {at: {cell: 2}, unit: "%", write: {range: [0, 100], budget: {perDay: 5, lifetime: 12}}}
  often: {at: {cell: 3}, unit: "%", write: {rate: 3/min}}
  lock: {at: {cell: 4}, values: {0: closed, 1: open}, write: {confirm: two-step, expiry: {max: 5m}}}
  door: {at: {cell: 5, type: flag}}
  pump: {at: {cell: 6}, unit: "%", write: {interlock: "door == false"}}
  alive: {at: {cell: 7}, unit: "%", write: {keepalive: {every: 30s}, failsafe: {after: 10m, value: 7}}}
  safe: {at: {cell: 8}, unit: "%", write: {failsafe: {after: 10m, value: 80}}}
  last: {at: {cell: 9}, unit: "%", write: {restart: last}}
  fallen: {at: {cell: 10}, unit: "%", write: {failsafe: {after: 1h, value: 3}, restart: failsafe}}
  level_read: {at: {cell: 11}, unit: "%"}
  home: {at: {cell: 12}, unit: "%", personal: true, write: {}}
  shown: {at: {cell: 13}, unit: "%", write: {verify: {point: home, within: 1s}}}
examples:
  - {given: {1: 1, 2: 1, 3: 1, 4: 1, 5: false, 6: 1, 7: 1, 8: 1, 9: 1, 10: 1, 11: 1, 12: 1, 13: 1}, expect: {level: 1}}
`;

function lamp(id: string): Device {
  const { profile, diagnostics } = loadProfile(profileText, "device-profiles/acme/lamp.yaml", [cells]);
  if (!profile) throw new Error(diagnostics.map(({ message }) => message).join("; "));
  return {
    id,
    profile,
    connection: "line-1",
    settings: { unit: 1 },
    urn: `urn:dev:ops:32473-gw-${id}:`,
    audience: "restricted",
    audiences: new Map(),
    poll: { fast: 1000, normal: 10_000, slow: 60_000 },
  };
}

export const lamps = new Map(["lamp-1", "lamp-2"].map((id) => [id, lamp(id)]));

export interface PhysicalWrite {
  /** Unix ms. */
  readonly at: number;
  readonly place: string;
  readonly value: Value;
  /** Which call of `Field.write` it belongs to. */
  readonly call: number;
  /** By a command, not by the gateway itself. */
  readonly commanded: boolean;
}

let calls = 0;

/** A device that remembers what it was told, and every physical write. Outlives the gateway. */
export class World {
  readonly values = new Map<string, Value>([
    ["lamp-1/door", false],
    ["lamp-2/door", false],
  ]);
  readonly writes: PhysicalWrite[] = [];
  readonly answers: {
    readonly northbound: string;
    readonly result: CommandResult;
    readonly answer: Answer;
  }[] = [];
  readonly audit: AuditEntry[] = [];

  /** What is outside the gateway at this moment. */
  clone(): World {
    const copy = new World();
    for (const [place, value] of this.values) copy.values.set(place, value);
    copy.writes.push(...this.writes);
    copy.answers.push(...this.answers);
    return copy;
  }
}

export interface BenchOptions {
  readonly world?: World;
  readonly disk?: SimulatedDisk;
  readonly clock?: VirtualClock;
  readonly seed?: number;
  readonly rules?: Partial<CommandRules>;
  readonly desk?: Partial<DeskOptions>;
  /** How long a write takes. */
  readonly writeMs?: number;
  /** Called with the name of a moment in the life of a command. */
  readonly moment?: (name: string) => void;
}

export const anyone: CommandRules = {
  ...defaultRules,
  issuers: new Map([
    ["city", { devices: ["lamp-*"], points: ["*"], priority: "operator" }],
    ["police", { devices: ["*"], points: ["*"], priority: "safety" }],
    ["robot", { devices: ["lamp-1"], points: ["l*"], priority: "automation" }],
  ]),
};

/** The whole desk over a fake field, with a codec of plain objects. */
export class Bench {
  readonly world: World;
  readonly disk: SimulatedDisk;
  readonly clock: VirtualClock;
  readonly options: DeskOptions;
  readonly latest = new Map<string, Reading>();
  up = new Map([["city", true]]);
  /** Devices that cannot be reached. */
  readonly gone = new Set<string>();
  /** Devices whose lines were told of a write that is to come, and how it ended with that. */
  readonly expected: { readonly device: string; open: boolean; written: boolean }[] = [];
  /** Makes the next writes fail. */
  readonly failures: Error[] = [];
  readonly #changes = new Set<() => void>();
  readonly #writeMs: number;
  readonly #moment: (name: string) => void;
  rules: CommandRules;
  stage: "queued" | undefined;
  desk!: CommandDesk;

  constructor(options: BenchOptions = {}) {
    const { seed = 1, world = new World(), writeMs = 50, moment = () => {} } = options;
    this.world = world;
    this.clock = options.clock ?? new VirtualClock();
    this.disk = options.disk ?? new SimulatedDisk({ random: seeded(seed) });
    this.#writeMs = writeMs;
    this.#moment = moment;
    this.rules = { ...anyone, ...options.rules };
    const bench = this;
    this.options = {
      rules: () => bench.rules,
      clock: this.clock,
      random: seeded(seed + 1),
      log: silentLog,
      disk: this.disk,
      field: this.#field(),
      answerers: this.#answerers(),
      northbounds: () => ["city"],
      links: {
        linkUp: (name) => bench.up.get(name) ?? false,
        onChange: (callback) => {
          bench.#changes.add(callback);
          return { [Symbol.dispose]: () => bench.#changes.delete(callback) };
        },
      },
      audit: {
        async record(entry) {
          bench.world.audit.push(entry);
        },
      },
      codec,
      ...options.desk,
    };
  }

  async open(): Promise<this> {
    this.desk = await openDesk(this.options);
    return this;
  }

  link(up: boolean): void {
    this.up.set("city", up);
    for (const change of this.#changes) change();
  }

  /** Over the northbound, as it would come from a broker. */
  async receive(command: Partial<Command>, message: Partial<IncomingCommand> = {}): Promise<void> {
    const body = asBytes(commandOf(command));
    await this.desk.receive("city", {
      device: command.device ?? "lamp-1",
      body,
      retained: false,
      properties: new Map(),
      ...message,
    });
  }

  /** All that the far side heard of an id, in order. */
  heard(id: string): string[] {
    return this.world.answers.filter(({ result }) => result.id === id).map(({ result }) => words(result));
  }

  async run(ms: number): Promise<void> {
    await this.clock.advance(ms);
  }

  /** Submits from inside and lets it be carried out. */
  async done(command: Partial<Command>, ms = 10_000): Promise<CommandResult> {
    const full = commandOf(command);
    await this.desk.submit(full, { kind: "local", user: "anna" });
    await this.run(ms);
    const last = this.desk.list().find((one) => one.id === full.id && one.issuer === full.issuer);
    if (!last) throw new Error("forgotten");
    return last;
  }

  reads(place: string, value: Value): void {
    const [id = "", name = ""] = place.split("/");
    const device = lamps.get(id)!;
    const point = device.profile.points.find((one) => one.name === name)!;
    this.latest.set(place, { device, point, name, quality: "good", value, time: this.clock.stamp() });
  }

  #field(): Field {
    return {
      device: (id) => lamps.get(id),
      latest: (device, point) => this.latest.get(`${device}/${point}`),
      expectWrite: (device) => {
        const expected = { device, open: true, written: false };
        this.expected.push(expected);
        return {
          [Symbol.dispose]: () => {
            expected.open = false;
          },
        };
      },
      write: (device, order, signal) => this.#write(device, order, signal),
    };
  }

  async #write(device: string, order: WriteOrder, signal: AbortSignal): Promise<WriteOutcome> {
    const call = ++calls;
    for (const expected of this.expected) if (expected.device === device) expected.written ||= expected.open;
    const commanded = order.expiresAt !== undefined;
    await this.clock.sleep(this.#writeMs / 2, signal);
    if (this.gone.has(device)) throw new LinkError("not connected", { code: "not-connected" });
    const place = `${device}/${order.point}`;
    const { values, writes } = this.world;
    const inputs: WriteInputs = new Map(
      order.needs.flatMap((name): [string, Value][] => {
        const value = values.get(`${device}/${name}`);
        return value === undefined ? [] : [[name, value]];
      }),
    );
    const prepared = order.prepare(inputs);
    if (isRefused(prepared)) throw new RefusedError(prepared.detail, { code: prepared.refuse });
    const before = values.get(place);
    if (order.onlyIfDifferent && before === prepared.value)
      return { value: prepared.value, before, verified: true, unchanged: true, readings: [] };
    if (this.stage) {
      order.progress?.(this.stage);
      await this.clock.sleep(3_600_000, signal);
    }
    const attempts = 1 + (this.failures[0]?.message === "retry" ? (prepared.verify?.retries ?? 0) : 0);
    for (let attempt = 0; attempt < attempts; attempt++) {
      order.progress?.("writing");
      this.#moment("before-write");
      values.set(place, prepared.value);
      writes.push({ at: this.clock.now(), place, value: prepared.value, call, commanded });
      this.#moment("after-write");
      await this.clock.sleep(this.#writeMs / 2, signal);
    }
    const failure = this.failures.shift();
    if (failure) throw failure;
    return { value: prepared.value, before, verified: true, unchanged: false, readings: [] };
  }

  #answerers(): Answerers {
    return {
      answer: async (northbound, answer) => {
        await Promise.resolve();
        if (!this.up.get(northbound)) throw new LinkError("not connected", { code: "not-connected" });
        this.#moment("before-answer");
        const result = JSON.parse(Buffer.from(answer.body).toString());
        this.world.answers.push({ northbound, result, answer });
        this.#moment("after-answer");
      },
      connected: async (northbound, signal) => {
        while (!this.up.get(northbound)) {
          signal.throwIfAborted();
          await new Promise<void>((resolve) => {
            const wake = () => {
              this.#changes.delete(wake);
              signal.removeEventListener("abort", wake);
              resolve();
            };
            this.#changes.add(wake);
            signal.addEventListener("abort", wake);
          });
        }
      },
    };
  }
}

let next = 0;

export function commandOf(command: Partial<Command>): Command {
  return {
    id: `c-${++next}`,
    device: "lamp-1",
    point: "level",
    action: "write",
    value: command.action === undefined || command.action === "write" ? 50 : undefined,
    issuer: "city",
    expiry: { inMs: 30_000 },
    priority: "operator",
    ...command,
  };
}

function asBytes(value: unknown): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value));
}

const codec: CommandCodec = {
  decode(message) {
    if (message.oversize) return { refuse: "too-large", text: "too large" };
    const text = Buffer.from(message.body).toString();
    if (!text.startsWith("{"))
      return { refuse: "bad-form", text: "no map", id: text.startsWith("id:") ? text.slice(3) : undefined };
    const command: Command & { issuersOfKey?: string[] } = JSON.parse(text);
    return { command: { ...command, device: message.device }, issuersOfKey: command.issuersOfKey };
  },
  encodeResult: asBytes,
};

/** `failed: rate`, `accepted/armed`, `succeeded`. */
export function words({ state, stage, code }: CommandResult): string {
  return `${state}${stage ? `/${stage}` : ""}${code ? `: ${code}` : ""}`;
}

export { pollPeriod, settle };
