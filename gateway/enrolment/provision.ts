import * as z from "zod";
import { ConfigError } from "../model/errors.ts";
import { readPemCertificates } from "./certs-only.ts";

// provision.json: what a card brings to a gateway. Written by the flash tool or by hand.

/** More than any configuration with a chain of certificates. */
export const maxProvisionBytes = 256 * 1024;

const id = z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/, {
  error: "a gateway's id is made of a-z, 0-9 and -, at most 63 characters, and does not begin with -",
});

const estUrl = z
  .string()
  .max(500)
  .refine((text) => estBase(text) !== undefined, {
    error: "not an address of EST: https://ca.example.org or https://ca.example.org/.well-known/est/label",
  });

const authority = z
  .string()
  .max(64 * 1024)
  .refine((text) => isAuthority(text), {
    error: "not the certificate of a CA in PEM: it begins with -----BEGIN CERTIFICATE-----",
  });

const zone = z.string().max(64).refine(isTimeZone, { error: "not a time zone: Europe/Stockholm, say" });

const host = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9.:-]{0,252}$/, { error: "a host name or an address" });

const network = z.strictObject({
  /** `192.0.2.10/24`; absent: DHCP. */
  address: z
    .union([z.cidrv4(), z.cidrv6()], { error: "an address with its prefix: 192.0.2.10/24" })
    .optional(),
  gateway: z.union([z.ipv4(), z.ipv6()], { error: "an address: 192.0.2.1" }).optional(),
  dns: z
    .array(z.union([z.ipv4(), z.ipv6()], { error: "an address" }))
    .max(4)
    .optional(),
  ntp: z.array(host).max(4).optional(),
  wifi: z
    .strictObject({
      ssid: z.string().min(1).max(32),
      /** 64 hexadecimal digits, as wpa_passphrase makes them: the card holds no passphrase. */
      psk: z.string().regex(/^[0-9a-f]{64}$/i, { error: "64 hexadecimal digits: wpa_passphrase makes them" }),
      country: z.string().regex(/^[A-Z]{2}$/, { error: "two capitals: SE" }),
    })
    .optional(),
});

const provisionSchema = z.strictObject({
  format: z.literal(1, { error: "this Stadsnod reads format 1" }),
  gateway: id,
  site: z.string().max(200).optional(),
  timeZone: zone.optional(),
  network: network.optional(),
  enrolment: z
    .strictObject({
      url: estUrl,
      ca: authority,
      /** Gone once it has been used. */
      token: z
        .string()
        .regex(/^[\x21-\x7e]{8,512}$/, { error: "8 to 512 visible ASCII characters" })
        .optional(),
      /** When the CA takes it no longer, where it says so. */
      tokenExpires: z.iso.datetime({ offset: true }).optional(),
    })
    .optional(),
  config: z
    .union([
      z
        .string()
        .min(1)
        .max(128 * 1024),
      z.strictObject({
        url: z
          .string()
          .max(500)
          .refine((text) => URL.parse(text)?.protocol === "https:", { error: "not https://" }),
        sha256: z.string().regex(/^[0-9a-f]{64}$/i, { error: "64 hexadecimal digits" }),
      }),
    ])
    .optional(),
});

export type Provision = z.output<typeof provisionSchema>;
export type NetworkProvision = NonNullable<Provision["network"]>;

/** Checks the text of provision.json. Throws ConfigError `provision`, whose message never quotes a value. */
export function readProvision(text: string): Provision {
  const refuse = (message: string, hint: string, cause?: unknown): ConfigError =>
    new ConfigError(`provision.json: ${message}`, { code: "provision", hint, cause });
  if (Buffer.byteLength(text) > maxProvisionBytes)
    throw refuse("it has more than 256 kB", "is it really the file that the flash tool wrote?");
  let value: unknown;
  try {
    // A byte order mark is what some editors leave at the front.
    value = JSON.parse(text.replace(/^\uFEFF/, ""));
  } catch (cause) {
    // What JSON.parse says quotes the text around the place.
    const place = /position \d+|line \d+ column \d+/.exec(cause instanceof Error ? cause.message : "")?.[0];
    throw refuse(
      `it is not JSON${place ? ` (${place})` : ""}`,
      "write it anew with the flash tool, or look for a missing quote or comma",
    );
  }
  const checked = provisionSchema.safeParse(value);
  if (checked.success) return checked.data;
  const lines = checked.error.issues.slice(0, 8).map(({ path, message }) => {
    const place = path.map(String).join(".");
    return place === "" ? message : `${place}: ${message}`;
  });
  throw refuse(lines.join("; "), "docs/enrolment.md says what may stand in it");
}

/** The same file after its token has been used: everything else stays. Undefined where there is no token in it. */
export function withoutToken(text: string): string | undefined {
  const value: unknown = JSON.parse(text.replace(/^\uFEFF/, ""));
  if (typeof value !== "object" || value === null || !("enrolment" in value)) return undefined;
  const { enrolment } = value;
  if (typeof enrolment !== "object" || enrolment === null || !("token" in enrolment)) return undefined;
  const rest = Object.entries(enrolment).filter(([key]) => key !== "token" && key !== "tokenExpires");
  return `${JSON.stringify({ ...value, enrolment: Object.fromEntries(rest) }, undefined, 2)}\n`;
}

/** `https://ca.example.org/.well-known/est[/label]`, without a slash at its end; undefined for what is no such address. */
export function estBase(text: string): string | undefined {
  const parsed = URL.parse(text);
  if (parsed?.protocol !== "https:" || parsed.hostname === "") return undefined;
  if (parsed.username || parsed.password || parsed.search || parsed.hash) return undefined;
  const path = parsed.pathname.replace(/\/$/, "");
  if (path === "") return `${parsed.origin}/.well-known/est`;
  return /^\/\.well-known\/est(\/[\w.~-]+)?$/.test(path) ? `${parsed.origin}${path}` : undefined;
}

function isAuthority(text: string): boolean {
  try {
    const certificates = readPemCertificates(text);
    return certificates.length > 0 && certificates.every(({ ca }) => ca);
  } catch {
    return false;
  }
}

function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat("en", { timeZone: name });
    // Offsets are time zones to Intl, and no names of zones to the system.
    return /^[A-Z][A-Za-z0-9_+/-]*$/.test(name);
  } catch {
    return false;
  }
}
