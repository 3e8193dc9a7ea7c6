import { Document, isMap, isScalar } from "yaml";

// What is written into a YAML text that somebody wrote by hand: whole lines, and values as people write them.

/** Behind the last character of the line, which may begin right there. */
export function endOfLine(text: string, from: number): number {
  if (text[from - 1] === "\n") return from;
  const end = text.indexOf("\n", from);
  return end < 0 ? text.length : end + 1;
}

/** Whole lines at a place where a line begins, or at the end of the text. */
export function putLines(text: string, place: number, lines: string): string {
  const before = text.slice(0, place);
  const joint = before === "" || before.endsWith("\n") ? "" : newline(text);
  return before + joint + lines + text.slice(place);
}

export function newline(text: string): string {
  return text.includes("\r\n") ? "\r\n" : "\n";
}

/** As indented lines. Small mappings inside stand on one line, as people write a position. */
export function block(text: string, value: Record<string, unknown>, indent: number): string {
  const document = new Document(value, { version: "1.2", schema: "core" });
  const shorten = (node: unknown, depth: number): void => {
    if (!isMap(node)) return;
    const small = node.items.length <= 4 && node.items.every((pair) => isScalar(pair.value));
    if (small && depth > 1) node.flow = true;
    for (const pair of node.items) shorten(pair.value, depth + 1);
  };
  shorten(document.contents, 0);
  const lines = document.toString({ lineWidth: 0, flowCollectionPadding: false }).trimEnd().split("\n");
  const space = " ".repeat(indent);
  return lines.map((line) => (line === "" ? line : space + line) + newline(text)).join("");
}

/** On one line: JSON is YAML. */
export function flow(value: object): string {
  return JSON.stringify(value);
}

export function scalar(value: unknown, inFlow: boolean): string {
  const document = new Document(value, { version: "1.2", schema: "core" });
  const written = document.toString({ lineWidth: 0 }).trimEnd();
  return written.includes("\n") || (inFlow && /[,[\]{}]/.test(written)) ? JSON.stringify(value) : written;
}
