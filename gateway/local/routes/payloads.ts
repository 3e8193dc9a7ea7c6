import { GatewayError } from "../../model/errors.ts";
import type { App, RouteContext } from "../context.ts";
import { ApiError } from "../errors.ts";
import { present } from "../request.ts";
import { decodeBody, encodeBody } from "../schemas.ts";
import type { LocalPayloads } from "../surface.ts";

/** Payloads of devices that came, or go, by another way. */
export function payloadRoutes(app: App, { surface }: RouteContext): void {
  const payloads = (): LocalPayloads =>
    present(surface().payloads, "no-payloads-here", "this gateway decodes no payloads of others");

  app.post("/v1/decode", { schema: { body: decodeBody } }, async ({ body }) => ({
    readings: await taken(() =>
      payloads().decode({ ...body, payload: Buffer.from(body.payload.replaceAll(/\s/g, ""), "hex") }),
    ),
  }));

  app.post("/v1/encode", { schema: { body: encodeBody } }, async ({ body }) => ({
    frames: await taken(() => payloads().encode(body)),
  }));
}

/** It is the payload or the value that is refused: no device has answered badly, and nothing is missing but a profile. */
async function taken<T>(run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    if (!(error instanceof GatewayError) || error instanceof ApiError) throw error;
    const { code, message, hint } = error;
    if (code === "too-busy") throw new ApiError(503, code, message, { hint, retryAfter: 1 });
    throw new ApiError(code === "unknown-profile" ? 404 : 422, code, message, { hint });
  }
}
