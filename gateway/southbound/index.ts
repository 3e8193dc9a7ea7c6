import { lorawan } from "./lorawan/protocol.ts";
import { mbus } from "./mbus/protocol.ts";
import { modbus } from "./modbus/protocol.ts";
import { nmea } from "./nmea/protocol.ts";
import type { Protocol } from "./protocol.ts";
import { sdi12 } from "./sdi12/protocol.ts";
import { serialFrame } from "./serial-frame/protocol.ts";
import { serialLine } from "./serial-line/protocol.ts";
import { smartMeter } from "./smart-meter/protocol.ts";

/** Every protocol there is. */
export const protocols: readonly Protocol[] = [
  modbus,
  serialLine,
  serialFrame,
  smartMeter,
  mbus,
  nmea,
  sdi12,
  lorawan,
];
