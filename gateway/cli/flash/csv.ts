import { problem } from "./problems.ts";

/** A row of the table: its number as spreadsheets show it, and the filled cells by column. */
export interface Row<Column extends string> {
  readonly number: number;
  readonly cells: Readonly<Partial<Record<Column, string>>>;
}

const maxBytes = 4 * 1024 * 1024;
const maxRows = 10_000;

/**
 * A table as spreadsheets write it (RFC 4180; commas, semicolons or tabs): first the names of the columns, then a row
 * for each card. Empty cells and empty rows are left out. Throws ConfigError with row and column, never with a value.
 */
export function parseTable<Column extends string>(
  bytes: Buffer,
  columns: readonly Column[],
  needed: readonly Column[],
): Row<Column>[] {
  if (bytes.length > maxBytes) throw problem("bad-csv", "it is larger than 4 MB");
  const text = bytes.toString("utf8").replace(/^\uFEFF/, "");
  if (text.includes("\uFFFD")) throw problem("bad-csv", "it is not UTF-8: save it as CSV UTF-8");
  const heading = text.split(/\r?\n/, 1)[0] ?? "";
  const separator = [";", "\t", ","].find((one) => heading.includes(one)) ?? ",";
  const [head, ...rows] = recordsOf(text, separator);
  const names = (head?.cells ?? []).map((cell) =>
    cell
      .trim()
      .toLowerCase()
      .replace(/^--/, "")
      .replaceAll(/[\s_]+/g, "-"),
  );
  const order = names.map((name, index) => {
    const column = columns.find((one) => one === name);
    if (column === undefined)
      throw problem(
        "bad-csv",
        `row 1, column ${index + 1}: there is no column of this name; there are ${columns.join(", ")}`,
      );
    if (names.indexOf(name) !== index)
      throw problem("bad-csv", `row 1, column ${index + 1}: ${column} is there twice`);
    return column;
  });
  for (const column of needed)
    if (!order.includes(column)) throw problem("bad-csv", `row 1: the column ${column} is missing`);
  const found: Row<Column>[] = [];
  for (const { number, cells } of rows) {
    if (cells.every((cell) => cell.trim() === "")) continue;
    if (cells.length > order.length && cells.slice(order.length).some((cell) => cell.trim() !== ""))
      throw problem("bad-csv", `row ${number}: ${cells.length} cells for ${order.length} columns`);
    const filled: Partial<Record<Column, string>> = {};
    for (const [index, column] of order.entries()) {
      const cell = cells[index]?.trim() ?? "";
      if (cell !== "") filled[column] = cell;
      else if (needed.includes(column))
        throw problem("bad-csv", `row ${number}, column ${column}: it is empty`);
    }
    if (found.length >= maxRows) throw problem("bad-csv", `it has more than ${maxRows} rows`);
    found.push({ number, cells: filled });
  }
  if (found.length === 0) throw problem("bad-csv", "it has no rows");
  return found;
}

/** Cells as they are quoted: doubled quotes stand for one, line ends inside of quotes belong to the cell. */
function recordsOf(text: string, separator: string): { number: number; cells: string[] }[] {
  const records: { number: number; cells: string[] }[] = [];
  let cells: string[] = [];
  let number = 1;
  let at = 0;
  while (at < text.length) {
    let cell = "";
    if (text[at] === '"') {
      for (at++; ; at++) {
        if (at >= text.length) throw problem("bad-csv", `row ${number}: a quote is not closed`);
        if (text[at] !== '"') cell += text[at];
        else if (text[at + 1] === '"') cell += text[at++];
        else break;
      }
      at++;
      if (at < text.length && text[at] !== separator && text[at] !== "\n" && text[at] !== "\r")
        throw problem(
          "bad-csv",
          `row ${number}, column ${cells.length + 1}: something stands behind the closing quote`,
        );
    } else {
      while (at < text.length && text[at] !== separator && text[at] !== "\n") cell += text[at++];
    }
    cells.push(cell);
    if (text[at] === separator) {
      at++;
      if (at < text.length) continue;
      cells.push("");
    }
    while (text[at] === "\r") at++;
    if (text[at] === "\n") at++;
    records.push({ number, cells });
    number++;
    cells = [];
  }
  return records;
}
