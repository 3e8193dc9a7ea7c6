import {
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { seeded } from "../../test/fault/random.ts";
import { SimulatedDisk } from "../../test/fault/simulated-disk.ts";
import { VirtualClock } from "../../test/fault/virtual-clock.ts";
import { newFolder } from "../../test/system/daemon.ts";
import type { ReloadResult } from "../local/surface.ts";
import { silentLog } from "../model/log.ts";
import { openFolderDisk, privateFiles } from "../store/folder-disk.ts";
import { openTextFile, textFileOf } from "../store/text-file.ts";
import type { GatewayConfig } from "./config.ts";
import { Configuration } from "./configuration.ts";
import { maxGenerations, openGenerations } from "./generations.ts";
import { loadConfig } from "./load.ts";

const first = "gateway: {id: gw-1}\nlog: {level: info} # loud\n";
const second = first.replace("info", "debug");

const load = (text: string) =>
  loadConfig(text, "gateway.yaml", {
    protocols: [],
    northbounds: [],
    profiles: { profiles: new Map(), quarantined: [], diagnostics: [], ids: [] },
    readFile: () => "",
    env: {},
  });

/** A gateway that takes what the file says, in this process. */
async function openBench(disks: { files: SimulatedDisk; kept: SimulatedDisk }) {
  const file = textFileOf(disks.files, "gateway.yaml");
  const { config } = await load(await file.read());
  if (!config) throw new Error("the first text is bad");
  let running: GatewayConfig = config;
  const bench = {
    reloads: 0,
    refuse: (_text: string): "refuse" | "throw" | undefined => undefined,
    get level() {
      return running.log.level;
    },
    configuration: new Configuration({
      file,
      path: "gateway.yaml",
      generations: () => openGenerations(disks.kept, new VirtualClock()),
      log: silentLog,
      load,
      running: () => running,
      async reload(): Promise<ReloadResult> {
        bench.reloads++;
        const text = await file.read();
        const answer = bench.refuse(text);
        if (answer === "throw") throw new Error("a bug");
        const read = await load(text);
        if (answer === "refuse" || !read.config) return { applied: false, changes: ["no"], diagnostics: [] };
        running = read.config;
        return { applied: true, changes: [], diagnostics: [] };
      },
      schema: async () => ({}),
    }),
  };
  return bench;
}

function newDisks(text = first) {
  const disks = {
    files: new SimulatedDisk({ random: () => 0.5 }),
    kept: new SimulatedDisk({ random: () => 0.5 }),
  };
  disks.files.put("gateway.yaml", Buffer.from(text));
  return disks;
}

describe("Configuration", () => {
  it("checks, applies, keeps what was, and goes back", async () => {
    const bench = await openBench(newDisks());
    const { configuration } = bench;
    expect(await configuration.check(second)).toMatchObject({
      changes: ["log level debug"],
      restartNeeded: [],
    });
    expect(bench.reloads).toBe(0);
    const { text, hash } = await configuration.read();
    expect(text).toBe(first);
    const applied = await configuration.apply(second, hash, "kim", "why");
    expect(applied).toMatchObject({ applied: true, generation: 2, changes: ["log level debug"] });
    expect(bench.level).toBe("debug");
    expect(await configuration.generations()).toMatchObject([
      { number: 1, by: "file", current: false },
      { number: 2, by: "kim", note: "why", current: true },
    ]);
    expect(await configuration.generation(1)).toEqual({ text: first });
    expect(await configuration.rollBack(1, "kim")).toMatchObject({ applied: true, generation: 3 });
    expect(bench.level).toBe("info");
    expect((await configuration.generations()).at(-1)).toMatchObject({
      current: true,
      note: "back to generation 1",
    });
    await expect(configuration.rollBack(9, "kim")).rejects.toMatchObject({ code: "unknown-generation" });
  });

  it("writes nothing that is wrong or needs a restart", async () => {
    const disks = newDisks();
    const { configuration, ...bench } = await openBench(disks);
    const { hash } = await configuration.read();
    const wrong = await configuration.apply("gateway: {id: gw-1}\nlog: {level: lout}\n", hash, "kim");
    expect(wrong).toMatchObject({ applied: false, diagnostics: [{ severity: "error", line: 2 }] });
    const other = await configuration.apply(first.replace("gw-1", "gw-2"), hash, "kim");
    expect(other).toMatchObject({ applied: false, restartNeeded: ["gateway"] });
    expect(Buffer.from(disks.files.contents("gateway.yaml")).toString()).toBe(first);
    expect(bench.reloads).toBe(0);
    await expect(configuration.edit(() => "a: [", "kim", "note")).rejects.toMatchObject({
      code: "bad-configuration",
    });
  });

  it("notices what was changed by hand, and keeps that too", async () => {
    const disks = newDisks();
    const { configuration } = await openBench(disks);
    const { hash } = await configuration.read();
    await configuration.generations();
    const byHand = `${first}# by hand\n`;
    disks.files.put("gateway.yaml", Buffer.from(byHand));
    await expect(configuration.apply(second, hash, "kim")).rejects.toMatchObject({
      code: "changed-meanwhile",
    });
    expect(await configuration.generations()).toMatchObject([{ by: "file" }, { by: "file", current: true }]);
    expect(await configuration.generation(2)).toEqual({ text: byHand });
  });

  it.each(["refuse", "throw"] as const)(
    "puts the old text back when the reload does not take it: %s",
    async (how) => {
      const disks = newDisks();
      const bench = await openBench(disks);
      bench.refuse = (text) => (text === second ? how : undefined);
      const { hash } = await bench.configuration.read();
      const applied = bench.configuration.apply(second, hash, "kim");
      if (how === "throw") await expect(applied).rejects.toThrow("a bug");
      else expect(await applied).toMatchObject({ applied: false, changes: ["no"] });
      expect(Buffer.from(disks.files.contents("gateway.yaml")).toString()).toBe(first);
      expect(bench.reloads).toBe(2);
      expect(bench.level).toBe("info");
      expect(await bench.configuration.generations()).toMatchObject([{ number: 1, current: true }]);
    },
  );

  it("keeps a bounded number", async () => {
    const disks = newDisks();
    const { configuration } = await openBench(disks);
    for (let index = 0; index < maxGenerations + 3; index++)
      await configuration.edit((text) => `${text}# ${index}\n`, "kim", "n");
    const kept = await configuration.generations();
    expect(kept).toHaveLength(maxGenerations);
    expect(kept[0]?.number).toBe(5);
    expect(disks.kept.names).toHaveLength(maxGenerations + 1);
  });

  it("changes one thing at a time", async () => {
    const { configuration } = await openBench(newDisks());
    const all = Array.from({ length: 10 }, (_, index) =>
      configuration.edit((text) => `${text}# ${index}\n`, "kim", "n"),
    );
    await Promise.all(all);
    const { text } = await configuration.read();
    expect(text.match(/# \d/g)).toHaveLength(10);
  });

  it("has the old text or the new one after a power cut at any moment, and knows which", async () => {
    const seen = new Set<string>();
    for (let at = 0; at < 60; at++) {
      for (let seed = 0; seed < 6; seed++) {
        const random = seeded(at * 31 + seed);
        const disks = newDisks();
        const { configuration } = await openBench(disks);
        const { hash } = await configuration.read();
        await configuration.generations();
        let left = at;
        const before = () => {
          if (left-- <= 0) throw new Error("power cut");
        };
        disks.files.options = { random, before };
        disks.kept.options = { random, before };
        const done = await configuration.apply(second, hash, "kim").then(
          ({ applied }) => applied,
          () => false,
        );
        const after = { files: disks.files.cutPower({ random }), kept: disks.kept.cutPower({ random }) };
        const text = Buffer.from(after.files.contents("gateway.yaml")).toString();
        expect([first, second]).toContain(text);
        if (done) expect(text).toBe(second);
        seen.add(text);
        const again = await openBench(after);
        const kept = await again.configuration.generations();
        expect(kept.at(-1)).toMatchObject({ current: true });
        expect(await again.configuration.generation(kept.at(-1)?.number ?? 0)).toEqual({ text });
        const next = await again.configuration.edit((one) => `${one}# on\n`, "kim", "goes on");
        expect(next.applied).toBe(true);
      }
    }
    expect(seen.size).toBe(2);
  });
});

describe("a real file", () => {
  it("keeps its mode and the link that leads to it; texts that were are for the gateway alone", async () => {
    const folder = newFolder();
    mkdirSync(join(folder, "real"));
    const real = join(folder, "real", "gw.yaml");
    writeFileSync(real, first);
    chmodSync(real, 0o604);
    symlinkSync("real/gw.yaml", join(folder, "gateway.yaml"));
    const file = openTextFile(join(folder, "gateway.yaml"));
    await file.replace(second);
    expect(readFileSync(real, "utf8")).toBe(second);
    expect(await file.read()).toBe(second);
    expect(statSync(real).mode & 0o777).toBe(0o604);
    expect(readdirSync(join(folder, "real"))).toEqual(["gw.yaml"]);
    expect(readdirSync(folder).sort()).toEqual(["gateway.yaml", "real"]);
    const disk = await openFolderDisk(join(folder, "kept"), privateFiles);
    await (await openGenerations(disk, new VirtualClock())).found(first);
    for (const name of readdirSync(join(folder, "kept")))
      expect(statSync(join(folder, "kept", name)).mode & 0o777).toBe(0o600);
    await expect(openTextFile(join(folder, "none")).read()).rejects.toMatchObject({ code: "disk-missing" });
  });

  it("says what to do where its folder takes nothing", async () => {
    const folder = newFolder();
    writeFileSync(join(folder, "gateway.yaml"), first);
    chmodSync(folder, 0o555);
    // Nothing is refused to root: as nobody then.
    const isRoot = process.getuid?.() === 0;
    if (isRoot) process.seteuid?.(65_534);
    try {
      const file = openTextFile(join(folder, "gateway.yaml"));
      await expect(file.replace(second)).rejects.toMatchObject({
        code: "disk-read-only",
        hint: expect.stringMatching(/write to this folder/),
      });
    } finally {
      if (isRoot) process.seteuid?.(0);
      chmodSync(folder, 0o700);
    }
  });
});
