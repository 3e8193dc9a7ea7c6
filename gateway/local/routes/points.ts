import { RefusedError } from "../../model/errors.ts";
import type { App, RouteContext } from "../context.ts";
import { ApiError } from "../errors.ts";
import { present } from "../request.ts";
import { pointBody } from "../schemas.ts";

export function pointRoutes(app: App, { surface }: RouteContext): void {
  app.post("/v1/points", { schema: { body: pointBody } }, async ({ body }) => {
    const here = surface();
    present(
      here.publish,
      "no-derived-points",
      "this gateway takes no values",
      "see `derivedPoints:` of gateway.yaml",
    );
    try {
      return await here.publish?.(body);
    } catch (error) {
      // It is the value that is refused, not a device that answered badly.
      if (error instanceof RefusedError)
        throw new ApiError(422, error.code, error.message, { hint: error.hint });
      throw error;
    }
  });
}
