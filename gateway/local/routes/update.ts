import type { LocalUpdates, UpdateFacts } from "../commissioning.ts";
import type { App, RouteContext } from "../context.ts";
import { ApiError } from "../errors.ts";
import { refusedAs } from "../refused.ts";
import { identityOf } from "../request.ts";
import { updateBody } from "../schemas.ts";

const statuses = {
  "no-updater": 404,
  "update-busy": 409,
  "nothing-to-commit": 409,
  "nothing-to-roll-back": 409,
  downgrade: 422,
  "failed-before": 422,
  "already-runs": 422,
  "bad-bundle-name": 422,
} as const;

/** Updates of the whole system. */
export function updateRoutes(app: App, { surface, audit }: RouteContext): void {
  const here = (): { readonly updates: LocalUpdates; readonly facts: UpdateFacts } => {
    const updates = surface().service?.updates;
    const facts = updates?.state();
    if (!updates || !facts)
      throw new ApiError(404, "no-updater", "no updater answers: this system cannot be updated from here", {
        hint: "on our image see `systemctl status stadsnod-update`; elsewhere whoever installed the gateway updates it (docs/update.md)",
      });
    return { updates, facts };
  };

  app.get("/v1/update", () => here().facts);

  app.get("/v1/update/bundles", () => here().updates.bundles());

  app.post("/v1/update/install", { schema: { body: updateBody } }, async (request, reply) => {
    const { path, url, sha256 } = request.body;
    const { updates } = here();
    const who = identityOf(request).name;
    const what = {
      ...(path === undefined ? {} : { file: path }),
      ...(url === undefined ? {} : { url }),
      ...(sha256 === undefined ? {} : { sha256 }),
    };
    await updates.install(what, who).catch(refusedAs(statuses));
    // An address may hold a key; the host is enough to know where it came from.
    await audit.record({
      what: "update",
      who,
      detail: { action: "install", path, host: url && new URL(url).host, sha256 },
    });
    return reply.code(202).send(here().facts);
  });

  for (const [action, run] of [
    ["commit", (updates: LocalUpdates, who: string) => updates.commit(who)],
    ["roll-back", (updates: LocalUpdates, who: string) => updates.rollBack(who)],
  ] as const)
    app.post(`/v1/update/${action}`, async (request, reply) => {
      const who = identityOf(request).name;
      const { updates } = here();
      await run(updates, who).catch(refusedAs(statuses));
      await audit.record({ what: "update", who, detail: { action } });
      return reply.code(202).send(here().facts);
    });
}
