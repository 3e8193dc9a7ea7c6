import { createHash } from "node:crypto";
import { readdir, readFile, stat } from "node:fs/promises";
import { extname, join } from "node:path";

/** One file of the technician's page, as a request wants it. */
export interface PageFile {
  readonly type: string;
  /** Entity tag, without quotes. */
  readonly tag: string;
  /** Whether its name changes with its content. */
  readonly immutable: boolean;
  readonly bytes: number;
  /** Of the brotli form beside it, where there is one. */
  readonly brotliBytes: number | undefined;
  /** Read when asked for: nobody looks at it most of the time. */
  read(form: "plain" | "brotli"): Promise<Buffer>;
}

/** The files of the technician's page. */
export interface Page {
  /** `index.html`, or the name of a file of `assets/`; undefined for what is not there. */
  find(place: "index" | "assets", name: string): PageFile | undefined;
}

const types: Readonly<Record<string, string>> = {
  ".css": "text/css; charset=utf-8",
  ".html": "text/html; charset=utf-8",
  ".ico": "image/x-icon",
  ".jpg": "image/jpeg",
  ".js": "text/javascript; charset=utf-8",
  ".json": "application/json",
  ".png": "image/png",
  ".svg": "image/svg+xml",
  ".txt": "text/plain; charset=utf-8",
  ".webmanifest": "application/manifest+json",
  ".woff2": "font/woff2",
};

/** Of one file; the page is for phones on a slow line. */
const mostBytes = 4 * 1024 * 1024;
const mostFiles = 200;

/** Headers of the page itself: it takes everything from the gateway, and nothing from the text of the page. */
export const pageHeaders: Readonly<Record<string, string>> = {
  "content-security-policy": [
    "default-src 'self'",
    "connect-src 'self'",
    "img-src 'self' data: blob:",
    "object-src 'none'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join("; "),
};

/**
 * Looks which files there are, once: nothing else is ever read, whatever is asked for. Undefined where the
 * page is not built.
 * @param folder made by `vite build`: index.html, and in assets/ what has a hash in its name; `.br` beside a file is its brotli form
 */
export async function openPage(folder: string): Promise<Page | undefined> {
  const index = await fileAt(join(folder, "index.html"), "index.html");
  if (!index) return undefined;
  const assets = new Map<string, PageFile>();
  const names = await readdir(join(folder, "assets")).catch(() => []);
  for (const name of names.slice(0, mostFiles)) {
    const file = await fileAt(join(folder, "assets", name), name);
    if (file) assets.set(name, file);
  }
  return { find: (place, name) => (place === "index" ? index : assets.get(name)) };
}

async function fileAt(path: string, name: string): Promise<PageFile | undefined> {
  const type = types[extname(name)];
  const bytes = await sizeOf(path);
  if (type === undefined || bytes === undefined) return undefined;
  const immutable = name !== "index.html";
  return {
    type,
    bytes,
    immutable,
    // What has a hash in its name needs no second one.
    tag: immutable
      ? name
      : createHash("sha256")
          .update(await readFile(path))
          .digest("base64url"),
    brotliBytes: await sizeOf(`${path}.br`),
    read: (form) => readFile(form === "brotli" ? `${path}.br` : path),
  };
}

async function sizeOf(path: string): Promise<number | undefined> {
  const found = await stat(path).catch(() => undefined);
  return found?.isFile() && found.size <= mostBytes ? found.size : undefined;
}
