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

/**
 * The finding as a person reads it:
 *
 *     device-profiles/acme/x.yaml:12:5: error: unknown key "unti" [unknown-key]
 *       12 |     unti: V
 *          |     ^^^^
 *       hint: did you mean "unit"?
 */
export function formatDiagnostic(finding: Diagnostic, text: string): string {
  const source = text.split(/\r?\n/)[finding.line - 1] ?? "";
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
