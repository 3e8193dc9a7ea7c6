import { ClientError } from "./client-error.ts";

/** Where a gateway's local API is. */
export type Address =
  | { readonly kind: "socket"; readonly path: string }
  | {
      readonly kind: "https";
      readonly host: string;
      readonly port: number;
      readonly token: string;
      /** SHA-256 of the only certificate that is accepted, upper-case hexadecimal without colons; undefined: any that the system trusts. */
      readonly fingerprint: string | undefined;
    };

export interface AddressSettings {
  readonly connection: string;
  readonly socket?: string | undefined;
  readonly url?: string | undefined;
  readonly fingerprint?: string | undefined;
}

/** The socket of a gateway that was installed as a package. */
const packagedSocket = "/run/stadsnod/stadsnod.sock";

/** Throws ClientError `bad-address`. An empty socket is the one of this machine's gateway. */
export function addressOf(settings: AddressSettings, token: string | undefined): Address {
  const { connection, socket, url = "", fingerprint = "" } = settings;
  if (connection !== "https")
    return { kind: "socket", path: socket || process.env.STADSNOD_SOCKET || packagedSocket };
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed?.protocol !== "https:")
    throw new ClientError("bad-address", `"${url}" is no address`, {
      hint: "it looks like https://gateway.example:8443",
    });
  if (!token)
    throw new ClientError("bad-address", "the token is missing", {
      hint: "`stadsnod users token add node-red` makes one",
    });
  const pin = fingerprint.replaceAll(/[:\s]/g, "").toUpperCase();
  if (pin !== "" && !/^[0-9A-F]{64}$/.test(pin))
    throw new ClientError("bad-address", "the fingerprint is not the SHA-256 of a certificate", {
      hint: "`stadsnod users list` shows it: 32 pairs of hexadecimal digits",
    });
  return {
    kind: "https",
    host: parsed.hostname,
    port: parsed.port === "" ? 443 : Number(parsed.port),
    token,
    fingerprint: pin === "" ? undefined : pin,
  };
}

/** For people. */
export function addressText(address: Address): string {
  return address.kind === "socket" ? address.path : `https://${address.host}:${address.port}`;
}
