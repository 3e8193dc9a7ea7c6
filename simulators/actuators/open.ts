import { openModbusServer } from "../modbus/server.ts";
import { openPty } from "../pty.ts";
import type { ActuatorOptions } from "./actuator.ts";
import { createDaliLamp, type DaliLamp } from "./dali-lamp.ts";
import { createDoorLock, type DoorLock } from "./door-lock.ts";
import { createPump, type Pump } from "./pump.ts";
import { createRelayBoard, type RelayBoard } from "./relay-board.ts";

/** Four actuators that a gateway can reach: three behind one Modbus TCP port, and a lock on a line of its own. */
export interface Actuators extends AsyncDisposable {
  /** Modbus TCP on 127.0.0.1: lamp 1, relays 2, pump 3. */
  readonly port: number;
  /** The lock's serial line: 9600 baud, 8N1, address 1. */
  readonly lockPath: string;
  readonly lamp: DaliLamp;
  readonly relays: RelayBoard;
  readonly pump: Pump;
  readonly lock: DoorLock;
}

export const actuatorUnits = { lamp: 1, relays: 2, pump: 3 } as const;
export const lockAddress = 1;

/** @param options `link`: where the link of the lock's line shall lie; `port`: any free one unless given */
export async function openActuators({
  link,
  port = 0,
  ...options
}: ActuatorOptions & {
  readonly link?: string | undefined;
  readonly port?: number | undefined;
} = {}): Promise<Actuators> {
  const lamp = createDaliLamp(options);
  const relays = createRelayBoard(options);
  const pump = createPump(options);
  const lock = createDoorLock(lockAddress, options);
  await using stack = new AsyncDisposableStack();
  const server = stack.use(
    await openModbusServer({
      listen: { tcp: port },
      units: {
        [actuatorUnits.lamp]: lamp.settings,
        [actuatorUnits.relays]: relays.settings,
        [actuatorUnits.pump]: pump.settings,
      },
    }),
  );
  const pty = stack.use(openPty({ link }));
  lock.attach(pty);
  const closing = stack.move();
  return {
    port: server.port,
    lockPath: pty.path,
    lamp,
    relays,
    pump,
    lock,
    [Symbol.asyncDispose]: () => closing.disposeAsync(),
  };
}
