import { type LineSettings, openPacedLine, type PacedLine } from "./line.ts";
import type { Unit, UnitSettings } from "./modbus/device.ts";
import { openModbusServer } from "./modbus/server.ts";

/** Devices of one line that were set to the same speed and parity. */
export interface MixedGroup extends LineSettings {
  readonly units: Readonly<Record<number, UnitSettings>>;
}

/** One serial port with devices that were set differently, as somebody finds them who did not install them. */
export interface MixedPort extends AsyncDisposable {
  /**
   * What a master hears and is heard on that opens the port with these settings: a paced line for each
   * group, and one on which everything is noise to everybody for all other settings.
   */
  pathAt(settings: LineSettings): string;
  unit(id: number): Unit;
  /** Every function code that any device was asked with, and how often; codes of requests that no device has understood included. */
  functionCodes(): ReadonlyMap<number, number>;
  readonly groups: readonly { readonly settings: LineSettings; readonly line: PacedLine }[];
}

/** Opens the port. Unit ids are unique over all groups. */
export async function openMixedPort(groups: readonly MixedGroup[]): Promise<MixedPort> {
  await using stack = new AsyncDisposableStack();
  const codes = new Map<number, number>();
  const note = (frame: Uint8Array) => {
    const code = frame[1];
    if (code !== undefined) codes.set(code, (codes.get(code) ?? 0) + 1);
  };
  const open: { settings: LineSettings; line: PacedLine; units: ReadonlyMap<number, Unit> }[] = [];
  for (const { units, ...settings } of groups) {
    const line = stack.use(openPacedLine(settings));
    const server = stack.use(
      await openModbusServer({
        listen: {
          wire: {
            ...line,
            receiveFrames: (receiver) =>
              line.receiveFrames((frame) => {
                note(frame);
                receiver(frame);
              }),
          },
        },
        units,
      }),
    );
    const byId = new Map(Object.keys(units).map((id) => [Number(id), server.unit(Number(id))] as const));
    open.push({ settings, line, units: byId });
  }
  const nobody = stack.use(openPacedLine({ baud: 9600 }));
  nobody.receiveFrames(note);
  const closing = stack.move();
  return {
    pathAt: (settings) => open.find((one) => key(one.settings) === key(settings))?.line.path ?? nobody.path,
    unit: (id) => {
      const unit = open.map(({ units }) => units.get(id)).find((one) => one !== undefined);
      if (!unit) throw new RangeError(`no unit ${id}`);
      return unit;
    },
    functionCodes: () => codes,
    groups: open,
    [Symbol.asyncDispose]: () => closing.disposeAsync(),
  };
}

function key({ baud, dataBits = 8, parity = "none", stopBits = 1 }: LineSettings): string {
  return `${baud} ${dataBits}${parity}${stopBits}`;
}
