import { RefusedError, TransientError } from "../../gateway/model/errors.ts";
import type { BundleFacts, Updater, UpdaterStatus } from "../../gateway/updates/updater.ts";

/** How a system behaves once it is started. */
export type Behaviour = "works" | "unhealthy" | "crashes" | "hangs-at-boot";

export interface FakeSystem {
  readonly version: string;
  readonly behaviour: Behaviour;
}

interface Slot {
  /** Undefined: half written. */
  system: FakeSystem | undefined;
  tries: number;
}

const mostTries = 3;

/**
 * A machine with two slots and a boot loader that counts, as our images have them (boot order, tries left per
 * slot, RAUC's order of doing things). It outlives power cuts; `cut` is asked before each thing that lasts.
 */
export class FakeMachine {
  readonly compatible = "stadsnod-fake";
  readonly slots: Record<string, Slot>;
  order: string[] = ["A", "B"];
  booted = "A";
  boots = 1;
  /** Restart was asked for. */
  rebooting = false;
  readonly bundles = new Map<string, FakeSystem & Partial<BundleFacts>>();
  installs: string[] = [];
  cut: (moment: string) => void = () => {};
  /** How the next installs end. */
  failInstalls = 0;

  constructor(version = "1.0.0") {
    this.slots = {
      A: { system: { version, behaviour: "works" }, tries: mostTries },
      B: { system: undefined, tries: 0 },
    };
  }

  get running(): FakeSystem {
    const system = this.slots[this.booted]?.system;
    if (!system) throw new Error("a half written slot runs");
    return system;
  }

  get other(): string {
    return this.booted === "A" ? "B" : "A";
  }

  /** The boot loader: tries in order, one less each time. Starts that come to nothing are gone through at once. */
  boot(): void {
    this.rebooting = false;
    for (let round = 0; round < 20; round++) {
      this.boots++;
      let name = this.order.find((one) => (this.slots[one]?.tries ?? 0) > 0);
      if (name === undefined) {
        // As the boot script of our images does: rather all over again than not at all.
        for (const one of this.order) this.slots[one]!.tries = mostTries;
        name = this.order[0];
      }
      if (name === undefined) throw new Error("BRICKED: no slot may be started");
      const slot = this.slots[name]!;
      slot.tries--;
      if (!slot.system) throw new Error("BRICKED: a half written slot was started");
      if (slot.system.behaviour === "hangs-at-boot" || slot.system.behaviour === "crashes") continue;
      this.booted = name;
      return;
    }
    throw new Error("BRICKED: it starts for ever");
  }

  updater(): Updater {
    return new FakeUpdater(this);
  }
}

class FakeUpdater implements Updater {
  readonly #machine: FakeMachine;

  constructor(machine: FakeMachine) {
    this.#machine = machine;
  }

  async status(): Promise<UpdaterStatus> {
    const { compatible, booted, slots, order } = this.#machine;
    return {
      compatible,
      booted,
      next: order.find((name) => (slots[name]?.tries ?? 0) > 0),
      slots: Object.entries(slots).map(([name, { system, tries }]) => ({
        name,
        booted: name === booted,
        state: tries > 0 ? "good" : "bad",
        version: system?.version,
      })),
    };
  }

  async inspect(bundle: string): Promise<BundleFacts> {
    const { compatible } = this.#machine;
    const found = this.#bundle(bundle);
    const { version } = found;
    return { compatible, version, sha256: "0".repeat(64), bytes: 1000, signer: "CN = fake", ...pick(found) };
  }

  async install(bundle: string, progress: (percent: number) => void): Promise<void> {
    const machine = this.#machine;
    const { version, behaviour } = this.#bundle(bundle);
    const slot = machine.slots[machine.other]!;
    machine.installs.push(version);
    machine.cut("before the slot is marked bad");
    slot.tries = 0;
    machine.order = [machine.booted, machine.other];
    machine.cut("slot marked bad");
    slot.system = undefined;
    progress(20);
    machine.cut("slot half written");
    if (machine.failInstalls > 0) {
      machine.failInstalls--;
      throw new TransientError("the slot does not take it", { code: "install-failed" });
    }
    slot.system = { version, behaviour };
    machine.cut("slot written");
    slot.tries = mostTries;
    machine.order = [machine.other, machine.booted];
    machine.cut("slot activated");
    progress(100);
  }

  async markGood(): Promise<void> {
    this.#machine.cut("before marked good");
    this.#machine.slots[this.#machine.booted]!.tries = mostTries;
    this.#machine.cut("marked good");
  }

  async markBad(): Promise<void> {
    this.#machine.cut("before marked bad");
    const machine = this.#machine;
    machine.slots[machine.booted]!.tries = 0;
    // RAUC takes it out of the boot order, too.
    machine.order = machine.order.filter((name) => name !== machine.booted);
    machine.cut("marked bad");
  }

  async reboot(): Promise<void> {
    this.#machine.cut("before the restart");
    this.#machine.rebooting = true;
    this.#machine.cut("restart asked for");
  }

  #bundle(path: string): FakeSystem & Partial<BundleFacts> {
    const found = this.#machine.bundles.get(path);
    if (!found) throw new RefusedError("the bundle is not there", { code: "bundle-missing" });
    return found;
  }
}

function pick({ compatible, sha256 }: Partial<BundleFacts>) {
  return { ...(compatible === undefined ? {} : { compatible }), ...(sha256 === undefined ? {} : { sha256 }) };
}
