import { afterEach, describe, expect, it } from "vitest";
import { RefusedError } from "../../gateway/model/errors.ts";
import type { Updater } from "../../gateway/updates/updater.ts";

export interface UpdaterBench extends AsyncDisposable {
  readonly updater: Updater;
  /** Path of a bundle that is good, for this board, of version 2.0.0. */
  readonly bundle: string;
  readonly missing: string;
  /** Whether slots can really be written here. */
  readonly installs: boolean;
}

/** What every updater must do, whatever is behind it. */
export function updaterContract(name: string, open: () => Promise<UpdaterBench>): void {
  describe(`updater ${name}`, () => {
    let bench: UpdaterBench | undefined;
    const opened = async () => {
      bench = await open();
      return bench;
    };
    afterEach(async () => {
      await bench?.[Symbol.asyncDispose]();
      bench = undefined;
    });

    it("tells the slots, and which of them runs", async () => {
      const { updater } = await opened();
      const status = await updater.status();
      expect(status.booted).toBe("A");
      expect(status.slots.map(({ name, booted }) => [name, booted])).toEqual([
        ["A", true],
        ["B", false],
      ]);
      expect(status.compatible).toMatch(/^stadsnod-/);
    });

    it("says what a bundle is", async () => {
      const { updater, bundle } = await opened();
      const facts = await updater.inspect(bundle);
      expect(facts).toMatchObject({ version: "2.0.0", compatible: (await updater.status()).compatible });
      expect(facts.sha256).toMatch(/^[0-9a-f]{64}$/);
      expect(facts.signer).not.toBe("");
      expect(facts.bytes).toBeGreaterThan(0);
    });

    it("refuses a bundle that is not there", async () => {
      const { updater, missing } = await opened();
      await expect(updater.inspect(missing)).rejects.toSatisfy(
        (error) => error instanceof RefusedError && error.code === "bundle-missing",
      );
    });

    it("marks the slot that runs", async () => {
      const { updater } = await opened();
      await updater.markBad();
      expect((await updater.status()).slots[0]).toMatchObject({ name: "A", state: "bad" });
      await updater.markGood();
      expect((await updater.status()).slots[0]).toMatchObject({ name: "A", state: "good" });
    });

    it("installs into the other slot, and has the boot loader take it next", async () => {
      const { updater, bundle, installs } = await opened();
      if (!installs)
        return expect(updater.install(bundle, () => {})).rejects.toMatchObject({ code: "install-failed" });
      const seen: number[] = [];
      await updater.install(bundle, (percent) => seen.push(percent));
      const { booted, next, slots } = await updater.status();
      expect({ booted, next }).toEqual({ booted: "A", next: "B" });
      expect(slots[1]).toMatchObject({ name: "B", version: "2.0.0" });
      expect(seen.at(-1)).toBe(100);
      expect([...seen].sort((a, b) => a - b)).toEqual(seen);
    });
  });
}
