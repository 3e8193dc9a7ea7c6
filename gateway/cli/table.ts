/** A plain table: columns as wide as their widest cell, numbers to the right. */
export function table(
  header: readonly string[],
  rows: readonly (readonly string[])[],
  width?: number,
): string {
  const widths = header.map((title, column) =>
    Math.max(visible(title), ...rows.map((row) => visible(row[column] ?? ""))),
  );
  const right = header.map(
    (_, column) => rows.length > 0 && rows.every((row) => /^-?[\d.]*$/.test(row[column] ?? "")),
  );
  const line = (cells: readonly string[]) => {
    const text = cells
      .map((cell, column) => {
        const fill = " ".repeat(Math.max(0, widths[column]! - visible(cell)));
        return right[column] ? fill + cell : cell + fill;
      })
      .join("  ")
      .trimEnd();
    return width !== undefined && text.length > width ? `${text.slice(0, Math.max(0, width - 1))}…` : text;
  };
  return [line(header), line(widths.map((count) => "-".repeat(count))), ...rows.map(line)].join("\n");
}

function visible(text: string): number {
  return [...text].length;
}
