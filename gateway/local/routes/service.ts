import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import type { App, RouteContext } from "../context.ts";
import { follow } from "../follow.ts";
import { present } from "../request.ts";
import { connectionPath } from "../schemas.ts";
import { openStream } from "../stream.ts";

const inflate = promisify(gunzip);

/** The machine, its ports, its profiles, its alarms, and what goes over its wires. */
export function serviceRoutes(app: App, context: RouteContext): void {
  const { surface, clock } = context;
  const service = () => surface().service ?? {};

  app.get("/v1/ports", async () => {
    const here = service();
    present(here.ports, "no-ports", "this gateway does not look for ports");
    return here.ports?.();
  });

  app.get("/v1/profiles", async (request, reply) => {
    const here = service();
    present(here.profiles, "no-profiles", "this gateway does not list its profiles");
    const known = /^(?:W\/)?"([\w-]{1,100})"$/.exec(request.headers["if-none-match"] ?? "")?.[1];
    const list = await here.profiles?.(known);
    // To be asked for every time, and sent only when it has changed.
    reply.header("cache-control", "private, no-cache").header("vary", "accept-encoding");
    if (!list) return reply.code(304).header("etag", `W/"${known}"`).send();
    reply.type("application/json").header("etag", `W/"${list.tag}"`);
    if (!/\bgzip\b/.test(String(request.headers["accept-encoding"] ?? ""))) {
      return reply.send(await inflate(list.gzip));
    }
    return reply.header("content-encoding", "gzip").send(Buffer.from(list.gzip));
  });

  app.get("/v1/machine", async () => {
    const here = service();
    present(here.machine, "no-machine", "this gateway does not look at its machine");
    return here.machine?.();
  });

  app.get("/v1/alarms", () => {
    const here = service();
    present(here.alarms, "no-alarms", "this gateway does not watch over itself");
    return here.alarms?.();
  });

  app.get("/v1/enrolment", async () => {
    const { enrolment } = service();
    const progress = await present(
      enrolment,
      "no-enrolment",
      "this gateway does not look after its certificate",
    )();
    return present(progress, "no-enrolment", "nobody has begun to enrol this gateway");
  });

  app.get("/v1/frames/:connection", { schema: { params: connectionPath } }, (request, reply) => {
    const { frames } = service();
    const begin = present(frames, "no-frames", "this gateway does not show what goes over its wires");
    const { connection } = request.params;
    const leaving = new AbortController();
    // Here, so that a connection that is not there is answered with 404 instead of a stream.
    const seen = begin(connection, leaving.signal);
    const cursor = () => {
      const following = follow({
        clock,
        begin: (signal) => {
          signal.addEventListener("abort", () => leaving.abort(), { once: true });
          return seen;
        },
        told: (told) =>
          "lost" in told
            ? { lost: told.lost, items: [] }
            : { lost: 0, items: told.map((frame) => ({ text: JSON.stringify(frame) })) },
      });
      return following;
    };
    openStream(context, request, reply, { batch: true, cursor });
  });
}
