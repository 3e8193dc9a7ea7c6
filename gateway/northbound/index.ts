import { mqtt } from "./mqtt/mqtt.ts";
import type { NorthboundKind } from "./northbound.ts";

/** Every northbound there is. */
export const northbounds: readonly NorthboundKind[] = [mqtt];
