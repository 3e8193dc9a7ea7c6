import type { X509Certificate } from "node:crypto";

// How far a gateway is with its certificate, as /run/stadsnod/enrolment.json tells it. No secrets.

export const enrolmentStates = [
  /** provision.json asks for no enrolment, and there is no certificate. */
  "not-wanted",
  "waiting-for-network",
  "waiting-for-time",
  "enrolling",
  "waiting-for-approval",
  "enrolled",
  "renewing",
  /** Nothing will come of it before a person does something; still looked at now and then. */
  "failed",
] as const;

export type EnrolmentState = (typeof enrolmentStates)[number];

export interface Why {
  readonly code: string;
  readonly message: string;
  readonly hint?: string | undefined;
}

export interface CertificateFacts {
  readonly subject: string;
  readonly issuer: string;
  readonly serial: string;
  /** ISO 8601. */
  readonly from: string;
  readonly to: string;
  /** When it is renewed. */
  readonly renewal: string;
  /** SHA-256. */
  readonly fingerprint: string;
}

export interface Progress {
  readonly state: EnrolmentState;
  readonly gateway?: string | undefined;
  readonly why?: Why | undefined;
  /** Seconds until the next try. */
  readonly nextS?: number | undefined;
  readonly certificate?: CertificateFacts | undefined;
  /** The used token still stands in provision.json, which could not be written. */
  readonly tokenLeft?: true | undefined;
}

/** Where in its life a certificate is renewed: at two thirds, and some up to a twelfth later, so that a fleet does not come at once. */
const renewalFrom = 2 / 3;
const renewalSpread = 1 / 12;

/** Unix ms. The same for one certificate at every start, and spread evenly over a fleet. */
export function renewalTime({ validFromDate, validToDate, fingerprint256 }: X509Certificate): number {
  const from = validFromDate.getTime();
  const share = Number.parseInt(fingerprint256.replaceAll(":", "").slice(0, 8), 16) / 2 ** 32;
  return from + (validToDate.getTime() - from) * (renewalFrom + renewalSpread * share);
}

export function certificateFacts(certificate: X509Certificate): CertificateFacts {
  const { subject, issuer, serialNumber, validFromDate, validToDate, fingerprint256 } = certificate;
  const oneLine = (name: string | undefined) => (name ?? "").split("\n").join(", ");
  return {
    subject: oneLine(subject),
    issuer: oneLine(issuer),
    serial: serialNumber,
    from: validFromDate.toISOString(),
    to: validToDate.toISOString(),
    renewal: new Date(renewalTime(certificate)).toISOString(),
    fingerprint: fingerprint256,
  };
}

/** One line for a console; why and what to do on the second. */
export function progressText({ state, gateway, why, nextS, certificate, tokenLeft }: Progress): string {
  const parts = [`enrolment${gateway === undefined ? "" : ` of ${gateway}`}: ${state}`];
  if (certificate && (state === "enrolled" || state === "renewing"))
    parts.push(`until ${certificate.to.slice(0, 10)}`);
  if (nextS !== undefined && state !== "enrolled") parts.push(`next try in ${nextS} s`);
  const lines = [parts.join(", ")];
  if (why) lines.push(`  ${why.message} [${why.code}]${why.hint ? `\n  hint: ${why.hint}` : ""}`);
  if (tokenLeft)
    lines.push("  the used token could not be removed from provision.json: write to that file is refused");
  return lines.join("\n");
}
