import type { CommissioningState, DeviceVerdict } from "../../local/commissioning.ts";
import type { GatewayStatus } from "../../local/surface.ts";
import type { Missing } from "../../model/acceptance.ts";
import type { CheckDone, DeviceFound, PortFacts } from "../../model/commissioning.ts";
import type { Job } from "../../model/job.ts";
import { inside, lineOf, placementOf, sorted } from "./placement.ts";

/** From the box to the report, in the order in which one does it. Each is a part of the page's address. */
export const steps = [
  "gateway",
  "ports",
  "lines",
  "devices",
  "check",
  "actuators",
  "platform",
  "acceptance",
] as const;
export type Step = (typeof steps)[number];

export function isStep(text: string | undefined): text is Step {
  return steps.some((step) => step === text);
}

/** - `attention`: something is wrong there - `none`: there is nothing to do */
export type StepState = "todo" | "done" | "attention" | "none";

/** What the gateway says of itself: all that the progress is made of, so that another phone sees the same. */
export interface Facts {
  readonly status: GatewayStatus | undefined;
  readonly ports: readonly PortFacts[] | undefined;
  readonly state: CommissioningState | undefined;
  readonly jobs: readonly Job[];
}

export function progressOf(facts: Facts): Readonly<Record<Step, StepState>> {
  return {
    gateway: ofGateway(facts),
    ports: ofPorts(facts),
    lines: ofLines(facts),
    devices: ofDevices(facts),
    check: ofCheck(facts),
    actuators: ofActuators(facts),
    platform: ofPlatform(facts),
    acceptance: ofAcceptance(facts),
  };
}

/** Where a technician who comes back goes on. */
export function nextStep(progress: Readonly<Record<Step, StepState>>): Step {
  return steps.find((step) => progress[step] === "todo" || progress[step] === "attention") ?? "acceptance";
}

function ofGateway({ jobs }: Facts): StepState {
  const doctor = jobs.findLast(({ kind }) => kind === "doctor");
  if (doctor?.state !== "done") return doctor?.state === "failed" ? "attention" : "todo";
  return checksOf(doctor).some(({ result }) => result === "failed") ? "attention" : "done";
}

function ofPorts({ ports, status }: Facts): StepState {
  if (!ports) return "todo";
  if (ports.some(({ problem }) => problem)) return "attention";
  if (ports.length > 0) return "done";
  // A gateway whose lines are all in the network has no ports.
  return status && status.connections.length > 0 ? "none" : "todo";
}

function ofLines({ jobs, status, state }: Facts): StepState {
  if (jobs.some((job) => lineJob(job) && job.state === "done" && foundIn(job).length > 0)) return "done";
  if ((state?.devices.length ?? 0) > 0 || (status?.devices.length ?? 0) > 0) return "done";
  return jobs.some((job) => job.kind === "scan" && job.state !== "running") ? "attention" : "todo";
}

function ofDevices(facts: Facts): StepState {
  const { state, status } = facts;
  if (status?.quarantined.some(({ kind }) => kind === "device")) return "attention";
  if (!state || state.devices.length === 0) return "todo";
  return latestFound(facts).length > 0 ? "todo" : "done";
}

function ofCheck({ state }: Facts): StepState {
  const points = state?.devices.flatMap((device) => device.points) ?? [];
  if (points.length === 0) return "todo";
  if (points.some(({ ok, seen }) => !ok || seen === "rejected")) return "attention";
  return points.every(({ seen }) => seen === "confirmed") ? "done" : "todo";
}

function ofActuators({ state }: Facts): StepState {
  if (!state || state.devices.length === 0) return "todo";
  const movable = state.devices.filter(({ actuators }) => actuators.length > 0);
  if (movable.length === 0) return "none";
  const missing = movable.flatMap((device) => device.missing.map(({ what }) => what));
  if (missing.includes("actuator-failed") || missing.includes("actuator-rejected")) return "attention";
  return missing.some((what) => what.startsWith("actuator")) ? "todo" : "done";
}

function ofPlatform({ state, status }: Facts): StepState {
  if (!state || !status) return "todo";
  if (status.northbound.length === 0) return "none";
  const tested = new Map(state.northbound.map((one) => [one.name, one]));
  if (status.northbound.some(({ name }) => tested.get(name)?.at && !tested.get(name)?.ok)) return "attention";
  return status.northbound.every(({ name }) => tested.get(name)?.ok) ? "done" : "todo";
}

function ofAcceptance({ state }: Facts): StepState {
  if (!state || state.devices.length === 0) return "todo";
  return state.devices.every(({ accepted }) => accepted) ? "done" : "todo";
}

export function checksOf(job: Job | undefined): readonly CheckDone[] {
  return (job?.findings ?? []).filter((finding) => finding.kind === "check");
}

/** Jobs whose findings are devices or line settings. */
export function lineJob({ kind }: Job): boolean {
  return kind === "scan" || kind === "line-settings" || kind === "listen";
}

/** The devices that a job found, traffic of others included: whoever answers there can be read as well. */
export function foundIn(job: Job): readonly DeviceFound[] {
  return job.findings.flatMap((finding) => {
    if (finding.kind === "device") return [finding];
    if (finding.kind !== "traffic") return [];
    const { protocol, connection, settings, profiles, requests } = finding;
    const says = requests[0];
    return [{ kind: "device", protocol, connection, settings, profiles, ...(says ? { says } : {}) }];
  });
}

export interface Found {
  readonly job: Job;
  readonly found: DeviceFound;
  /** The same for the same device on the same line, whenever it is found. */
  readonly key: string;
}

/** What was found and has no entry in gateway.yaml yet; of the same device the latest finding. */
export function latestFound({ jobs, state, status, ports }: Facts): readonly Found[] {
  const byKey = new Map<string, Found>();
  for (const job of jobs)
    for (const found of foundIn(job)) {
      const key = keyOf(found);
      byKey.delete(key);
      byKey.set(key, { job, found, key });
    }
  const devices = state?.devices ?? [];
  const connections = (status?.connections ?? []).map(({ name }) => name);
  return Array.from(byKey.values()).filter(({ found, job }) => {
    if (devices.some(({ device }) => device === found.known)) return false;
    const { kind, connection } = placementOf(found, job.subject, connections, ports ?? []);
    return (
      kind === "new" ||
      !devices.some((one) => one.connection === connection && hasSettings(one.settings, found.settings))
    );
  });
}

function hasSettings(settings: unknown, found: DeviceFound["settings"]): boolean {
  return Object.entries(found).every(([key, value]) => String(inside(settings, key)) === String(value));
}

export function keyOf({ protocol, connection, settings }: DeviceFound): string {
  return [protocol, lineOf(connection), JSON.stringify(sorted(settings))].join(" ");
}

/** Points of a device: those with a problem, and the good ones that nobody has judged. */
export function countsOf({ points }: Pick<DeviceVerdict, "points">): {
  readonly troubles: number;
  readonly unseen: number;
} {
  return {
    troubles: points.filter(({ ok, seen }) => !ok || seen === "rejected").length,
    unseen: points.filter(({ ok, seen }) => ok && seen === undefined).length,
  };
}

/** Where what is missing is put right. */
export function stepOf(what: Missing["what"]): Step {
  if (what === "no-device") return "devices";
  if (what.startsWith("point")) return "check";
  return what.startsWith("northbound") ? "platform" : "actuators";
}
