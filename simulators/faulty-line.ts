import { characterMs, type LineSettings, silenceMs } from "./line.ts";
import { createModbusUnits, type Unit, type UnitSettings } from "./modbus/device.ts";
import { Cable, type CableOptions, type Disturbance, type Station } from "./physical/cable.ts";
import type { Chance } from "./physical/disturbances.ts";
import { asLinuxReads, type ReceiverOptions, UartReceiver, waveform } from "./physical/uart.ts";
import { type After, after as realAfter } from "./wire.ts";

/** One device on the cable. Two may have the same unit id. */
export interface LineDevice extends ReceiverOptions {
  readonly unit: number;
  readonly modbus?: UnitSettings | undefined;
  /** Its own settings, where they are not the line's. */
  readonly settings?: LineSettings | undefined;
  /** A and B are swapped at its own plug. */
  readonly swapped?: boolean | undefined;
  /** Whether it leaves a request alone that had a parity or framing error in it. Default true. */
  readonly strict?: boolean | undefined;
  /** Of its driver, against others that drive at the same time. Default 1. */
  readonly strength?: number | undefined;
  readonly disturbances?: readonly Disturbance[] | undefined;
}

export interface FaultyLineOptions {
  /** What everybody on the line is set to, unless a device says otherwise. */
  readonly settings: LineSettings;
  readonly devices: readonly LineDevice[];
  readonly cable?: Partial<CableOptions> | undefined;
  readonly gateway?:
    | (ReceiverOptions & {
        readonly swapped?: boolean | undefined;
        /** Milliseconds from the start of its own sending for which its receiver is off; absent: all of it. */
        readonly deafFor?: ((ownStartMs: number) => number) | undefined;
        readonly disturbances?: readonly Disturbance[] | undefined;
        /** Bytes reach the program every so often, as from a USB adapter. Default 4 ms. */
        readonly latencyMs?: number | undefined;
      })
    | undefined;
  /** A driver that is broken and holds the line at space, with its strength. */
  readonly stuck?: number | undefined;
  /** Somebody who never stops sending these bytes. */
  readonly babbler?: { readonly bytes: Uint8Array; readonly strength?: number | undefined } | undefined;
  /** Another master that asks in turn, and does not listen before. */
  readonly master?: { readonly frames: readonly Uint8Array[]; readonly everyMs: () => number } | undefined;
  readonly now: () => number;
  readonly after?: After | undefined;
  readonly chance: Chance;
}

export interface FaultyLine extends Disposable {
  /** The gateway opened its port with these settings. */
  open(settings: LineSettings): void;
  /** The gateway writes. Returns when its last stop bit is over, ms. */
  write(bytes: Uint8Array): number;
  /** Sets who gets what the gateway's port reads. */
  receive(receiver: (chunk: Uint8Array) => void): void;
  /** Of the n-th device. */
  unit(index: number): Unit;
}

/** Modbus RTU devices and the gateway's port on one cable, with what is wrong with it, bit by bit. */
export function openFaultyLine(options: FaultyLineOptions): FaultyLine {
  const { now, after = realAfter, chance, settings, gateway = {} } = options;
  const { latencyMs = 4 } = gateway;
  const cable = new Cable({
    lengthM: 30,
    terminated: true,
    stubsM: [],
    bias: 0.13,
    noise: 0.05,
    seed: Math.floor(chance() * 2 ** 31),
    ...options.cable,
  });
  const timers = new Set<Disposable>();
  let closed = false;
  const later = (ms: number, callback: () => void): void => {
    const due = now() + ms;
    const wait = (): void => {
      const timer = after(Math.max(0, due - now()), () => {
        timers.delete(timer);
        if (closed) return;
        // Real timers know whole milliseconds, and are early by parts of one.
        if (now() < due) wait();
        else callback();
      });
      timers.add(timer);
    };
    wait();
  };
  const never = () => Number.POSITIVE_INFINITY;
  const station = (
    swapped: boolean | undefined,
    disturbances: readonly Disturbance[] = [],
    deafFor: (ownStartMs: number) => number = never,
  ): Station => ({ polarity: swapped ? -1 : 1, disturbances, deafFor });

  /** When each station's own sending is over. */
  const freeAt = new Map<Station, number>();
  const transmit = (from: Station, bytes: Uint8Array, own: LineSettings, strength = 1): number => {
    const wave = waveform(bytes, own, Math.max(now(), freeAt.get(from) ?? 0));
    freeAt.set(from, wave.endMs);
    cable.forget(Math.min(portUart.position, ...devices.map(({ position }) => position())));
    cable.drive(from, wave, strength);
    keepAwake(wave.endMs);
    for (const device of devices)
      later(wave.endMs + device.silence + 0.01 - now(), () => {
        for (const one of devices) one.look();
      });
    return wave.endMs;
  };

  const devices = options.devices.map((device) => {
    const own = device.settings ?? settings;
    const self = station(device.swapped, device.disturbances);
    const uart = new UartReceiver(own, now(), device);
    const level = cable.level(self);
    const silence = silenceMs(own);
    const character = characterMs(own);
    const units = createModbusUnits({ [device.unit]: device.modbus ?? {} }, after);
    let receiver: (frame: Uint8Array) => void = () => {};
    units.attach(
      {
        send: (bytes) => void transmit(self, bytes, own, device.strength),
        receive: () => {},
        receiveFrames: (next) => {
          receiver = next;
        },
      },
      "rtu",
    );
    let bytes: number[] = [];
    let damaged = false;
    let last = 0;
    const frame = (): void => {
      if (bytes.length > 0 && !(damaged && device.strict !== false)) receiver(Uint8Array.from(bytes));
      bytes = [];
      damaged = false;
    };
    return {
      silence,
      position: () => uart.position,
      unit: units.unit(device.unit),
      look: () => {
        for (const one of uart.advance(level, now())) {
          if (one.at - last > silence + character) frame();
          if (bytes.length < 300) bytes.push(one.byte);
          damaged ||= one.framing || one.parity;
          last = one.at;
        }
        if (now() - last >= silence) frame();
      },
    };
  });

  const port = station(gateway.swapped, gateway.disturbances, gateway.deafFor);
  const portLevel = cable.level(port);
  const portUart = new UartReceiver(settings, now(), gateway);
  let portSettings = settings;
  let receiver: (chunk: Uint8Array) => void = () => {};
  const look = (): void => {
    const bytes = asLinuxReads(portUart.advance(portLevel, now()));
    if (bytes.length > 0) receiver(bytes);
  };
  const isRestless =
    (gateway.disturbances?.length ?? 0) > 0 || options.stuck !== undefined || options.babbler !== undefined;
  let awakeUntil = 0;
  let ticking = false;
  const tick = (): void => {
    look();
    if (now() < awakeUntil || isRestless) later(latencyMs, tick);
    else ticking = false;
  };
  function keepAwake(until: number): void {
    awakeUntil = Math.max(awakeUntil, until + 30);
    if (ticking) return;
    ticking = true;
    later(latencyMs, tick);
  }
  keepAwake(now());

  if (options.stuck !== undefined) {
    const held = Uint8Array.of(0);
    const forever = Number.POSITIVE_INFINITY;
    cable.drive(
      station(false),
      { startMs: now() + 1, bitMs: forever, bits: held, endMs: forever },
      options.stuck,
    );
  }
  const { babbler, master } = options;
  if (babbler) {
    const self = station(false);
    const babble = (): void => {
      const end = transmit(self, babbler.bytes, settings, babbler.strength);
      later(end - now(), babble);
    };
    babble();
  }
  if (master) {
    const self = station(false);
    let turn = 0;
    const ask = (): void => {
      transmit(self, master.frames[turn++ % master.frames.length]!, settings);
      later(master.everyMs(), ask);
    };
    later(master.everyMs(), ask);
  }

  return {
    open: (next) => {
      look();
      portSettings = next;
      portUart.configure(next, now());
    },
    write: (bytes) => transmit(port, bytes, portSettings),
    receive: (next) => {
      receiver = next;
    },
    unit: (index) => devices[index]!.unit,
    [Symbol.dispose]: () => {
      closed = true;
      for (const timer of timers) timer[Symbol.dispose]();
    },
  };
}
