const longestLine = 2048;

/** The last lines of the log, for people who have no shell on the gateway. */
export class LogRing {
  readonly #most: number;
  readonly #lines: string[] = [];
  #next = 0;

  constructor(most = 200) {
    this.#most = most;
  }

  push(line: string): void {
    const text = line.trimEnd();
    // A line that is cut is no JSON any more: what is left is told as a text.
    this.#lines[this.#next] =
      text.length > longestLine ? JSON.stringify({ msg: text.slice(0, longestLine / 2) }) : text;
    this.#next = (this.#next + 1) % this.#most;
  }

  /** The oldest first. */
  last(count: number): readonly string[] {
    const all = [...this.#lines.slice(this.#next), ...this.#lines.slice(0, this.#next)];
    return all.slice(-Math.max(1, count));
  }
}
