import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { rootCertificates } from "node:tls";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { CliContext } from "../../gateway/cli/context.ts";
import { hostOf } from "../../gateway/cli/enrolment/host.ts";
import { runCli } from "../../gateway/cli/index.ts";
import type { Exchange } from "../../gateway/enrolment/exchange.ts";
import { type BootStep, firstBoot } from "../../gateway/enrolment/first-boot.ts";
import { readProgress } from "../../gateway/enrolment/progress-file.ts";
import { readProvision } from "../../gateway/enrolment/provision.ts";
import { GatewayError } from "../../gateway/model/errors.ts";
import { CityCa } from "../../simulators/ca/city-ca.ts";
import { serveCa } from "../../simulators/ca/server.ts";
import { provisionFor } from "./gateway.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "stadsnod-enrol-"));
  for (const name of ["state", "config", "card"]) mkdirSync(join(folder, name));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const at = (...parts: string[]) => join(folder, ...parts);
const places = ["--provision", "card/provision.json", "--state", "state"];
const never = new AbortController().signal;

function contextOf(input?: NodeJS.ReadableStream): CliContext & { shown(): string } {
  let shown = "";
  const show = (text: string) => {
    shown += text;
  };
  return {
    cwd: folder,
    env: {},
    signal: never,
    onReload() {},
    input,
    out: show,
    err: show,
    columns: undefined,
    rows: undefined,
    shown: () => shown,
  };
}

async function cli(args: readonly string[], input?: string): Promise<{ code: number; text: string }> {
  const context = contextOf(input === undefined ? undefined : Readable.from([input]));
  const code = await runCli(args, context);
  return { code, text: context.shown() };
}

describe("stadsnod enrol", () => {
  it("enrols by what the card says, tells it to whoever reads the file, and identity shows it", async () => {
    const ca = new CityCa({ now: () => Date.now() });
    await using server = await serveCa(ca);
    ca.allow("lamp-7", "token-of-lamp-7");
    writeFileSync(at("card/provision.json"), JSON.stringify(provisionFor(ca, server.url)));
    expect((await cli(["identity", ...places])).code).toBe(2);
    const { code, text } = await cli([
      "enrol",
      "--once",
      "--json",
      "--progress",
      "run/enrolment.json",
      ...places,
    ]);
    expect(code, text).toBe(0);
    expect(
      text
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line).state),
    ).toEqual(["enrolling", "enrolled"]);
    expect(text).not.toContain("token-of-lamp-7");
    const told = readFileSync(at("run/enrolment.json"), "utf8");
    expect(readProgress(told)).toMatchObject({
      state: "enrolled",
      gateway: "lamp-7",
      certificate: { subject: "CN=lamp-7" },
    });
    expect(statSync(at("run/enrolment.json")).mode & 0o777).toBe(0o644);
    expect(statSync(at("state/identity/key.pem")).mode & 0o777).toBe(0o600);
    expect(statSync(at("state/identity")).mode & 0o777).toBe(0o700);
    expect(readFileSync(at("card/provision.json"), "utf8")).not.toContain("token-of-lamp-7");
    const identity = JSON.parse((await cli(["identity", "--json", ...places])).text);
    expect(identity).toMatchObject({
      gateway: "lamp-7",
      certificate: { issuer: "CN=Example City Device CA" },
    });
    expect(identity.qr).toBe(`stadsnod:lamp-7#${identity.key}`);
    expect((await cli(["identity", ...places])).text).toMatch(/█/);
    // Once more changes nothing.
    expect((await cli(["enrol", "--progress", "run/enrolment.json", ...places])).code).toBe(0);
    expect(ca.issued).toHaveLength(1);
  });

  it("says what is wrong with a card, and ends with 1", async () => {
    writeFileSync(at("card/provision.json"), JSON.stringify({ format: 1, gateway: "Lamp 7" }));
    const { code, text } = await cli(["enrol", "--once", "--progress", "run/enrolment.json", ...places]);
    expect(code).toBe(1);
    expect(text).toMatch(/enrolment: failed.*\n.*provision.json: gateway: a gateway's id/);
  });

  it("wants nothing where nothing is asked for", async () => {
    const { code, text } = await cli(["enrol", "--progress", "run/enrolment.json", ...places]);
    expect(code).toBe(0);
    expect(text).toContain("not-wanted");
  });
});

describe("first boot", () => {
  const isKnown = (error: unknown): error is GatewayError => error instanceof GatewayError;
  const boot = (
    value: object,
    answer: Exchange = async () => ({ status: 404, headers: {}, body: Buffer.from("") }),
    only?: BootStep["step"],
  ) => {
    const provision = readProvision(JSON.stringify({ format: 1, gateway: "lamp-7", ...value }));
    const host = hostOf({
      context: contextOf(),
      state: at("state"),
      config: at("config"),
      gateway: provision.gateway,
      authorities: provision.enrolment?.ca,
      exchange: answer,
      root: at("root"),
    });
    return firstBoot(provision, host, isKnown, never, only);
  };

  beforeEach(() => {
    for (const name of ["proc/sys/kernel", "etc", "usr/share/zoneinfo/Europe"])
      mkdirSync(at("root", name), { recursive: true });
    writeFileSync(at("root/proc/sys/kernel/hostname"), "");
    writeFileSync(at("root/usr/share/zoneinfo/Europe/Stockholm"), "");
  });

  it("takes over what the card brings, once, and makes the key first", async () => {
    const value = {
      timeZone: "Europe/Stockholm",
      network: { address: "192.0.2.10/24", gateway: "192.0.2.1", ntp: ["ntp.example.org"] },
      config: "gateway:\n  id: lamp-7\n",
    };
    expect((await boot(value)).map(({ step, done }) => `${step} ${done}`)).toEqual([
      "key done",
      "hostname done",
      "time-zone done",
      "network done",
      "configuration done",
    ]);
    expect(readFileSync(at("root/proc/sys/kernel/hostname"), "utf8")).toBe("lamp-7");
    expect(readFileSync(at("root/run/systemd/network/10-stadsnod.network"), "utf8")).toContain(
      "Address=192.0.2.10/24",
    );
    expect(readFileSync(at("config/gateway.yaml"), "utf8")).toBe(value.config);
    const key = readFileSync(at("state/identity/key.pem"), "utf8");
    // Of a person who has been here meanwhile.
    writeFileSync(at("config/gateway.yaml"), "# mine\n");
    expect((await boot(value)).at(-1)).toEqual({ step: "configuration", done: "kept" });
    expect(readFileSync(at("config/gateway.yaml"), "utf8")).toBe("# mine\n");
    expect(readFileSync(at("state/identity/key.pem"), "utf8")).toBe(key);
  });

  it("makes a configuration that starts where the card brings none", async () => {
    expect((await boot({ site: 'Yard "A"', timeZone: "Europe/Stockholm" })).at(-1)?.done).toBe("done");
    const { code, text } = await cli(["check", "config/gateway.yaml"]);
    expect(code, text).toBe(0);
  });

  it.each([
    ["that is none", "gatway: {}\n", /cannot be used/],
    ["of another gateway", "gateway:\n  id: lamp-8\n", /that of lamp-8, and the card is for lamp-7/],
  ])("leaves out a configuration %s, and does the rest", async (_name, config, message) => {
    const steps = await boot({ config });
    expect(steps.map(({ done }) => done)).toEqual(["done", "done", "failed"]);
    expect(steps.at(-1)?.why?.message).toMatch(message);
    expect(() => statSync(at("config/gateway.yaml"))).toThrow();
  });

  it("takes a configuration from elsewhere only when it is the one that is meant", async () => {
    const text = "gateway:\n  id: lamp-7\n";
    const answer = async () => ({ status: 200, headers: {}, body: Buffer.from(text) });
    const config = { url: "https://config.example/lamp-7.yaml", sha256: "0".repeat(64) };
    expect((await boot({ config }, answer)).at(-1)).toMatchObject({
      done: "failed",
      why: { code: "provision-config" },
    });
    config.sha256 = createHash("sha256").update(text).digest("hex");
    expect((await boot({ config }, answer)).at(-1)?.done).toBe("done");
  });

  it("lets the city's own CA vouch for where the configuration lies, besides those that everybody knows", async () => {
    const ca = new CityCa({ now: Date.now }).pem;
    const text = "gateway:\n  id: lamp-7\n";
    const sha256 = createHash("sha256").update(text).digest("hex");
    const asked: string[] = [];
    await boot(
      {
        enrolment: { url: "https://ca.example", ca, token: "nobody-knows-it" },
        config: { url: "https://config.example/lamp-7.yaml", sha256 },
      },
      async ({ authorities }) => {
        asked.push(authorities);
        return { status: 200, headers: {}, body: Buffer.from(text) };
      },
    );
    expect(asked).toEqual([[...rootCertificates, ca].join("\n")]);
  });

  it("does the configuration alone for whoever has no right to the rest", async () => {
    const value = { timeZone: "Europe/Stockholm", network: { ntp: ["ntp.example.org"] } };
    expect(await boot(value, undefined, "configuration")).toEqual([{ step: "configuration", done: "done" }]);
    expect(readFileSync(at("root/proc/sys/kernel/hostname"), "utf8")).toBe("");
    expect(() => statSync(at("root/run"))).toThrow();
    expect(() => statSync(at("state/identity"))).toThrow();
  });
});

describe("stadsnod factory-reset", () => {
  const reset = (...more: string[]) => ["factory-reset", "--quick", "--config", "config", ...places, ...more];
  beforeEach(() => {
    mkdirSync(at("state/identity"));
    writeFileSync(at("state/identity/key.pem"), "secret");
    writeFileSync(at("config/gateway.yaml"), "gateway:\n  id: lamp-7\n");
    writeFileSync(at("card/provision.json"), "{}");
  });

  it("erases when the gateway's id is typed, and only then", async () => {
    expect(await cli(reset())).toMatchObject({ code: 2 });
    expect(await cli(reset(), "lamp-8\n")).toMatchObject({ code: 1 });
    expect(statSync(at("state/identity/key.pem")).size).toBe(6);
    const { code, text } = await cli(reset(), "lamp-7\n");
    expect(code, text).toBe(0);
    for (const name of ["state/identity", "config/gateway.yaml", "card/provision.json"])
      expect(() => statSync(at(name))).toThrow();
    expect(statSync(at("state")).isDirectory()).toBe(true);
  });

  it("leaves folders alone that are not a gateway's", async () => {
    mkdirSync(at("config/.git"));
    expect(await cli(reset("--yes"))).toMatchObject({ code: 2 });
    expect(statSync(at("state/identity/key.pem")).size).toBe(6);
  });
});
