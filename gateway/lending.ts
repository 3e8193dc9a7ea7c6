import type { ConnectionConfig, GatewayConfig } from "./config/config.ts";
import { ConfigError, LinkError, RefusedError } from "./model/errors.ts";
import { lentLoop } from "./southbound/lent.ts";
import type { ConnectionLoop } from "./southbound/loop.ts";

/** A line that somebody has. Disposing gives it back; safe to call twice. */
export interface Loan extends AsyncDisposable {
  /** As gateway.yaml said when it was lent. */
  readonly connection: ConnectionConfig;
  /** Aborts when the gateway needs it back: it stops. */
  readonly signal: AbortSignal;
}

export interface LendingOptions {
  config(): GatewayConfig;
  readonly loops: Map<string, ConnectionLoop>;
  /** Runs what changes which loops there are: one at a time, reloads too. */
  inTurn<T>(work: () => Promise<T>): Promise<T>;
  /** Opens the loop of a connection, or asks `standIn` first. */
  open(connection: ConnectionConfig): Promise<void>;
}

/** Lines that somebody else has for a while: a scan, a diagnosis. */
export class Lending {
  readonly #options: LendingOptions;
  /** Who has each line. */
  readonly #lent = new Map<string, string>();
  readonly #closing = new AbortController();

  constructor(options: LendingOptions) {
    this.#options = options;
  }

  async lend(name: string, by: string): Promise<Loan> {
    const { inTurn, loops } = this.#options;
    return inTurn(async () => {
      if (this.#closing.signal.aborted) throw closed();
      const connection = this.#configured(name);
      const other = this.#lent.get(name);
      if (other !== undefined)
        throw new RefusedError(`${name} is borrowed by ${other} already`, {
          code: "line-busy",
          hint: "wait for it, or stop it",
        });
      this.#lent.set(name, by);
      const loop = loops.get(name);
      // From now on nobody asks the loop that ends.
      this.standIn(name);
      try {
        await loop?.[Symbol.asyncDispose]();
      } catch (error) {
        await this.#giveBack(name);
        throw error;
      }
      let back: Promise<void> | undefined;
      return {
        connection,
        signal: this.#closing.signal,
        [Symbol.asyncDispose]: () => {
          back ??= inTurn(() => this.#giveBack(name));
          return back;
        },
      };
    });
  }

  /** Whether the line is lent; then its stand-in has its place, with the devices that are configured now. */
  standIn(name: string): boolean {
    const by = this.#lent.get(name);
    if (by === undefined) return false;
    const { config, loops } = this.#options;
    const devices = config().devices.filter((device) => device.connection === name);
    loops.set(name, lentLoop(name, by, devices));
    return true;
  }

  /** Nothing is lent any more, and nothing is opened again. */
  close(): void {
    this.#closing.abort(closed());
  }

  async #giveBack(name: string): Promise<void> {
    const { config, loops, open } = this.#options;
    this.#lent.delete(name);
    if (this.#closing.signal.aborted) return;
    const standIn = loops.get(name);
    const connection = config().connections.get(name);
    try {
      // Until then the stand-in answers: whoever asks now is told to try again, not that there is no such device.
      if (connection) await open(connection);
    } finally {
      if (loops.get(name) === standIn) loops.delete(name);
    }
  }

  #configured(name: string): ConnectionConfig {
    const { connections } = this.#options.config();
    const connection = connections.get(name);
    if (connection) return connection;
    throw new ConfigError(`no connection ${name.slice(0, 63)}`, {
      code: "unknown-connection",
      hint: `there are ${[...connections.keys()].join(", ")}`,
    });
  }
}

function closed(): LinkError {
  return new LinkError("the gateway stops", { code: "closed" });
}
