import type { z } from "zod";
import { checkSchema, type Part } from "../codec/check.ts";
import { alternatives, suggest } from "../codec/suggest.ts";
import type { Finding } from "../codec/syntax-error.ts";
import { diagnose, type Path, type YamlDocument } from "../codec/yaml.ts";
import type { Diagnostic } from "../model/diagnostic.ts";
import { identifier } from "./schema.ts";
import { resolveSecrets, type SecretSources } from "./secrets.ts";

/** One named entry of connections, devices or northbound while it is checked. */
export class Entry {
  readonly diagnostics: Diagnostic[] = [];
  readonly document: YamlDocument;
  readonly path: Path;
  /** The entry with its secrets resolved; empty when it is no mapping. */
  readonly value: Readonly<Record<string, unknown>>;

  constructor(document: YamlDocument, path: Path, value: unknown, sources: SecretSources) {
    this.document = document;
    this.path = path;
    const name = String(path.at(-1));
    if (!identifier.safeParse(name).success) {
      const message = `"${name}" cannot be a name: ${identifier.safeParse(name).error?.issues[0]?.message}`;
      this.report([], "key", { code: "bad-name", message });
    }
    const resolved = resolveSecrets(document, path, value, sources);
    this.diagnostics.push(...resolved.diagnostics);
    if (isMapping(resolved.value)) {
      this.value = resolved.value;
    } else {
      this.value = {};
      this.report([], "value", {
        code: "wrong-type",
        message: `"${name}" must be a mapping`,
        hint: "is what belongs to it indented below it?",
      });
    }
  }

  /** Places a finding at a path inside the entry. */
  report(inside: Path, part: "key" | "value", finding: Finding): void {
    this.diagnostics.push(diagnose(this.document, [...this.path, ...inside], part, finding));
  }

  /** The plug-in that the entry names under `key`. */
  choose<P extends { readonly name: string }>(key: string, plugins: readonly P[]): P | undefined {
    const written = this.value[key];
    const names = plugins.map((one) => one.name);
    const chosen = plugins.find((one) => one.name === written);
    if (chosen || this.broken) return chosen;
    if (written === undefined) {
      const message = `"${this.path.at(-1)}" lacks the key "${key}"`;
      this.report([], "key", { code: "missing-key", message, hint: `one of ${alternatives(names)}` });
    } else {
      const near = typeof written === "string" ? suggest(written, names) : undefined;
      const hint = near === undefined ? `one of ${alternatives(names)}` : `did you mean "${near}"?`;
      this.report([key], "value", {
        code: `unknown-${key}`,
        message: `unknown ${key} ${JSON.stringify(written)}`,
        hint,
      });
    }
    return undefined;
  }

  /** Checks the keys that `beside` does not know. A secret that could not be resolved was already reported. */
  check<T>(schema: z.ZodType<T>, beside: z.ZodObject): { value: T } | undefined {
    if (this.broken) return undefined;
    const value = Object.fromEntries(Object.entries(this.value).filter(([key]) => !(key in beside.shape)));
    return this.#checked(schema, { path: this.path, value, beside });
  }

  /** Checks the keys that `schema` knows; the rest belongs to others. */
  checkKnown<T>(schema: z.ZodType<T> & Pick<z.ZodObject, "shape">): { value: T } | undefined {
    if (this.broken) return undefined;
    const value = Object.fromEntries(Object.entries(this.value).filter(([key]) => key in schema.shape));
    return this.#checked(schema, { path: this.path, value });
  }

  get broken(): boolean {
    return this.diagnostics.some((one) => one.severity === "error");
  }

  #checked<T>(schema: z.ZodType<T>, part: Part): { value: T } | undefined {
    const checked = checkSchema(this.document, schema, part);
    this.diagnostics.push(...checked.diagnostics);
    return checked.diagnostics.length === 0 && "value" in checked ? { value: checked.value } : undefined;
  }
}

function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
