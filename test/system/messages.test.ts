// biome-ignore-all lint/suspicious/noTemplateCurlyInString: references as gateway.yaml writes them
import { chmodSync, chownSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { openBroker } from "../../simulators/broker.ts";
import { makeAuthority, makeCertificate } from "../mqtt/certificates.ts";
import { type DaemonOptions, newFolder, root, run, startDaemon } from "./daemon.ts";
import { configuration, meterProfile, writeProfiles } from "./field.ts";

// What a person reads when the world is wrong, word by word. `vitest -u` writes the texts; the reviewer reads
// the difference. Texts about files alone lie one folder up (test/golden-messages.test.ts).
const golden = (name: string) => join(root, "test", "golden-messages", "running", `${name}.txt`);

/** Machines, ports and times differ; what is said does not. */
function plain(text: string, folder: string): string {
  return text
    .replaceAll(folder, "FOLDER")
    .replace(/(127\.0\.0\.1|localhost):\d+/g, "$1:PORT")
    .replace(/20\d\d-\d\d-\d\d \d\d:\d\d UTC/g, "TIME")
    .replace(/(here are|this machine has) .*/g, "(the ports of this machine)");
}

function folderWith(profiles: Readonly<Record<string, string>>): string {
  const folder = newFolder();
  writeProfiles(folder, profiles);
  return folder;
}

describe("messages about profiles for Modbus", () => {
  it.each([
    ["overlapping-points", meterProfile.replace("holding: 3, type: u32", "holding: 1, type: u32")],
    ["wrong-unit", meterProfile.replace("unit: kWh", "unit: kwh")],
    ["unknown-key", meterProfile.replace("modbus: {addressing", "modbus: {adressing")],
    ["wrong-indentation", meterProfile.replace("  temperature:", "   temperature:")],
  ])("%s", async (name, profile) => {
    const folder = folderWith({ "test/meter": profile });
    const { code, out, err } = await run(["profile", "check", "device-profiles"], { cwd: folder });
    expect(code).toBe(1);
    await expect(plain(err + out, folder)).toMatchFileSnapshot(golden(name));
  });
});

describe("messages about a plan that cannot be", () => {
  it("impossible-plan", async () => {
    const points = Array.from(
      { length: 60 },
      (_, index) => `  p${index}: {at: {holding: ${index * 40}, type: f32}, unit: V, class: fast}`,
    );
    const wide = `${meterProfile.slice(0, meterProfile.indexOf("  voltage"))}${points.join("\n")}\n`;
    const folder = folderWith({ "test/meter": wide });
    writeFileSync(
      join(folder, "gateway.yaml"),
      configuration({ port: 1 })
        .replace(/^poll: .*$/m, "poll: {fast: 1s, slow: 60s}")
        .replace(/roof: \{.*\}/, "roof: {protocol: modbus, serial: {port: /dev/ttyX, baud: 9600}}"),
    );
    const check = await run(["check"], { cwd: folder });
    expect(check.code).toBe(1);
    const explain = await run(["explain"], { cwd: folder });
    expect(explain.code).toBe(1);
    await expect(
      plain(`${check.err}${check.out}---\n${explain.out.split("\n").slice(0, 6).join("\n")}\n`, folder),
    ).toMatchFileSnapshot(golden("impossible-plan"));
  });
});

/** The line of the log and what the status then says of the line or the platform. */
async function said(options: DaemonOptions & { folder: string }, message: RegExp): Promise<string> {
  await using daemon = await startDaemon(options);
  const line = await daemon.logged(({ msg, code }) => message.test(msg ?? "") && code !== undefined);
  const status = await daemon.until(({ connections, northbound }) =>
    [...connections, ...northbound].some(({ error }) => error !== undefined),
  );
  const { msg, code, error, hint } = line;
  const parts = [...status.connections, ...status.northbound].filter((part) => part.error !== undefined);
  const seen = parts.map(({ name, error: problem }) => `${name}: ${problem}`);
  return plain(
    `log: ${msg}${error ? `: ${error}` : ""} [${code}]\nhint: ${hint}\nstatus: ${seen.join("; ")}\n`,
    options.folder,
  );
}

describe("messages about a serial port", () => {
  const yaml = (port: string) =>
    configuration({ port: 1 }).replace(
      /roof: \{.*\}/,
      `roof: {protocol: modbus, serial: {port: ${port}, baud: 9600}}`,
    );

  it("missing-port", async () => {
    const folder = folderWith({ "test/meter": meterProfile });
    const text = await said({ folder, yaml: yaml("/dev/serial/by-id/usb-nobody") }, /line is down/);
    await expect(text).toMatchFileSnapshot(golden("missing-port"));
  });

  it("permission-denied", async () => {
    const folder = folderWith({ "test/meter": meterProfile });
    const device = join(folder, "tty");
    // A file of somebody else: of root for nobody, or one that its own user took the rights from.
    let through: string[] | undefined;
    if (process.getuid?.() === 0) {
      chownSync(folder, 65_534, 65_534);
      through = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
    }
    writeFileSync(device, "");
    chmodSync(device, 0o000);
    const text = await said(
      { folder, yaml: yaml(device), through, env: { NODE_COMPILE_CACHE: join(folder, "cache") } },
      /line is down/,
    );
    await expect(text).toMatchFileSnapshot(golden("permission-denied"));
  });
});

describe("messages about the broker", () => {
  const city = makeAuthority("City CA");
  const stranger = makeAuthority("Stranger CA");
  const day = 86_400_000;

  it.each([
    ["wrong-ca", { ca: stranger.cert }],
    [
      "expired-certificate",
      { server: makeCertificate(city, { name: "b", names: ["localhost"], from: 0, to: Date.now() - day }) },
    ],
    ["wrong-host-name", { server: makeCertificate(city, { name: "b", names: ["other.example"] }) }],
  ])(
    "%s",
    async (name, {
      ca = city.cert,
      server = makeCertificate(city, { name: "b", names: ["localhost"] }),
    }: { ca?: string; server?: { cert: string; key: string } }) => {
      await using broker = await openBroker({ port: 0, tls: { cert: server.cert, key: server.key } });
      const folder = folderWith({ "test/meter": meterProfile });
      const yaml = configuration({ port: 1, broker: broker.url, devices: {} })
        .replace("devices:\n\n", "devices: {}\n")
        .replace("type: mqtt,", `type: mqtt, ca: ${folder}/ca.pem,`);
      const text = await said({ folder, yaml, files: { "ca.pem": ca } }, /not connected/);
      await expect(text).toMatchFileSnapshot(golden(name));
    },
  );

  it("bad-credentials", async () => {
    await using broker = await openBroker({
      port: 0,
      hooks: {
        authenticate: (_client, _name, _password, done) =>
          done(Object.assign(new Error("no"), { returnCode: 4 }), false),
      },
    });
    const folder = folderWith({ "test/meter": meterProfile });
    const yaml = configuration({ port: 1, broker: broker.url, devices: {} })
      .replace("devices:\n\n", "devices: {}\n")
      .replace("type: mqtt,", 'type: mqtt, username: gw, password: "${file:secret}",');
    const text = await said({ folder, yaml, files: { secret: "canary" } }, /not connected/);
    expect(text).not.toContain("canary");
    await expect(text).toMatchFileSnapshot(golden("bad-credentials"));
  });
});
