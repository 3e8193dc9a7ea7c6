import { lstatSync, readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";

/** Something that must never be in an image that many gateways share. */
export interface Finding {
  readonly rule: string;
  /** Path below the root, with what is wrong there. */
  readonly where: string;
}

/** A private key with its body: programs and documents may name the words of a PEM header. */
const privateKey = /-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY-----\r?\n(?:[A-Za-z0-9+/=:, -]+\r?\n){2}/;
/** GnuTLS proves its algorithms at start with keys that everybody knows. */
const knownKeys = /^usr\/lib\/[^/]+\/libgnutls\.so\.[0-9.]+$/;
/** Credentials by the forms that services give them. */
const credential =
  /\b(?:AKIA[0-9A-Z]{16}|gh[pousr]_[A-Za-z0-9]{36}|npm_[A-Za-z0-9]{36}|glpat-[\w-]{20}|xox[abp]-[\w-]{20,})\b|_authToken\s*=\s*\S|Authorization: Basic [A-Za-z0-9+/=]{8,}/;
const secretNames =
  /^(?:\.npmrc|\.netrc|\.env|\.git-credentials|\.pgpass|\.bash_history|\.ash_history|authorized_keys|id_(?:rsa|dsa|ecdsa|ed25519)|.*\.(?:p12|pfx|jks))$/;
/** No password opens such an account (shadow(5)). */
const locked = /^(?:!+\*?|\*)$/;

/** Looks through the root of an image as it lies in `folder`. Nothing found: an empty list. */
export function lintTree(folder: string): Finding[] {
  const findings: Finding[] = [];
  const found = (rule: string, where: string) => findings.push({ rule, where });
  walk(folder, "", (path, full) => {
    const stat = lstatSync(full);
    const name = basename(path);
    if (stat.isSymbolicLink()) return;
    if (stat.isBlockDevice() || stat.isCharacterDevice()) found("device node", path);
    if (stat.mode & 0o6000 && !stat.isDirectory()) found("setuid or setgid program", path);
    if (stat.mode & 0o0002 && !(stat.isDirectory() && stat.mode & 0o1000))
      found("writable by everybody", path);
    if (secretNames.test(name)) found("file that holds secrets", path);
    if (/^ssh_host_/.test(name)) found("SSH host key", path);
    if (/^(?:sshd|dropbear|telnetd)$/.test(name) && stat.isFile()) found("remote login", path);
    if (!stat.isFile()) return;
    if (name === "machine-id" && stat.size > 0) found("baked machine-id", path);
    if (name === "random-seed") found("baked random seed", path);
    const text = readFileSync(full, "latin1");
    if (privateKey.test(text) && !knownKeys.test(path)) found("private key", path);
    // In programs such a form comes about by chance or is a pattern to look for.
    if (!text.includes("\0") && credential.test(text)) found("credential", path);
  });
  findings.push(...lintAccounts(folder));
  return findings;
}

/** Looks for what no partition's image may hold, whatever its file system. */
export function lintRaw(name: string, bytes: Buffer): Finding[] {
  const text = bytes.toString("latin1");
  return [
    ...(privateKey.test(text) ? [{ rule: "private key", where: name }] : []),
    ...(credential.test(text) ? [{ rule: "credential", where: name }] : []),
    ...(text.includes('"token"') ? [{ rule: "enrolment token", where: name }] : []),
  ];
}

function lintAccounts(folder: string): Finding[] {
  const findings: Finding[] = [];
  const lines = (path: string) => readFileSync(join(folder, path), "utf8").split("\n").filter(Boolean);
  for (const line of lines("etc/shadow")) {
    const [name = "", password = ""] = line.split(":");
    if (!locked.test(password)) findings.push({ rule: "password", where: `etc/shadow: ${name}` });
  }
  for (const line of lines("etc/passwd")) {
    const [name = "", password = "", uid = ""] = line.split(":");
    if (password !== "x") findings.push({ rule: "password", where: `etc/passwd: ${name}` });
    if (uid === "0" && name !== "root") findings.push({ rule: "second root", where: `etc/passwd: ${name}` });
  }
  const id = lstatSync(join(folder, "etc/machine-id"), { throwIfNoEntry: false });
  // systemd takes an id from the initrd only where there is a file to put it.
  if (!id?.isFile()) findings.push({ rule: "no place for the machine-id", where: "etc/machine-id" });
  return findings;
}

function walk(folder: string, path: string, visit: (path: string, full: string) => void): void {
  for (const entry of readdirSync(join(folder, path), { withFileTypes: true })) {
    const inner = path === "" ? entry.name : `${path}/${entry.name}`;
    visit(inner, join(folder, inner));
    if (entry.isDirectory()) walk(folder, inner, visit);
  }
}
