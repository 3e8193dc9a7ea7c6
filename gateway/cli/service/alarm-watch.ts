import { AlarmBook, Lately } from "../../commissioning/alarm-book.ts";
import { type Alarm, alarmsOf } from "../../commissioning/alarms.ts";
import { lookAtMachine, type MachineLook, type MachineSource } from "../../commissioning/machine.ts";
import { RecentStatus } from "../../commissioning/wiring/recent-status.ts";
import { suspicions } from "../../commissioning/wiring/suspicions.ts";
import type { Gateway } from "../../gateway.ts";
import type { GatewayStatus } from "../../local/surface.ts";
import type { Clock } from "../../model/clock.ts";

/** So often somebody looks although nobody asks: for since when. */
const lookEveryMs = 30_000;
/** Lost readings count as long as this. */
const latelyMs = 900_000;

export interface AlarmWatchOptions {
  readonly gateway: Gateway;
  readonly status: () => GatewayStatus;
  readonly machine: MachineSource;
  /** Where the gateway keeps what it stores. */
  readonly folder: string;
}

/** Looks after the whole gateway: its parts and its machine. */
export class AlarmWatch implements Disposable {
  readonly #options: AlarmWatchOptions;
  readonly #clock: Clock;
  readonly #book: AlarmBook;
  readonly #lately: Lately;
  readonly #recent: RecentStatus;
  #machine: MachineLook | undefined;
  #timer: Disposable | undefined;
  #closed = false;

  constructor(options: AlarmWatchOptions) {
    const { clock } = options.gateway;
    this.#options = options;
    this.#clock = clock;
    this.#book = new AlarmBook(clock);
    this.#lately = new Lately(clock, latelyMs);
    this.#recent = new RecentStatus(clock);
    void this.#look();
  }

  /** What is wrong now, the worst first. Of the machine: what was at the last look. */
  alarms(): readonly Alarm[] {
    const { gateway, status } = this.#options;
    const { devices, connections, northbound, quarantined, clock, uptimeS } = status();
    const { maxBytes } = gateway.config.storage;
    const dropped = new Map(
      Array.from(gateway.loops.values(), (loop) => {
        const counter = loop.status().dropped;
        return [loop.connection, this.#lately.grown(loop.connection, counter)];
      }),
    );
    this.#lately.keep([...dropped.keys()]);
    this.#recent.keep([...dropped.keys()]);
    const suspected = new Map(
      Array.from(gateway.loops.values(), (loop) => [
        loop.connection,
        suspicions(this.#recent.take(loop.status()))[0],
      ]),
    );
    return this.#book.take(
      alarmsOf({
        uptimeS,
        clockTrusted: clock.trusted,
        devices,
        connections: connections.map(({ name, state, error }) => ({
          name,
          state,
          error,
          droppedLately: dropped.get(name) ?? 0,
          suspicion: suspected.get(name),
        })),
        northbound: northbound.map(({ name, connected, error, outbox }) => ({
          name,
          connected,
          error,
          filled: outbox.bytes / maxBytes,
          disk: outbox.disk,
          damaged: outbox.quarantined,
        })),
        quarantined,
        commandsProblem: gateway.control.desk?.status().problem,
        machine: this.#machine,
      }),
    );
  }

  /** The machine as it is now. Never rejects. */
  async machine(): Promise<MachineLook> {
    this.#machine = await lookAtMachine(this.#options.machine, this.#options.folder);
    return this.#machine;
  }

  [Symbol.dispose](): void {
    this.#closed = true;
    this.#timer?.[Symbol.dispose]();
  }

  async #look(): Promise<void> {
    await this.machine();
    if (this.#closed) return;
    this.alarms();
    this.#timer = this.#clock.timer(lookEveryMs, () => void this.#look());
  }
}
