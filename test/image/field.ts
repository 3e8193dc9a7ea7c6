// What a gateway inside a machine has around it: node field.mjs meter | platform RECORD
import { openBroker } from "../../simulators/broker.ts";
import type { UnitSettings } from "../../simulators/modbus/device.ts";
import { openModbusServer } from "../../simulators/modbus/server.ts";
import { openPlatform } from "../../simulators/platform.ts";

const [what, record] = process.argv.slice(2);
if (what === "meter") {
  // Another value whenever it is read, so that every reading goes on its way.
  let count = 0;
  const unit: UnitSettings = { scene: (registers) => registers.setInteger("holding", 0, ++count) };
  await openModbusServer({ listen: { tcp: 1502 }, units: { 1: unit } });
} else {
  const { url } = await openBroker({ port: 1883 });
  await openPlatform({ url, record });
}
