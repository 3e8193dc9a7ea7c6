import { brailleCheck, latencyCheck } from "./adapters.ts";
import { configurationCheck, socketCheck, userCheck } from "./configuration.ts";
import { journalCheck } from "./journal.ts";
import type { Check } from "./look.ts";
import { memoryCheck } from "./memory.ts";
import { hostNameCheck, nodeCheck, watchdogCheck } from "./platform.ts";
import { portsCheck } from "./ports.ts";
import { powerCheck } from "./power.ts";
import { storageCheck } from "./storage.ts";
import { timeCheck } from "./time.ts";
import { wearCheck } from "./wear.ts";

/** Every look that the doctor takes at the machine, in this order; brokers come after them. */
export const checks: readonly Check[] = [
  configurationCheck,
  userCheck,
  portsCheck,
  latencyCheck,
  brailleCheck,
  timeCheck,
  storageCheck,
  wearCheck,
  memoryCheck,
  powerCheck,
  nodeCheck,
  hostNameCheck,
  journalCheck,
  watchdogCheck,
  socketCheck,
];
