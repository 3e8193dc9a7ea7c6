export interface DiffLine {
  readonly kind: "same" | "added" | "taken";
  readonly text: string;
}

/** Comparisons that are worth their time; longer texts are shown as taken and added whole. */
const most = 4_000_000;

/** What became of the lines of one text: the longest part that both have stays. */
export function diffLines(before: string, after: string): readonly DiffLine[] {
  const old = before.split("\n");
  const now = after.split("\n");
  let head = 0;
  while (head < old.length && head < now.length && old[head] === now[head]) head++;
  let tail = 0;
  while (tail < Math.min(old.length, now.length) - head && old.at(-1 - tail) === now.at(-1 - tail)) tail++;
  const same = (text: string): DiffLine => ({ kind: "same", text });
  return [
    ...old.slice(0, head).map(same),
    ...middle(old.slice(head, old.length - tail), now.slice(head, now.length - tail)),
    ...old.slice(old.length - tail).map(same),
  ];
}

function middle(old: readonly string[], now: readonly string[]): readonly DiffLine[] {
  const taken = (text: string): DiffLine => ({ kind: "taken", text });
  const added = (text: string): DiffLine => ({ kind: "added", text });
  if (old.length * now.length > most || old.length === 0 || now.length === 0)
    return [...old.map(taken), ...now.map(added)];
  const width = now.length + 1;
  // Length of the longest common part of what is left of both.
  const longest = new Uint32Array((old.length + 1) * width);
  for (let i = old.length - 1; i >= 0; i--)
    for (let j = now.length - 1; j >= 0; j--)
      longest[i * width + j] =
        old[i] === now[j]
          ? longest[(i + 1) * width + j + 1]! + 1
          : Math.max(longest[(i + 1) * width + j]!, longest[i * width + j + 1]!);
  const lines: DiffLine[] = [];
  let i = 0;
  let j = 0;
  while (i < old.length || j < now.length) {
    if (i < old.length && j < now.length && old[i] === now[j]) {
      lines.push({ kind: "same", text: old[i]! });
      i++;
      j++;
    } else if (
      j >= now.length ||
      (i < old.length && longest[(i + 1) * width + j]! >= longest[i * width + j + 1]!)
    )
      lines.push(taken(old[i++]!));
    else lines.push(added(now[j++]!));
  }
  return lines;
}

/** Only what changed, with `around` lines beside it; `undefined` stands for what is left out. */
export function excerpt(lines: readonly DiffLine[], around = 3): readonly (DiffLine | undefined)[] {
  const near = lines.map((_, index) =>
    lines.slice(Math.max(0, index - around), index + around + 1).some(({ kind }) => kind !== "same"),
  );
  return lines.flatMap((line, index) => {
    if (near[index]) return [line];
    return index === 0 || near[index - 1] ? [undefined] : [];
  });
}
