import type { Clock } from "../model/clock.ts";
import { LinkError, TransientError } from "../model/errors.ts";

/** One request to the CA. */
export interface ExchangeRequest {
  readonly method: "GET" | "POST";
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | undefined;
  /** PEM: who asks by certificate. */
  readonly client?: { readonly cert: string; readonly key: string } | undefined;
  /** PEM: the only authorities that may vouch for the server. */
  readonly authorities: string;
}

export interface ExchangeAnswer {
  readonly status: number;
  /** Names in small letters. */
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Uint8Array;
}

/**
 * Asks the CA once. Rejects with LinkError (`est-unreachable`; `est-time`: the server's certificate does not fit the
 * time; `est-tls`: anything else is wrong with it), TransientError `est-answer` (too long, cut off, no HTTP) or the
 * signal's reason.
 */
export type Exchange = (request: ExchangeRequest, signal: AbortSignal) => Promise<ExchangeAnswer>;

/** Of a body: a chain of certificates has a few kB. */
const maxBodyBytes = 256 * 1024;
/** From the first packet to the last. */
const patienceMs = 60_000;

/** By HTTPS, a connection per request: they are months apart. No proxy, no redirect. */
export function httpsExchange(clock: Clock): Exchange {
  return (request, outer) => {
    const late = new AbortController();
    const deadline = clock.timer(patienceMs, () =>
      late.abort(
        new LinkError(`no answer from ${hostOf(request.url)} within ${patienceMs / 1000} s`, {
          code: "est-unreachable",
          hint: "is the network slow, or does a firewall swallow the packets?",
        }),
      ),
    );
    return ask(request, AbortSignal.any([outer, late.signal])).finally(() => deadline[Symbol.dispose]());
  };
}

async function ask(request: ExchangeRequest, signal: AbortSignal): Promise<ExchangeAnswer> {
  // OpenSSL is 6 MB, so it is loaded when it is needed.
  const https = await import("node:https");
  const { method, url, headers, body, client, authorities } = request;
  return new Promise((resolve, reject) => {
    const fail = (error: Error) => reject(signal.aborted ? signal.reason : failureOf(error, url));
    const asked = https.request(
      url,
      {
        method,
        headers: body === undefined ? headers : { ...headers, "content-length": Buffer.byteLength(body) },
        agent: false,
        ca: authorities,
        ...client,
        minVersion: "TLSv1.2",
        rejectUnauthorized: true,
        maxHeaderSize: 16 * 1024,
        signal,
      },
      (answer) => {
        const parts: Buffer[] = [];
        let length = 0;
        answer.on("data", (part: Buffer) => {
          length += part.length;
          if (length > maxBodyBytes) asked.destroy(new TooLong());
          else parts.push(part);
        });
        answer.once("error", fail);
        answer.once("end", () =>
          resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: Buffer.concat(parts) }),
        );
      },
    );
    asked.on("error", fail);
    asked.end(body);
  });
}

class TooLong extends Error {}

/** OpenSSL's words (X509_verify_cert_error_string) for what a right clock would cure. */
const timeCodes = new Set(["CERT_NOT_YET_VALID", "CERT_HAS_EXPIRED"]);
const unreachableCodes =
  /^(ECONN(REFUSED|RESET|ABORTED)|E(HOST|NET)(UNREACH|DOWN)|EAFNOSUPPORT|ETIMEDOUT|EPIPE|ENOTFOUND|EAI_\w+|EADDRNOTAVAIL|ENODATA|ESERVFAIL)$/;

function failureOf(cause: Error, url: string): Error {
  const host = hostOf(url);
  const code = "code" in cause ? String(cause.code) : "";
  if (cause instanceof TooLong)
    return new TransientError(`${host} answered with more than ${maxBodyBytes / 1024} kB`, {
      code: "est-answer",
      hint: "is this really the address of a CA that speaks EST?",
    });
  if (timeCodes.has(code))
    return new LinkError(
      `the certificate of ${host} is ${code === "CERT_HAS_EXPIRED" ? "no longer" : "not yet"} valid by this gateway's clock`,
      {
        code: "est-time",
        hint: "set the clock (NTP); if it is right, the CA's server needs a new certificate",
        cause,
      },
    );
  if (unreachableCodes.test(code))
    return new LinkError(`${host} cannot be reached (${code})`, {
      code: "est-unreachable",
      hint: "network cable, address, DNS and firewall: `stadsnod doctor` looks at them",
      cause,
    });
  if (code.startsWith("HPE_"))
    return new TransientError(`${host} does not speak HTTP (${code})`, { code: "est-answer", cause });
  return new LinkError(`${host} cannot prove that it is the CA (${code || cause.message.slice(0, 100)})`, {
    code: "est-tls",
    hint: "is `enrolment.ca` in provision.json the CA of this server, and `url` its name? Somebody may stand in between",
    cause,
  });
}

function hostOf(url: string): string {
  return URL.parse(url)?.host ?? url;
}
