import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TlsOptions } from "node:tls";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openBroker } from "../../../simulators/broker.ts";
import { type Certificate, makeAuthority, makeCertificate } from "../../../test/mqtt/certificates.ts";
import { never, openMqtt, packOf, problemOf } from "../../../test/mqtt/open-mqtt.ts";
import { realClock } from "../../../test/mqtt/real-clock.ts";
import { ConfigError } from "../../model/errors.ts";
import { silentLog } from "../../model/log.ts";

const day = 86_400_000;
const city = makeAuthority("City CA");
const stranger = makeAuthority("Stranger CA");
const broker = makeCertificate(city, { name: "broker", names: ["localhost"] });
const own = makeCertificate(city, { name: "gw1" });

let folder: string;
const at = (name: string) => join(folder, name);
const write = (name: string, text: string) => {
  writeFileSync(at(name), text);
  return at(name);
};

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "stadsnod-tls-"));
  write("ca.pem", city.cert);
  write("stranger.pem", stranger.cert);
  write("gw1.pem", own.cert);
  write("gw1.key", own.key);
});
afterAll(() => rmSync(folder, { recursive: true }));

function serve(certificate: Certificate, options: TlsOptions = {}) {
  return openBroker({
    port: 0,
    tls: { cert: certificate.cert, key: certificate.key, ca: city.cert, ...options },
  });
}

/** What a person reads when the connection cannot be made, without the machine's own paths and ports. */
async function reading(url: string, settings: Record<string, unknown> = {}, clock = realClock) {
  await using northbound = await openMqtt({ url, ca: at("ca.pem"), ...settings }, { clock, random: () => 1 });
  const { code, message, hint } = await problemOf(northbound);
  const plain = (text = "") => text.replaceAll(`${folder}/`, "").replace(/localhost:\d+/g, "localhost:8883");
  return `${plain(message)} [${code}]\n  hint: ${plain(hint)}`;
}

describe("MQTT over TLS", () => {
  it("publishes with a client certificate that the broker asks for", async () => {
    await using server = await serve(broker, { requestCert: true, rejectUnauthorized: true });
    await using northbound = await openMqtt({
      url: server.url,
      ca: at("ca.pem"),
      cert: at("gw1.pem"),
      key: at("gw1.key"),
    });
    await northbound.connected(never);
    await northbound.publish(packOf(1), never);
    expect(northbound.status().published).toBe(1);
  });

  it("connects anew with a renewed certificate, and not with half of a change", async () => {
    await using server = await serve(broker, { requestCert: true, rejectUnauthorized: true });
    const look = Promise.withResolvers<void>();
    let looks = 0;
    // What is looked at now and then is looked at at once.
    const clock = {
      ...realClock,
      timer: (ms: number, callback: () => void) =>
        realClock.timer(ms === 45_000 ? 1 : ms, () => {
          if (ms === 45_000 && ++looks === 3) look.resolve();
          callback();
        }),
    };
    const said: string[] = [];
    const log = { ...silentLog, info: (_fields: object, message?: string) => said.push(message ?? "") };
    write("renewed.pem", own.cert);
    write("renewed.key", own.key);
    const settings = { url: server.url, ca: at("ca.pem"), cert: at("renewed.pem"), key: at("renewed.key") };
    await using northbound = await openMqtt(settings, { clock, log });
    await northbound.connected(never);
    const next = makeCertificate(city, { name: "gw1" });
    write("renewed.pem", next.cert);
    looks = 0;
    await look.promise;
    expect(northbound.status().connected).toBe(true);
    write("renewed.key", next.key);
    while (said.filter((line) => line === "connected to the broker").length < 2)
      await new Promise((resolve) => setImmediate(resolve));
    expect(said).toEqual([
      "connected to the broker",
      "the certificate was renewed: connecting anew",
      "connected to the broker",
    ]);
    expect(northbound.status().lastError).toBeUndefined();
    await northbound.publish(packOf(1), never);
  });

  it("refuses a broker whose certificate another CA signed", async () => {
    await using server = await serve(makeCertificate(stranger, { name: "broker", names: ["localhost"] }));
    expect(await reading(server.url)).toBe(
      "the certificate of localhost:8883 is not signed by the CA in ca.pem [tls-unknown-ca]\n" +
        "  hint: give as `ca:` the PEM file of the CA that signed the broker's certificate, intermediate CAs included",
    );
    expect(await reading(server.url, { ca: undefined })).toMatch(/not signed by a CA that this system knows/);
  });

  it("refuses an expired certificate", async () => {
    const old = makeCertificate(city, {
      name: "broker",
      names: ["localhost"],
      from: 0,
      to: Date.now() - day,
    });
    await using server = await serve(old);
    const clock = { ...realClock, now: () => Date.UTC(2026, 5, 1, 12, 30) };
    expect(await reading(server.url, {}, clock)).toBe(
      "the certificate of localhost:8883 has expired [tls-expired]\n" +
        "  hint: renew the broker's certificate; the gateway's clock says 2026-06-01 12:30 UTC",
    );
  });

  it("refuses a certificate that is not valid yet, and suspects its own clock", async () => {
    const early = makeCertificate(city, { name: "broker", names: ["localhost"], from: Date.now() + day });
    await using server = await serve(early);
    const clock = { ...realClock, trusted: false, now: () => Date.UTC(2020, 0, 1) };
    expect(await reading(server.url, {}, clock)).toBe(
      "the certificate of localhost:8883 is not valid yet [tls-not-yet-valid]\n" +
        "  hint: compare its dates with the gateway's clock, which says 2020-01-01 00:00 UTC and was not synchronised yet",
    );
  });

  it("refuses a certificate for another host", async () => {
    await using server = await serve(makeCertificate(city, { name: "broker", names: ["mqtt.city.example"] }));
    expect(await reading(server.url)).toBe(
      "the certificate of localhost:8883 is for another host (mqtt.city.example) [tls-wrong-host]\n" +
        "  hint: write in `url:` a name that the certificate holds, or have it issued for localhost",
    );
  });

  it("says that the broker's port does not speak TLS", async () => {
    await using server = await openBroker({ port: 0 });
    expect(await reading(server.url.replace("mqtt://127.0.0.1", "mqtts://localhost"))).toMatch(
      /tls-not-spoken|connection-lost|no-answer/,
    );
  });

  it("speaks TLS 1.2 only when it is told to", async () => {
    await using server = await serve(broker, { maxVersion: "TLSv1.2" });
    expect(await reading(server.url)).toBe(
      "localhost:8883 does not speak the TLS version that is asked for [tls-version]\n" +
        '  hint: let the broker speak TLS 1.3, or accept the older one with `tlsMinimum: "1.2"`',
    );
    await using northbound = await openMqtt({ url: server.url, ca: at("ca.pem"), tlsMinimum: "1.2" });
    await northbound.connected(never);
  });

  it("says that the broker wants a client certificate", async () => {
    await using server = await serve(broker, { requestCert: true, rejectUnauthorized: true });
    expect(await reading(server.url)).toBe(
      "localhost:8883 asks for a client certificate and got none [tls-client-certificate-missing]\n" +
        "  hint: give the gateway's own certificate and key as `cert:` and `key:`",
    );
  });

  it("takes a renewed certificate without a restart", async () => {
    await using server = await serve(broker, { requestCert: true, rejectUnauthorized: true });
    const foreign = makeCertificate(stranger, { name: "gw1" });
    const [cert, key] = [write("renewed.pem", foreign.cert), write("renewed.key", foreign.key)];
    await using northbound = await openMqtt({ url: server.url, ca: at("ca.pem"), cert, key });
    await problemOf(northbound);
    write("renewed.key", own.key);
    write("renewed.pem", own.cert);
    await northbound.connected(never);
  });

  it("waits for files that are not there yet, as before the enrolment", async () => {
    await using server = await serve(broker, { requestCert: true, rejectUnauthorized: true });
    const [ca, cert, key] = [at("later-ca.pem"), at("later.pem"), at("later.key")];
    await using northbound = await openMqtt({ url: server.url, ca, cert, key });
    expect((await problemOf(northbound))?.code).toBe("tls-file");
    write("later-ca.pem", readFileSync(at("ca.pem"), "utf8"));
    write("later.key", own.key);
    write("later.pem", own.cert);
    await northbound.connected(never);
  });

  it("refuses to start with files that can never work", async () => {
    write("garbage.pem", "hello");
    write("broken.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    write("other.key", broker.key);
    const url = "mqtts://localhost";
    for (const [settings, message] of [
      [{ ca: at("garbage.pem") }, "ca: garbage.pem is not a PEM file"],
      [{ ca: at("broken.pem") }, "ca: broken.pem is not a PEM file with a certificate"],
      [{ cert: at("gw1.pem"), key: at("other.key") }, "key: other.key does not fit the certificate gw1.pem"],
    ] as const) {
      const error: unknown = await openMqtt({ url, ...settings }).then(
        () => undefined,
        (cause: unknown) => cause,
      );
      expect(error).toBeInstanceOf(ConfigError);
      expect(error instanceof ConfigError && error.message.replaceAll(`${folder}/`, "")).toBe(message);
    }
  });
});
