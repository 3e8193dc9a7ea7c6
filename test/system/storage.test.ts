import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { openBroker } from "../../simulators/broker.ts";
import { ask, type Daemon, newFolder, run, startDaemon } from "./daemon.ts";
import { configuration, meterProfile, openMeters, watchPlatform, writeProfiles } from "./field.ts";

const isRoot = process.getuid?.() === 0;

/** Whether this user may mount; without it a folder's rights and a file-size limit do the same to the daemon. */
function mount(target: string, ...options: string[]): boolean {
  if (!isRoot) return false;
  mkdirSync(target, { recursive: true });
  try {
    execFileSync("mount", ["-t", "tmpfs", ...options, "tmpfs", target], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

async function stillWorks(daemon: Daemon, meters: Awaited<ReturnType<typeof openMeters>>): Promise<void> {
  const { requests } = meters.unit(1);
  await daemon.until(
    ({ devices }) => devices[0]?.state === "available" && meters.unit(1).requests > requests + 3,
  );
  const latest = await ask<{ value: number }[]>(daemon.socket, "GET", "/v1/latest?point=voltage");
  expect(latest.body[0]?.value).toBe(230.5);
  expect((await run(["read", "meter-1", "voltage", "--socket", daemon.socket])).code).toBe(0);
}

describe("a store that does not take packs", () => {
  it("from the start: polling, local API and delivery go on, and the status says it", async () => {
    await using broker = await openBroker({ port: 0 });
    await using meters = await openMeters([1]);
    await using city = await watchPlatform(broker.url);
    const folder = newFolder();
    writeProfiles(folder, { "test/meter": meterProfile });
    // Where a folder should be is a file: no right of root's helps.
    writeFileSync(join(folder, "store"), "");
    await using daemon = await startDaemon({
      folder,
      yaml: configuration({ port: meters.port, broker: broker.url }),
    });
    await stillWorks(daemon, meters);
    await city.reading("meter-1", "voltage");
    const { quarantined } = await daemon.status();
    expect(
      quarantined.map(({ kind, id, reason }) => `${kind} ${id}: ${reason.replaceAll(folder, "FOLDER")}`),
    ).toEqual([
      "store of audit-log: FOLDER/store/audit: ENOTDIR",
      "store of city: FOLDER/store/outbox-city: ENOTDIR",
      "store of commands: FOLDER/store/commands: ENOTDIR",
    ]);
    expect((await run(["status", "--socket", daemon.socket])).out).toContain("store of city: ");
    expect((await daemon.end("SIGTERM")).code).toBe(0);
  });

  it("when it is full: packs wait in memory, the status says full, and the disk is used again when there is room", async () => {
    await using meters = await openMeters([1]);
    const folder = newFolder();
    writeProfiles(folder, { "test/meter": meterProfile });
    const store = join(folder, "store");
    const mounted = mount(store, "-o", "size=24m");
    try {
      const yaml = configuration({ port: meters.port, broker: "mqtt://127.0.0.1:9" }).replace(
        "fast: 200ms",
        "fast: 20ms",
      );
      // Without a small disk: a limit on the size of files, which the system reports in the same way.
      const through = mounted ? undefined : ["prlimit", "--fsize=1000000"];
      const ballast = join(store, "ballast");
      if (mounted) {
        try {
          writeFileSync(ballast, Buffer.alloc(25_000_000));
        } catch (error) {
          expect(error).toMatchObject({ code: "ENOSPC" });
        }
      }
      await using daemon = await startDaemon({ folder, yaml, through });
      const full = await daemon.until(({ northbound }) => northbound[0]!.outbox.volatile > 0);
      expect(full.northbound[0]!.outbox.disk).toBe("full");
      await stillWorks(daemon, meters);
      expect(
        daemon.log.filter(({ msg }) => msg?.startsWith("outbox disk does not take packs")),
      ).toMatchObject([{ code: "disk-full" }]);
      if (mounted) {
        rmSync(ballast);
        await daemon.until(
          ({ northbound }) => northbound[0]!.outbox.disk === "ok" && northbound[0]!.outbox.volatile === 0,
        );
        await daemon.logged(({ msg }) => msg === "outbox disk takes packs again");
      }
      expect((await daemon.end("SIGTERM")).code).toBe(0);
    } finally {
      if (mounted) execFileSync("umount", ["-l", store]);
    }
  });

  it("when it is read-only: also with the socket of the local API on it", async () => {
    await using meters = await openMeters([1]);
    const folder = newFolder();
    writeProfiles(folder, { "test/meter": meterProfile });
    const store = join(folder, "store");
    const mounted = mount(store, "-o", "size=8m");
    const yaml = configuration({ port: meters.port, broker: "mqtt://127.0.0.1:9" });
    try {
      {
        await using daemon = await startDaemon({ folder, yaml });
        await daemon.until(({ northbound }) => northbound[0]!.outbox.packs > 0);
        await daemon.end("SIGKILL");
      }
      if (mounted) execFileSync("mount", ["-o", "remount,ro", store]);
      else chmodSync(store, 0o500);
      await using daemon = await startDaemon({ folder, yaml });
      await stillWorks(daemon, meters);
      const status = await daemon.until(
        ({ northbound, quarantined }) => northbound[0]!.outbox.volatile > 0 || quarantined.length > 0,
      );
      expect(`${status.northbound[0]!.outbox.disk} ${JSON.stringify(status.quarantined)}`).toMatch(
        /read-only|EROFS|EACCES/,
      );
      expect((await daemon.end("SIGTERM")).code).toBe(0);

      if (mounted) {
        await using deaf = await startDaemon({
          folder,
          yaml: `${yaml}local: {socket: store/s.sock}\n`,
          nowait: true,
        });
        await deaf.logged(({ code }) => code === "local-disk");
        const { requests } = meters.unit(1);
        while (meters.unit(1).requests < requests + 3)
          await new Promise((resolve) => setTimeout(resolve, 20));
        expect((await deaf.end("SIGTERM")).code).toBe(0);
      }
    } finally {
      if (mounted) execFileSync("umount", ["-l", store]);
      else if (statSync(store, { throwIfNoEntry: false })) chmodSync(store, 0o700);
    }
  });
});
