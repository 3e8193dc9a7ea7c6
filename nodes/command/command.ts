import { randomUUID } from "node:crypto";
import type { Node, NodeAPI, NodeMessage } from "node-red";
import type { CommandJson, ResultJson } from "../client/answers.ts";
import { codeOf, describeError } from "../client/client-error.ts";
import type { GatewayLink } from "../client/gateway-link.ts";
import { type Clock, clockOf } from "../clock.ts";
import { linkOf } from "../gateway/gateway-node.ts";
import {
  awayStatus,
  connectingStatus,
  failedStatus,
  goodStatus,
  noGatewayStatus,
  StatusLine,
  valueText,
  warningStatus,
} from "../status.ts";
import { Commander } from "./commander.ts";
import { type CommandDef, expiresMs, wantedCommand } from "./wanted.ts";

/** What became of a command, as `msg.command`: the gateway's last word, or why it never came so far. */
export type CommandOutcome = Partial<ResultJson> & { readonly state: string; readonly code?: string };

/** As long as the gateway waits for one. */
const confirmMs = 60_000;

type Send = (msg: (NodeMessage | null)[]) => void;
type Done = (error?: Error) => void;

/** Commands out of a flow: the first output after success, the second after anything else. */
export default function register(RED: NodeAPI): void {
  const clock = clockOf(RED);

  function CommandNode(this: Node, def: CommandDef): void {
    RED.nodes.createNode(this, def);
    const link = linkOf(RED, def.gateway);
    if (link) {
      const desk = new FlowDesk(this, def, link, clock);
      this.on("input", (msg, send, done) => desk.take(msg, send, done));
      this.on("close", () => desk[Symbol.dispose]());
    } else {
      this.status(noGatewayStatus);
      this.on("input", (_msg, _send, done) => done(new Error("no gateway is chosen")));
    }
  }

  RED.nodes.registerType("stadsnod-command", CommandNode);
}

class FlowDesk implements Disposable {
  readonly #node: Node;
  readonly #def: CommandDef;
  readonly #line: StatusLine;
  readonly #commander: Commander;
  readonly #most: number;
  /** The command that waits to be confirmed. */
  #armed: CommandJson | undefined;

  constructor(node: Node, def: CommandDef, link: GatewayLink, clock: Clock) {
    this.#node = node;
    this.#def = def;
    this.#most = Math.min(Math.max(1, Math.round(Number(def.inFlight)) || 10), 100);
    this.#line = new StatusLine(node, clock);
    this.#line.show(connectingStatus);
    const state = (open: boolean) => this.#line.show(open ? goodStatus("status.connected") : awayStatus);
    this.#commander = new Commander({ link, clock, state });
  }

  take(msg: NodeMessage, send: Send, done: Done): void {
    if (msg.confirm === true) void this.#confirm(done);
    else if (this.#commander.inFlight >= this.#most) {
      this.#line.show(failedStatus("status.busy"));
      done(new Error(`${this.#most} commands are on their way already: this one was not sent`));
    } else void this.#command(msg, send, done);
  }

  [Symbol.dispose](): void {
    this.#commander[Symbol.dispose]();
    this.#line[Symbol.dispose]();
  }

  async #command(msg: NodeMessage, send: Send, done: Done): Promise<void> {
    let outcome: CommandOutcome;
    try {
      const command = wantedCommand(this.#def, msg, randomUUID());
      outcome = await this.#commander.run(command, expiresMs(this.#def), (result) =>
        this.#word(result, command),
      );
      if (this.#armed === command) this.#armed = undefined;
    } catch (error) {
      const code = codeOf(error);
      if (code === "bad-message" || code === "closed") return done(asError(error));
      outcome = { state: "failed", code, text: describeError(error) };
    }
    this.#show(outcome);
    const isGood = outcome.state === "succeeded";
    const told = { ...msg, command: outcome, ...(isGood ? { payload: outcome.value ?? msg.payload } : {}) };
    send(isGood ? [told, null] : [null, told]);
    done();
  }

  #word(result: ResultJson, command: CommandJson): void {
    this.#show(result);
    if (result.stage !== "armed" || this.#armed === command) return;
    this.#armed = command;
    if (this.#def.confirm === "itself") void this.#confirm((error) => error && this.#node.error(error));
  }

  /** Lets what is armed be carried out; its own last word comes by itself. */
  async #confirm(done: Done): Promise<void> {
    const armed = this.#armed;
    if (!armed) return done(new Error("no command of this node waits to be confirmed"));
    const { id: confirms, device, point, reason } = armed;
    const command = {
      id: randomUUID(),
      device,
      point,
      action: "confirm" as const,
      confirms,
      ...(reason ? { reason } : {}),
    };
    try {
      const { state, code, text = code } = await this.#commander.run(command, confirmMs, () => {});
      done(state === "succeeded" ? undefined : new Error(`the confirmation was not taken: ${text ?? state}`));
    } catch (error) {
      done(asError(error));
    }
  }

  #show({ state, stage, code, value }: CommandOutcome): void {
    if (state === "succeeded")
      this.#line.show(goodStatus(value === undefined ? "state.succeeded" : `✓ ${valueText(value)}`));
    else if (state === "failed") this.#line.show(failedStatus(`failed.${code ?? "internal"}`));
    else if (state === "expired") this.#line.show(failedStatus("failed.expired"));
    else this.#line.show(warningStatus(stage ? `stage.${stage}` : `state.${state}`));
  }
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
