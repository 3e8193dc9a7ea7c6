import { GatewayError } from "../../model/errors.ts";
import type { SouthboundContext } from "../protocol.ts";
import type { ScriptCodec } from "./decode.ts";
import type { LoraHead } from "./settings.ts";

/** The codec scripts of the profiles in use, each loaded once. */
export class Scripts {
  readonly #sandbox: SouthboundContext["sandbox"];
  readonly #loaded = new Map<string, Promise<ScriptCodec & Disposable>>();

  constructor(sandbox: SouthboundContext["sandbox"]) {
    this.#sandbox = sandbox;
  }

  /**
   * The script of a head; undefined when it has none. One that cannot be loaded gives its reason for
   * every payload. Never rejects.
   */
  async of({ decoding }: LoraHead): Promise<ScriptCodec | undefined> {
    if (decoding.kind !== "script") return undefined;
    const sandbox = this.#sandbox;
    if (!sandbox) return broken(`there is no sandbox to run ${decoding.file.file} in`);
    const { file, text } = decoding.file;
    let loading = this.#loaded.get(text);
    if (loading === undefined) {
      loading = sandbox.load(file, text);
      this.#loaded.set(text, loading);
    }
    try {
      return await loading;
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error;
      return broken(error.message);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const all = [...this.#loaded.values()];
    this.#loaded.clear();
    for (const one of await Promise.allSettled(all))
      if (one.status === "fulfilled") one.value[Symbol.dispose]();
  }
}

function broken(reason: string): ScriptCodec {
  return {
    decodeUplink: async () => ({ errors: [reason], warnings: [] }),
    encodeDownlink: async () => ({ errors: [reason] }),
  };
}
