import type { X509Certificate } from "node:crypto";
import type { Clock } from "../model/clock.ts";
import { RefusedError } from "../model/errors.ts";
import { type DeviceKey, publicKeyBytes } from "./device-key.ts";

/** A certificate that was looked at, and how it leads to an authority. */
export interface AcceptedCertificate {
  readonly certificate: X509Certificate;
  /** Between it and the authority, the nearest first. */
  readonly intermediates: readonly X509Certificate[];
}

/** Clocks of CA and gateway may differ by this. */
const skewMs = 300_000;
/** Longer than any chain of ours. */
const longestChain = 8;

export interface CheckOptions {
  readonly key: DeviceKey;
  readonly clock: Clock;
  /** What the CA says of itself, from a connection that the provisioned CA vouches for. */
  readonly authorities: readonly X509Certificate[];
  /** Of provision.json: trusted also where they are not self-signed. */
  readonly provisioned: readonly X509Certificate[];
}

/**
 * Finds the gateway's own certificate in the CA's answer and looks at it: the gateway's key, an authority of the city, no
 * authority itself, valid now. Throws RefusedError `wrong-key`, `wrong-ca` or `wrong-dates`.
 *
 * While the clock is not trusted its time counts as the earliest that it can be: a certificate that begins later is
 * taken, one that has ended is not.
 */
export function acceptCertificate(
  answered: readonly X509Certificate[],
  { key, clock, authorities, provisioned }: CheckOptions,
): AcceptedCertificate {
  const certificate = answered.find((one) => fits(one, key));
  if (!certificate)
    throw new RefusedError("the CA's certificate is for another key than this gateway's", {
      code: "wrong-key",
      hint: "the CA must sign the request as it is; ask the city's IT",
    });
  if (certificate.ca)
    throw new RefusedError("the CA gave the certificate of an authority", {
      code: "wrong-ca",
      hint: "the CA's profile must be one for devices; ask the city's IT",
    });
  const intermediates = chainOf(certificate, {
    // A root that only the answer brings vouches for nothing.
    authorities: [...authorities, ...answered.filter((one) => !isSelfSigned(one))],
    provisioned,
  });
  const now = clock.now();
  const { validFromDate: from, validToDate: to } = certificate;
  if (to.getTime() <= now || (clock.trusted && from.getTime() - skewMs > now))
    throw new RefusedError(
      `the CA's certificate is valid from ${from.toISOString()} to ${to.toISOString()}, and here it is ${new Date(now).toISOString()}`,
      { code: "wrong-dates", hint: "is the clock of the gateway right, and that of the CA?" },
    );
  return { certificate, intermediates };
}

/** Whether the certificate is for this key. */
export function fits(certificate: X509Certificate, key: DeviceKey): boolean {
  return publicKeyBytes(certificate.publicKey).equals(publicKeyBytes(key.publicKey));
}

export function isSelfSigned(certificate: X509Certificate): boolean {
  return certificate.checkIssued(certificate) && certificate.verify(certificate.publicKey);
}

function chainOf(
  certificate: X509Certificate,
  { authorities, provisioned }: Pick<CheckOptions, "authorities" | "provisioned">,
): X509Certificate[] {
  const chain: X509Certificate[] = [];
  const trusted = (one: X509Certificate): boolean =>
    provisioned.some(({ raw }) => raw.equals(one.raw)) || isSelfSigned(one);
  let last = certificate;
  while (chain.length < longestChain) {
    const issuer = [...provisioned, ...authorities].find(
      (one) => one.ca && last.checkIssued(one) && last.verify(one.publicKey),
    );
    if (!issuer) break;
    if (trusted(issuer)) return chain;
    chain.push(issuer);
    last = issuer;
  }
  throw new RefusedError("the certificate does not lead to the city's CA", {
    code: "wrong-ca",
    hint: "the CA's cacerts must hold every authority above the gateway's certificate; ask the city's IT",
  });
}
