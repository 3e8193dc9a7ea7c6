import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:https";
import { describe, expect, it } from "vitest";
import { SimulatedDisk } from "../../test/fault/simulated-disk.ts";
import { makeAuthority, makeCertificate } from "../../test/mqtt/certificates.ts";
import { realClock } from "../../test/mqtt/real-clock.ts";
import { download, type FetchPart } from "./download.ts";
import { httpsPart } from "./https-part.ts";

const bytes = Uint8Array.from({ length: 100_000 }, (_, index) => (index * 31) & 0xff);
const sha256 = createHash("sha256").update(bytes).digest("hex");
const plain = () => new SimulatedDisk({ random: () => 0 });
const never = new AbortController().signal;

function options(disk: SimulatedDisk, fetchPart: FetchPart, more = {}) {
  const url = "https://updates.example/2.raucb";
  return {
    disk,
    fetchPart,
    url,
    file: "2.raucb",
    sha256,
    maxBytes: 1e6,
    progress() {},
    signal: never,
    ...more,
  };
}

/** Sends from where it is asked to, and breaks off after so many bytes. */
function serving(content: Uint8Array, breakAfter = Number.POSITIVE_INFINITY, ranges = true) {
  const asked: number[] = [];
  const fetchPart: FetchPart = async (_, from) => {
    asked.push(from);
    const begin = ranges ? from : 0;
    return {
      from: begin,
      total: content.length,
      body: (async function* () {
        for (let at = begin; at < content.length; at += 1000) {
          if (at - begin >= breakAfter) throw new Error("the link broke");
          yield content.subarray(at, at + 1000);
        }
      })(),
    };
  };
  return { asked, fetchPart };
}

describe("a download", () => {
  it("goes on where it broke off", async () => {
    const disk = plain();
    const { asked, fetchPart } = serving(bytes, 30_000);
    for (let round = 0; round < 3; round++)
      await expect(download(options(disk, fetchPart))).rejects.toThrow("the link broke");
    await download(options(disk, fetchPart));
    expect(asked).toEqual([0, 30_000, 60_000, 90_000]);
    expect(disk.contents("2.raucb")).toEqual(bytes);
    expect(disk.names).toEqual(["2.raucb"]);
    // It is here: nobody is asked again.
    await download(options(disk, fetchPart));
    expect(asked).toHaveLength(4);
  });

  it("begins anew with a server that cannot go on", async () => {
    const disk = plain();
    await expect(download(options(disk, serving(bytes, 30_000).fetchPart))).rejects.toThrow("broke");
    await download(options(disk, serving(bytes, undefined, false).fetchPart));
    expect(disk.contents("2.raucb")).toEqual(bytes);
  });

  it.each<[string, Uint8Array, object, string]>([
    ["other content", bytes.slice().fill(1, 500, 501), {}, "other-content"],
    ["more than is allowed", bytes, { maxBytes: 50_000 }, "too-large"],
    ["plain http", bytes, { url: "http://updates.example/2.raucb" }, "not-https"],
  ])("refuses %s, and keeps nothing of it", async (_, content, more, code) => {
    const disk = plain();
    await expect(download(options(disk, serving(content).fetchPart, more))).rejects.toMatchObject({ code });
    expect(disk.names).toEqual([]);
  });
});

describe("an https server", () => {
  const authority = makeAuthority("City");
  const { cert, key } = makeCertificate(authority, { name: "localhost", names: ["localhost"] });

  async function open(answer: Parameters<typeof createServer>[1]) {
    const server = createServer({ cert, key }, answer);
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    const port = typeof address === "object" ? address?.port : 0;
    return {
      url: `https://localhost:${port}/2.raucb`,
      [Symbol.asyncDispose]: () => new Promise<void>((resolve) => void server.close(() => resolve())),
    };
  }

  it("is asked for the rest", async () => {
    await using server = await open((request, response) => {
      const from = Number(/bytes=(\d+)-/.exec(request.headers.range ?? "")?.[1] ?? 0);
      if (from >= bytes.length)
        return response.writeHead(416, { "content-range": `bytes */${bytes.length}` }).end();
      response.writeHead(from > 0 ? 206 : 200, {
        "content-length": bytes.length - from,
        ...(from > 0 ? { "content-range": `bytes ${from}-${bytes.length - 1}/${bytes.length}` } : {}),
      });
      response.end(bytes.subarray(from));
    });
    for (const kept of [0, 40_000, bytes.length]) {
      const disk = plain();
      if (kept > 0) disk.put("2.raucb.part", bytes.subarray(0, kept));
      await download(
        options(
          disk,
          httpsPart(realClock, async () => [authority.cert]),
          { url: server.url },
        ),
      );
      expect(disk.contents("2.raucb")).toEqual(bytes);
    }
  });

  it("is not believed without a certificate that is trusted", async () => {
    await using server = await open((_, response) => response.end("x"));
    await expect(httpsPart(realClock)(server.url, 0, never)).rejects.toMatchObject({
      code: "download-failed",
    });
  });

  it.each([
    [302, "download-refused"],
    [404, "download-refused"],
    [503, "download-failed"],
  ])("that answers %s is not followed", async (status, code) => {
    await using server = await open((_, response) =>
      response.writeHead(status, { location: "https://elsewhere.example/" }).end(),
    );
    const asked = httpsPart(realClock, async () => [authority.cert])(server.url, 0, never);
    await expect(asked).rejects.toMatchObject({ code });
  });
});
