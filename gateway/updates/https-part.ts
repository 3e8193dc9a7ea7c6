import { get } from "node:https";
import { getCACertificates } from "node:tls";
import type { Clock } from "../model/clock.ts";
import { LinkError, RefusedError, TransientError } from "../model/errors.ts";
import type { FetchPart, RemotePart } from "./download.ts";

/** A server that says nothing for so long is gone. */
const silenceMs = 60_000;

/**
 * GET with `Range` (RFC 9110 section 14) over TLS. Redirections are not followed: the address that was signed
 * is the one that counts.
 * @param authorities certificates to trust besides those that Node.js trusts, PEM; asked for every time
 */
export function httpsPart(
  clock: Clock,
  authorities: () => Promise<readonly string[]> = async () => [],
): FetchPart {
  return async (address, from, signal) => {
    const more = await authorities();
    const ca = more.length === 0 ? {} : { ca: [...getCACertificates("default"), ...more] };
    return await part(clock, ca, address, from, signal);
  };
}

function part(
  clock: Clock,
  ca: { readonly ca?: string[] },
  address: string,
  from: number,
  signal: AbortSignal,
): Promise<RemotePart> {
  return new Promise((resolve, reject) => {
    const host = hostOf(address);
    let silence: Disposable | undefined;
    const late = new AbortController();
    const alive = () => {
      silence?.[Symbol.dispose]();
      silence = clock.timer(silenceMs, () =>
        late.abort(new LinkError(`${host} says nothing any more`, { code: "download-silent" })),
      );
    };
    alive();
    const failed = (cause: unknown) => {
      silence?.[Symbol.dispose]();
      if (signal.aborted) return signal.reason;
      if (late.signal.aborted) return late.signal.reason;
      const code = cause instanceof Error && "code" in cause ? String(cause.code) : "unknown";
      return new LinkError(`${host} cannot be reached or trusted (${code})`, {
        code: "download-failed",
        hint: "is the name right, the network there, the server's certificate known to this machine?",
        cause,
      });
    };
    const request = get(
      address,
      {
        signal: AbortSignal.any([signal, late.signal]),
        ...ca,
        // Packed, nobody could tell where to go on.
        headers: { "accept-encoding": "identity", ...(from > 0 ? { range: `bytes=${from}-` } : {}) },
      },
      (response) => {
        const { statusCode: status = 0, headers } = response;
        // All of it is here already: nothing is left to send.
        if (status === 416 && from > 0) {
          response.resume();
          silence?.[Symbol.dispose]();
          return resolve({ from, total: totalOf(headers["content-range"]) ?? from, body: empty() });
        }
        if (status !== 200 && status !== 206) {
          response.destroy();
          silence?.[Symbol.dispose]();
          return reject(refusal(host, status));
        }
        const begins = status === 206 ? Number(/^bytes (\d+)-/.exec(headers["content-range"] ?? "")?.[1]) : 0;
        const length = Number(headers["content-length"] ?? Number.NaN);
        const total =
          totalOf(headers["content-range"]) ?? (Number.isNaN(length) ? undefined : begins + length);
        const body = async function* () {
          try {
            for await (const piece of response) {
              alive();
              yield piece;
            }
          } catch (error) {
            throw failed(error);
          } finally {
            silence?.[Symbol.dispose]();
          }
        };
        resolve({ from: begins, total, body: body() });
      },
    );
    request.once("error", (cause) => reject(failed(cause)));
  });
}

async function* empty(): AsyncIterable<Uint8Array> {}

function totalOf(range: string | undefined): number | undefined {
  const total = /\/(\d+)$/.exec(range ?? "")?.[1];
  return total === undefined ? undefined : Number(total);
}

function refusal(host: string, status: number): RefusedError | TransientError {
  const said = `${host} answered ${status}`;
  // Not there, not allowed, elsewhere: not by itself another time.
  return status >= 300 && status < 500 && status !== 408 && status !== 429
    ? new RefusedError(said, { code: "download-refused", hint: "the address must lead to the bundle itself" })
    : new TransientError(said, { code: "download-failed" });
}

function hostOf(address: string): string {
  return URL.canParse(address) ? new URL(address).host : "the address";
}
