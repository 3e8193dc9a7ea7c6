import type { CommandJson, ResultJson } from "../client/answers.ts";
import { ClientError, codeOf } from "../client/client-error.ts";
import type { GatewayLink } from "../client/gateway-link.ts";
import type { Clock } from "../clock.ts";

interface Open {
  readonly command: CommandJson;
  readonly told: (result: ResultJson) => void;
  readonly ended: PromiseWithResolvers<ResultJson>;
  /** The gateway has it: what it does not know any more has no last word. */
  accepted: boolean;
  /** A word has come: the answer to the sending, which is the first of all, is no news any more. */
  heard: boolean;
}

export interface CommanderOptions {
  readonly link: GatewayLink;
  readonly clock: Clock;
  /** Told whether words about commands come, at each change. */
  readonly state: (open: boolean) => void;
}

/** A command that has outlived its expiry by so much is asked for once more, and then given up. */
const graceMs = 30_000;

/** Sends commands and waits for the last word on each. */
export class Commander implements Disposable {
  readonly #link: GatewayLink;
  readonly #clock: Clock;
  readonly #open = new Map<string, Open>();
  readonly #joined: Disposable;

  constructor({ link, clock, state }: CommanderOptions) {
    this.#link = link;
    this.#clock = clock;
    this.#joined = link.results({
      items: (results) => {
        for (const result of results) this.#word(result);
      },
      // What was said meanwhile is asked for.
      lost: () => this.#askForAll(),
      state: (open) => {
        state(open);
        if (open) this.#askForAll();
      },
    });
  }

  /** Commands without a last word. */
  get inFlight(): number {
    return this.#open.size;
  }

  /**
   * Resolves with the last word, a refusal included. Rejects with ClientError when the gateway did not take it,
   * and with `no-last-word` when it has none long after its expiry. `told`: each word before the last.
   */
  async run(
    command: CommandJson,
    expiresMs: number,
    told: (result: ResultJson) => void,
  ): Promise<ResultJson> {
    const open: Open = { command, told, ended: Promise.withResolvers(), accepted: false, heard: false };
    // It may end before anybody waits for it.
    open.ended.promise.catch(() => {});
    this.#open.set(command.id, open);
    using _timer = this.#clock.timer(expiresMs + graceMs, () => void this.#giveUp(open));
    try {
      const first = await this.#link.client.post<ResultJson>("/v1/commands", command);
      open.accepted = true;
      if (!open.heard || first.last) this.#word(first);
      return await open.ended.promise;
    } finally {
      this.#open.delete(command.id);
    }
  }

  /** What is in flight ends as `closed`: the gateway carries it out all the same. */
  [Symbol.dispose](): void {
    this.#joined[Symbol.dispose]();
    for (const { ended } of this.#open.values())
      ended.reject(new ClientError("closed", "the flow was stopped before the last word on this command"));
    this.#open.clear();
  }

  #word(result: ResultJson): void {
    const open = this.#open.get(result.id);
    if (!open) return;
    open.heard = true;
    if (result.last) open.ended.resolve(result);
    else open.told(result);
  }

  #askForAll(): void {
    for (const open of this.#open.values()) if (open.accepted) void this.#ask(open);
  }

  async #ask(open: Open): Promise<void> {
    try {
      this.#word(await this.#link.client.get<ResultJson>(`/v1/commands/${open.command.id}`));
    } catch (error) {
      // Away: it is asked again when the gateway is back.
      if (codeOf(error) === "unknown-command") open.ended.reject(error);
    }
  }

  async #giveUp(open: Open): Promise<void> {
    if (open.accepted) await this.#ask(open);
    open.ended.reject(
      new ClientError("no-last-word", "nobody knows what became of this command: the gateway does not say"),
    );
  }
}
