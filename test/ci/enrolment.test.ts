import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { certificateRequest, knownAsker } from "../../gateway/enrolment/certificate-request.ts";
import { readCertsOnly } from "../../gateway/enrolment/certs-only.ts";
import { openFileKey } from "../../gateway/enrolment/device-key.ts";
import { httpsExchange } from "../../gateway/enrolment/exchange.ts";
import { RefusedError } from "../../gateway/model/errors.ts";
import { openFolderDisk, privateFiles } from "../../gateway/store/folder-disk.ts";
import { certsOnly } from "../../simulators/ca/certificates.ts";
import { CityCa } from "../../simulators/ca/city-ca.ts";
import { serveCa } from "../../simulators/ca/server.ts";
import { cardOn, gatewayOn, provisionFor } from "../enrolment/gateway.ts";
import { openMqtt, packOf, problemOf } from "../mqtt/open-mqtt.ts";
import { realClock } from "../mqtt/real-clock.ts";
import { startMosquitto } from "./mosquitto.ts";

// What others make of enrolled certificates and requests: mosquitto and openssl.

const never = new AbortController().signal;
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "stadsnod-ci-enrol-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function at(name: string, text: string | Uint8Array): string {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
}

async function enrolled(ca: CityCa, url: string, name: string) {
  const disk = await openFolderDisk(join(folder, name), privateFiles);
  const card = await openFolderDisk(join(folder, `${name}-card`));
  ca.allow(name, `token-of-${name}`);
  await cardOn(card).put(provisionFor(ca, url, `token-of-${name}`, name));
  const gateway = gatewayOn(disk, card, realClock, httpsExchange(realClock));
  expect(await gateway.enrolment.run(never)).toMatchObject({ state: "enrolled" });
  const read = (file: string) => readFileSync(join(folder, name, file), "utf8");
  return { disk, cert: read("certificate.pem"), key: read("key.pem"), ca: read("ca.pem") };
}

it("mosquitto takes the enrolled certificate, its name as the user, and nobody without one", async () => {
  const ca = new CityCa({ now: () => Date.now() });
  await using server = await serveCa(ca);
  const own = await enrolled(ca, server.url, "lamp-7");
  const broker = ca.server(["localhost"]);
  const mosquitto = await startMosquitto({
    port: 0,
    tls: true,
    files: {
      "ca.pem": own.ca,
      "broker.pem": broker.cert,
      "broker.key": broker.key,
      acl: "pattern readwrite stadsnod/v1/%u/#\n",
    },
    config: [
      "cafile FOLDER/ca.pem",
      "certfile FOLDER/broker.pem",
      "keyfile FOLDER/broker.key",
      "require_certificate true",
      "use_identity_as_username true",
      "acl_file FOLDER/acl",
    ],
  });
  try {
    const url = mosquitto.url;
    const files = {
      ca: at("own-ca.pem", own.ca),
      cert: at("own.pem", own.cert),
      key: at("own.key", own.key),
    };
    await using northbound = await openMqtt({ url, ...files }, { gateway: "lamp-7" });
    await northbound.connected(never);
    await northbound.publish(packOf(1), never);
    // Its log comes by a pipe, and may come after its answer.
    await vi.waitFor(() => expect(mosquitto.log.join("\n")).toContain("u'lamp-7'"), 10_000);
    // Its certificate does not let it speak for another.
    await using posing = await openMqtt({ url, ...files }, { gateway: "lamp-8" });
    await posing.connected(never);
    await expect(posing.publish(packOf(1), never)).rejects.toThrow(RefusedError);
    const refused = async (files: Record<string, string>) => {
      await using northbound = await openMqtt({ url, ca: at("own-ca.pem", own.ca), ...files });
      await problemOf(northbound);
      expect(northbound.status().connected).toBe(false);
    };
    await refused({});
    const impostor = new CityCa({ now: () => Date.now() });
    await using theirs = await serveCa(impostor);
    const other = await enrolled(impostor, theirs.url, "lamp-7b");
    await refused({ cert: at("other.pem", other.cert), key: at("other.key", other.key) });
  } finally {
    await mosquitto.end();
  }
});

it("openssl reads our requests and verifies our chain, and we read openssl's certs-only messages", async () => {
  const ca = new CityCa({ now: () => Date.now() });
  await using server = await serveCa(ca);
  const { disk, cert, ca: authorities } = await enrolled(ca, server.url, "lamp-7");
  const openssl = (args: readonly string[], input?: Uint8Array) =>
    execFileSync("openssl", args, { input, stdio: ["pipe", "pipe", "pipe"] });
  const chain = at("chain.pem", cert);
  expect(openssl(["verify", "-CAfile", at("ca.pem", authorities), chain]).toString()).toContain(": OK");
  const { X509Certificate } = await import("node:crypto");
  const again = await certificateRequest(knownAsker(new X509Certificate(cert)), await openFileKey(disk));
  expect(openssl(["req", "-inform", "DER", "-verify", "-noout", "-subject"], again).toString()).toContain(
    "lamp-7",
  );
  const message = openssl(["crl2pkcs7", "-nocrl", "-certfile", chain, "-outform", "DER"]);
  expect(readCertsOnly(message).map(({ subject }) => subject)).toEqual([
    "CN=lamp-7",
    "CN=Example City Device CA",
  ]);
  const ours = openssl(["pkcs7", "-inform", "DER", "-print_certs"], certsOnly([ca.root.der, ca.issuing.der]));
  expect(ours.toString().match(/BEGIN CERTIFICATE/g)).toHaveLength(2);
  // Server names in a certificate are asked for again, as RFC 7030 4.2.2 wants.
  const named = ca.server(["lamp-7", "lamp-7.example"]);
  const request = await certificateRequest(
    knownAsker(new X509Certificate(named.cert)),
    await openFileKey(disk),
  );
  expect(openssl(["req", "-inform", "DER", "-noout", "-text"], request).toString()).toContain(
    "DNS:lamp-7.example",
  );
});

describe("factory reset on a real ext4", () => {
  const program = join(import.meta.dirname, "../../dist/stadsnod.js");
  const run = (...args: readonly string[]) =>
    execFileSync(process.execPath, [program, ...args], { stdio: ["ignore", "pipe", "pipe"] }).toString();
  let image: string;
  let mount: string;
  let loop: string;
  beforeEach(() => {
    image = join(folder, "data.img");
    mount = join(folder, "data");
    mkdirSync(mount);
    writeFileSync(image, "");
    execFileSync("truncate", ["-s", "48M", image]);
    execFileSync("mkfs.ext4", ["-q", "-F", "-L", "data", image]);
    // Attached by hand: it has to outlive a umount, as a partition does.
    loop = execFileSync("losetup", ["-f", "--show", image]).toString().trim();
    execFileSync("mount", [loop, mount]);
    plant();
  });
  afterEach(() => {
    if (mounted()) execFileSync("umount", [mount]);
    execFileSync("losetup", ["-d", loop]);
  });
  const mounted = () => readFileSync("/proc/self/mountinfo", "utf8").includes(` ${mount} `);

  const canary = (number: number) => `CANARY-${String(number).padStart(2, "0")}-7f3a`;
  /** Twenty canaries: in every store, in names, behind the end of a file, in files that were removed before. */
  function plant(): void {
    let number = 0;
    const put = (path: string, text = `${"x".repeat(number * 700)}${canary(++number)}`) => {
      mkdirSync(join(mount, path, ".."), { recursive: true });
      writeFileSync(join(mount, path), text);
    };
    for (const path of [
      "state/identity/key.pem",
      "state/identity/certificate.pem",
      "state/local/users.json",
      "state/outbox/city/00000001.log",
      "state/history.sqlite",
      "state/audit/audit.jsonl",
      "state/commands/ledger.jsonl",
      "state/commissioning/reports/1.html",
      "state/clock.json",
      "config/gateway.yaml",
      "config/secrets/broker-password",
      "config/ca/city.pem",
      "config/profiles.d/own.yaml",
    ])
      put(path);
    put(`state/plans/${canary(++number)}.json`, "{}");
    put(`state/${canary(++number)}`, "{}");
    put(`config/profiles.d/${canary(++number)}.yaml`, "{}");
    for (const path of ["state/outbox/city/00000000.log", "state/local/old", "config/gateway.yaml.old"])
      put(path);
    const tail = join(mount, "state/tail");
    writeFileSync(tail, `${"y".repeat(100)}${canary(++number)}`);
    execFileSync("sync");
    for (const path of ["state/outbox/city/00000000.log", "state/local/old", "config/gateway.yaml.old"])
      rmSync(join(mount, path));
    execFileSync("truncate", ["-s", "10", tail]);
    execFileSync("sync");
    expect(number).toBe(20);
    expect(hits().length).toBeGreaterThanOrEqual(19);
  }

  /** Canaries that the raw image holds, whatever the file system says. */
  function hits(): string[] {
    const raw = readFileSync(image).toString("latin1");
    return [...new Set(raw.match(/CANARY-\d\d-7f3a/g) ?? [])];
  }

  const reset = (...more: readonly string[]) =>
    run(
      "factory-reset",
      "--yes",
      "--state",
      join(mount, "state"),
      "--config",
      join(mount, "config"),
      "--provision",
      join(folder, "none.json"),
      ...more,
    );

  it("leaves nothing of twenty canaries in the raw image", () => {
    reset();
    execFileSync("umount", [mount]);
    expect(hits()).toEqual([]);
    execFileSync("e2fsck", ["-fn", image]);
  });

  it("with --quick leaves what was removed before: the control of this test", () => {
    reset("--quick");
    execFileSync("umount", [mount]);
    expect(hits()).not.toEqual([]);
    expect(hits()).not.toContain(canary(1));
  });

  it("with --discard makes the partition new, under its own name", () => {
    reset("--discard");
    expect(mounted()).toBe(false);
    expect(hits()).toEqual([]);
    expect(execFileSync("e2label", [image]).toString().trim()).toBe("data");
    expect(existsSync(join(mount, "state"))).toBe(false);
  });
});
