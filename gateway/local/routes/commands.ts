import { randomUUID } from "node:crypto";
import type { FastifyReply } from "fastify";
import type { Command, CommandResult } from "../../model/command.ts";
import { writtenPoint } from "../../model/write.ts";
import type { App, RouteContext } from "../context.ts";
import { ApiError } from "../errors.ts";
import { type Identity, priorityOf } from "../identity.ts";
import { commandValue, holdToJson, resultToJson } from "../json.ts";
import { ended, identityOf, present } from "../request.ts";
import { commandBody, commandPath, commandQuery, commandsQuery, type testBody } from "../schemas.ts";
import type { LocalCommands, LocalSurface } from "../surface.ts";

export function commandRoutes(app: App, context: RouteContext): void {
  const { surface, clock } = context;
  const desk = () => present(surface().commands, "no-commands", "this gateway takes no commands");

  app.post(
    "/v1/commands",
    { schema: { body: commandBody, querystring: commandQuery } },
    async (request, reply) => {
      const { query } = request;
      const identity = identityOf(request);
      const command = commandOf(request.body, identity, surface());
      const origin = { kind: "local", user: identity.name } as const;
      if (query["dry-run"] === "true") {
        const refusal = desk().check(command, origin);
        return {
          accepted: refusal === undefined,
          ...(refusal ? { result: resultToJson(refusal, clock) } : {}),
        };
      }
      const first = await desk().submit(command, origin);
      const result = first.last || !query.wait ? first : await lastWord(desk(), first, query.wait, reply);
      return reply.code(result.last ? 200 : 202).send(resultToJson(result, clock));
    },
  );

  app.get("/v1/commands", { schema: { querystring: commandsQuery } }, ({ query }) => {
    const { device, point, open, limit } = query;
    const filter = {
      limit,
      ...(device === undefined ? {} : { device }),
      ...(point === undefined ? {} : { point }),
      ...(open === undefined ? {} : { open: open === "true" }),
    };
    return desk()
      .list(filter)
      .map((result) => resultToJson(result, clock));
  });

  app.get("/v1/commands/:id", { schema: { params: commandPath } }, async ({ params }) => {
    const looking = new AbortController();
    try {
      for await (const result of desk().follow(params.id, looking.signal)) return resultToJson(result, clock);
    } finally {
      looking.abort();
    }
    throw new ApiError(404, "unknown-command", `no command ${params.id} is kept here`);
  });

  app.get("/v1/holds", () => desk().holds().map(holdToJson));

  /** The last result, or the latest one when the wait is over or nobody waits any more. */
  async function lastWord(
    commands: LocalCommands,
    first: CommandResult,
    waitMs: number,
    reply: FastifyReply,
  ): Promise<CommandResult> {
    const waited = new AbortController();
    const signal = AbortSignal.any([waited.signal, ended(reply)]);
    using _timer = clock.timer(waitMs, () => waited.abort(new Error("the wait is over")));
    let latest = first;
    try {
      for await (const result of commands.follow(first.id, signal, first.issuer)) {
        latest = result;
        if (result.last) break;
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    } finally {
      waited.abort();
    }
    return latest;
  }
}

/** The command that a body means. Throws ApiError `priority-not-allowed`. */
export function commandOf(body: CommandBody, identity: Identity, surface: LocalSurface): Command {
  const { id = randomUUID(), device, point, action, value, confirms, expiresIn, priority, reason } = body;
  const profile = surface.devices().find((one) => one.id === device)?.profile;
  const written = profile && writtenPoint(profile, point);
  return {
    id,
    device,
    point,
    action,
    value: value === undefined ? undefined : commandValue(written, value),
    confirms,
    issuer: identity.name,
    // No `issuedAt`: who asks again with the same id asks for the same.
    expiry: { inMs: expiresIn },
    priority: priorityOf(identity, priority),
    reason,
  };
}

type CommandBody = (typeof testBody)["_output"] & Pick<(typeof commandBody)["_output"], "priority">;
