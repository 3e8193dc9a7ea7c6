import type { EnrolmentFacts } from "../../../gateway/local/commissioning.ts";

const day = 86_400_000;

/** A certificate of 90 days, so old. */
export function certificateOf(ageDays: number): NonNullable<EnrolmentFacts["certificate"]> {
  const from = Date.now() - ageDays * day;
  const iso = (days: number) => new Date(from + days * day).toISOString();
  return {
    subject: "CN=sodermalm-07",
    issuer: "O=City of Stockholm, CN=Gateways 2026",
    serial: "4A01F3C09B7712D4",
    from: iso(0),
    to: iso(90),
    renewal: iso(62),
    fingerprint: "5C:11:9A:".repeat(11).slice(0, 95),
  };
}

export function enrolled(ageDays = 20): EnrolmentFacts {
  return {
    state: "enrolled",
    gateway: "sodermalm-07",
    certificate: certificateOf(ageDays),
    at: new Date().toISOString(),
  };
}
