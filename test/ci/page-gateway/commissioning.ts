import type {
  CommissioningState,
  DeviceCheck,
  DeviceVerdict,
  LocalCommissioning,
  NewDevice,
  PointVerdict,
} from "../../../gateway/local/commissioning.ts";
import type { Command, CommandResult } from "../../../gateway/model/command.ts";
import type { PortFacts } from "../../../gateway/model/commissioning.ts";
import type { Device } from "../../../gateway/model/device.ts";
import type { Desk } from "./desk.ts";
import { meterDevice, relayDevice } from "./devices.ts";
import type { Jobs } from "./jobs.ts";

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** A word of a command, beside what all of them have. */
export type Word = Pick<CommandResult, "state" | "last"> & Partial<CommandResult>;

const good = (
  point: string,
  value: number | boolean | string,
  more: Partial<PointVerdict> = {},
): PointVerdict => ({
  point,
  quality: "good",
  value,
  ageS: 1,
  ok: true,
  ...more,
});
/** One of them does not answer. */
const meterPoints = [
  good("voltage_l1", 231.4, { unit: "V", range: [180, 260] }),
  good("voltage_l2", 230.9, { unit: "V", range: [180, 260] }),
  good("frequency", 50, { unit: "Hz", range: [45, 55] }),
  { point: "power", quality: "comm-error", unit: "W", ok: false },
];
const relayPoints = [good("k1", false), good("lock", "locked")];

/** What the rest of the gateway has to do with it. */
interface Around {
  readonly devices: Device[];
  readonly ports: PortFacts[];
  readonly jobs: Jobs;
  readonly desk: Desk;
}

/** Puts into service whatever it is given: a meter, or a relay board. */
export class Commissioning implements LocalCommissioning {
  readonly verdicts: Mutable<DeviceVerdict>[] = [];
  /** What a command becomes: its words after the first, in order. */
  words: (command: Command) => readonly Word[] = ({ value }) => [
    { state: "executing", last: false },
    { state: "succeeded", value, before: false, verified: true, last: true },
  ];
  readonly #around: Around;
  readonly #reports: CommissioningState["reports"][number][] = [];

  constructor(around: Around) {
    this.#around = around;
  }

  async state(): Promise<CommissioningState> {
    const test = this.#around.jobs
      .list()
      .findLast(({ kind, state }) => kind === "northbound-test" && state === "done");
    const ok = test?.findings.every((one) => one.kind !== "check" || one.result !== "failed") ?? false;
    return {
      devices: this.verdicts,
      missing: [],
      northbound: test ? [{ name: test.subject, ok, at: test.startedAt }] : [],
      reports: this.#reports,
    };
  }

  async add(device: NewDevice) {
    const { id, profile, connection, settings, title, place } = device;
    const { devices, ports } = this.#around;
    const isMeter = !profile.startsWith("wiren-board");
    devices.push(await (isMeter ? meterDevice : relayDevice)(id, profile, connection));
    this.verdicts.push({
      device: id,
      profile,
      connection,
      settings,
      ...(title ? { title: { en: title } } : {}),
      ...(place ? { place } : {}),
      points: (isMeter ? meterPoints : relayPoints).map((point) => ({ ...point })),
      actuators: isMeter ? [] : [{ point: "k1" }, { point: "lock" }],
      ok: false,
      missing: isMeter
        ? [{ what: "point-not-good", device: id, point: "power" }]
        : [{ what: "actuator-untested", device: id }],
    });
    const [port] = ports;
    if (port) ports[0] = { ...port, connection };
    return { changes: [`added ${id}`] };
  }

  async remove(id: string) {
    const { devices } = this.#around;
    devices.splice(0, devices.length, ...devices.filter((one) => one.id !== id));
    this.verdicts.splice(0, this.verdicts.length, ...this.verdicts.filter(({ device }) => device !== id));
    return { changes: [`removed ${id}`] };
  }

  async check({ device: id, point, result }: DeviceCheck): Promise<void> {
    const device = this.verdicts.find((one) => one.device === id);
    if (!device) throw new Error(`no device ${id}`);
    const seen = <T extends { point: string }>(one: T) =>
      one.point === point ? { ...one, seen: result } : one;
    const isActuator = device.actuators.some((one) => one.point === point);
    if (isActuator) device.actuators = device.actuators.map(seen);
    device.points = device.points.map(seen);
  }

  async acceptedBy(id: string): Promise<string | undefined> {
    return this.verdicts.find(({ device }) => device === id)?.accepted;
  }

  async test(command: Command): Promise<CommandResult> {
    const { action, confirms = "" } = command;
    const words = this.words(command);
    if (action === "confirm") {
      // What becomes of it is told of the command that waited.
      this.#around.desk.foretell({ ...command, id: confirms }, words);
      return this.#around.desk.word(command, { state: "succeeded", last: true });
    }
    return this.#around.desk.foretell(command, [{ state: "accepted", last: false }, ...words]);
  }

  async accept(by: string): Promise<{ id: string }> {
    const id = `2026-01-0${this.#reports.length + 1}`;
    this.#reports.push({ id, at: new Date().toISOString(), by, ok: true });
    for (const device of this.verdicts) device.accepted = id;
    return { id };
  }

  async report(id: string, as: "json" | "html"): Promise<string> {
    return as === "json"
      ? JSON.stringify({ report: id })
      : `<!doctype html><title>Report</title><h1>${id}</h1><svg viewBox="0 0 3 3"><path d="M0 0h1v1H0zM2 2h1v1H2z"/></svg>`;
  }
}
