import type { Finding } from "../../../gateway/model/commissioning.ts";
import type { Job, JobState } from "../../../gateway/model/job.ts";
import { Fan } from "./fan.ts";

/** Jobs that are as a test says. */
export class Jobs {
  readonly started: { kind: string; what: unknown }[] = [];
  readonly findings: Record<string, readonly Finding[]> = {};
  readonly #jobs = new Map<string, Job>();
  readonly #fan = new Fan<Job>();

  list = () => [...this.#jobs.values()];
  get = (id: string) => this.#jobs.get(id);
  stop = (id: string) => {
    this.end(id, "stopped");
    return true;
  };
  file = () => new TextEncoder().encode("a bundle");

  async start(kind: Job["kind"], what: Readonly<Record<string, unknown>>, by: string): Promise<Job> {
    this.started.push({ kind, what });
    const job: Job = {
      id: `job-${this.started.length}`,
      kind,
      state: "running",
      subject: "",
      by,
      startedAt: new Date().toISOString(),
      progress: {
        done: 3,
        total: 12,
        leftS: 9,
        doing: { en: "Looking at the ports", sv: "Ser över portarna" },
      },
      findings: (this.findings[kind] ?? []).slice(0, 2),
    };
    this.#jobs.set(job.id, job);
    return job;
  }

  end(id: string, state: JobState = "done"): void {
    const job = this.#jobs.get(id);
    if (!job) return;
    const ended = {
      ...job,
      state,
      findings: this.findings[job.kind] ?? [],
      endedAt: new Date().toISOString(),
    };
    this.#jobs.set(id, ended);
    this.#fan.tell(ended);
  }

  async *follow(id: string, signal: AbortSignal): AsyncGenerator<Job> {
    const now = this.#jobs.get(id);
    if (now) yield now;
    if (now?.state !== "running") return;
    for await (const job of this.#fan.listen(signal)) {
      if (job.id !== id) continue;
      yield job;
      if (job.state !== "running") return;
    }
  }
}
