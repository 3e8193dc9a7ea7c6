import type { Finding } from "../../../gateway/model/commissioning.ts";
import type { Job, JobKind, JobState } from "../../../gateway/model/job.ts";
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

  cost = async (_kind: JobKind, { effort }: Readonly<Record<string, unknown>>) => ({
    asks: effort === "quick" ? 120 : 247,
    worstS: 200,
  });

  async start(kind: JobKind, what: Readonly<Record<string, unknown>>, by: string): Promise<Job> {
    this.started.push({ kind, what });
    const { port, connection, host, northbound } = what;
    const job = this.begin(kind, String(port ?? connection ?? host ?? northbound ?? "gateway"), by);
    return this.tell(job.id, { findings: (this.findings[kind] ?? []).slice(0, 2) });
  }

  /** One that somebody else has begun. */
  begin(kind: JobKind, subject: string, by: string): Job {
    const count = this.#jobs.size + 1;
    const job: Job = {
      id: `job-${count}`,
      kind,
      state: "running",
      subject,
      by,
      // One after the other, also within a millisecond.
      startedAt: new Date(Date.now() + count).toISOString(),
      progress: {
        done: 3,
        total: 120,
        leftS: 200,
        doing: { en: "Looking at the ports", sv: "Ser över portarna" },
      },
      findings: [],
    };
    this.#jobs.set(job.id, job);
    return job;
  }

  /** Changes one and tells who follows it. */
  tell(id: string, change: Partial<Job>): Job {
    const before = this.#jobs.get(id);
    if (!before) throw new Error(`no job ${id}`);
    const job = { ...before, ...change };
    this.#jobs.set(id, job);
    this.#fan.tell(job);
    return job;
  }

  end(id: string, state: JobState = "done"): void {
    const kind = this.#jobs.get(id)?.kind;
    if (kind)
      this.tell(id, { state, findings: this.findings[kind] ?? [], endedAt: new Date().toISOString() });
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
