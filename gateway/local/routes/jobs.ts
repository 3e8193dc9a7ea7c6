import { GatewayError } from "../../model/errors.ts";
import type { LocalJobs } from "../commissioning.ts";
import type { App, RouteContext } from "../context.ts";
import { ApiError } from "../errors.ts";
import { follow } from "../follow.ts";
import { identityOf, present } from "../request.ts";
import { filePath, jobBody, jobPath } from "../schemas.ts";
import { openStream } from "../stream.ts";

/** A job that changes faster is told so seldom, ms: each time it is told whole. */
const toldEveryMs = 250;

/** Long work: begun, followed, stopped. */
export function jobRoutes(app: App, context: RouteContext): void {
  const { surface, audit, clock } = context;
  const jobs = (): LocalJobs => present(surface().service?.jobs, "no-jobs", "this gateway has no jobs");
  const known = (id: string) => present(jobs().get(id), "unknown-job", `no job ${id}`);

  app.get("/v1/jobs", () => jobs().list());

  app.post("/v1/jobs", { schema: { body: jobBody } }, async (request, reply) => {
    const { name } = identityOf(request);
    const { kind, ...what } = request.body;
    const job = await jobs()
      .start(kind, what, name)
      .catch((error: unknown) => {
        throw refusal(error);
      });
    await audit.record({
      what: "job",
      who: name,
      detail: { action: "start", id: job.id, kind, subject: job.subject },
    });
    return reply.code(202).header("location", `/v1/jobs/${job.id}`).send(job);
  });

  app.post("/v1/jobs/cost", { schema: { body: jobBody } }, async (request) => {
    const { kind, ...what } = request.body;
    const here = jobs();
    const unknown = `nobody can know what a ${kind} costs`;
    present(here.cost, "no-cost", unknown);
    const cost = await here.cost?.(kind, what, identityOf(request).name).catch((error: unknown) => {
      throw refusal(error);
    });
    return present(cost, "no-cost", unknown);
  });

  app.get("/v1/jobs/:id", { schema: { params: jobPath } }, ({ params }) => known(params.id));

  app.delete("/v1/jobs/:id", { schema: { params: jobPath } }, async (request) => {
    const { id, kind, subject } = known(request.params.id);
    if (!jobs().stop(id)) throw new ApiError(404, "job-ended", `job ${id} has ended already`);
    const detail = { action: "stop", id, kind, subject };
    await audit.record({ what: "job", who: identityOf(request).name, detail });
    return { ok: true };
  });

  app.get("/v1/jobs/:id/events", { schema: { params: jobPath } }, (request, reply) => {
    const { id } = known(request.params.id);
    const cursor = () =>
      follow({
        clock,
        begin: (signal) => jobs().follow(id, signal),
        told: (job) => ({ lost: 0, items: [{ text: JSON.stringify(job) }] }),
        everyMs: toldEveryMs,
      });
    openStream(context, request, reply, { batch: false, cursor });
  });

  app.get("/v1/jobs/:id/files/:name", { schema: { params: filePath } }, ({ params }, reply) => {
    known(params.id);
    const content = present(jobs().file(params.id, params.name), "unknown-file", "no such file is kept");
    // What a job calls its file is not what a header takes.
    const name = params.name.replaceAll(/[^\w.-]/g, "_");
    return reply
      .type("application/octet-stream")
      .header("content-disposition", `attachment; filename="${name}"`)
      .send(Buffer.from(content.buffer, content.byteOffset, content.byteLength));
  });
}

const statuses: Readonly<Record<string, number>> = {
  "bad-job": 400,
  "line-busy": 409,
  "too-many-jobs": 409,
  closed: 503,
};

function refusal(error: unknown): unknown {
  if (!(error instanceof GatewayError) || error instanceof ApiError) return error;
  const status = statuses[error.code];
  return status === undefined ? error : new ApiError(status, error.code, error.message, { hint: error.hint });
}
