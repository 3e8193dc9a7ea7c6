import type { ConfigurationCheck, Generation, LocalConfiguration } from "../local/commissioning.ts";
import type { ReloadResult } from "../local/surface.ts";
import type { Diagnostic } from "../model/diagnostic.ts";
import { ConfigError, RefusedError } from "../model/errors.ts";
import type { Log } from "../model/log.ts";
import type { TextFile } from "../store/text-file.ts";
import type { GatewayConfig } from "./config.ts";
import { describeChange, diffConfig } from "./diff.ts";
import { type Generations, hashText } from "./generations.ts";
import { maskSecrets, unmaskSecrets } from "./masked.ts";

export interface ConfigurationOptions {
  readonly file: TextFile;
  /** Its path, for findings. */
  readonly path: string;
  /** Opened when first needed, and again after it failed. */
  generations(): Promise<Generations>;
  readonly log: Log;
  /** What a text would be as gateway.yaml. */
  load(text: string): Promise<{
    readonly config?: GatewayConfig | undefined;
    readonly diagnostics: readonly Diagnostic[];
  }>;
  running(): GatewayConfig;
  /** Reads gateway.yaml again and applies it. */
  reload(): Promise<ReloadResult>;
  schema(): Promise<unknown>;
}

export type Applied = ConfigurationCheck & { readonly applied: boolean; readonly generation?: number };

/**
 * gateway.yaml and its generations: looked at, changed, put back. One change at a time. A text is written only
 * when it is good and nothing of it needs a restart; when the gateway refuses it all the same, the old one is put back.
 */
export class Configuration implements LocalConfiguration {
  readonly #options: ConfigurationOptions;
  #turn: Promise<unknown> = Promise.resolve();
  #generations: Promise<Generations> | undefined;

  constructor(options: ConfigurationOptions) {
    this.#options = options;
  }

  async read(): Promise<{ readonly text: string; readonly hash: string }> {
    const text = await this.#options.file.read();
    return { text: maskSecrets(text), hash: hashText(text) };
  }

  async check(text: string): Promise<ConfigurationCheck> {
    const { text: whole, diagnostics } = unmaskSecrets(
      text,
      await this.#options.file.read(),
      this.#options.path,
    );
    return whole === undefined ? { diagnostics, changes: [], restartNeeded: [] } : this.#look(whole);
  }

  apply(text: string, hash: string, by: string, note?: string): Promise<Applied> {
    return this.#alone(async () => {
      const current = await this.#current();
      if (hashText(current) !== hash)
        throw new RefusedError("gateway.yaml has been changed since it was read", {
          code: "changed-meanwhile",
          hint: "read it again, and make your change in what stands there now",
        });
      const { text: whole, diagnostics } = unmaskSecrets(text, current, this.#options.path);
      if (whole === undefined) return { applied: false, diagnostics, changes: [], restartNeeded: [] };
      return this.#apply(whole, current, by, note);
    });
  }

  /** Applies what `change` makes of the text; what it throws is thrown. Rejects with ConfigError (`bad-configuration`) when that cannot be applied. */
  edit(change: (text: string) => string, by: string, note: string): Promise<Applied> {
    return this.#alone(async () => {
      const current = await this.#current();
      const result = await this.#apply(change(current), current, by, note);
      if (result.applied) return result;
      const error = result.diagnostics.find(({ severity }) => severity === "error");
      const why = error ? `line ${error.line}: ${error.message}` : result.changes.join("; ");
      throw new ConfigError(`gateway.yaml would not work so: ${why}`, {
        code: "bad-configuration",
        hint: error?.hint,
      });
    });
  }

  generations(): Promise<readonly Generation[]> {
    return this.#alone(async () => {
      const hash = hashText(await this.#current());
      const kept = (await this.#opened()).list();
      const current = kept.findLast((one) => one.hash === hash)?.number;
      return kept.map((one) => ({ ...one, current: one.number === current }));
    });
  }

  generation(number: number): Promise<{ readonly text: string }> {
    return this.#alone(async () => ({ text: maskSecrets(await (await this.#opened()).text(number)) }));
  }

  rollBack(number: number, by: string): Promise<Applied> {
    return this.#alone(async () => {
      const current = await this.#current();
      const text = await (await this.#opened()).text(number);
      return this.#apply(text, current, by, `back to generation ${number}`);
    });
  }

  schema(): Promise<unknown> {
    return this.#options.schema();
  }

  /** Of the text that is gateway.yaml now, for reports. */
  async state(): Promise<{ readonly hash: string; readonly generation?: number | undefined }> {
    const current = (await this.generations()).find((one) => one.current);
    return current
      ? { hash: current.hash, generation: current.number }
      : { hash: hashText(await this.#options.file.read()) };
  }

  #alone<T>(action: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(action);
    this.#turn = done.catch(() => {});
    return done;
  }

  #opened(): Promise<Generations> {
    this.#generations ??= this.#options.generations().catch((error: unknown) => {
      this.#generations = undefined;
      throw error;
    });
    return this.#generations;
  }

  /** The text of the file; one that somebody has written by hand becomes a generation. */
  async #current(): Promise<string> {
    const text = await this.#options.file.read();
    await (await this.#opened()).found(text);
    return text;
  }

  async #look(text: string): Promise<ConfigurationCheck> {
    const { config, diagnostics } = await this.#options.load(text);
    if (!config) return { diagnostics, changes: [], restartNeeded: [] };
    const change = diffConfig(this.#options.running(), config);
    const described = describeChange(change, config);
    const none = described.length === 1 && described[0] === "nothing has changed";
    return { diagnostics, changes: none ? [] : described, restartNeeded: change.restartNeeded };
  }

  async #apply(text: string, current: string, by: string, note?: string): Promise<Applied> {
    const { file, log, reload } = this.#options;
    const look = await this.#look(text);
    if (look.restartNeeded.length > 0 || look.diagnostics.some(({ severity }) => severity === "error"))
      return { ...look, applied: false };
    const generations = await this.#opened();
    if (text === current) {
      const { applied, changes, diagnostics } = await reload();
      return { applied, changes: applied ? look.changes : changes, diagnostics, restartNeeded: [] };
    }
    const number = await generations.prepare(text, by, note);
    try {
      await file.replace(text);
      const result = await reload();
      if (result.applied) {
        await generations.settle(number, true);
        return { ...look, applied: true, generation: number };
      }
      await this.#putBack(current);
      await generations.settle(number, false);
      return { ...look, changes: result.changes, diagnostics: result.diagnostics, applied: false };
    } catch (error) {
      log.error({ err: error }, "the configuration was not applied; the former one is put back");
      await this.#putBack(current);
      await generations.settle(number, false);
      throw error;
    }
  }

  async #putBack(text: string): Promise<void> {
    const { file, log, reload } = this.#options;
    if ((await file.read()) !== text) await file.replace(text);
    const { applied, changes } = await reload();
    if (!applied) log.error({ reasons: changes }, "the former configuration was not applied either");
  }
}
