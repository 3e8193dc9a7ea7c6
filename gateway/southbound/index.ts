import { mbus } from "./mbus/protocol.ts";
import { modbus } from "./modbus/protocol.ts";
import type { Protocol } from "./protocol.ts";
import { sdi12 } from "./sdi12/protocol.ts";
import { smartMeter } from "./smart-meter/protocol.ts";

/** Every protocol there is. */
export const protocols: readonly Protocol[] = [modbus, smartMeter, mbus, sdi12];
