import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { startDaemon } from "../../system/daemon.ts";
import { family } from "./family.ts";
import type { Rig } from "./rig.ts";

const limit = (rig: Rig, what: string) => execFileSync("prlimit", ["--pid", String(rig.daemon.pid), what]);

/** A memory control group of version 1, or of version 2 where that has the memory controller. */
function memoryGroup(bytes: number): string {
  const first = "/sys/fs/cgroup/memory";
  const second = "/sys/fs/cgroup";
  const group = join(existsSync(first) ? first : second, `stadsnod-faults-${process.pid}`);
  mkdirSync(group, { recursive: true });
  writeFileSync(join(group, existsSync(first) ? "memory.limit_in_bytes" : "memory.max"), String(bytes));
  return group;
}

family("Process and resources", "process", {}, [
  {
    name: "killed",
    done: "the gateway was killed (SIGKILL) and started again",
    inject: (rig) => rig.daemon.end("SIGKILL"),
    noticed: (rig) => rig.offline(),
    heal: (rig) => rig.start(),
  },
  {
    name: "killed five times while it starts",
    done: "five starts in a row were killed after their first line of log",
    async inject(rig) {
      await rig.daemon.end("SIGKILL");
      for (let round = 0; round < 5; round++) {
        const daemon = await rig.start({ nowait: true });
        await daemon.logged(() => true);
        await daemon.end("SIGKILL");
      }
    },
    noticed: (rig) => rig.offline(),
    heal: (rig) => rig.start(),
  },
  {
    name: "frozen",
    done: "the process was stopped (SIGSTOP) until the broker gave it up, and continued",
    inject: (rig) => rig.daemon.kill("SIGSTOP"),
    noticed: (rig) => rig.offline(),
    heal: (rig) => rig.daemon.kill("SIGCONT"),
  },
  {
    name: "ended while it catches up",
    done: "SIGTERM in the moment when it was connected again and stored packs were leaving; then started",
    async inject(rig) {
      rig.path.fault({ accepts: "reset" });
      rig.path.cut();
    },
    async noticed(rig, begun) {
      const said = await rig.disconnected(begun);
      await rig.status(({ northbound }) => (northbound[0]?.outbox.packs ?? 0) > 30);
      return said;
    },
    goesOn: { to: "line" },
    async heal(rig, begun) {
      rig.path.fault(undefined);
      await rig.said(begun, ({ msg }) => msg === "connected to the broker");
      const { code } = await rig.daemon.end("SIGTERM");
      if (code !== 0) rig.wrong.push(`SIGTERM ended with ${code}`);
      await rig.start();
    },
  },
  {
    name: "no file descriptors left",
    done: "the limit of open files was set to those that were open, and the connection to the broker cut",
    inject(rig) {
      const open = readdirSync(`/proc/${rig.daemon.pid}/fd`).map(Number);
      // The socket that is cut gives its number back: nothing below it may be free.
      rig.path.fault({ accepts: "reset" });
      rig.path.cut();
      limit(rig, `--nofile=${Math.min(...open.filter((fd) => fd > 2))}:`);
      rig.path.fault(undefined);
    },
    noticed: (rig, begun) => rig.disconnected(begun, { besides: "connection-lost" }),
    goesOn: { to: "line" },
    heal: (rig) => limit(rig, "--nofile=1024:"),
  },
  {
    name: "not enough memory to start",
    done: "started in a control group of 24 MB, where the kernel killed it; then without",
    async inject(rig) {
      await rig.daemon.end("SIGKILL");
      const group = memoryGroup(24_000_000);
      const through = ["sh", "-c", `echo $$ > ${group}/cgroup.procs && exec "$@"`, "sh"];
      const daemon = await rig.start({ nowait: true, through });
      const { signal } = await daemon.ended;
      if (signal !== "SIGKILL") rig.wrong.push(`it ended with ${signal}`);
      rmdirSync(group);
    },
    noticed: (rig) => rig.offline(),
    heal: (rig) => rig.start(),
  },
  {
    name: "a second gateway on the same store",
    done: "the same gateway.yaml was started once more",
    async inject(rig) {
      const second = await startDaemon({ folder: rig.folder, yaml: rig.yaml, nowait: true });
      const { code } = await second.ended;
      if (code === 0) rig.wrong.push("the second gateway ended as if all were well");
      rig.notes = second.output.trim().split("\n").at(0) ?? "";
    },
    noticed: async (rig) => `the second one ends: ${rig.notes.replaceAll(rig.folder, "").slice(0, 110)}`,
    goesOn: { to: "platform" },
    heal: () => {},
  },
  {
    name: "left-over lock of a killed gateway",
    done: "killed; its lock was left behind under the number of a process that lives",
    async inject(rig) {
      await rig.daemon.end("SIGKILL");
      const lock = join(rig.store, "lock");
      const words = readFileSync(lock, "utf8");
      writeFileSync(lock, words.replace(String(rig.daemon.pid), String(process.pid)));
    },
    noticed: (rig) => rig.offline(),
    heal: (rig) => rig.start(),
  },
  {
    name: "broken configuration at a reload",
    done: "gateway.yaml was cut off in the middle, and SIGHUP sent",
    inject(rig) {
      rig.daemon.write(rig.yaml.slice(0, 300));
      rig.daemon.kill("SIGHUP");
    },
    async noticed(rig, begun) {
      return rig.shown(await rig.said(begun, ({ level }) => Number(level) >= 40));
    },
    goesOn: { to: "platform" },
    heal(rig) {
      rig.daemon.write(rig.yaml);
      rig.daemon.kill("SIGHUP");
    },
  },
  {
    name: "nobody reads the log",
    done: "whoever read its standard error ended (a log collector that died)",
    async inject(rig) {
      await rig.daemon.end("SIGTERM");
      const through = ["bash", "-c", 'exec "$@" 2> >(exec head -c 600 >&2)', "bash"];
      await rig.start({ nowait: true, through });
    },
    async noticed(rig) {
      await rig.until(() => existsSync(rig.daemon.socket));
      await rig.fresh(["meter-1"]);
      rig.daemon.kill("SIGHUP");
      rig.path.cut();
      await rig.fresh(["meter-1"]);
      return "nothing to notice it by: the gateway goes on, and its last lines can be read over the local API";
    },
    goesOn: { to: "platform" },
    async heal(rig) {
      await rig.daemon.end("SIGTERM");
      await rig.start();
    },
  },
]);
