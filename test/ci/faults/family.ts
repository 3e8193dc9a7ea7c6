import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { root } from "../../system/daemon.ts";
import { safeLevel } from "./lamp.ts";
import { type Begun, type DeviceName, devices, patienceMs, Rig, type RigOptions } from "./rig.ts";
import { type Row, sectionOf, table } from "./table.ts";

/** One fault: what is done, how it shows, and how it ends. */
export interface Fault {
  readonly name: string;
  /** What is done, for the table. */
  readonly done: string;
  inject(rig: Rig, begun: Begun): unknown;
  /** Resolves with how the gateway noticed it. */
  noticed(rig: Rig, begun: Begun): Promise<string>;
  /** Devices that answer and whose readings reach the platform (`platform`), or at least are asked (`line`), while it lasts. */
  readonly goesOn?: { readonly to: "platform" | "line"; readonly devices?: readonly DeviceName[] };
  heal(rig: Rig, begun: Begun): unknown;
  /** Packs may be given up, and gap records must tell of them. */
  readonly mayLose?: boolean;
  /** The broker forgets what it had acknowledged to the city. */
  readonly brokerForgets?: boolean;
  /** A command that must be carried out once or never: not for faults that begin with a daemon that is down. */
  readonly strikes?: boolean;
  /** How long any step may take, ms, where it is left to chance: `patienceMs` unless given. */
  readonly patienceMs?: number;
}

/** One vitest test per fault of a family, on one rig; at the end the table. */
export function family(
  title: string,
  file: string,
  options: RigOptions | (() => RigOptions),
  faults: readonly Fault[],
): void {
  const rows: Row[] = [];
  describe(title, () => {
    let rig: Rig;
    beforeAll(async () => {
      rig = await Rig.open(typeof options === "function" ? options() : options);
    });
    afterAll(async () => {
      await rig?.[Symbol.asyncDispose]();
      process.stdout.write(`\n${table(title, rows, faults.length)}\n`);
      const folder = process.env.STADSNOD_FAULTS;
      if (folder !== undefined) {
        mkdirSync(folder, { recursive: true });
        writeFileSync(join(folder, `${file}.json`), JSON.stringify({ title, faults: faults.length, rows }));
      }
    });
    for (const fault of faults) {
      const patience = fault.patienceMs ?? patienceMs;
      it(fault.name, { timeout: 3 * patience }, async () => {
        rig.patienceMs = patience;
        rows.push(await suffer(rig, fault));
      });
    }
    it("nothing is missing in the books of the consumer, and docs/faults.md names these faults", async () => {
      expect(await rig.audit()).toMatchObject({ missing: 0 });
      if (process.env.STADSNOD_FAULTS !== undefined) return;
      const told = sectionOf(readFileSync(join(root, "docs", "faults.md"), "utf8"), title);
      expect(told).toEqual(faults.map(({ name }) => name));
    });
  });
}

/** From a healthy gateway through the fault to a healthy gateway. */
async function suffer(rig: Rig, fault: Fault): Promise<Row> {
  rig.wrong.length = 0;
  await rig.up();
  await rig.fresh(devices);
  await rig.level();
  const before = rig.lamp.level;
  const begun = rig.begin();
  let healed = false;
  try {
    await fault.inject(rig, begun);
    if (fault.strikes !== false) rig.strike();
    const noticed = await rig.within(fault.noticed(rig, begun), `a word of "${fault.name}"`);
    if (fault.goesOn) {
      const { to, devices: names = devices } = fault.goesOn;
      await (to === "platform" ? rig.fresh(names) : rig.polled(names));
    }
    healed = true;
    await fault.heal(rig, begun);
    return { ...(await recover(rig, fault, begun, before)), noticed };
  } finally {
    // The faults after this one are to be judged by themselves.
    if (!healed) await fault.heal(rig, begun);
  }
}

/** Until everything is as it was, and the lamp has been judged. */
async function recover(rig: Rig, fault: Fault, begun: Begun, before: number): Promise<Omit<Row, "noticed">> {
  const healedAt = performance.now();
  await rig.fresh(devices);
  await rig.level();
  await rig.settled(begun, { mayLose: fault.mayLose ?? false });
  const recoveredS = (performance.now() - healedAt) / 1000;
  await rig.struck({ brokerForgot: fault.brokerForgets ?? false });
  expect(rig.wrong).toEqual([]);
  const after = rig.lamp.level;
  const lamp = rig.lamp.fellBack(begun.at)
    ? `${before} %, safe ${safeLevel} %, ${after} %`
    : `${before} % until ${after} % was wanted`;
  return { name: fault.name, done: fault.done, recoveredS, lamp };
}
