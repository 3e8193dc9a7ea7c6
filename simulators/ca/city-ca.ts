import { createHash, X509Certificate } from "node:crypto";
import { name } from "./asn1.ts";
import {
  type Authority,
  certify,
  certsOnly,
  makeAuthority,
  newKeyPair,
  pem,
  type Request,
  readRequest,
} from "./certificates.ts";

// A city's CA that speaks EST (RFC 7030): a root, an intermediate authority that issues, tokens, a list of what is revoked.

/** What it does wrong when it is asked to. */
export const misbehaviours = [
  /** Signs with an authority that nobody knows. */
  "wrong-ca",
  /** The certificate has already ended. */
  "expired",
  /** The certificate is for a key of its own. */
  "wrong-key",
  /** The certificate is one of an authority. */
  "authority",
  /** An answer that does not end before a megabyte. */
  "huge",
  /** Text that is no base64. */
  "garbage",
  /** Base64 of what is no PKCS #7. */
  "no-pkcs7",
  /** A message without certificates. */
  "empty",
  /** Begins to answer, and never ends. */
  "slow",
  /** Signs, and loses the answer. */
  "lost-answer",
  /** Its own trouble. */
  "broken",
] as const;
export type Misbehaviour = (typeof misbehaviours)[number];

export interface CityCaOptions {
  /** Unix ms. */
  readonly now: () => number;
  /** How long certificates live, ms. */
  readonly lifeMs?: number;
  /** A token that is used again by the same key gets the same certificate, as long as it has not expired. */
  readonly repeatable?: boolean;
}

export interface EstAsked {
  readonly method: string;
  readonly path: string;
  readonly authorization?: string | undefined;
  readonly body: string;
  /** What the client showed by TLS, as far as TLS took it. */
  readonly client?: Buffer | undefined;
}

export interface EstAnswered {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** For whoever carries the answer: to do it badly. */
  readonly carry?: "slow" | "huge" | "lost-answer";
}

interface Token {
  readonly gateway: string;
  readonly expires: number;
  /** SHA-256 of the key that used it, and what that got. */
  used?: { readonly key: string; readonly certificate: Buffer };
}

/** What happened, for whoever looks after the CA. */
export interface CaEvent {
  readonly what: "issued" | "renewed" | "repeated" | "waits" | "refused";
  readonly gateway?: string;
  readonly why?: string;
}

const day = 86_400_000;

export class CityCa {
  readonly root: Authority;
  readonly issuing: Authority;
  readonly events: CaEvent[] = [];
  /** Every certificate that it ever signed for a gateway, DER. */
  readonly issued: { readonly gateway: string; readonly key: string; readonly der: Buffer }[] = [];
  /** What goes wrong with the next answers. */
  misbehaviour: Misbehaviour | undefined;
  /** Seconds in Retry-After while a person has not decided; undefined: nobody has to. */
  approvalS: number | undefined;
  readonly #options: Required<CityCaOptions>;
  readonly #tokens = new Map<string, Token>();
  readonly #revoked = new Set<string>();
  readonly #approved = new Set<string>();

  constructor(options: CityCaOptions) {
    this.#options = { lifeMs: 90 * day, repeatable: true, ...options };
    const now = options.now();
    this.root = makeAuthority("Example City Root CA", now - day, now + 3650 * day);
    this.issuing = makeAuthority("Example City Device CA", now - day, now + 1825 * day, this.root);
  }

  /** For provision.json. */
  get pem(): string {
    return pem(this.root.der);
  }

  /** A token for one gateway. */
  allow(gateway: string, token: string, lifeMs = 3_600_000): void {
    this.#tokens.set(token, { gateway, expires: this.#options.now() + lifeMs });
  }

  approve(gateway: string): void {
    this.#approved.add(gateway);
  }

  revoke(serial: string): void {
    this.#revoked.add(serial.toLowerCase());
  }

  /** A server certificate, with its key, for the server of EST or a broker. */
  server(
    names: readonly string[],
    from = this.#options.now() - day,
    to = from + 30 * day,
  ): { cert: string; key: string } {
    const { spki, pem: key } = newKeyPair();
    const subject = name(names[0] ?? "server");
    const leaf = certify({ subject, spki, from, to, use: "server", names }, this.issuing);
    return { cert: pem(leaf) + pem(this.issuing.der), key };
  }

  /** A certificate for a client that is no gateway, with its key: the city's own programs. */
  client(commonName: string, from = this.#options.now() - day): { cert: string; key: string } {
    const { spki, pem: key } = newKeyPair();
    const subject = name(commonName);
    const leaf = certify({ subject, spki, from, to: from + 30 * day, use: "client" }, this.issuing);
    return { cert: pem(leaf) + pem(this.issuing.der), key };
  }

  answer(asked: EstAsked): EstAnswered {
    const { method, path } = asked;
    if (method === "GET" && path === "/.well-known/est/cacerts") {
      // Whoever shows a certificate is looked at, whatever is asked for.
      if (asked.client && this.#renewing(asked.client) === undefined)
        return this.#refuse(403, "certificate refused");
      return certificates([this.root.der, this.issuing.der]);
    }
    if (method !== "POST") return this.#refuse(405, "no such method");
    if (path === "/.well-known/est/simpleenroll") return this.#enrol(asked);
    if (path === "/.well-known/est/simplereenroll") return this.#renew(asked);
    return this.#refuse(404, "no such operation");
  }

  #enrol({ authorization, body }: EstAsked): EstAnswered {
    const [, basic = ""] = /^Basic ([A-Za-z0-9+/=]+)$/.exec(authorization ?? "") ?? [];
    const [user = "", ...rest] = Buffer.from(basic, "base64").toString().split(":");
    const token = this.#tokens.get(rest.join(":"));
    if (!token || token.gateway !== user) return this.#refuse(401, "unknown token", user);
    if (token.expires <= this.#options.now()) return this.#refuse(401, "the token has expired", user);
    const request = this.#read(body);
    if (!request) return this.#refuse(400, "not a good request", user);
    if (request.commonName !== user) return this.#refuse(400, "the request is for another name", user);
    const key = sha256(request.spki);
    if (token.used) {
      const same = token.used.key === key && this.#options.repeatable;
      if (!same) return this.#refuse(401, "the token has been used", user);
      this.events.push({ what: "repeated", gateway: user });
      return certificates([token.used.certificate]);
    }
    if (this.approvalS !== undefined && !this.#approved.has(user)) {
      this.events.push({ what: "waits", gateway: user });
      return { status: 202, headers: { "retry-after": String(this.approvalS) }, body: "" };
    }
    return this.#misbehaving(request, (certificate) => {
      token.used = { key, certificate };
      this.events.push({ what: "issued", gateway: user });
    });
  }

  #renew({ client, body }: EstAsked): EstAnswered {
    const known = client && this.#renewing(client);
    if (!known) return this.#refuse(403, "certificate refused");
    const request = this.#read(body);
    if (!request) return this.#refuse(400, "not a good request");
    if (new X509Certificate(client).subject !== `CN=${request.commonName}`)
      return this.#refuse(400, "another subject");
    return this.#misbehaving(request, () =>
      this.events.push({ what: "renewed", gateway: request.commonName }),
    );
  }

  /** A certificate of ours that has not ended and is not revoked; TLS has checked who has its key. */
  #renewing(client: Buffer): X509Certificate | undefined {
    const certificate = new X509Certificate(client);
    if (!certificate.verify(new X509Certificate(this.issuing.der).publicKey)) return undefined;
    if (this.#revoked.has(certificate.serialNumber.toLowerCase())) return undefined;
    return certificate.validToDate.getTime() > this.#options.now() ? certificate : undefined;
  }

  #read(body: string): Request | undefined {
    try {
      return readRequest(Buffer.from(body, "base64"));
    } catch {
      return undefined;
    }
  }

  #misbehaving(request: Request, done: (certificate: Buffer) => void): EstAnswered {
    const now = this.#options.now();
    const bad = this.misbehaviour;
    const text = (body: string): EstAnswered => ({ ...certificates([]), body });
    if (bad === "broken")
      return { status: 500, headers: { "content-type": "text/plain" }, body: "out of order" };
    if (bad === "garbage") return text("<html>Welcome</html>");
    if (bad === "no-pkcs7") return text(Buffer.from("these are no certificates").toString("base64"));
    if (bad === "empty") return certificates([]);
    if (bad === "huge") return { ...certificates([]), carry: "huge" };
    if (bad === "slow") return { ...certificates([]), carry: "slow" };
    const from = bad === "expired" ? now - 2 * day : now - 60_000;
    const certificate = certify(
      {
        subject: request.subject,
        spki: bad === "wrong-key" ? newKeyPair().spki : request.spki,
        extensions: request.extensions,
        from,
        to: bad === "expired" ? now - day : from + this.#options.lifeMs,
        use: "client",
        authority: bad === "authority",
      },
      bad === "wrong-ca" ? makeAuthority("Example City Device CA", now - day, now + day) : this.issuing,
    );
    this.issued.push({ gateway: request.commonName, key: sha256(request.spki), der: certificate });
    // A certificate that is of no use to the gateway does not use up its token.
    if (bad === undefined || bad === "lost-answer") done(certificate);
    const answer = certificates([certificate]);
    return bad === "lost-answer" ? { ...answer, carry: "lost-answer" } : answer;
  }

  #refuse(status: number, why: string, gateway?: string): EstAnswered {
    this.events.push({ what: "refused", why, ...(gateway === undefined ? {} : { gateway }) });
    const challenge = status === 401 ? { "www-authenticate": 'Basic realm="est"' } : {};
    return { status, headers: { "content-type": "text/plain", ...challenge }, body: why };
  }
}

function certificates(list: readonly Buffer[]): EstAnswered {
  return {
    status: 200,
    headers: {
      "content-type": "application/pkcs7-mime; smime-type=certs-only",
      "content-transfer-encoding": "base64",
    },
    body: (
      certsOnly(list)
        .toString("base64")
        .match(/.{1,76}/g) ?? []
    ).join("\r\n"),
  };
}

function sha256(bytes: Buffer): string {
  return createHash("sha256").update(bytes).digest("hex");
}
