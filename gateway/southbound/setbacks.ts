/** Failures in a row after which a request is asked less often. */
const patientFor = 3;

/**
 * Requests of one unit that fail again and again while it answers others: no breaker opens for them,
 * and each try costs a whole timeout. After three failures in a row they are to be put off.
 */
export class Setbacks {
  readonly #failures = new Map<string, number>();

  /** Whether the request is to be put off. */
  has(request: string): boolean {
    return (this.#failures.get(request) ?? 0) >= patientFor;
  }

  /** How many requests are to be put off. */
  get count(): number {
    let found = 0;
    for (const failures of this.#failures.values()) if (failures >= patientFor) found++;
    return found;
  }

  /** True when it is to be put off from now on. */
  failed(request: string): boolean {
    const before = this.#failures.get(request) ?? 0;
    this.#failures.set(request, before + 1);
    return before + 1 === patientFor;
  }

  answered(request: string): void {
    this.#failures.delete(request);
  }

  /** Forgets requests that are asked no more. */
  keep(requests: ReadonlySet<string>): void {
    for (const request of this.#failures.keys()) if (!requests.has(request)) this.#failures.delete(request);
  }
}
