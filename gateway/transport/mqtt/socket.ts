import { X509Certificate } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { connect as connectTcp, isIP, type Socket } from "node:net";
import type { SecureContextOptions } from "node:tls";
import type { Clock } from "../../model/clock.ts";
import { ConfigError } from "../../model/errors.ts";
import { linkFailure, type TlsFacts } from "./failures.ts";
import type { BrokerAddress, TlsSettings } from "./settings.ts";

/**
 * The PEM files that the settings name, checked. Read anew for every connection, so that a renewed
 * certificate is taken without a restart. Throws ConfigError: a file is missing, not PEM, or the key
 * does not belong to the certificate.
 */
export function loadCredentials(settings: TlsSettings): SecureContextOptions {
  const credentials: SecureContextOptions = {
    minVersion: settings.tlsMinimum === "1.2" ? "TLSv1.2" : "TLSv1.3",
  };
  for (const part of ["ca", "cert", "key"] as const) {
    const path = settings[part];
    if (path === undefined) continue;
    const text = readPem(part, path);
    credentials[part] = text;
    try {
      // A secure context would silently do without a CA that it cannot read.
      if (part !== "key") new X509Certificate(text);
    } catch (cause) {
      throw new ConfigError(`${part}: ${path} is not a PEM file with a certificate`, {
        code: "tls-file",
        hint: "it begins with -----BEGIN CERTIFICATE-----",
        cause,
      });
    }
  }
  if (credentials.key === undefined) return credentials;
  try {
    tls().createSecureContext(credentials);
  } catch (cause) {
    throw new ConfigError(`key: ${settings.key} does not fit the certificate ${settings.cert}`, {
      code: "tls-file",
      hint: "a key without passphrase in PEM, made together with this certificate",
      cause,
    });
  }
  return credentials;
}

/**
 * Changes when one of the files does: a renewed certificate takes the place of the old one by a rename. Undefined where the
 * settings name no file, or one cannot be looked at just now.
 */
export function credentialsMark(settings: TlsSettings): string | undefined {
  const paths = [settings.ca, settings.cert, settings.key].filter((path) => path !== undefined);
  if (paths.length === 0) return undefined;
  try {
    const files = paths.map((path) => statSync(path));
    return files.map(({ ino, size, mtimeMs }) => `${ino} ${size} ${mtimeMs}`).join(", ");
  } catch {
    return undefined;
  }
}

/** OpenSSL is 6 MB, so only who has a broker with TLS loads it. */
function tls(): typeof import("node:tls") {
  return process.getBuiltinModule("node:tls");
}

const unreadable: Readonly<Record<string, string>> = {
  ENOENT: "check the path",
  EACCES: "the gateway's user needs the right to read it",
  EPERM: "the gateway's user needs the right to read it",
  EISDIR: "it is a folder",
  EMFILE: "the gateway has too many files open; it is tried again",
  ENFILE: "the machine has too many files open; it is tried again",
};

function readPem(part: string, path: string): string {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (cause) {
    const code = cause instanceof Error && "code" in cause ? String(cause.code) : "unknown";
    throw new ConfigError(`${part}: ${path} ${code === "ENOENT" ? "does not exist" : "cannot be read"}`, {
      code: "tls-file",
      hint: unreadable[code] ?? `the disk or the system refuses it: ${code}`,
      cause,
    });
  }
  if (text.includes("-----BEGIN ")) return text;
  throw new ConfigError(`${part}: ${path} is not a PEM file`, {
    code: "tls-file",
    hint: "it begins with -----BEGIN; convert a DER file with: openssl x509 -inform der -in FILE",
  });
}

export function tlsFacts(settings: TlsSettings, clock: Clock): TlsFacts {
  return { ca: settings.ca, cert: settings.cert, now: clock.now(), clockTrusted: clock.trusted };
}

/**
 * A connected socket, its TLS handshake done: certificate chain, dates and host name are checked.
 * Rejects with LinkError, ConfigError (a PEM file became unreadable) or the signal's reason.
 */
export function openSocket(
  settings: TlsSettings,
  address: BrokerAddress,
  clock: Clock,
  signal: AbortSignal,
): Promise<Socket> {
  const { host, port } = address;
  const socket = address.tls
    ? tls().connect({
        ...loadCredentials(settings),
        host,
        port,
        rejectUnauthorized: true,
        ...(isIP(host) === 0 ? { servername: host } : {}),
      })
    : connectTcp({ host, port });
  socket.setNoDelay(true);
  return new Promise((resolve, reject) => {
    const abort = () => {
      socket.destroy();
      settle();
      reject(signal.reason);
    };
    const fail = (cause: Error) => {
      socket.destroy();
      settle();
      reject(linkFailure(cause, address, tlsFacts(settings, clock)));
    };
    const succeed = () => {
      settle();
      resolve(socket);
    };
    const settle = () => {
      signal.removeEventListener("abort", abort);
      socket.off("error", fail);
      // A late error of a socket that was given up must not end the process.
      socket.on("error", () => {});
    };
    socket.once("error", fail);
    socket.once(address.tls ? "secureConnect" : "connect", succeed);
    if (signal.aborted) abort();
    else signal.addEventListener("abort", abort, { once: true });
  });
}
