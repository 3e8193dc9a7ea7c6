interface Turns {
  readers: number;
  /** Whether a write has the unit for itself. */
  alone: boolean;
  readonly waiting: { readonly alone: boolean; readonly begin: () => void }[];
}

/**
 * Who may speak with a unit. Reads go side by side; a write has the unit for itself, from before its
 * first byte until its answer, with all that it reads on the way: what was asked before it shows the
 * state before it, what was asked after it the state after it. In the order of asking; other units go on.
 */
export class UnitTurns {
  readonly #units = new Map<number, Turns>();

  /** Resolves when it may begin; undefined: at once. Each is ended by one `leave`. */
  enter(unit: number, alone: boolean): Promise<void> | undefined {
    let turns = this.#units.get(unit);
    if (!turns) {
      turns = { readers: 0, alone: false, waiting: [] };
      this.#units.set(unit, turns);
    }
    if (turns.waiting.length === 0 && mayBegin(turns, alone)) {
      take(turns, alone);
      return undefined;
    }
    const { waiting } = turns;
    return new Promise((begin) => waiting.push({ alone, begin }));
  }

  leave(unit: number, alone: boolean): void {
    const turns = this.#units.get(unit);
    if (!turns) return;
    if (alone) turns.alone = false;
    else turns.readers--;
    for (let next = turns.waiting[0]; next && mayBegin(turns, next.alone); next = turns.waiting[0]) {
      turns.waiting.shift();
      take(turns, next.alone);
      next.begin();
    }
  }
}

function mayBegin({ readers, alone: busy }: Turns, alone: boolean): boolean {
  return !busy && (!alone || readers === 0);
}

function take(turns: Turns, alone: boolean): void {
  if (alone) turns.alone = true;
  else turns.readers++;
}
