import type { NodeDef, NodeMessage } from "node-red";
import type { Priority } from "../../gateway/model/command.ts";
import type { CommandJson, JsonValue } from "../client/answers.ts";
import { ClientError } from "../client/client-error.ts";
import { parseTopic } from "../message.ts";

export interface CommandDef extends NodeDef {
  readonly gateway: string;
  /** Empty: from `msg.topic`. */
  readonly device: string;
  readonly point: string;
  /** `msg`: from `msg.payload`; else `value` is a fixed one of this kind. */
  readonly valueType: "msg" | "num" | "str" | "bool";
  readonly value: string;
  /** Empty: as the gateway has it for who commands. */
  readonly priority: "" | Priority;
  /** Seconds. */
  readonly expiresS: number | string;
  readonly reason: string;
  /** Of points that need two steps: this node confirms by itself, or when a message says so. */
  readonly confirm: "message" | "itself";
  readonly inFlight: number | string;
}

/** What a message asks this node to do. Throws ClientError `bad-message`. */
export function wantedCommand(def: CommandDef, msg: NodeMessage, id: string): CommandJson {
  const named = def.device && def.point ? def : parseTopic(msg.topic);
  const device = def.device || named?.device;
  const point = def.point || named?.point;
  if (!device || !point)
    throw new ClientError(
      "bad-message",
      "no device and point: choose them, or send msg.topic as device/point",
    );
  const release = msg.release === true;
  const reason = typeof msg.reason === "string" ? msg.reason : def.reason;
  return {
    id,
    device,
    point,
    ...(release ? { action: "release" as const } : { value: commandedValue(def, msg) }),
    ...(def.priority ? { priority: def.priority } : {}),
    ...(reason ? { reason: reason.slice(0, 200) } : {}),
    expiresIn: `${expiresMs(def)}ms`,
  };
}

export function expiresMs({ expiresS }: CommandDef): number {
  const seconds = Number(expiresS);
  return seconds > 0 && seconds <= 86_400 ? Math.round(seconds * 1000) : 30_000;
}

function commandedValue({ valueType, value }: CommandDef, { payload }: NodeMessage): JsonValue {
  if (valueType === "num" && value !== "" && Number.isFinite(Number(value))) return Number(value);
  if (valueType === "bool") return value === "true";
  if (valueType === "str") return value;
  if (valueType === "msg" && isValue(payload)) return payload;
  throw new ClientError(
    "bad-message",
    `${valueType === "msg" ? "msg.payload" : `"${value}"`} is no value that can be commanded`,
    {
      hint: "a number, a text, true or false",
    },
  );
}

function isValue(payload: unknown): payload is JsonValue {
  return typeof payload === "number"
    ? Number.isFinite(payload)
    : typeof payload === "boolean" || typeof payload === "string";
}
