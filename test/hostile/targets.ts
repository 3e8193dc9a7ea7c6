import type { TargetSource } from "./target.ts";
import { apiTargets } from "./targets/api.ts";
import { cborTargets } from "./targets/cbor.ts";
import { certificateTargets } from "./targets/certificates.ts";
import { deskTargets } from "./targets/desk.ts";
import { documentTargets } from "./targets/documents.ts";
import { flashDiskTargets } from "./targets/flash-disk.ts";
import { eventTargets } from "./targets/lorawan-events.ts";
import { modbusTargets } from "./targets/modbus.ts";
import { nodeTargets } from "./targets/nodes.ts";
import { recordTargets } from "./targets/records.ts";
import { replayTargets } from "./targets/replays.ts";
import { scriptTargets } from "./targets/scripts.ts";
import { signedTargets } from "./targets/signed.ts";

/** Every reader of bytes that strangers send. */
export const targets: readonly TargetSource[] = [
  ...modbusTargets,
  ...replayTargets,
  ...eventTargets,
  ...cborTargets,
  ...signedTargets,
  ...certificateTargets,
  ...documentTargets,
  ...flashDiskTargets,
  ...recordTargets,
  ...deskTargets,
  ...nodeTargets,
  ...apiTargets,
  ...scriptTargets,
];
