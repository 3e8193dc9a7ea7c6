// Versions as https://semver.org/spec/v2.0.0.html writes and orders them.

const form =
  /^(0|[1-9]\d{0,8})\.(0|[1-9]\d{0,8})\.(0|[1-9]\d{0,8})(?:-([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?(?:\+[0-9A-Za-z.-]+)?$/;
const longest = 64;

export function isSemver(text: string): boolean {
  return text.length <= longest && form.test(text);
}

/** Negative: `a` is older; 0: the same (build metadata says nothing, semver 10). Throws RangeError for what is no version. */
export function compareVersions(a: string, b: string): number {
  const [one, other] = [parse(a), parse(b)];
  for (const index of [0, 1, 2] as const) {
    const difference = one.numbers[index] - other.numbers[index];
    if (difference !== 0) return difference;
  }
  // A version with a pre-release is older than the one without.
  if (one.pre.length === 0 || other.pre.length === 0) return other.pre.length - one.pre.length;
  for (let index = 0; index < Math.max(one.pre.length, other.pre.length); index++) {
    const difference = compareIdentifiers(one.pre[index], other.pre[index]);
    if (difference !== 0) return difference;
  }
  return 0;
}

function parse(text: string) {
  const found = text.length <= longest ? form.exec(text) : null;
  if (!found) throw new RangeError(`"${text.slice(0, longest)}" is no version such as 1.4.0`);
  const [, major, minor, patch, pre] = found;
  return {
    numbers: [Number(major), Number(minor), Number(patch)] as const,
    pre: pre?.split(".") ?? [],
  };
}

/** Semver 11.4: numbers before words, fewer before more. */
function compareIdentifiers(a: string | undefined, b: string | undefined): number {
  if (a === b) return 0;
  if (a === undefined) return -1;
  if (b === undefined) return 1;
  const [first, second] = [/^\d+$/.test(a), /^\d+$/.test(b)];
  if (first && second) return a.length - b.length || (a < b ? -1 : 1);
  if (first !== second) return first ? -1 : 1;
  return a < b ? -1 : 1;
}
