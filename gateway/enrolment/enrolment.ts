// A little long: one state machine, whose order of steps is what matters.
import { createHash } from "node:crypto";
import type { Clock, Random } from "../model/clock.ts";
import { GatewayError, LinkError, RefusedError, TransientError } from "../model/errors.ts";
import { certificateRequest, knownAsker, newAsker } from "./certificate-request.ts";
import type { CertificateStore, Held, Notes } from "./certificate-store.ts";
import { readPemCertificates, toPem } from "./certs-only.ts";
import { acceptCertificate, fits, isSelfSigned } from "./checks.ts";
import { type DeviceKey, publicKeyBytes } from "./device-key.ts";
import { EstClient, type Wait } from "./est.ts";
import type { Exchange } from "./exchange.ts";
import { certificateFacts, type EnrolmentState, type Progress, renewalTime } from "./progress.ts";
import { estBase, type Provision } from "./provision.ts";

export interface EnrolmentOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** Opened anew for every try; made when there is none. Rejects with StorageError. */
  readonly openKey: () => Promise<DeviceKey>;
  readonly store: CertificateStore;
  readonly provision: ProvisionSource;
  readonly exchange: Exchange;
  /** Told whenever something changes. */
  readonly tell: (progress: Progress) => void;
}

export interface ProvisionSource {
  /** Undefined where there is no such file. Rejects with ConfigError for one that cannot be used, or StorageError. */
  read(): Promise<Provision | undefined>;
  /** Takes the token out of it, for good. Rejects with StorageError. */
  removeToken(): Promise<void>;
}

/** What a try came to, and when the next one makes sense. */
interface Step extends Progress {
  readonly waitMs: number;
}

/** Full jitter: between 0 and min(longest, first * 2^tries). */
const firstPauseMs = 2_000;
const longestPauseMs = 300_000;
/** While only a person can help; provision.json is looked at as often. */
const failedPauseMs = 60_000;
const longestFailedPauseMs = 3_600_000;
/** A new boot waits this long for somebody to set the clock, then tries without. */
const clockPatienceMs = 600_000;
const timePauseMs = 60_000;
/** So often somebody looks whether it is time to renew. */
const lookMs = 21_600_000;

type EnrolmentProvision = NonNullable<Provision["enrolment"]>;

/**
 * Gets the gateway its certificate, and the next one when two thirds of its life are over.
 *
 * The order keeps one identity through every power cut: the key is durable before anybody hears of it and is never
 * replaced; the certificate is durable before the token is removed; a renewed certificate takes its place only after
 * the CA's server has taken it.
 */
export class Enrolment {
  readonly #options: EnrolmentOptions;
  #tries = 0;
  #told = "";
  #asked: { readonly whose: string; readonly bytes: Uint8Array } | undefined;

  constructor(options: EnrolmentOptions) {
    this.#options = options;
  }

  /** Tries until there is a certificate (or none is wanted), however long it takes; `stay`: renews until the signal aborts. */
  async run(signal: AbortSignal, stay = false): Promise<Progress> {
    for (;;) {
      const step = await this.#step(signal);
      if (!stay && (step.state === "enrolled" || step.state === "not-wanted")) return step;
      await this.#pause(step, signal);
    }
  }

  /** Tries once. Rejects only with the signal's reason. */
  once(signal: AbortSignal): Promise<Progress> {
    return this.#step(signal);
  }

  async #step(signal: AbortSignal): Promise<Step> {
    const step = await this.#attempt(signal);
    const { waitMs, ...progress } = step;
    const settled = step.state === "enrolled" || step.state === "not-wanted";
    const told = settled ? progress : { ...progress, nextS: Math.ceil(waitMs / 1000) };
    this.#tell(told);
    return { ...told, waitMs };
  }

  async #pause({ state, waitMs }: Step, signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    const known = new AbortController();
    using _trust =
      state === "waiting-for-time" || !clock.trusted ? clock.whenTrusted(() => known.abort()) : undefined;
    await clock.sleep(waitMs, AbortSignal.any([signal, known.signal])).catch(() => signal.throwIfAborted());
  }

  #tell(progress: Progress): void {
    const text = JSON.stringify(progress);
    if (text === this.#told) return;
    this.#told = text;
    this.#options.tell(progress);
  }

  async #attempt(signal: AbortSignal): Promise<Step> {
    let gateway: string | undefined;
    let state: EnrolmentState = "enrolling";
    const begin = (next: EnrolmentState, held?: Held): void => {
      state = next;
      this.#tell({ state, gateway, certificate: held && certificateFacts(held.certificate) });
    };
    try {
      const key = await this.#options.openKey();
      const notes = await this.#options.store.notes();
      let held = await this.#options.store.current();
      // A certificate of another key is of no use to anybody.
      if (held && !fits(held.certificate, key)) held = undefined;
      const { provision, problem } = await this.#provision(held !== undefined);
      gateway = provision?.gateway;
      const wanted = provision?.enrolment;
      const good = held && !this.#isOver(held) ? held : undefined;
      const keep = async (one: Held) => ({
        gateway,
        ...(await this.#keep(one, key, await this.#options.store.notes(), wanted, begin, signal)),
      });
      if (good && !(wanted && isFresh(wanted, notes, good))) return { ...(await keep(good)), ...problem };
      if (!wanted || gateway === undefined) {
        if (!held) return { state: "not-wanted", waitMs: failedPauseMs };
        throw expired(held);
      }
      if (held && wanted.token === undefined) throw expired(held);
      try {
        return await this.#enrol({ gateway, wanted, key, notes, begin, signal });
      } catch (error) {
        // A new token that is no good leaves the gateway as it was.
        if (!good || !(error instanceof RefusedError) || error.code !== "token-refused") throw error;
        return { ...(await keep(good)), why: whyOf(error) };
      }
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      return { gateway, ...this.#failed(error, state) };
    }
  }

  /** A card that cannot be read is no matter for a gateway that has its certificate. */
  async #provision(
    enrolled: boolean,
  ): Promise<{ provision?: Provision | undefined; problem?: Pick<Progress, "why"> }> {
    try {
      return { provision: await this.#options.provision.read() };
    } catch (error) {
      if (!enrolled || !(error instanceof GatewayError)) throw error;
      return { problem: { why: whyOf(error) } };
    }
  }

  /** Also where the clock is behind: the time is at least what it says. */
  #isOver({ certificate }: Held): boolean {
    return certificate.validToDate.getTime() <= this.#options.clock.now();
  }

  async #enrol(order: {
    gateway: string;
    wanted: EnrolmentProvision;
    key: DeviceKey;
    notes: Notes;
    begin(state: EnrolmentState): void;
    signal: AbortSignal;
  }): Promise<Step> {
    const { gateway, wanted, key, notes, begin, signal } = order;
    const { clock, store, exchange } = this.#options;
    const { url, ca, token } = wanted;
    if (token === undefined) throw noToken("there is no token in provision.json", "token-missing");
    const mark = markOf(token);
    if (notes.refusedToken === mark) throw noToken("the CA has refused this token before", "token-refused");
    if (wanted.tokenExpires !== undefined && Date.parse(wanted.tokenExpires) <= clock.now())
      throw noToken(`the token was good until ${wanted.tokenExpires}`, "token-expired");
    if (!clock.trusted && clock.monotonic() < clockPatienceMs)
      return { state: "waiting-for-time", gateway, waitMs: timePauseMs };
    begin("enrolling");
    const client = new EstClient({ base: baseOf(url), authorities: ca, exchange, clock });
    const authorities = await client.authorities(signal);
    let issued: Awaited<ReturnType<EstClient["enrol"]>>;
    try {
      issued = await client.enrol(await this.#request(gateway, key), gateway, token, signal);
    } catch (error) {
      if (error instanceof RefusedError && error.code === "token-refused")
        await store.note({ ...notes, refusedToken: mark });
      throw error;
    }
    if ("waitMs" in issued) return { gateway, ...waiting(issued, "enrolling") };
    const provisioned = readPemCertificates(ca);
    const { certificate, intermediates } = acceptCertificate(issued.certificates, {
      key,
      clock,
      authorities,
      provisioned,
    });
    // Whoever else made a key meanwhile has won: a certificate without its key is worth nothing.
    if (!fits(certificate, await this.#options.openKey()))
      throw new TransientError("the gateway's key was exchanged meanwhile", { code: "key-exchanged" });
    await store.take(
      [certificate, ...intermediates],
      [...provisioned, ...authorities.filter(isNew(provisioned))],
      {
        url,
        ca,
        usedToken: mark,
        usedFor: certificate.fingerprint256,
      },
    );
    return { gateway, ...(await this.#enrolled({ certificate, pem: "" }, true)) };
  }

  /** While somebody decides, the same request is sent again, byte by byte (RFC 7030 section 4.2.3). */
  async #request(gateway: string, key: DeviceKey): Promise<Uint8Array> {
    const whose = `${gateway} ${publicKeyBytes(key.publicKey).toString("base64")}`;
    if (this.#asked?.whose !== whose)
      this.#asked = { whose, bytes: await certificateRequest(newAsker(gateway), key) };
    return this.#asked.bytes;
  }

  /** There is a good certificate: what is left to do is to remove the token, and to renew. */
  async #keep(
    held: Held,
    key: DeviceKey,
    notes: Notes,
    wanted: EnrolmentProvision | undefined,
    begin: (state: EnrolmentState, held: Held) => void,
    signal: AbortSignal,
  ): Promise<Step> {
    const { clock, store } = this.#options;
    const settled = await this.#enrolled(held, wanted?.token !== undefined);
    const next = await store.next();
    if ((!next && clock.now() < renewalTime(held.certificate)) || !notes.url || !notes.ca) return settled;
    begin("renewing", held);
    try {
      const renewed = await this.#renew(held, next, key, { url: notes.url, ca: notes.ca }, signal);
      if ("waitMs" in renewed) return { ...settled, ...waiting(renewed, "renewing") };
      return { ...(await this.#enrolled(renewed, false)), tokenLeft: settled.tokenLeft };
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      // It still has a good certificate: it stays enrolled in all but the word.
      const { why, waitMs } = this.#failed(error, "renewing");
      return { ...settled, state: "renewing", why, waitMs };
    }
  }

  async #renew(
    held: Held,
    pending: Held | undefined,
    key: DeviceKey,
    { url, ca }: { readonly url: string; readonly ca: string },
    signal: AbortSignal,
  ): Promise<Held | Wait> {
    const { clock, store, exchange } = this.#options;
    if (key.tlsKey === undefined)
      throw new RefusedError(
        "this key cannot be used for TLS, so the certificate cannot be renewed by itself",
        {
          code: "key-not-for-tls",
          hint: "enrol again with a new token",
        },
      );
    const provisioned = readPemCertificates(ca);
    const kept = (await store.authorities()).filter(isSelfSigned).filter(isNew(provisioned));
    const client = new EstClient({
      base: baseOf(url),
      authorities: toPem([...provisioned, ...kept]),
      exchange,
      clock,
    });
    const check = { key, clock, provisioned };
    if (pending) {
      const good = fits(pending.certificate, key) && !this.#isOver(pending);
      if (!good) await store.dropNext();
      else return await this.#prove(pending, client, key.tlsKey, signal);
    }
    const authorities = await client.authorities(signal);
    const request = await certificateRequest(knownAsker(held.certificate), key);
    const issued = await client.renew(request, { cert: held.pem, key: key.tlsKey }, signal);
    if ("waitMs" in issued) return issued;
    const { certificate, intermediates } = acceptCertificate(issued.certificates, { ...check, authorities });
    const chain = [certificate, ...intermediates];
    await store.takeAuthorities([...provisioned, ...authorities.filter(isNew(provisioned))]);
    await store.takeNext(chain);
    return await this.#prove({ certificate, pem: toPem(chain) }, client, key.tlsKey, signal);
  }

  /** The CA's server has to take the new certificate before the old one goes. */
  async #prove(next: Held, client: EstClient, key: string, signal: AbortSignal): Promise<Held> {
    const { store } = this.#options;
    try {
      await client.authorities(signal, { cert: next.pem, key });
    } catch (error) {
      // What the server itself refuses will not become better; a network that went away will.
      if (error instanceof RefusedError) await store.dropNext();
      throw error;
    }
    await store.promote(next);
    await store.note({ ...(await store.notes()), usedFor: next.certificate.fingerprint256 });
    return next;
  }

  async #enrolled({ certificate }: Held, tokenStays: boolean): Promise<Step> {
    this.#tries = 0;
    const removed =
      !tokenStays || (await this.#options.provision.removeToken().then(() => true, isStorageTrouble));
    const until = renewalTime(certificate) - this.#options.clock.now();
    return {
      state: "enrolled",
      certificate: certificateFacts(certificate),
      tokenLeft: removed ? undefined : true,
      waitMs: Math.min(removed ? lookMs : failedPauseMs, Math.max(1000, until)),
    };
  }

  #failed(error: unknown, during: EnrolmentState): Step {
    if (!(error instanceof GatewayError)) throw error;
    const why = whyOf(error);
    if (error instanceof LinkError && error.code === "est-unreachable")
      return { state: "waiting-for-network", why, waitMs: this.#backoff(firstPauseMs, longestPauseMs) };
    if (error.code === "est-time" && !this.#options.clock.trusted)
      return { state: "waiting-for-time", why, waitMs: timePauseMs };
    if (error instanceof TransientError)
      return { state: during, why, waitMs: this.#backoff(firstPauseMs, longestPauseMs) };
    // Without the network: a file is looked at, that is all.
    if (error.code.startsWith("token-")) return { state: "failed", why, waitMs: failedPauseMs };
    return {
      state: "failed",
      why,
      waitMs: failedPauseMs + this.#backoff(firstPauseMs, longestFailedPauseMs),
    };
  }

  #backoff(first: number, longest: number): number {
    const most = Math.min(longest, first * 2 ** Math.min(this.#tries++, 16));
    return Math.round(this.#options.random() * most);
  }
}

function waiting(
  { waitMs, approval }: Wait,
  state: "enrolling" | "renewing",
): Pick<Step, "state" | "waitMs"> {
  return { state: approval && state === "enrolling" ? "waiting-for-approval" : state, waitMs };
}

function whyOf({ code, message, hint }: GatewayError): NonNullable<Progress["why"]> {
  return { code, message, hint };
}

function noToken(message: string, code: string): RefusedError {
  return new RefusedError(message, {
    code,
    hint: "ask the city's IT for a new one and write it into provision.json",
  });
}

function expired({ certificate }: Held): RefusedError {
  return new RefusedError(`the certificate ended on ${certificate.validToDate.toISOString().slice(0, 10)}`, {
    code: "token-missing",
    hint: "it was not renewed in time; a new token in provision.json enrols the gateway anew, with the same key",
  });
}

function isStorageTrouble(error: unknown): false {
  if (error instanceof GatewayError) return false;
  throw error;
}

/** Whether provision.json has a token that is neither how the gateway got its certificate nor known to be no good. */
function isFresh({ token }: EnrolmentProvision, notes: Notes, { certificate }: Held): boolean {
  if (token === undefined) return false;
  const mark = markOf(token);
  if (mark === notes.refusedToken) return false;
  return mark !== notes.usedToken || notes.usedFor !== certificate.fingerprint256;
}

function markOf(token: string): string {
  return createHash("sha256").update(token).digest("hex");
}

function isNew(known: readonly { readonly raw: Buffer }[]): (one: { readonly raw: Buffer }) => boolean {
  return (one) => !known.some(({ raw }) => raw.equals(one.raw));
}

function baseOf(url: string): string {
  const base = estBase(url);
  if (base === undefined) throw new TypeError("the address was not checked");
  return base;
}
