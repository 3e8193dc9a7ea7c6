import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { isIP } from "node:net";
import type { DetailedPeerCertificate, TLSSocket } from "node:tls";
import type { Clock } from "../../model/clock.ts";
import type { CheckDone } from "../../model/commissioning.ts";
import { linkFailure } from "../../transport/mqtt/failures.ts";
import type { BrokerAddress, TlsSettings } from "../../transport/mqtt/settings.ts";
import { loadCredentials, tlsFacts } from "../../transport/mqtt/socket.ts";
import { checkFailed, checkOk, checkWarning, type Said, said } from "../words.ts";
import { failedBy } from "./words.ts";

const dayMs = 86_400_000;
/** A certificate that ends within so many days is told. */
const soonDays = 30;
/** Certificates of a chain that are shown. */
const longestChain = 6;

/** What a broker showed of itself. It is looked at even when it is not to be believed; then nothing is sent to it. */
interface Shown {
  /** `TLSv1.3` */
  readonly version: string;
  /** Why it is not to be believed; undefined when it is. */
  readonly problem: Error | undefined;
  /** The broker's own first. */
  readonly chain: readonly ShownCertificate[];
}

interface ShownCertificate {
  readonly name: string;
  readonly issuer: string;
  /** Unix ms. */
  readonly from: number;
  readonly to: number;
  /** Whom it is for, as it says itself. */
  readonly names: string;
}

const id = "broker-tls";

/** The TLS handshake alone: version, chain, dates, names. Rejects with LinkError, ConfigError or the signal's reason. */
export async function checkTls(
  settings: TlsSettings,
  address: BrokerAddress,
  clock: Clock,
  subject: string,
  signal: AbortSignal,
): Promise<readonly CheckDone[]> {
  const shown = await handshake(settings, address, clock, signal);
  const at = `${address.host}:${address.port}`;
  const chain = shown.chain.map(({ name }) => name).join(" < ");
  const [own] = shown.chain;
  const dates = own ? spanOf(own) : "";
  if (shown.problem) {
    const failure = linkFailure(shown.problem, address, tlsFacts(settings, clock));
    return [failedBy(id, failure, at, subject, moreOf(failure.code, shown, clock, chain, dates))];
  }
  const found: CheckDone[] = [];
  const left = own ? (own.to - clock.now()) / dayMs : Number.POSITIVE_INFINITY;
  const message = said(
    `${shown.version}; certificate ${chain}, valid ${dates}.`,
    `${shown.version}; certifikat ${chain}, giltigt ${dates}.`,
  );
  if (left < soonDays)
    found.push(
      checkWarning(
        id,
        said(
          `${message.en} It ends in ${Math.floor(left)} days.`,
          `${message.sv} Det går ut om ${Math.floor(left)} dagar.`,
        ),
        said(
          "Have the broker's certificate renewed in time.",
          "Se till att brokerns certifikat förnyas i tid.",
        ),
        subject,
      ),
    );
  else found.push(checkOk(id, message, subject));
  const client = ownCertificate(settings, clock, subject);
  return client ? [...found, client] : found;
}

/** What the certificate itself tells about the trouble. */
function moreOf(code: string, shown: Shown, clock: Clock, chain: string, dates: string): Said {
  const [own] = shown.chain;
  if (!own) return said("", "");
  const now = new Date(clock.now()).toISOString().slice(0, 16).replace("T", " ");
  if (code === "tls-expired" || code === "tls-not-yet-valid") {
    const clockEn = clock.trusted
      ? `The gateway's clock says ${now} UTC.`
      : `But the gateway's clock is not synchronised (it says ${now} UTC): set the time first.`;
    const clockSv = clock.trusted
      ? `Gatewayens klocka visar ${now} UTC.`
      : `Men gatewayens klocka är inte synkroniserad (den visar ${now} UTC): ställ tiden först.`;
    const span = shown.chain.map((one) => `${one.name} ${spanOf(one)}`).join("; ");
    return said(`Valid: ${span}. ${clockEn}`, `Giltighet: ${span}. ${clockSv}`);
  }
  if (code === "tls-unknown-ca") {
    const last = shown.chain.at(-1) ?? own;
    return said(
      `It was issued by "${own.issuer}"; the chain shown is ${chain}, and "${last.issuer}" is not known here.`,
      `Det är utfärdat av "${own.issuer}"; kedjan som visas är ${chain}, och "${last.issuer}" är inte känd här.`,
    );
  }
  if (code === "tls-wrong-host") {
    const names = own.names || own.name;
    return said(`It is for: ${names}.`, `Det gäller för: ${names}.`);
  }
  return said(`It is ${chain}, valid ${dates}.`, `Det är ${chain}, giltigt ${dates}.`);
}

function spanOf({ from, to }: ShownCertificate): string {
  const date = (ms: number) => (Number.isNaN(ms) ? "?" : new Date(ms).toISOString().slice(0, 10));
  return `${date(from)} - ${date(to)}`;
}

/** The gateway's own certificate, which only the broker would find expired. */
function ownCertificate(settings: TlsSettings, clock: Clock, subject: string): CheckDone | undefined {
  if (settings.cert === undefined) return undefined;
  const { validTo } = new X509Certificate(readFileSync(settings.cert));
  const ends = Date.parse(validTo);
  const left = (ends - clock.now()) / dayMs;
  const date = new Date(ends).toISOString().slice(0, 10);
  const fix = said(
    `Have it renewed and put in place; the new file is read at the next connection: ${settings.cert}`,
    `Förnya det och lägg det på plats; den nya filen läses vid nästa anslutning: ${settings.cert}`,
  );
  if (left < 0)
    return checkFailed(
      "broker-own-certificate",
      said(`The gateway's own certificate ended on ${date}.`, `Gatewayens eget certifikat gick ut ${date}.`),
      fix,
      subject,
    );
  const message = said(
    `The gateway's own certificate is valid until ${date}.`,
    `Gatewayens eget certifikat gäller till ${date}.`,
  );
  return left < soonDays
    ? checkWarning("broker-own-certificate", message, fix, subject)
    : checkOk("broker-own-certificate", message, subject);
}

function handshake(
  settings: TlsSettings,
  address: BrokerAddress,
  clock: Clock,
  signal: AbortSignal,
): Promise<Shown> {
  const { host, port } = address;
  // As everywhere: OpenSSL is loaded by who has a broker with TLS.
  const tls = process.getBuiltinModule("node:tls");
  const socket = tls.connect({
    ...loadCredentials(settings),
    host,
    port,
    // To see what is wrong with it. Nothing is ever sent over this connection.
    rejectUnauthorized: false,
    ...(isIP(host) === 0 ? { servername: host } : {}),
  });
  return new Promise<Shown>((resolve, reject) => {
    socket.on("error", (cause) => reject(linkFailure(cause, address, tlsFacts(settings, clock))));
    socket.once("close", () =>
      reject(
        linkFailure(
          Object.assign(new Error("closed during the handshake"), { code: "ECONNRESET" }),
          address,
          tlsFacts(settings, clock),
        ),
      ),
    );
    socket.once("secureConnect", () => resolve(shownBy(socket)));
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  }).finally(() => socket.destroy());
}

function shownBy(socket: TLSSocket): Shown {
  const chain: ShownCertificate[] = [];
  let one: DetailedPeerCertificate | undefined = socket.getPeerCertificate(true);
  while (one?.subject && chain.length < longestChain) {
    chain.push({
      name: nameOf(one.subject),
      issuer: nameOf(one.issuer),
      from: Date.parse(one.valid_from),
      to: Date.parse(one.valid_to),
      names: printable((one.subjectaltname ?? "").replaceAll(/DNS:|IP Address:/g, "")),
    });
    // The root is its own issuer.
    one = one.issuerCertificate === one ? undefined : one.issuerCertificate;
  }
  return {
    version: (socket.getProtocol() ?? "TLS").replace("TLSv", "TLS "),
    problem: socket.authorized ? undefined : problemOf(socket),
    chain,
  };
}

/** Node gives the code alone here, although its types call it an Error. */
function problemOf({ authorizationError }: TLSSocket): Error {
  if (authorizationError instanceof Error) return authorizationError;
  const code = String(authorizationError);
  return Object.assign(new Error(code), { code });
}

function nameOf(subject: unknown): string {
  for (const key of ["CN", "O", "OU"]) {
    const found: unknown =
      typeof subject === "object" && subject !== null ? Reflect.get(subject, key) : undefined;
    const text: unknown = Array.isArray(found) ? found[0] : found;
    if (typeof text === "string") return printable(text);
  }
  return "?";
}

/** Names come from outside; a terminal must not take orders from them. */
function printable(text: string): string {
  return text.replaceAll(/[^\x20-\x7e\xa1-\uffff]/g, "?").slice(0, 200);
}
