import { mbus } from "./mbus/protocol.ts";
import { modbus } from "./modbus/protocol.ts";
import { nmea } from "./nmea/protocol.ts";
import type { Protocol } from "./protocol.ts";
import { serialLine } from "./serial-line/protocol.ts";

/** Every protocol there is. */
export const protocols: readonly Protocol[] = [modbus, mbus, nmea, serialLine];
