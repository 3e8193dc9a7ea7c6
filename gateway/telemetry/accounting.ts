/** What one audience got in this run; every number counts from the start of the daemon. */
export interface AudienceAccount {
  readonly audience: string;
  readonly run: string;
  /** Last seq given; seqs are gapless from 1, so this is also the number of packs. */
  readonly lastSeq: number;
  /**
   * Every pack up to this seq is out of our hands: stored, held in memory by the outbox, or given up with
   * a gap record. What a crash takes away lies behind it, so it is what `state` may promise.
   */
  readonly settledSeq: number;
  /** Records of readings, quality records included, in packs that got a seq. */
  readonly readings: number;
  /** Of these readings: durable on disk. */
  readonly stored: number;
  /** Held in memory because the disk does not take them. */
  readonly volatile: number;
  /** Given up by the outbox or here; each pack among them is named by a gap record. */
  readonly dropped: number;
  /** In sealed packs whose append has not settled. */
  readonly pending: number;
}

type Outcome = "disk" | "memory" | "dropped";

interface Settled {
  readonly audience: string;
  readonly seq: number;
  readonly readings: number;
}

interface Account extends Record<Outcome, number> {
  lastSeq: number;
  settledSeq: number;
  /** Seqs that settled before an earlier one; no more than appends that run at once. */
  readonly early: Set<number>;
  readings: number;
}

/**
 * Counts readings by audience from the moment their pack has a seq. At every moment
 * readings = stored + volatile + dropped + pending, so `stadsnod audit` can compare what was
 * produced with what was stored, acknowledged and received.
 */
export class Accounting {
  readonly #run: string;
  readonly #audiences = new Map<string, Account>();

  constructor(run: string) {
    this.#run = run;
  }

  /** The next seq of an audience; from now on its readings are pending. */
  sealed(audience: string, readings: number): number {
    const account = this.#account(audience);
    account.readings += readings;
    return ++account.lastSeq;
  }

  settled({ audience, seq, readings }: Settled, outcome: Outcome): void {
    const account = this.#account(audience);
    account[outcome] += readings;
    account.early.add(seq);
    while (account.early.delete(account.settledSeq + 1)) account.settledSeq++;
  }

  list(): AudienceAccount[] {
    return Array.from(this.#audiences, ([audience, account]) => this.#listed(audience, account));
  }

  #listed(audience: string, account: Account): AudienceAccount {
    const { lastSeq, settledSeq, readings, disk, memory, dropped } = account;
    return {
      audience,
      run: this.#run,
      lastSeq,
      settledSeq,
      readings,
      stored: disk,
      volatile: memory,
      dropped,
      pending: readings - disk - memory - dropped,
    };
  }

  #account(audience: string): Account {
    let account = this.#audiences.get(audience);
    if (!account) {
      account = {
        lastSeq: 0,
        settledSeq: 0,
        early: new Set(),
        readings: 0,
        disk: 0,
        memory: 0,
        dropped: 0,
      };
      this.#audiences.set(audience, account);
    }
    return account;
  }
}
