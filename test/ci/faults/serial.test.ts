import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import type { Fault as UnitFault } from "../../../simulators/modbus/faults.ts";
import { every } from "../../../simulators/modbus/faults.ts";
import { type Fault, family } from "./family.ts";
import type { Rig } from "./rig.ts";

// meter-2, meter-3 and the lamp hang on one RS-485 line behind a pty; meter-1 on another, over TCP.

const units = [2, 3, 9];
let thief: ChildProcess;
let babbling: NodeJS.Timeout;

async function errors(rig: Rig, device: string): Promise<Readonly<Record<string, number>>> {
  return (await rig.daemon.status()).devices.find(({ id }) => id === device)?.errors ?? {};
}

/** The device's errors of a kind go up: nothing was taken for a value. */
async function counted(rig: Rig, device: string, kinds: RegExp): Promise<string> {
  const before = await errors(rig, device);
  for (;;) {
    const now = await errors(rig, device);
    const grown = Object.keys(now).find((kind) => kinds.test(kind) && (now[kind] ?? 0) > (before[kind] ?? 0));
    if (grown !== undefined) return `status: ${grown} counted at ${device}`;
    await rig.polled(["meter-1"]);
  }
}

async function unavailable(rig: Rig, device: string): Promise<string> {
  const { devices } = await rig.status(({ devices: all }) =>
    all.some(({ id, state }) => id === device && state === "unavailable"),
  );
  return `status: ${device} unavailable, ${devices.find(({ id }) => id === device)?.problem}`;
}

const others = { to: "platform", devices: ["meter-1"] } as const;

/** Some units answer wrongly. */
function wrongAnswers(
  name: string,
  done: string,
  fault: UnitFault | ReturnType<typeof every>,
  noticed: (rig: Rig) => Promise<string>,
  { on = units, goesOn = others as Fault["goesOn"] } = {},
): Fault {
  return {
    name,
    done,
    inject(rig) {
      for (const unit of on) rig.units.unit(unit).fault(fault);
    },
    noticed,
    ...(goesOn ? { goesOn } : {}),
    heal(rig) {
      for (const unit of on) rig.units.unit(unit).fault(undefined);
    },
  };
}

family("Serial line", "serial", { serial: true }, [
  {
    name: "USB adapter unplugged",
    done: "the tty hung up and its /dev/serial/by-id link vanished; plugged in again under another number",
    inject: (rig) => rig.pty?.unplug(),
    noticed: (rig) => unavailable(rig, "meter-2"),
    goesOn: others,
    heal: (rig) => rig.pty?.replug(),
  },
  wrongAnswers(
    "one unit dead",
    "meter-2 answered nothing",
    { kind: "silence" },
    (rig) => unavailable(rig, "meter-2"),
    { on: [2], goesOn: { to: "platform", devices: ["meter-1", "meter-3", "lamp"] } },
  ),
  wrongAnswers("the whole line silent", "no unit answered (a broken wire)", { kind: "silence" }, (rig) =>
    unavailable(rig, "lamp"),
  ),
  wrongAnswers("checksums wrong", "every answer of every unit had a wrong checksum", { kind: "crc" }, (rig) =>
    unavailable(rig, "meter-3"),
  ),
  wrongAnswers("half answers", "every answer broke off in the middle", { kind: "half" }, (rig) =>
    unavailable(rig, "meter-3"),
  ),
  wrongAnswers(
    "late answers",
    "every answer came 400 ms late, after the next request had been sent",
    { kind: "late", ms: 400 },
    (rig) => counted(rig, "meter-2", /./),
  ),
  wrongAnswers(
    "a stranger's answers",
    "every other answer carried the address of another unit",
    every(2, { kind: "wrong-unit" }),
    (rig) => counted(rig, "meter-3", /./),
    { goesOn: { to: "platform", devices: ["meter-1"] } },
  ),
  {
    name: "a babbling unit",
    done: "64 bytes of 0xAA came every 5 ms, without end, and spoiled every answer",
    inject(rig) {
      for (const unit of units) rig.units.unit(unit).fault({ kind: "crc" });
      const noise = Buffer.alloc(64, 0xaa);
      babbling = setInterval(() => rig.pty?.send(noise), 5);
    },
    noticed: (rig) => unavailable(rig, "meter-2"),
    goesOn: others,
    heal(rig) {
      clearInterval(babbling);
      for (const unit of units) rig.units.unit(unit).fault(undefined);
    },
  },
  {
    name: "another program reads the port",
    done: "a second process read from the same tty and got part of the answers (a login, a modem manager)",
    inject(rig) {
      thief = spawn("cat", [rig.pty?.device ?? ""], { stdio: "ignore" });
    },
    noticed: (rig) => counted(rig, "meter-2", /./),
    goesOn: others,
    async heal() {
      thief.kill("SIGKILL");
      await once(thief, "exit");
    },
  },
  wrongAnswers(
    "units that report a failure",
    "every request was answered with exception 4 (device failure)",
    { kind: "exception", code: 4 },
    (rig) => counted(rig, "meter-2", /./),
  ),
]);
