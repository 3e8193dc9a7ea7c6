import type { FastifyReply, FastifyRequest } from "fastify";
import { ApiError } from "./errors.ts";
import type { Identity } from "./identity.ts";

/** Who asks, on a route that nobody is let into without. */
export function identityOf(request: FastifyRequest): Identity {
  if (!request.identity) throw new Error("a route without an identity");
  return request.identity;
}

/** Aborts when the one who asked has gone, or was answered. */
export function ended(reply: FastifyReply): AbortSignal {
  const controller = new AbortController();
  reply.raw.once("close", () => controller.abort(new Error("the one who asked has gone")));
  return controller.signal;
}

/** The query as it was sent. */
export function queryOf({ url }: FastifyRequest): URLSearchParams {
  const at = url.indexOf("?");
  return new URLSearchParams(at < 0 ? "" : url.slice(at));
}

/** A part of the gateway that may be missing. Throws ApiError. */
export function present<T>(part: T | undefined, code: string, message: string, hint?: string): T {
  if (part === undefined) throw new ApiError(404, code, message, { hint });
  return part;
}

/** No HSTS: with a certificate of its own it would lock people out. */
export const securityHeaders: Readonly<Record<string, string>> = {
  "cache-control": "no-store",
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
  "cross-origin-resource-policy": "same-origin",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
};
