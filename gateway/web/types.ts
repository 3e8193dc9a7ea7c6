import type { Access, Role } from "../local/access.ts";
import type * as answers from "../local/answers.ts";

// What the local API answers, by the schemas of its OpenAPI document. Types only: nothing of the gateway runs here.

export type {
  Alarm,
  AlarmSeverity,
  CommissioningState,
  ConfigurationCheck,
  DeviceCheck,
  DeviceVerdict,
  EnrolmentFacts,
  FrameSeen,
  Generation,
  MachineFacts,
  NewDevice,
  PointVerdict,
  ProfileSummary,
  UpdateDesired,
  UpdateFacts,
} from "../local/commissioning.ts";
export type { GatewayStatus, NorthboundSummary } from "../local/surface.ts";
export type {
  CheckDone,
  DeviceFound,
  Finding,
  PortFacts,
  ProfileMatch,
  SettingsFound,
  TrafficHeard,
  WiringFound,
} from "../model/commissioning.ts";
export type { Text } from "../model/device.ts";
export type { Diagnostic } from "../model/diagnostic.ts";
export type { Job, JobKind, JobProgress, JobState } from "../model/job.ts";
export type { ReadingJson } from "../model/json.ts";
export type { Quality } from "../model/quality.ts";
export type { ConnectionStatus } from "../southbound/status.ts";
export type { Access, Role };

export type DeviceSummary = (typeof answers.devices)["_output"][number];
export type DeviceDetail = (typeof answers.device)["_output"];
export type PointDetail = (typeof answers.point)["_output"];
export type StateJson = (typeof answers.state)["_output"];
export type ResultJson = (typeof answers.result)["_output"];
export type HoldJson = (typeof answers.holds)["_output"][number];
export type HistoryJson = (typeof answers.history)["_output"];
export type SessionJson = (typeof answers.session)["_output"];
export type UserJson = (typeof answers.user)["_output"];
export type TokenJson = (typeof answers.token)["_output"];
export type AuditLogJson = (typeof answers.auditLog)["_output"];
