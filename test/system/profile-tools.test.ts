import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { describe, expect, it } from "vitest";
import { newFolder, root, run } from "./daemon.ts";

const profiles = join(root, "device-profiles");

/** `stadsnod profile simulate` as a process of its own, and the lines for gateway.yaml that it printed. */
async function simulate(...args: string[]): Promise<AsyncDisposable & { readonly said: string }> {
  const child = spawn(process.execPath, [join(root, "dist/stadsnod.js"), "profile", "simulate", ...args], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  const ended = once(child, "exit");
  const lines: string[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    lines.push(line);
    if (line.includes("simulated-1:")) break;
  }
  return {
    said: lines.join("\n"),
    [Symbol.asyncDispose]: async () => {
      child.kill("SIGTERM");
      await ended;
    },
  };
}

describe("from a device to its profile", () => {
  it("new writes a profile that passes its check and its example, and never writes over one", async () => {
    const folder = newFolder();
    const first = await run(
      ["profile", "new", "acme/m1", "--title", 'Acme: "M1"', "--category", "heat-meter"],
      {
        cwd: folder,
      },
    );
    expect(first.code).toBe(0);
    const text = readFileSync(join(folder, "device-profiles/acme/m1.yaml"), "utf8");
    expect(text).toContain("category: heat-meter");
    expect((await run(["profile", "check", "--strict", "device-profiles"], { cwd: folder })).out).toBe(
      "1 of 1 profiles are fine\n",
    );
    expect((await run(["profile", "test", "device-profiles"], { cwd: folder })).out).toBe(
      "1 examples passed, 0 failed\n",
    );
    const again = await run(["profile", "new", "acme/m1"], { cwd: folder });
    expect([again.code, again.err]).toEqual([2, expect.stringContaining("is there already")]);
    const typo = await run(["profile", "new", "acme/m2", "--category", "heat-metre"], { cwd: folder });
    expect([typo.code, typo.err]).toEqual([2, expect.stringContaining('did you mean "heat-meter"?')]);
  });

  it("probe finds the type, the order and the scale of a value that the display shows", async () => {
    await using device = await simulate(join(profiles, "eastron/sdm630.yaml"));
    const port = /port: (\d+)/.exec(device.said)![1]!;
    const line = ["--tcp", `127.0.0.1:${port}`, "--device", "unit=1"];
    const { out, code } = await run([
      "profile",
      "probe",
      ...line,
      "--at",
      "input 0",
      "--expect",
      "230",
      "--json",
    ]);
    expect(code).toBe(0);
    const findings = out
      .trim()
      .split("\n")
      .map((text): { at: string; value: string; likely?: number } => JSON.parse(text));
    expect(findings[0]!.at).toBe("{input: 0, type: hex, length: 8}");
    expect(findings[1]!.at).toBe("{input: 0, type: f32, order: ABCD}");
    expect(Number(findings[1]!.value)).toBeCloseTo(230, -1);
    const lost = await run(["profile", "probe", ...line, "--at", "voltage"]);
    expect([lost.code, lost.err]).toEqual([2, expect.stringContaining("is no place in a Modbus device")]);
  });

  it("record makes an example of a live device, over TCP and over a serial line", async () => {
    const folder = newFolder();
    const file = join(profiles, "eastron/sdm630.yaml");
    const profile = readFileSync(file, "utf8");
    const tty = join(folder, "tty");
    for (const [wire, line] of [
      [["--tcp", "0"], (said: string) => ["--tcp", `127.0.0.1:${/port: (\d+)/.exec(said)![1]}`]],
      [["--pty", tty], () => ["--serial", tty, "--baud", "19200"]],
    ] as const) {
      await using device = await simulate(file, ...wire, "--unit", "7");
      const recorded = await run([
        "profile",
        "record",
        file,
        ...line(device.said),
        "--device",
        "unit=7",
        "--name",
        "as recorded",
      ]);
      expect(recorded.err).not.toContain("timeout");
      expect(recorded.code).toBe(0);
      const home = join(newFolder(), "eastron");
      mkdirSync(home);
      const copy = join(home, "sdm630.yaml");
      writeFileSync(copy, profile.replace(/examples:[\s\S]*/, `examples:\n${recorded.out}`));
      const passed = await run(["profile", "test", copy]);
      expect(passed.out).toBe("1 examples passed, 0 failed\n");
    }
  });

  interface Kind {
    readonly profile: string;
    readonly wire: "tcp" | "pty";
    /** What gateway.yaml shall say of the device, and what it then says of device and line. */
    readonly device?: string;
    readonly said: readonly string[];
    /** Options of the line besides where it is. */
    readonly line?: readonly string[];
    readonly probe: readonly string[];
    /** What the probe finds, as a profile or gateway.yaml writes it. */
    readonly found: readonly string[];
  }
  const kinds: readonly Kind[] = [
    {
      profile: "kamstrup/multical-601",
      wire: "pty",
      device: "address=5",
      said: ["baud: 2400, parity: even", "address: 5"],
      probe: ["--protocol", "mbus", "--device", "address=5"],
      found: [
        "{header: manufacturer}",
        "{quantity: power, function: maximum}",
        "{quantity: energy, storage: 1}",
      ],
    },
    {
      profile: "elvaco/cma10",
      wire: "tcp",
      device: '{secondary: {id: "12345678"}}',
      said: ['secondary: {id: "12345678"}'],
      probe: ["--protocol", "mbus", "--at", "scan 12345FFF"],
      found: ['{secondary: {id: "12345678", manufacturer: ELV, version: 22, medium: 0}}'],
    },
    {
      profile: "hydreon/rg-15",
      wire: "tcp",
      said: ["protocol: serial-line"],
      probe: ["--protocol", "serial-line", "--at", "R\\n", "--for", "1s"],
      found: [
        "serial-line: {terminator: [crlf]}",
        'match: "Acc {field1:number} mm, EventAcc {field2:number} mm, TotalAcc {field3:number} mm, RInt {field4:number} mmph"',
      ],
    },
    {
      profile: "vaisala/wxt536",
      wire: "pty",
      device: "address=7",
      said: ["baud: 9600", "address: 7"],
      line: ["--baud", "9600"],
      probe: ["--protocol", "serial-line", "--at", "7R2\\r\\n", "--for", "1s"],
      found: [
        'match: "{field1:integer}R{field2:integer},Ta={field3:number}C,Ua={field4:number}P,Pa={field5:number}H"',
      ],
    },
    {
      profile: "nova/sds011",
      wire: "pty",
      said: ["protocol: serial-frame", "baud: 9600"],
      line: ["--baud", "9600"],
      probe: ["--protocol", "serial-frame", "--for", "3s"],
      found: ["check: {sum8: 2.., at: -2}"],
    },
    {
      profile: "escort/lls-level",
      wire: "tcp",
      device: "address=9",
      said: ["address: 9"],
      probe: ["--protocol", "serial-frame", "--at", "31 09 06 1a", "--for", "1s"],
      found: ["check: {crc8-dallas: 0.., at: -1}"],
    },
    {
      profile: "dsmr/p1-v5",
      wire: "tcp",
      said: ["protocol: smart-meter"],
      probe: ["--protocol", "smart-meter", "--for", "1s"],
      found: ["smart-meter: {codec: p1}", '{obis: "1-0:1.8.1", in: kWh}'],
    },
    {
      profile: "airmar/150wx",
      wire: "pty",
      said: ["baud: 4800"],
      probe: ["--protocol", "nmea", "--for", "3s"],
      found: ["nmea: {checksum: required}", "{sentence: MWV, field: speed_relative}"],
    },
    {
      profile: "ott/pls",
      wire: "pty",
      device: "address=3",
      said: ["baud: 1200, parity: even, dataBits: 7", "break: adapter", "address: 3"],
      line: ["--connection", "break=adapter"],
      probe: ["--protocol", "sdi12", "--at", "MC"],
      found: ['{address: "3"}', "{identity: vendor}", "{measure: MC, value: 2}"],
    },
  ];

  it.concurrent.each(kinds)("$profile is simulated, recorded and probed over $wire", async (kind) => {
    const file = join(profiles, `${kind.profile}.yaml`);
    const tty = join(newFolder(), "tty");
    const device = kind.device === undefined ? [] : ["--device", kind.device];
    const wire = kind.wire === "tcp" ? ["--tcp", "0"] : ["--pty", tty];
    await using simulated = await simulate(file, ...wire, ...device);
    for (const text of kind.said) expect(simulated.said).toContain(text);
    const where =
      kind.wire === "tcp"
        ? ["--tcp", `127.0.0.1:${/port: (\d+)/.exec(simulated.said)![1]}`]
        : ["--serial", tty, ...(kind.line ?? [])];
    const recorded = await run(["profile", "record", file, ...where, ...device, "--name", "as recorded"]);
    expect([recorded.code, recorded.err]).toEqual([0, expect.stringContaining("Below the word examples:")]);
    const [maker, model] = kind.profile.split("/");
    const home = join(newFolder(), maker!);
    mkdirSync(home);
    const copy = join(home, `${model}.yaml`);
    writeFileSync(
      copy,
      readFileSync(file, "utf8").replace(/\nexamples:[\s\S]*/, `\nexamples:\n${recorded.out}`),
    );
    const passed = await run(["profile", "test", copy]);
    expect([passed.out, passed.err]).toEqual(["1 examples passed, 0 failed\n", ""]);
    const probed = await run(["profile", "probe", ...where, ...kind.probe, "--json"]);
    expect([probed.code, probed.err]).toEqual([0, ""]);
    const found = probed.out
      .trim()
      .split("\n")
      .map((text) => (JSON.parse(text) as { at: string }).at);
    for (const at of kind.found) expect(found).toContain(at);
  });

  it("doc writes one HTML page in both languages that loads nothing", async () => {
    const { code, out } = await run([
      "profile",
      "doc",
      join(profiles, "kamstrup/multical-601.yaml"),
      "--format",
      "html",
      "--language",
      "sv",
    ]);
    expect(code).toBe(0);
    expect(out).toMatch(/^<!doctype html>\n<html lang="sv">/);
    expect(out).toContain("<h2>Mätpunkter</h2>");
    expect(out).toContain("<h2>How it is read</h2>");
    expect(out).toContain("2400 baud");
    expect(out).not.toMatch(/<script|<link|<img|\ssrc=|@import|url\(/);
  });
});
