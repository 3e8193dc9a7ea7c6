// biome-ignore-all lint/suspicious/noTemplateCurlyInString: references as gateway.yaml writes them
import { describe, expect, it } from "vitest";
import { openBroker } from "../../simulators/broker.ts";
import { ask, newFolder, run, startDaemon } from "./daemon.ts";
import { configuration, meterProfile, openMeters, watchPlatform, writeProfiles } from "./field.ts";

const planted = [
  "canary-of-the-file",
  "canary-of-the-environment",
  "canary-in-plain-text",
  "canary-that-is-wrong",
] as const;
const [inFile, inEnvironment, plain, wrong] = planted;

describe("secrets", () => {
  it("open the broker's door and stand in no output", { timeout: 60_000 }, async () => {
    const accounts: Record<string, string> = {
      filed: inFile,
      named: inEnvironment,
      written: plain,
      platform: "p",
    };
    await using broker = await openBroker({
      port: 0,
      hooks: {
        authenticate: (_client, username, password, done) => {
          const good = username !== undefined && accounts[String(username)] === password?.toString();
          done(good ? null : Object.assign(new Error("no"), { returnCode: 4 }), good);
        },
      },
    });
    await using meters = await openMeters([1]);
    await using city = await watchPlatform(broker.url.replace("mqtt://", "mqtt://platform:p@"));
    const folder = newFolder();
    writeProfiles(folder, { "test/meter": meterProfile });
    const sides = (file: string) => `northbound:
  filed: {type: mqtt, url: "${broker.url}", clientId: a, username: filed, password: "\${file:${file}}"}
  named: {type: mqtt, url: "${broker.url}", clientId: b, username: named, password: "\${env:PLANTED}"}
  written: {type: mqtt, url: "${broker.url}", clientId: c, username: written, password: ${plain}}
  refused: {type: mqtt, url: "${broker.url}", clientId: d, username: filed, password: ${wrong}}
`;
    const yaml = (more: string) => `log: {level: debug}\n${configuration({ port: meters.port, more })}`;
    const env = { PLANTED: inEnvironment };
    await using daemon = await startDaemon({
      folder,
      env,
      yaml: yaml(sides("secret")),
      files: { secret: `${inFile}\n`, other: `${inFile}-2\n` },
    });
    const status = await daemon.until(
      ({ northbound }) =>
        northbound.filter(({ connected }) => connected).length === 3 &&
        northbound.some(({ error }) => error !== undefined),
    );
    expect(
      status.northbound.map(({ name, connected, error }) => [name, connected, error ? "error" : undefined]),
    ).toEqual([
      ["filed", true, undefined],
      ["named", true, undefined],
      ["written", true, undefined],
      ["refused", false, "error"],
    ]);
    await city.reading("meter-1", "voltage");

    const seen: string[] = [];
    for (const path of ["status", "latest", "connections", "accounting"]) {
      seen.push(JSON.stringify(await ask(daemon.socket, "GET", `/v1/${path}`)));
    }
    const cwd = folder;
    const socket = ["--socket", daemon.socket];
    const commands = [
      ["status", ...socket],
      ["status", "--json", ...socket],
      ["check"],
      ["check", "--json"],
      ["explain"],
      ["explain", "--json"],
      ["outbox", "-n", "filed"],
      ["outbox", "-n", "written", "--json"],
    ];
    const look = async (...them: string[][]) => {
      for (const args of them) {
        const { out, err } = await run(args, { cwd, env });
        seen.push(`${args.join(" ")}\n${out}${err}`);
      }
    };
    await look(...commands);

    // Mistakes next to a secret: the line is shown, what is secret in it is not.
    const reload = ["reload", ...socket];
    const broken = [
      sides("secret").replace("clientId: c,", "clientIdd: c,"),
      sides("secret").replace(`password: ${plain}}`, `password: ${plain}`),
      sides("secret").replace(`password: ${plain}`, `passwort: ${plain}`),
      sides("secret").replace(`password: ${plain}`, `password: [${plain}]`),
      sides("secret").replace(`password: ${plain}`, `password: "\${file:secret} ${plain}"`),
      sides("nowhere"),
      sides("device-profiles"),
    ];
    for (const text of broken) {
      daemon.write(yaml(text));
      const { code } = await run(reload, { cwd, env });
      expect(code, text).toBe(1);
      await look(reload, [...reload, "--json"], ["check"], ["check", "--json"]);
    }
    daemon.write(yaml(sides("other")));
    expect(await run(reload, { cwd, env })).toMatchObject({
      code: 0,
      out: "applied\n  reopened northbound filed\n",
    });
    await daemon.until(
      ({ northbound }) => northbound.find(({ name }) => name === "filed")?.error !== undefined,
    );
    await daemon.end("SIGTERM");

    seen.push(
      daemon.output,
      ...city.platform.gateways.map((gateway) => String(city.platform.state(gateway))),
    );
    expect(seen.length).toBeGreaterThan(40);
    for (const secret of planted) {
      expect(seen.filter((text) => text.includes(secret)).map((text) => text.slice(0, 3000))).toEqual([]);
    }
    // They were really in reach: what is shown instead of them is there.
    expect(daemon.output).toContain("password: *****");
  });
});
