import type { ReadingJson } from "../../gateway/model/json.ts";
import type { Clock } from "../clock.ts";

/** `all`: each reading. `change`: where value or quality is another one. `every`: the latest of each point, so often. */
export type Emit = "all" | "change" | "every";

export interface ChoiceOptions {
  readonly emit: Emit;
  readonly everyMs: number;
  /** Whether the first reading of each point, which is its latest at the start, is told. */
  readonly initial: boolean;
  readonly clock: Clock;
  readonly emitted: (readings: readonly ReadingJson[]) => void;
}

/** Which of the readings go into the flow. One remembered reading a point. */
export class Choice implements Disposable {
  readonly #options: ChoiceOptions;
  readonly #last = new Map<string, ReadingJson>();
  #timer: Disposable | undefined;

  constructor(options: ChoiceOptions) {
    this.#options = options;
    if (options.emit === "every") this.#arm();
  }

  take(readings: readonly ReadingJson[]): void {
    const { emit, initial, emitted } = this.#options;
    const chosen = readings.filter((one) => {
      const key = `${one.device}/${one.point}`;
      const before = this.#last.get(key);
      this.#last.set(key, one);
      if (!before) return initial;
      return emit === "all" || before.value !== one.value || before.quality !== one.quality;
    });
    if (emit !== "every" && chosen.length > 0) emitted(chosen);
  }

  [Symbol.dispose](): void {
    this.#timer?.[Symbol.dispose]();
  }

  #arm(): void {
    const { everyMs, clock, emitted } = this.#options;
    this.#timer = clock.timer(everyMs, () => {
      this.#arm();
      if (this.#last.size > 0) emitted([...this.#last.values()]);
    });
  }
}
