// Bundles and slots for the real `rauc` program (apt-get install rauc squashfs-tools openssl dbus).
import { execFileSync, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface Signer {
  readonly certificate: string;
  readonly key: string;
}

export interface RaucBench extends AsyncDisposable {
  readonly folder: string;
  /** The certificate that the machine trusts. */
  readonly trusted: Signer;
  readonly config: string;
  signer(name: string, more?: { readonly notAfter?: string; readonly notBefore?: string }): Signer;
  bundle(name: string, options?: BundleOptions): string;
  /** Starts RAUC's own service on a bus of its own. */
  serve(): Promise<void>;
}

export interface BundleOptions {
  readonly version?: string;
  readonly compatible?: string;
  readonly signer?: Signer;
  readonly format?: "verity" | "plain";
  readonly bytes?: number;
  /** Signed in the past. */
  readonly at?: string;
}

export const boardOfBench = "stadsnod-test";

export function openRaucBench(): RaucBench {
  const folder = mkdtempSync(join(tmpdir(), "stadsnod-rauc-"));
  const run = (program: string, args: readonly string[], env = {}) =>
    execFileSync(program, args, { cwd: folder, stdio: "pipe", env: { ...process.env, LC_ALL: "C", ...env } });
  const signer: RaucBench["signer"] = (name, { notBefore, notAfter } = {}) => {
    const [certificate, key] = [join(folder, `${name}.pem`), join(folder, `${name}.key`)];
    run("openssl", ["ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", key]);
    const request = join(folder, `${name}.csr`);
    run("openssl", ["req", "-new", "-key", key, "-subj", `/O=Test/CN=${name}`, "-out", request]);
    const database = join(folder, `${name}.db`);
    mkdirSync(database);
    writeFileSync(join(database, "index"), "");
    writeFileSync(join(database, "serial"), "01");
    const settings = join(database, "ca.cnf");
    writeFileSync(
      settings,
      `[ca]\ndefault_ca=own\n[own]\ndatabase=${database}/index\nserial=${database}/serial\nnew_certs_dir=${database}\ndefault_md=sha256\npolicy=any\nx509_extensions=ext\n[any]\norganizationName=optional\ncommonName=supplied\n[ext]\nbasicConstraints=CA:TRUE\n`,
    );
    run("openssl", [
      ...[
        "ca",
        "-batch",
        "-selfsign",
        "-config",
        settings,
        "-in",
        request,
        "-keyfile",
        key,
        "-out",
        certificate,
      ],
      ...["-startdate", notBefore ?? "20200101000000Z", "-enddate", notAfter ?? "20990101000000Z", "-notext"],
    ]);
    return { certificate, key };
  };
  const trusted = signer("trusted");
  const config = join(folder, "system.conf");
  const backend = join(folder, "boot-loader");
  for (const name of ["A", "B"]) writeFileSync(join(folder, `slot-${name}`), Buffer.alloc(100_000));
  for (const name of ["A", "B"]) writeFileSync(join(folder, `state-${name}`), "good");
  writeFileSync(join(folder, "primary"), "A");
  mkdirSync(join(folder, "mnt"));
  writeFileSync(
    backend,
    `#!/bin/sh
cd ${folder}
case "$1" in
  get-primary) cat primary;;
  set-primary) echo "$2" > primary;;
  get-state) cat "state-$2";;
  set-state) echo "$3" > "state-$2";;
esac
`,
  );
  chmodSync(backend, 0o755);
  writeFileSync(
    config,
    `[system]
compatible=${boardOfBench}
bootloader=custom
statusfile=${folder}/slots.raucs
mountprefix=${folder}/mnt
bundle-formats=-plain
[keyring]
path=${trusted.certificate}
[handlers]
bootloader-custom-backend=${backend}
[slot.rootfs.0]
device=${folder}/slot-A
type=raw
bootname=A
[slot.rootfs.1]
device=${folder}/slot-B
type=raw
bootname=B
`,
  );
  let bus: ReturnType<typeof spawn> | undefined;
  return {
    folder,
    trusted,
    config,
    signer,
    bundle(name, options = {}) {
      const { version = "2.0.0", compatible = boardOfBench, format = "verity", bytes = 20_000 } = options;
      const content = join(folder, `${name}.d`);
      mkdirSync(content);
      writeFileSync(join(content, "root.img"), randomBytes(bytes));
      writeFileSync(
        join(content, "manifest.raucm"),
        `[update]\ncompatible=${compatible}\nversion=${version}\n[bundle]\nformat=${format}\n[image.rootfs]\nfilename=root.img\n`,
      );
      const out = join(folder, `${name}.raucb`);
      const { certificate, key } = options.signer ?? trusted;
      run("rauc", [`--cert=${certificate}`, `--key=${key}`, "bundle", content, out]);
      return out;
    },
    async serve() {
      bus = spawn(
        "dbus-run-session",
        [
          "--",
          "sh",
          "-c",
          `echo "$DBUS_SESSION_BUS_ADDRESS"; exec env DBUS_STARTER_BUS_TYPE=session rauc --conf=${config} --override-boot-slot=A service`,
        ],
        { stdio: ["ignore", "pipe", "pipe"] },
      );
      const [address] = await once(bus.stdout!, "data");
      process.env.DBUS_SESSION_BUS_ADDRESS = String(address).trim();
      // It says so when it has its name on the bus.
      for (;;) {
        try {
          run("rauc", [`--conf=${config}`, "status"], {
            DBUS_STARTER_BUS_TYPE: "session",
            DBUS_SESSION_BUS_ADDRESS: process.env.DBUS_SESSION_BUS_ADDRESS,
          });
          return;
        } catch {
          if (bus.exitCode !== null) throw new Error("rauc service ended");
        }
      }
    },
    async [Symbol.asyncDispose]() {
      if (bus && bus.exitCode === null) {
        bus.kill();
        await once(bus, "exit");
      }
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
