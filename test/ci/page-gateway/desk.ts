import type { LocalCommands, LocalHold } from "../../../gateway/local/surface.ts";
import type { Command, CommandResult } from "../../../gateway/model/command.ts";
import type { Word } from "./commissioning.ts";
import { Fan } from "./fan.ts";

const stamp = () => ({ base: "unix" as const, ms: Date.now() });

/** Commands of which a test says how they end. */
export class Desk implements LocalCommands {
  readonly submitted: Command[] = [];
  readonly held: LocalHold[] = [];
  readonly #results: CommandResult[] = [];
  readonly #fan = new Fan<CommandResult>();
  readonly #toCome = new Map<string, CommandResult[]>();

  tell(result: CommandResult): void {
    this.#results.unshift(result);
    this.#fan.tell(result);
  }

  async submit(command: Command): Promise<CommandResult> {
    this.submitted.push(command);
    const { id, device, point, issuer, value, action, confirms } = command;
    const base = { id, device, point, issuer, value, time: stamp(), last: false } as const;
    if (action === "release") {
      this.held.splice(0);
      const done = { ...base, state: "succeeded", last: true } as const;
      this.tell(done);
      return done;
    }
    if (action === "confirm") {
      const armed = this.submitted.find((one) => one.id === confirms);
      this.tell({ ...base, state: "succeeded", last: true });
      if (armed)
        this.tell({
          ...base,
          id: armed.id,
          value: armed.value,
          state: "succeeded",
          verified: true,
          last: true,
        });
      return { ...base, state: "accepted" };
    }
    const twoStep = point === "barrier";
    const first: CommandResult = {
      ...base,
      state: "accepted",
      ...(twoStep ? { stage: "armed" as const } : {}),
    };
    this.tell(first);
    return first;
  }

  check(): undefined {}

  /** The words of a command, the first one said now; the others come one by one, whenever somebody asks. */
  foretell(command: Command, words: readonly Word[]): CommandResult {
    const [first, ...rest] = words.map((word) => this.word(command, word));
    if (!first) throw new Error("a command has at least one word");
    this.#toCome.set(command.id, rest.length > 0 ? rest : [first]);
    return first;
  }

  word({ id, device, point, issuer }: Command, word: Word): CommandResult {
    return { id, device, point, issuer, time: stamp(), ...word };
  }

  async *follow(id: string): AsyncGenerator<CommandResult> {
    const words = this.#toCome.get(id);
    const [next] = words ?? [];
    if (next) {
      if (words && words.length > 1) words.shift();
      yield next;
      return;
    }
    const found = this.#results.find((one) => one.id === id);
    if (found) yield found;
  }

  results(signal: AbortSignal): AsyncIterable<CommandResult> {
    return this.#fan.listen(signal);
  }

  list(): readonly CommandResult[] {
    const seen = new Map<string, CommandResult>();
    for (const result of this.#results) if (!seen.has(result.id)) seen.set(result.id, result);
    return [...seen.values()];
  }

  holds(): readonly LocalHold[] {
    return this.held;
  }

  status() {
    return { open: 0, accepted: 1, succeeded: 1, failed: 0, expired: 0, refused: {}, unanswered: 0 };
  }
}
