import { type Bench, compared, failed, type Row } from "./bench.ts";
import type { SimulatorReady, SimulatorSettings } from "./children/simulator.ts";
import type { MasterAnswers, MasterResult, MasterScript, MasterSettings } from "./master.ts";
import { overTcp, withStalls } from "./modbus-tcp.ts";
import { besideOthers } from "./peers.ts";
import { startChild } from "./process.ts";

const timeoutMs = 50;
/** How late every second answer is, in timeouts. */
const lateness = [1.2, 2, 5] as const;

/** A unit of which every second answer comes 1.2 to 5 timeouts late; each read asks other registers than the one before. */
export const silentlyWrong: Bench = {
  name: "modbus.silentlyWrong",
  title: "answers that come late: values taken from the wrong registers",
  method:
    "Every second answer of a device comes 1.2, 2 and 5 timeouts (of 50 ms) late, over TCP and over a pty as RTU, 40 reads each (20 where quick). Every read asks other registers than the one before, and every register holds its own address; counted are reads that a master gave out as good with values of other registers. Beside it the same for each peer; where modbus-serial gives no wrong value the scene is broken and fails. Ours holds back a request that an old answer would fit until 7 timeouts after the old request: a run of ours in which the device or the master stood still for longer than three quarters of what is left of them is made again, up to 4 times, and then told as not measured; how many runs were made again, and what was wrong in those left out, stands beside it.",
  notComparable:
    "mbpoll reads one address only, so here its registers count the requests instead: an answer with another number than the request's own is an answer to an earlier request. The defect is the same, an old answer taken for the new one.",
  goals: { "modbus.silentlyWrong": { atMost: 0 } },
  run: async ({ quick }) => {
    const requests = quick ? 20 : 40;
    const reads = 2 * lateness.length * requests;
    const { wrong: theirs } = await wrongOf("modbus-serial.ts", requests);
    const ours = await wrongOf("gateway.ts", requests).then(
      ({ wrong, again, wrongBefore }): Row[] => [
        compared("modbus.silentlyWrong", wrong, `of ${reads}`, "modbus-serial", theirs),
        { name: "modbus.silentlyWrong.runsAgain", value: again, unit: "of 6" },
        { name: "modbus.silentlyWrong.inRunsLeftOut", value: wrongBefore, unit: "values" },
      ],
      (error: unknown): Row[] => [failed("modbus.silentlyWrong", `of ${reads}`, error)],
    );
    const rows: Row[] = [
      ...ours,
      { name: "modbus.silentlyWrong.modbusSerial", value: theirs, unit: `of ${reads}` },
    ];
    // Without a peer that falls for it the scene would prove nothing.
    if (theirs === 0) rows.push(failed("modbus.silentlyWrong.control", "", "the control found nothing"));
    const others = await besideOthers("modbus.silentlyWrong", `of ${reads}`, async (other, script) => [
      {
        name: `modbus.silentlyWrong.${other}`,
        value: (await wrongOf(script, requests)).wrong,
        unit: `of ${reads}`,
      },
    ]);
    return [...rows, ...others];
  },
};

interface Counted {
  readonly wrong: number;
  /** Runs that were made again, and the wrong values of those that were left out for it. */
  readonly again: number;
  readonly wrongBefore: number;
}

/** Wrong values over both wires and all latenesses. */
async function wrongOf(script: MasterScript, requests: number): Promise<Counted> {
  const counted = script === "mbpoll.ts";
  const settings = {
    units: [1],
    registers: 2,
    type: "u16",
    timeoutMs,
    concurrency: 1,
    durationMs: 0,
    requests,
    ...(counted ? { counted } : { roam: true }),
  } as const;
  const sum = { wrong: 0, again: 0, wrongBefore: 0 };
  for (const timeouts of lateness) {
    const faults = { late: { nth: 2, ms: timeouts * timeoutMs }, counted };
    for (const over of [overTcp, overPty]) {
      const { wrong, again, wrongBefore } = await punctual(script, timeouts, () =>
        over(script, settings, faults),
      );
      sum.wrong += wrong;
      sum.again += again;
      sum.wrongBefore += wrongBefore;
    }
  }
  return sum;
}

/** Ours holds on for so many timeouts after a request. */
const heldTimeouts = 7;

/** A run in which no answer came later than ours holds for: on a busy machine the device is later than it means to be. */
async function punctual(
  script: MasterScript,
  timeouts: number,
  run: () => Promise<MasterResult>,
): Promise<Counted> {
  const mostMs = 0.75 * (heldTimeouts - timeouts) * timeoutMs;
  let wrongBefore = 0;
  for (let again = 0; ; again++) {
    const { stallMs = 0, wrong } = await run();
    // A peer is not judged: the first run will do.
    if (stallMs <= mostMs || script !== "gateway.ts") return { wrong, again, wrongBefore };
    wrongBefore += wrong;
    if (again === 4)
      throw new Error(`this machine is too busy: a process stood still for ${stallMs.toFixed(0)} ms`);
  }
}

async function overPty(
  script: MasterScript,
  settings: Omit<MasterSettings, "endpoint">,
  faults: Pick<SimulatorSettings, "late" | "counted">,
): Promise<MasterResult> {
  const device: SimulatorSettings = { wire: { kind: "pty" }, units: settings.units, ...faults };
  await using simulator = await startChild<SimulatorReady, { readonly stallMs: number }>(
    "simulator.ts",
    device,
  );
  const full: MasterSettings = {
    ...settings,
    endpoint: { kind: "serial", path: simulator.ready.path, baud: 115_200, parity: "none" },
  };
  await using master = await startChild<unknown, MasterAnswers>(script, full);
  return withStalls(await master.ask("run"), await simulator.ask("stallMs"));
}
