import type { TargetSource } from "./target.ts";
import { modbusTargets } from "./targets/modbus.ts";
import { replayTargets } from "./targets/replays.ts";

/** Every reader of bytes that strangers send. */
export const targets: readonly TargetSource[] = [...modbusTargets, ...replayTargets];
