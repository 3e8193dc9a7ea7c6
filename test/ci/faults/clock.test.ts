import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { newFolder } from "../../system/daemon.ts";
import { type Fault, family } from "./family.ts";
import type { Rig } from "./rig.ts";

// The wall clock of the daemon alone is turned, by libfaketime; its monotonic clock stays, as a kernel has it. The
// machine's own clock is never touched.

const dayMs = 86_400_000;
const library = ["x86_64", "aarch64"]
  .map((machine) => `/usr/lib/${machine}-linux-gnu/faketime/libfaketime.so.1`)
  .find(existsSync);
if (!library) throw new Error("libfaketime is missing: apt-get install faketime");

const file = join(newFolder(), "time");
const turn = (how: string) => writeFileSync(file, `${how}\n`);
turn("+0");

async function restart(rig: Rig, through: readonly string[] = []): Promise<void> {
  await rig.daemon.end("SIGTERM");
  await rig.start({ through });
}

async function untrusted(rig: Rig): Promise<string> {
  await rig.status(({ clock }) => !clock.trusted);
  return "status: the time is not trusted, readings count from the start of the machine";
}

/** Started with a clock that cannot be right; later something sets it. */
function wrongAtStart(name: string, done: string, how: string): Fault {
  return {
    name,
    done,
    async inject(rig) {
      turn(how);
      await restart(rig);
    },
    noticed: untrusted,
    goesOn: { to: "line" },
    heal: () => turn("+0"),
  };
}

/** What the gateway takes for the time, and how far that is from ours, ms. */
async function ahead(rig: Rig): Promise<number> {
  const { clock } = await rig.daemon.status();
  return Date.parse(clock.now ?? "") - Date.now();
}

/** From a little before the moment when a count of milliseconds in 32 bits begins anew. */
const nearWrap = Math.floor(2 ** 32 / 1000) - 4;

family(
  "Clock",
  "clock",
  {
    env: {
      LD_PRELOAD: library,
      FAKETIME_TIMESTAMP_FILE: file,
      FAKETIME_NO_CACHE: "1",
      DONT_FAKE_MONOTONIC: "1",
    },
    more: "clock: {trust: auto}\n",
  },
  [
    wrongAtStart(
      "no battery-backed clock: 1970",
      "the gateway was started in 1970; later the clock was set",
      "@1970-01-01 00:00:10",
    ),
    wrongAtStart(
      "clock a month behind at the start",
      "the gateway was started a month before the time that it had kept; later the clock was set",
      "-30d",
    ),
    {
      name: "clock jumps forward by a day",
      done: "the wall clock was set a day ahead while it ran, and back",
      inject: () => turn("+1d"),
      async noticed(rig) {
        await rig.status(({ clock }) => Date.parse(clock.now ?? "") - Date.now() > dayMs / 2);
        const { id } = rig.strikes.at(-1) ?? { id: "" };
        const last = await rig.control.last(id);
        return `the city's command is answered: ${[last.state, last.code].filter(Boolean).join(", ")}`;
      },
      goesOn: { to: "platform" },
      heal: () => turn("+0"),
    },
    {
      name: "clock jumps back by a day",
      done: "the wall clock was set a day back while it ran, and forward again",
      inject: () => turn("-1d"),
      async noticed(rig) {
        const off = Math.round((await ahead(rig)) / 1000);
        return off < -3600
          ? `status: the time is that of the system, ${off} s`
          : "status: the time goes on from the last good one";
      },
      goesOn: { to: "platform" },
      heal: () => turn("+0"),
    },
    {
      name: "clock past the end of all certificates",
      done: "the wall clock was set two years ahead and the connection cut; then back",
      inject(rig) {
        turn("+730d");
        rig.path.cut();
      },
      noticed: (rig, begun) => rig.disconnected(begun, { besides: "connection-lost" }),
      goesOn: { to: "line" },
      heal: () => turn("+0"),
    },
    {
      name: "49.7 days after power-on",
      done: "in a time namespace, the monotonic clock passed 2^32 ms while the gateway ran",
      async inject(rig) {
        const uptime = Math.ceil(Number(process.hrtime.bigint()) / 1e9);
        const offset = String(nearWrap - uptime);
        await restart(rig, ["unshare", "--time", "--monotonic", offset, "--boottime", offset]);
      },
      async noticed(rig) {
        const passed = performance.now() + 5000;
        while (performance.now() < passed) await rig.fresh(["meter-1", "meter-2", "meter-3"]);
        return "nothing to notice: readings arrive before, at and after that moment";
      },
      goesOn: { to: "platform" },
      heal: (rig) => restart(rig),
    },
  ],
);
