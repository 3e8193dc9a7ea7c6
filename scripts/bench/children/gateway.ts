// Our driver, without the loop above it: plan, read, decode.
import { modbus } from "../../../gateway/southbound/modbus/protocol.ts";
import { connection, device, southbound } from "../gateway.ts";
import { drive, type MasterSettings } from "../master.ts";
import { answer, settings, tell } from "./child.ts";

const wanted = settings<MasterSettings>();
const line = connection(wanted);
const driver = await modbus.open(line, southbound());

/** A device with its one request, by unit and first address: planned once, as the loop does. */
const planned = new Map<number, ReturnType<typeof plan>>();
function plan(unit: number, address: number) {
  const target = device(unit, wanted, address);
  const { requests } = modbus.plan(line, target, target.profile.points, {});
  const [request] = requests;
  if (!request || requests.length !== 1) throw new Error(`one request expected, ${requests.length} planned`);
  return { target, request };
}

const never = new AbortController().signal;
answer({
  run: () =>
    drive(wanted, async (unit, address) => {
      const key = unit * 0x10000 + address;
      let known = planned.get(key);
      if (!known) {
        known = plan(unit, address);
        planned.set(key, known);
      }
      const results = (await driver.read?.(known.target, known.request, never)) ?? [];
      return results.map((result) => {
        if (!("raw" in result)) throw new Error(result.detail);
        if (typeof result.raw !== "number" && typeof result.raw !== "bigint") throw new Error("not a number");
        return result.raw;
      });
    }),
});
tell({});
