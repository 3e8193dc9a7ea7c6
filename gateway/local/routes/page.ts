import type { FastifyReply, FastifyRequest } from "fastify";
import type { App, RouteContext } from "../context.ts";
import { ApiError } from "../errors.ts";
import { openPage, type PageFile, pageHeaders } from "../page.ts";
import { assetPath } from "../schemas.ts";

/** The technician's page: the files of a folder that the gateway was given. */
export function pageRoutes(app: App, { page: folder }: RouteContext): void {
  // Looked at when somebody asks for the first time.
  let opening: ReturnType<typeof openPage> | undefined;
  const page = async () => {
    opening ??= folder === undefined ? Promise.resolve(undefined) : openPage(folder);
    const here = await opening;
    if (here) return here;
    throw new ApiError(404, "no-page", "the technician's page is not here", {
      hint: "in a checkout: node scripts/setup.cjs build; then start the gateway again",
    });
  };

  for (const method of ["GET", "HEAD"] as const) {
    app.route({
      method,
      url: "/",
      handler: async (request, reply) => send(request, reply, (await page()).find("index", "index.html")),
    });
    app.route({
      method,
      url: "/assets/:file",
      schema: { params: assetPath },
      handler: async (request, reply) =>
        send(request, reply, (await page()).find("assets", request.params.file)),
    });
  }
}

async function send(
  request: FastifyRequest,
  reply: FastifyReply,
  file: PageFile | undefined,
): Promise<FastifyReply> {
  if (!file) throw new ApiError(404, "not-found", "the page has no such file");
  const { type, immutable } = file;
  const form =
    file.brotliBytes !== undefined && /\bbr\b/.test(String(request.headers["accept-encoding"] ?? ""))
      ? "brotli"
      : "plain";
  const tag = `W/"${file.tag}"`;
  reply.headers({
    ...pageHeaders,
    "cache-control": immutable ? "public, max-age=31536000, immutable" : "no-cache",
    etag: tag,
    vary: "accept-encoding",
  });
  if (request.headers["if-none-match"] === tag) return reply.code(304).send();
  reply.type(type);
  if (form === "brotli") reply.header("content-encoding", "br");
  if (request.method === "HEAD") {
    const bytes = form === "brotli" ? file.brotliBytes : file.bytes;
    return reply.header("content-length", bytes).send();
  }
  try {
    return reply.send(await file.read(form));
  } catch {
    // Another version was installed meanwhile: the page is asked for anew.
    throw new ApiError(404, "not-found", "the page has changed", { hint: "load it again" });
  }
}
