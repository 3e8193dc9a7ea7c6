import { allows } from "../access.ts";
import type { App, RouteContext } from "../context.ts";
import { ApiError } from "../errors.ts";
import { resultToJson } from "../json.ts";
import { refusedAs } from "../refused.ts";
import { identityOf, present } from "../request.ts";
import {
  acceptBody,
  deviceCheckBody,
  devicePath,
  newDeviceBody,
  reportPath,
  reportQuery,
  testBody,
} from "../schemas.ts";
import { commandOf } from "./commands.ts";

const statuses = {
  accepted: 403,
  "device-exists": 409,
  "connection-exists": 409,
  "not-ready": 409,
  "changed-meanwhile": 409,
  "cannot-edit": 422,
  "reference-not-taken": 422,
  "bad-configuration": 422,
} as const;

/** From a device that was found to a gateway that is handed over. */
export function commissioningRoutes(app: App, { surface, audit, clock }: RouteContext): void {
  const here = () =>
    present(
      surface().service?.commissioning,
      "no-commissioning",
      "this gateway is not put into service here",
    );
  const record = (who: string, detail: Record<string, unknown>) =>
    audit.record({ what: "commissioning", who, detail });

  app.get("/v1/commissioning", () => here().state());

  app.post("/v1/commissioning/devices", { schema: { body: newDeviceBody } }, async (request, reply) => {
    const { name } = identityOf(request);
    const { changes } = await here().add(request.body, name).catch(refusedAs(statuses));
    const { id, profile, connection } = request.body;
    await record(name, { action: "add-device", device: id, profile, connection, changes });
    return reply.code(201).send({ changes });
  });

  app.delete("/v1/commissioning/devices/:device", { schema: { params: devicePath } }, async (request) => {
    const { device } = request.params;
    const { name, role } = identityOf(request);
    if (!allows(role, "operator")) await refuseAccepted(device);
    const { changes } = await here().remove(device, name).catch(refusedAs(statuses));
    await record(name, { action: "remove-device", device, changes });
    return { changes };
  });

  app.post("/v1/commissioning/checks", { schema: { body: deviceCheckBody } }, async (request) => {
    const { name } = identityOf(request);
    await here().check(request.body, name).catch(refusedAs(statuses));
    await record(name, { action: "check", ...request.body });
    return { ok: true };
  });

  app.post("/v1/commissioning/accept", { schema: { body: acceptBody } }, async (request, reply) => {
    const { name } = identityOf(request);
    const { technician, note, despite } = request.body;
    const what = {
      technician,
      ...(note === undefined ? {} : { note }),
      ...(despite === undefined ? {} : { despite }),
    };
    const { id } = await here().accept(name, what).catch(refusedAs(statuses));
    await record(name, { action: "accept", report: id, technician, despite });
    return reply.code(201).send({ id });
  });

  app.post("/v1/commissioning/test", { schema: { body: testBody } }, async (request, reply) => {
    const identity = identityOf(request);
    const command = commandOf(request.body, identity, surface());
    const result = await here()
      .test(command, { kind: "local", user: identity.name })
      .catch(refusedAs(statuses));
    const { id, device, point, action } = command;
    await record(identity.name, { action: "test", command: id, device, point, does: action });
    return reply.code(result.last ? 200 : 202).send(resultToJson(result, clock));
  });

  app.get(
    "/v1/commissioning/reports/:file",
    { schema: { params: reportPath, querystring: reportQuery } },
    async ({ params, query }, reply) => {
      const [id = "", kind] = params.file.split(".");
      const as = kind === "html" ? "html" : "json";
      const text = await here().report(id, as, query.lang);
      if (as === "json") return reply.type("application/json").send(text);
      // The page says itself what it may load: nothing but its own style.
      const policy = /http-equiv="content-security-policy" content="([^"]*)"/.exec(text)?.[1] ?? "";
      return reply
        .type("text/html; charset=utf-8")
        .header("content-security-policy", `${policy.replaceAll("&#39;", "'")}; frame-ancestors 'none'`)
        .send(text);
    },
  );

  async function refuseAccepted(device: string): Promise<void> {
    if ((await here().acceptedBy(device)) === undefined) return;
    throw new ApiError(
      403,
      "accepted",
      `${device} has been accepted: it is not a technician's to remove any more`,
      {
        hint: "an operator or an administrator can",
      },
    );
  }
}
