import type { X509Certificate } from "node:crypto";
import type { Clock } from "../model/clock.ts";
import { RefusedError, TransientError } from "../model/errors.ts";
import { readCertsOnly } from "./certs-only.ts";
import { DerError } from "./der.ts";
import type { Exchange, ExchangeAnswer, ExchangeRequest } from "./exchange.ts";

// Enrollment over Secure Transport (RFC 7030, made clearer by RFC 8951): what a gateway needs of it.

/** `approval`: a person decides; otherwise the CA is busy. */
export interface Wait {
  readonly waitMs: number;
  readonly approval: boolean;
}

export type Issued = { readonly certificates: readonly X509Certificate[] } | Wait;

export interface EstOptions {
  /** `https://ca.example.org/.well-known/est` */
  readonly base: string;
  /** PEM. */
  readonly authorities: string;
  readonly exchange: Exchange;
  readonly clock: Clock;
}

type Client = NonNullable<ExchangeRequest["client"]>;

/** Bounds of Retry-After, and what counts where there is none. */
const shortestWaitMs = 5_000;
const longestWaitMs = 3_600_000;
const usualWaitMs = 60_000;

/**
 * A CA that speaks EST. All methods reject as `Exchange` does, and with TransientError `est-answer` (not understood,
 * or the server's own trouble), RefusedError `token-refused` (401 or 403) or `request-refused` (400 and the like).
 */
export class EstClient {
  readonly #options: EstOptions;

  constructor(options: EstOptions) {
    this.#options = options;
  }

  /** The present certificates of the CA, intermediate ones too. `client`: shown to the server, which proves that it works. */
  async authorities(signal: AbortSignal, client?: Client): Promise<readonly X509Certificate[]> {
    const answer = await this.#ask({ method: "GET", path: "cacerts", headers: {}, client }, signal);
    if (answer.status === 200) return certificatesOf(answer);
    throw this.#refusal(answer, client !== undefined);
  }

  /** The first certificate: by HTTP Basic, the gateway's id and its token (RFC 7030 section 3.2.3). */
  enrol(request: Uint8Array, gateway: string, token: string, signal: AbortSignal): Promise<Issued> {
    const authorization = `Basic ${Buffer.from(`${gateway}:${token}`).toString("base64")}`;
    return this.#certify("simpleenroll", request, { headers: { authorization } }, signal);
  }

  /** The next certificate, by the present one (RFC 7030 section 3.3.2). */
  renew(request: Uint8Array, client: Client, signal: AbortSignal): Promise<Issued> {
    return this.#certify("simplereenroll", request, { headers: {}, client }, signal);
  }

  async #certify(
    path: string,
    request: Uint8Array,
    who: Pick<ExchangeRequest, "headers" | "client">,
    signal: AbortSignal,
  ): Promise<Issued> {
    const answer = await this.#ask(
      {
        method: "POST",
        path,
        headers: {
          ...who.headers,
          "content-type": "application/pkcs10",
          "content-transfer-encoding": "base64",
        },
        body: Buffer.from(request).toString("base64"),
        client: who.client,
      },
      signal,
    );
    const { status } = answer;
    if (status === 200) return { certificates: certificatesOf(answer) };
    if (status === 202) return { waitMs: this.#wait(answer), approval: true };
    if (status === 429 || status === 503) return { waitMs: this.#wait(answer), approval: false };
    throw this.#refusal(answer, who.client !== undefined);
  }

  #ask(
    { path, headers, ...request }: Omit<ExchangeRequest, "url" | "authorities"> & { readonly path: string },
    signal: AbortSignal,
  ): Promise<ExchangeAnswer> {
    const { base, authorities, exchange } = this.#options;
    const accept = { accept: "application/pkcs7-mime" };
    return exchange(
      { ...request, url: `${base}/${path}`, headers: { ...accept, ...headers }, authorities },
      signal,
    );
  }

  /** Seconds or a date; a date counts from the answer's own, as our clock may be wrong. */
  #wait({ headers }: ExchangeAnswer): number {
    const given = textOf(headers["retry-after"]);
    let ms = usualWaitMs;
    if (/^\d{1,9}$/.test(given)) ms = Number(given) * 1000;
    else if (given !== "") {
      const sent = Date.parse(textOf(headers.date));
      ms = Date.parse(given) - (Number.isNaN(sent) ? this.#options.clock.now() : sent);
    }
    if (Number.isNaN(ms)) ms = usualWaitMs;
    return Math.min(longestWaitMs, Math.max(shortestWaitMs, ms));
  }

  #refusal(answer: ExchangeAnswer, byCertificate: boolean): Error {
    const { status } = answer;
    const said = saidOf(answer);
    if (status === 401 || status === 403) {
      return byCertificate
        ? new RefusedError(`the CA does not take the gateway's certificate (${status})${said}`, {
            code: "certificate-refused",
            hint: "it may be revoked: ask the city's IT; a new token enrols the gateway anew",
          })
        : new RefusedError(`the CA does not take the token (${status})${said}`, {
            code: "token-refused",
            hint: "a token is good once and for a short time: write a new one into provision.json",
          });
    }
    if (status >= 400 && status < 500)
      return new RefusedError(`the CA refuses the request (${status})${said}`, {
        code: "request-refused",
        hint:
          status === 404 ? "is `enrolment.url` the address of EST?" : "ask the city's IT what the CA wants",
      });
    return new TransientError(`the CA answered with ${status}${said}`, {
      code: "est-answer",
      hint: "tried again by itself; if it lasts, ask the city's IT",
    });
  }
}

function certificatesOf({ body }: ExchangeAnswer): X509Certificate[] {
  const text = Buffer.from(body).toString("latin1").replaceAll(/\s+/g, "");
  try {
    if (!/^[A-Za-z0-9+/]+={0,2}$/.test(text)) throw new DerError("not base64");
    return readCertsOnly(Buffer.from(text, "base64"));
  } catch (cause) {
    if (!(cause instanceof DerError)) throw cause;
    throw new TransientError(`the CA's answer holds no certificates: ${cause.message}`, {
      code: "est-answer",
      hint: "is this really the address of a CA that speaks EST?",
      cause,
    });
  }
}

/** What a person should read of an answer: short, printable, one line. */
function saidOf({ headers, body }: ExchangeAnswer): string {
  if (!/^text\/plain\b/i.test(textOf(headers["content-type"]))) return "";
  const text = Buffer.from(body.subarray(0, 400)).toString("utf8");
  const line = text
    .replaceAll(/[^\p{L}\p{N}\p{P}\p{S} ]+/gu, " ")
    .trim()
    .slice(0, 200);
  return line === "" ? "" : `: ${line}`;
}

function textOf(value: string | readonly string[] | undefined): string {
  return typeof value === "string" ? value : (value?.[0] ?? "");
}
