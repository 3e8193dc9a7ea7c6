import { dirname, resolve } from "node:path";
import { diagnose, type Path, type YamlDocument } from "../codec/yaml.ts";
import type { Diagnostic } from "../model/diagnostic.ts";
import { Secret } from "../model/secret.ts";

/** Where secrets come from. */
export interface SecretSources {
  /** Text of a file; throws when it cannot be read. */
  readonly readFile: (path: string) => string;
  readonly env: Readonly<Record<string, string | undefined>>;
}

const reference = /^\$\{(file|env):([^{}]+)\}$/;
const secretKey = /^(password|passphrase|token|secret|psk)$/i;
/** Longer than any key or password; a file that is larger was named by mistake. */
const maxSecretBytes = 64 * 1024;

/**
 * The value with every `${file:...}` and `${env:...}` replaced by a Secret. Messages name the
 * reference, never what it leads to. Relative paths start at the folder of gateway.yaml.
 */
export function resolveSecrets(
  document: YamlDocument,
  path: Path,
  value: unknown,
  sources: SecretSources,
): { value: unknown; diagnostics: readonly Diagnostic[] } {
  const diagnostics: Diagnostic[] = [];
  const walk = (at: Path, one: unknown): unknown => {
    if (typeof one === "string") return resolveText(at, one);
    if (Array.isArray(one)) return one.map((item, index) => walk([...at, index], item));
    if (typeof one !== "object" || one === null) return one;
    return Object.fromEntries(Object.entries(one).map(([key, item]) => [key, walk([...at, key], item)]));
  };
  const refuse = (at: Path, code: string, message: string, hint?: string): undefined => {
    diagnostics.push(diagnose(document, at, "value", { code, message, hint }));
  };
  const resolveText = (at: Path, written: string): unknown => {
    if (!/\$\{/.test(written)) {
      if (!secretKey.test(String(at.at(-1)))) return written;
      const message = `"${at.at(-1)}" stands here in plain text`;
      // biome-ignore lint/suspicious/noTemplateCurlyInString: this is how gateway.yaml writes it
      const hint = "name it as ${file:/path} or ${env:NAME}, so that this file can be shown and copied";
      diagnostics.push(
        diagnose(document, at, "value", { severity: "warning", code: "plain-secret", message, hint }),
      );
      return new Secret(written, "plain text");
    }
    const [, source, name = ""] = reference.exec(written) ?? [];
    if (source === undefined) {
      // biome-ignore lint/suspicious/noTemplateCurlyInString: this is how gateway.yaml writes it
      const hint = "a reference is ${file:/path} or ${env:NAME}, and nothing before or after it";
      return refuse(at, "bad-reference", `"${at.at(-1)}" is not a reference to a secret`, hint);
    }
    if (source === "env") {
      const found = sources.env[name];
      if (found) return new Secret(found, written);
      return refuse(at, "missing-secret", `the environment variable ${name} is not set`);
    }
    try {
      const found = sources.readFile(resolve(dirname(document.file), name)).replace(/\r?\n$/, "");
      if (found !== "" && Buffer.byteLength(found) <= maxSecretBytes) return new Secret(found, written);
      return refuse(at, "missing-secret", `the file ${name} is ${found === "" ? "empty" : "too large"}`);
    } catch (error) {
      // The reason is a system code; a message might quote what was read.
      const code = error instanceof Error && "code" in error ? String(error.code) : "unreadable";
      return refuse(at, "missing-secret", `the file ${name} cannot be read (${code})`);
    }
  };
  return { value: walk(path, value), diagnostics };
}
