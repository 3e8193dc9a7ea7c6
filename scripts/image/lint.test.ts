import { generateKeyPairSync } from "node:crypto";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { lintRaw, lintTree } from "./lint.ts";

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

const longKey = generateKeyPairSync("rsa", { modulusLength: 2048 })
  .privateKey.export({ type: "pkcs1", format: "pem" })
  .toString();

/** A root that is in order, with more files and modes. */
function rootWith(
  files: Readonly<Record<string, string>> = {},
  modes: Readonly<Record<string, number>> = {},
): string {
  const folder = mkdtempSync(join(tmpdir(), "stadsnod-lint-"));
  folders.push(folder);
  const all = {
    "etc/shadow": "root:!*:20000:0:99999:7:::\ndaemon:*:20000:0:99999:7:::\nstadsnod:!*:20000::::::\n",
    "etc/passwd": "root:x:0:0:root:/root:/bin/sh\nstadsnod:x:881:881::/var/lib/stadsnod:/usr/sbin/nologin\n",
    "etc/machine-id": "",
    "etc/rauc/ca.cert.pem": "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    "usr/lib/words": "looks for -----BEGIN PRIVATE KEY----- in a file",
    ...files,
  };
  for (const [path, text] of Object.entries(all)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  for (const [path, mode] of Object.entries(modes)) chmodSync(join(folder, path), mode);
  return folder;
}

const rules = (folder: string) => lintTree(folder).map(({ rule, where }) => `${rule}: ${where}`);

describe("what an image must not hold", () => {
  it("is not found in a root that is in order", () => {
    expect(rules(rootWith({ "tmp/x": "" }, { tmp: 0o1777 }))).toEqual([]);
  });

  const faults: [
    what: string,
    files: Record<string, string>,
    modes: Record<string, number>,
    expected: string,
  ][] = [
    ["an id", { "etc/machine-id": `${"a1".repeat(16)}\n` }, {}, "baked machine-id: etc/machine-id"],
    ["an id of D-Bus", { "var/lib/dbus/machine-id": "x" }, {}, "baked machine-id: var/lib/dbus/machine-id"],
    ["a host key", { "etc/ssh/ssh_host_rsa_key.pub": "x" }, {}, "SSH host key: etc/ssh/ssh_host_rsa_key.pub"],
    ["an SSH server", { "usr/sbin/sshd": "x" }, {}, "remote login: usr/sbin/sshd"],
    ["a private key", { "opt/a.txt": longKey }, {}, "private key: opt/a.txt"],
    ["no password", { "etc/shadow": "root::20000::::::\n" }, {}, "password: etc/shadow: root"],
    ["a known password", { "etc/shadow": "pi:$6$abc$def:20000::::::\n" }, {}, "password: etc/shadow: pi"],
    ["a password in passwd", { "etc/passwd": "root:abc:0:0::/:/bin/sh\n" }, {}, "password: etc/passwd: root"],
    ["a second root", { "etc/passwd": "toor:x:0:0::/:/bin/sh\n" }, {}, "second root: etc/passwd: toor"],
    [
      "a setuid program",
      { "usr/bin/su": "x" },
      { "usr/bin/su": 0o4755 },
      "setuid or setgid program: usr/bin/su",
    ],
    ["a file for everybody", { "opt/w": "x" }, { "opt/w": 0o666 }, "writable by everybody: opt/w"],
    ["a folder for everybody", { "opt/w/x": "x" }, { "opt/w": 0o777 }, "writable by everybody: opt/w"],
    ["npm's token", { "root/.npmrc": "" }, {}, "file that holds secrets: root/.npmrc"],
    ["a token in a text", { "etc/x": `_authToken=abc` }, {}, "credential: etc/x"],
    [
      "a key that may log in",
      { "root/.ssh/authorized_keys": "x" },
      {},
      "file that holds secrets: root/.ssh/authorized_keys",
    ],
    [
      "a random seed",
      { "var/lib/systemd/random-seed": "x" },
      {},
      "baked random seed: var/lib/systemd/random-seed",
    ],
  ];
  it.each(faults)("finds %s", (_what, files, modes, expected) => {
    expect(rules(rootWith(files, modes))).toEqual([expected]);
  });

  it("says when there is no place for the id", () => {
    const folder = rootWith();
    rmSync(join(folder, "etc/machine-id"));
    expect(rules(folder)).toEqual(["no place for the machine-id: etc/machine-id"]);
  });

  it("is found in the bytes of a partition", () => {
    const around = (text: string) =>
      Buffer.concat([Buffer.alloc(4096), Buffer.from(text), Buffer.alloc(4096)]);
    expect(lintRaw("data.img", around("nothing"))).toEqual([]);
    expect(lintRaw("data.img", around(longKey))).toEqual([{ rule: "private key", where: "data.img" }]);
    expect(lintRaw("gwboot.img", around('{"enrolment":{"token":"x"}}'))).toEqual([
      { rule: "enrolment token", where: "gwboot.img" },
    ]);
  });
});
