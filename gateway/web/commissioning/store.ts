import { computed, signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { ApiError, ask, at, post, remove, unreachable } from "../api.ts";
import { after, type Timer } from "../browser.ts";
import { follow } from "../events.ts";
import { lookAtStatus, status } from "../status.ts";
import type {
  CommissioningState,
  DeviceDetail,
  Job,
  JobKind,
  MachineFacts,
  PortFacts,
  ProfileSummary,
} from "../types.ts";
import { type Facts, progressOf } from "./steps.ts";

// What the wizard knows, all of it asked of the gateway: a page that is loaded anew goes on where it was.

export { lookAtStatus as loadStatus, status };

export const machine = signal<MachineFacts | undefined>(undefined);
export const ports = signal<readonly PortFacts[] | undefined>(undefined);
export const state = signal<CommissioningState | undefined>(undefined);
export const profiles = signal<readonly ProfileSummary[] | undefined>(undefined);
export const details = signal<ReadonlyMap<string, DeviceDetail>>(new Map());
/** The oldest first. */
export const jobs = signal<readonly Job[]>([]);
const jobsAsked = signal(false);
/** Why something could not be asked, by what; nothing of a gateway that does not answer: `unreachable` says that. */
export const troubles = signal<ReadonlyMap<string, ApiError>>(new Map());

export const facts = computed<Facts>(() => ({
  status: status.value,
  ports: ports.value,
  state: state.value,
  jobs: jobs.value,
}));
/** Whether enough is known to say where something is missing. */
export const known = computed(() => {
  const portsAsked = ports.value !== undefined || troubles.value.has("ports");
  return status.value !== undefined && state.value !== undefined && portsAsked && jobsAsked.value;
});
export const progress = computed(() => progressOf(facts.value));

/** Whether the gateway has no such part, or one's role is not enough. */
export const refused = computed(() =>
  Array.from(troubles.value.values()).find(({ status: code }) => code === 403 || code === 404),
);

async function load<T>(name: string, path: string, take: (answer: T) => void): Promise<void> {
  try {
    take(await ask<T>(path));
    if (!troubles.value.has(name)) return;
    const rest = new Map(troubles.value);
    rest.delete(name);
    troubles.value = rest;
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    if (error.status !== 0) troubles.value = new Map(troubles.value).set(name, error);
  }
}

export const loadMachine = () =>
  load<MachineFacts>("machine", "/v1/machine", (answer) => {
    machine.value = answer;
  });
export const loadPorts = () =>
  load<readonly PortFacts[]>("ports", "/v1/ports", (answer) => {
    ports.value = answer;
  });
export const loadState = () =>
  load<CommissioningState>("commissioning", "/v1/commissioning", (answer) => {
    state.value = answer;
  });
export const loadProfiles = () =>
  load<readonly ProfileSummary[]>("profiles", "/v1/profiles", (answer) => {
    profiles.value = answer;
  });
export const loadJobs = () =>
  load<readonly Job[]>("jobs", "/v1/jobs", (answer) => {
    jobs.value = answer.toSorted(byStart);
    jobsAsked.value = true;
  });

/** What a device's points are called and take; asked once. */
export async function loadDetail(device: string): Promise<void> {
  if (details.value.has(device)) return;
  await load<DeviceDetail>(`device ${device}`, at`/v1/devices/${device}`, (answer) => {
    details.value = new Map(details.value).set(device, answer);
  });
}

function byStart(a: Job, b: Job): number {
  return a.startedAt < b.startedAt ? -1 : a.startedAt > b.startedAt ? 1 : 0;
}

export function putJob(job: Job): void {
  jobs.value = [...jobs.value.filter(({ id }) => id !== job.id), job].toSorted(byStart);
}

/** Begins a job. Where its line is taken the running job is looked up, so that it is shown, and ApiError `line-busy` rejected with. */
export async function startJob(kind: JobKind, what: Readonly<Record<string, unknown>>): Promise<Job> {
  try {
    const job = await post<Job>("/v1/jobs", { kind, ...what });
    putJob(job);
    return job;
  } catch (error) {
    if (error instanceof ApiError && error.code === "line-busy") await loadJobs();
    throw error;
  }
}

export async function stopJob(id: string): Promise<void> {
  await remove(at`/v1/jobs/${id}`);
  await load<Job>(`job ${id}`, at`/v1/jobs/${id}`, putJob);
}

/** Follows a job that runs while somebody looks; afterwards what it has changed is asked for. */
export function useJob(job: Job): void {
  const running = job.state === "running";
  useEffect(() => {
    if (!running) return;
    const stream = follow<Job>(at`/v1/jobs/${job.id}/events`, {
      data: (next) => {
        putJob(next);
        if (next.state !== "running")
          for (const reload of [lookAtStatus, loadState, loadPorts]) void reload();
      },
      // A gateway that has started anew knows nothing of it: the list says so.
      down: () => void loadJobs(),
      isLast: ({ state: now }) => now !== "running",
    });
    return () => stream.close();
  }, [job.id, running]);
}

/** Asks now and then while somebody looks; at once again when the gateway is back. */
export function useRefresh(loads: readonly (() => Promise<void>)[], everyMs: number): void {
  const away = unreachable.value;
  useEffect(() => {
    let timer: Timer | undefined;
    let over = false;
    const look = async () => {
      if (!document.hidden) await Promise.all(loads.map((one) => one()));
      if (!over) timer = after(everyMs, () => void look());
    };
    void look();
    return () => {
      over = true;
      timer?.stop();
    };
    // `loads` are the functions of this module: the same for ever.
  }, [everyMs, away]);
}
