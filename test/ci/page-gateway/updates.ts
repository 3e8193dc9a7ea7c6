import type { LocalUpdates, UpdateFacts } from "../../../gateway/local/commissioning.ts";
import type { RefusedError } from "../../../gateway/model/errors.ts";

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

const day = 86_400_000;

/** An image with two slots, whose updates go as a test says. */
export class ImageUpdates implements LocalUpdates {
  /** Undefined: this gateway is no image of ours. */
  facts: Mutable<UpdateFacts> | undefined = {
    phase: "idle",
    version: "1.3.0",
    failed: [],
    compatible: "stadsnod-pi",
    slots: [
      { name: "A", booted: true, state: "good", version: "1.3.0", installedAt: ago(40 * day) },
      { name: "B", booted: false, state: "good", version: "1.2.4", installedAt: ago(170 * day) },
    ],
  };
  inFolder = ["stadsnod-pi-1.4.0.raucb"];
  /** What was asked for, and by whom. */
  readonly asked: { readonly what: string; readonly by: string }[] = [];
  /** The next one is refused so. */
  refusal: RefusedError | undefined;

  state = () => this.facts;
  bundles = async () => this.inFolder;

  tell(change: Partial<UpdateFacts>): void {
    if (this.facts) this.facts = { ...this.facts, progress: undefined, why: undefined, ...change };
  }

  async install({ file, url, sha256 }: Parameters<LocalUpdates["install"]>[0], by: string): Promise<void> {
    this.#note(["install", file ?? url, sha256].filter(Boolean).join(" "), by);
    this.tell({ phase: "downloading", target: undefined, by });
  }
  async rollBack(by: string): Promise<void> {
    this.#note("roll-back", by);
    this.tell({
      phase: "rolling-back",
      why: { code: "asked", message: `${by} asked for the former version` },
    });
  }
  async commit(by: string): Promise<void> {
    this.#note("commit", by);
    this.tell({ phase: "committing" });
  }

  #note(what: string, by: string): void {
    const { refusal } = this;
    this.refusal = undefined;
    if (refusal) throw refusal;
    this.asked.push({ what, by });
  }
}

function ago(ms: number): string {
  return new Date(Date.now() - ms).toISOString();
}
