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
});
