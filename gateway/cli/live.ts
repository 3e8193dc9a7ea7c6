import type { CliContext } from "./context.ts";

/** Redrawing more often than an eye follows only costs the terminal. */
const redrawMs = 200;
/** Lines of a terminal that does not say how many it has. */
export const defaultRows = 40;

/** A text that is drawn over itself as it changes. It must leave one line of the terminal free. */
export class LiveText implements Disposable {
  readonly #context: CliContext;
  readonly #render: () => string;
  #drawn = 0;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(context: CliContext, render: () => string) {
    this.#context = context;
    this.#render = render;
  }

  changed(): void {
    if (this.#closed) return;
    this.#timer ??= setTimeout(() => this.#draw(), redrawMs);
  }

  /** Draws what is new a last time; from then on others may write below. */
  [Symbol.dispose](): void {
    this.#closed = true;
    if (this.#timer) this.#draw();
  }

  #draw(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const text = this.#render();
    // Back to the first line of what was drawn, then everything anew.
    this.#context.out(`${this.#drawn > 0 ? `\x1b[${this.#drawn}F\x1b[J` : ""}${text}\n`);
    this.#drawn = linesOf(text, this.#context.columns);
  }
}

/** Lines that a text takes: what is longer than the terminal is wide goes on in the next one. */
export function linesOf(text: string, columns = Number.POSITIVE_INFINITY): number {
  return text.split("\n").reduce((sum, line) => sum + Math.max(1, Math.ceil([...line].length / columns)), 0);
}
