import { execFileSync } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect, createServer } from "node:tls";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { SimulatedDisk } from "../../test/fault/simulated-disk.ts";
import { VirtualClock } from "../../test/fault/virtual-clock.ts";
import { fingerprintOf, makeCertificate } from "./certificate.ts";
import { serverCertificate } from "./https.ts";

const from = Date.UTC(2026, 10, 1);
const to = Date.UTC(2036, 10, 1);

function hasOpenssl(): boolean {
  try {
    execFileSync("openssl", ["version"]);
    return true;
  } catch {
    return false;
  }
}

describe("a certificate of its own", () => {
  it("says whose it is, for how long, and what it is for", () => {
    const names = ["gw-1", "gw-1.local", "192.0.2.7", "2001:db8::1", "::1"];
    const { cert } = makeCertificate({ name: "gw-1", names, from, to });
    const read = new X509Certificate(cert);
    expect(read.subject).toBe("CN=gw-1");
    expect(read.issuer).toBe("CN=gw-1");
    expect(read.validFromDate.getTime()).toBe(from);
    expect(read.validToDate.getTime()).toBe(to);
    expect(read.subjectAltName).toBe(
      "DNS:gw-1, DNS:gw-1.local, IP Address:192.0.2.7, IP Address:2001:DB8:0:0:0:0:0:1, IP Address:0:0:0:0:0:0:0:1",
    );
    expect(read.ca).toBe(false);
    expect(read.keyUsage).toEqual(["1.3.6.1.5.5.7.3.1"]);
    expect(read.verify(read.publicKey)).toBe(true);
    expect(read.checkHost("gw-1.local")).toBe("gw-1.local");
    expect(read.checkIP("2001:db8::1")).toBe("2001:db8::1");
    expect(fingerprintOf(cert)).toMatch(/^([0-9A-F]{2}:){31}[0-9A-F]{2}$/);
  });

  it("can be read whatever the names and years", () => {
    const name = fc.stringMatching(/^[a-z0-9]([a-z0-9-]{0,60}[a-z0-9])?$/);
    const names = fc.array(fc.oneof(name, fc.ipV4(), fc.ipV6()), { maxLength: 20 });
    const begin = fc.integer({ min: Date.UTC(2000, 0), max: Date.UTC(2060, 0) });
    fc.assert(
      fc.property(name, names, begin, (own, others, at) => {
        const start = Math.floor(at / 1000) * 1000;
        const { cert } = makeCertificate({ name: own, names: others, from: start, to: start + 1000 });
        const read = new X509Certificate(cert);
        expect(read.validFromDate.getTime()).toBe(start);
        for (const other of others) expect(read.checkHost(other) ?? read.checkIP(other)).toBe(other);
      }),
      { numRuns: 100 },
    );
  });

  it("is taken by a client that trusts it, and by no other", async () => {
    const now = Date.now();
    const { cert, key } = makeCertificate({
      name: "gw-1",
      names: ["gw-1", "127.0.0.1"],
      from: now - 1000,
      to: now + 3_600_000,
    });
    const server = createServer({ cert, key }, (socket) => socket.end("hello"));
    server.on("tlsClientError", () => {});
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    const trusting = connect({ port, host: "127.0.0.1", ca: cert, minVersion: "TLSv1.2" });
    await once(trusting, "secureConnect");
    expect(trusting.authorized).toBe(true);
    expect(trusting.getPeerCertificate().fingerprint256).toBe(fingerprintOf(cert));
    trusting.destroy();
    const strange = connect({ port, host: "127.0.0.1" });
    const [error] = await once(strange, "error");
    expect(error.code).toBe("DEPTH_ZERO_SELF_SIGNED_CERT");
    const elsewhere = connect({ port, host: "127.0.0.1", servername: "gw-2", ca: cert });
    const [wrong] = await once(elsewhere, "error");
    expect(wrong.code).toBe("ERR_TLS_CERT_ALTNAME_INVALID");
    server.close();
  });

  it.runIf(hasOpenssl())("passes openssl's strict verification", () => {
    const folder = mkdtempSync(join(tmpdir(), "stadsnod-cert-"));
    try {
      const file = join(folder, "own.pem");
      const now = Date.now();
      const names = ["gw-1.local", "192.0.2.7"];
      const { cert } = makeCertificate({ name: "gw-1", names, from: now - 86_400_000, to: now + 86_400_000 });
      writeFileSync(file, cert);
      const verify = (...more: string[]) =>
        execFileSync(
          "openssl",
          [
            "verify",
            "-x509_strict",
            "-check_ss_sig",
            "-purpose",
            "sslserver",
            "-CAfile",
            file,
            ...more,
            file,
          ],
          {
            encoding: "utf8",
          },
        );
      expect(verify("-verify_hostname", "gw-1.local")).toContain(": OK");
      expect(verify("-verify_ip", "192.0.2.7")).toContain(": OK");
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it("is made once and kept, and made anew when it has run out or is damaged", async () => {
    const clock = new VirtualClock();
    const disk = new SimulatedDisk({ random: () => 0.5 });
    const source = { certificate: undefined, disk, names: ["gw-1"], clock };
    const first = await serverCertificate(source);
    expect(await serverCertificate(source)).toEqual(first);
    const read = new X509Certificate(first.cert);
    expect(read.validFromDate.getTime()).toBeLessThanOrEqual(clock.now());
    expect(read.validToDate.getTime() - clock.now()).toBeGreaterThan(9.9 * 365 * 86_400_000);
    clock.jump(11 * 365 * 86_400_000);
    const second = await serverCertificate(source);
    expect(second.fingerprint).not.toBe(first.fingerprint);
    disk.damage("certificate.json", 20, (byte) => byte ^ 0xff);
    expect((await serverCertificate(source)).fingerprint).not.toBe(second.fingerprint);
    await expect(
      serverCertificate({ ...source, certificate: { cert: "no PEM", key: "" } }),
    ).rejects.toMatchObject({ code: "https-certificate" });
  });
});
