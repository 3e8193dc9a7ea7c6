import type { IPublishPacket } from "mqtt";
import { LinkError, RefusedError } from "../../model/errors.ts";
import type { Log } from "../../model/log.ts";
import { type DesiredIntake, longestDesiredState } from "../northbound.ts";
import type { Session } from "./session.ts";

/**
 * What the city wants: retained on `{root}/v1/desired/gateway/{gateway}` and `{root}/v1/desired/group/{group}`.
 * Apart from the gateway's own topics: whoever may write there updates machines, and a gateway itself never may.
 */
export class DesiredTopics {
  readonly #intake: DesiredIntake;
  readonly #log: Log;
  readonly #scopes: ReadonlyMap<string, Parameters<DesiredIntake["take"]>[0]>;
  #said = false;

  constructor(root: string, gateway: string, intake: DesiredIntake, log: Log) {
    this.#intake = intake;
    this.#log = log;
    const scopes: Parameters<DesiredIntake["take"]>[0][] = [
      { kind: "gateway", name: gateway },
      ...intake.groups.map((name) => ({ kind: "group" as const, name })),
    ];
    this.#scopes = new Map(scopes.map((scope) => [`${root}/v1/desired/${scope.kind}/${scope.name}`, scope]));
  }

  /** Whether a message is one of them. */
  has(topic: string): boolean {
    return this.#scopes.has(topic);
  }

  /** Asks for what is retained each time: it may have changed, or not have been taken. */
  async subscribe(session: Session): Promise<void> {
    for (const topic of this.#scopes.keys()) {
      try {
        await session.subscribe(topic, "always");
      } catch (error) {
        if (error instanceof LinkError) return;
        if (!(error instanceof RefusedError)) throw error;
        if (!this.#said)
          this.#log.warn({ code: error.code, hint: error.hint }, `no desired state: ${error.message}`);
        this.#said = true;
      }
    }
  }

  /** Resolves when it may be acknowledged. */
  async take({ topic, payload }: IPublishPacket): Promise<void> {
    const scope = this.#scopes.get(topic);
    if (!scope) return;
    const bytes = typeof payload === "string" ? Buffer.from(payload) : payload;
    await this.#intake.take(scope, Uint8Array.from(bytes.subarray(0, longestDesiredState + 1)));
  }
}
