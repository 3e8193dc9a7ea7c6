import { mbus } from "./mbus/protocol.ts";
import { modbus } from "./modbus/protocol.ts";
import type { Protocol } from "./protocol.ts";

/** Every protocol there is. */
export const protocols: readonly Protocol[] = [modbus, mbus];
