import { readFile, writeFile } from "node:fs/promises";
import type { LocalClient } from "../../local/client.ts";
import { ConfigError, GatewayError } from "../../model/errors.ts";

export const tokenName = "node-red";

/** The secret of Node-RED's token: made once, at the gateway, and kept in a file of the supervisor's. */
export class GatewayToken {
  readonly #file: string;
  readonly #gateway: LocalClient;
  #secret: Promise<string> | undefined;

  constructor(file: string, gateway: LocalClient) {
    this.#file = file;
    this.#gateway = gateway;
  }

  /** Rejects while the gateway cannot be asked, or has a token of this name whose secret is not here. */
  get(): Promise<string> {
    this.#secret ??= this.#find().catch((error: unknown) => {
      this.#secret = undefined;
      throw error;
    });
    return this.#secret;
  }

  /** It opens nothing any more: somebody removed it, or the gateway's storage is new. */
  async refused(): Promise<void> {
    this.#secret = undefined;
    await writeFile(this.#file, "", { mode: 0o600 });
  }

  async #find(): Promise<string> {
    const kept = await readFile(this.#file, "utf8").catch(() => "");
    if (/^sn_[\w-]{20,100}$/.test(kept)) return kept;
    try {
      const { secret } = await this.#gateway.post<{ secret: string }>("/v1/tokens", {
        name: tokenName,
        role: "operator",
        priority: "automation",
      });
      await writeFile(this.#file, secret, { mode: 0o600 });
      return secret;
    } catch (error) {
      if (!(error instanceof GatewayError) || error.code !== "name-taken") throw error;
      throw new ConfigError(`the gateway has a token ${tokenName} already, and its secret is not here`, {
        code: "token-lost",
        hint: `\`stadsnod users token remove ${tokenName}\`, unless something else uses it`,
        cause: error,
      });
    }
  }
}
