/** One finding about a text that a person wrote. Lines and columns count from 1. */
export interface Diagnostic {
  readonly severity: "error" | "warning";
  /** Stable, kebab-case. */
  readonly code: string;
  readonly message: string;
  readonly hint?: string | undefined;
  /** As given by the user, for the message. */
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** Length of what the caret underlines, at least 1. */
  readonly length: number;
}

// A key that sounds like a secret, also misspelt, and its value: quoted, a list, or up to the next key.
const secretValue =
  /(\w*(?:pass|pwd|secret|token|psk)\w*["']?\s*:\s*)("(?:[^"\\]|\\.)*"|'[^']*'|["'].*|\[[^\]]*\]?|(?:\$\{[^}]*\}|[^,}])*)/gi;
/** The password of a URL, up to the last @ of the word. */
const passwordInUrl = /([a-z][a-z0-9+.-]*:\/\/[^/?#\s:@"']*:)([^\s"']+)(?=@)/gi;
/** Other things are called keys too; those of meters and radio are written in hexadecimal. */
const keyInHex = /(\w*key["']?\s*:\s*["']?)([0-9a-f]{16,})/gi;
const referenceAlone = /^["']?\$\{[^{}]*\}["']?\s*$/;

/** The line with stars for secrets in plain text, as long as they are: findings go to terminals, logs and bug reports. */
export function withoutSecrets(line: string): string {
  const starred = (_: string, before: string, value: string) => before + "*".repeat(value.length);
  return line
    .replace(secretValue, (whole, key: string, value: string) =>
      referenceAlone.test(value) ? whole : starred(whole, key, value),
    )
    .replace(passwordInUrl, starred)
    .replace(keyInHex, starred);
}

/**
 * The finding as a person reads it:
 *
 *     device-profiles/acme/x.yaml:12:5: error: unknown key "unti" [unknown-key]
 *       12 |     unti: V
 *          |     ^^^^
 *       hint: did you mean "unit"?
 */
export function formatDiagnostic(finding: Diagnostic, text: string): string {
  const source = withoutSecrets(text.split(/\r?\n/)[finding.line - 1] ?? "");
  const number = String(finding.line);
  const gutter = " ".repeat(number.length);
  const length = Math.max(1, Math.min(finding.length, source.length - finding.column + 1));
  const lines = [
    `${finding.file}:${finding.line}:${finding.column}: ${finding.severity}: ${finding.message} [${finding.code}]`,
    `  ${number} | ${source}`,
    `  ${gutter} | ${" ".repeat(finding.column - 1)}${"^".repeat(length)}`,
  ];
  if (finding.hint) lines.push(`  hint: ${finding.hint}`);
  return lines.join("\n");
}
