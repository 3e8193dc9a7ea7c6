import * as z from "zod";
import { text } from "../codec/settings.ts";
import { alternatives, suggest } from "../codec/suggest.ts";
import type { Finding } from "../codec/syntax-error.ts";
import type { Path } from "../codec/yaml.ts";
import type { ProfileOption } from "../model/write-rule.ts";
import type { Report } from "./compile.ts";
import { toText } from "./label.ts";
import { name } from "./words.ts";

// Options: closed choices that gateway.yaml makes per device. A gate (`when`) asks for equality and
// membership, nothing more, so that every variant of a profile can be listed and checked.

/** A choice as it is written: words that look like numbers or truth values are words here. */
const choice = z.union([z.string().min(1).max(64), z.int(), z.boolean()]).transform(String);

export const optionsSchema = z.record(
  name,
  z.strictObject({
    values: z
      .array(choice)
      .min(2, { error: "an option offers at least two choices: add one, or leave the option out" })
      .max(32)
      .meta({ description: "The choices there are" }),
    default: choice.optional().meta({ description: "Without one every device must choose" }),
    title: text.optional(),
    doc: z.string().min(1).optional(),
  }),
);

/** `{wiring: 3P4W}` or `{wiring: [3P3W, 3P4W], series: b}`: all must hold. */
export const whenSchema = z
  .record(name, z.union([choice, z.array(choice).min(1).max(32)]))
  .meta({ description: "Only with these choices: {wiring: 3P4W} or {wiring: [3P3W, 3P4W]}" });

/** What gateway.yaml, or an example, says under `options:`. */
export const chosenSchema = z
  .record(z.string(), choice)
  .meta({ description: "Choices of this device, as its profile offers them: {wiring: 3P4W}" });

export type When = z.output<typeof whenSchema>;
export type Chosen = Readonly<Record<string, string>>;
export type Options = ReadonlyMap<string, ProfileOption>;

/** The most variants of a profile that are checked one by one. */
const maxVariants = 64;

export function compileOptions(written: z.output<typeof optionsSchema> | undefined, report: Report): Options {
  const options = new Map<string, ProfileOption>();
  for (const [key, { values, default: standard, title, doc }] of Object.entries(written ?? {})) {
    const path = ["options", key];
    if (new Set(values).size < values.length)
      report([...path, "values"], "value", {
        code: "duplicate-name",
        message: `"${key}" offers one choice twice`,
        hint: "remove one of them",
      });
    if (standard !== undefined && !values.includes(standard))
      report([...path, "default"], "value", unknownChoice(key, standard, values));
    options.set(key, { values, standard, title: title === undefined ? undefined : toText(title), doc });
  }
  return options;
}

/** Whether a gate is open. */
export function holds(when: When | undefined, chosen: Chosen): boolean {
  return Object.entries(when ?? {}).every(([key, wanted]) =>
    Array.isArray(wanted) ? wanted.includes(chosen[key] ?? "") : wanted === chosen[key],
  );
}

/** Names and choices of a gate that the profile does not offer. */
export function checkWhen(when: When | undefined, options: Options, path: Path, report: Report): void {
  for (const [key, wanted] of Object.entries(when ?? {})) {
    const option = options.get(key);
    if (!option) {
      report([...path, "when", key], "key", unknownOption(key, options, 'add it under "options"'));
      continue;
    }
    const list = Array.isArray(wanted) ? wanted : [wanted];
    list.forEach((one, index) => {
      if (option.values.includes(one)) return;
      const place = [...path, "when", key, ...(Array.isArray(wanted) ? [index] : [])];
      report(place, "value", unknownChoice(key, one, option.values));
    });
    if (option.values.every((one) => list.includes(one)))
      report([...path, "when", key], "key", {
        code: "useless-when",
        message: `"${key}" is always one of these: this gate is never closed`,
        hint: "leave it out, or name fewer choices",
        severity: "warning",
      });
  }
}

/**
 * The choices made: what is written, else the defaults. What cannot be is reported below `path`;
 * undefined then.
 */
export function choose(
  written: Chosen | undefined,
  options: Options,
  report: (inside: Path, part: "key" | "value", finding: Finding) => void,
): Chosen | undefined {
  const chosen: Record<string, string> = {};
  let right = true;
  const refuse = (inside: Path, part: "key" | "value", finding: Finding): void => {
    right = false;
    report(inside, part, finding);
  };
  for (const [key, value] of Object.entries(written ?? {})) {
    const option = options.get(key);
    if (!option) refuse(["options", key], "key", unknownOption(key, options));
    else if (!option.values.includes(value))
      refuse(["options", key], "value", unknownChoice(key, value, option.values));
  }
  for (const [key, { values, standard }] of options) {
    const value = written?.[key] ?? standard;
    if (value !== undefined) chosen[key] = value;
    else
      refuse(["options"], "key", {
        code: "missing-option",
        message: `the profile wants a choice of "${key}"`,
        hint: `write options: {${key}: ...}, one of ${alternatives(values)}`,
      });
  }
  return right ? chosen : undefined;
}

/** Every combination of choices, the standard one first; above a bound each option varies alone. */
export function variants(options: Options): Chosen[] {
  const standard: Chosen = Object.fromEntries(
    Array.from(options, ([key, { standard: one, values }]) => [key, one ?? values[0] ?? ""]),
  );
  const all = [...options.values()].reduce((product, { values }) => product * values.length, 1);
  let found: Chosen[] = [standard];
  if (all > maxVariants)
    return [
      standard,
      ...Array.from(options).flatMap(([key, { values }]) =>
        values.filter((one) => one !== standard[key]).map((one) => ({ ...standard, [key]: one })),
      ),
    ];
  for (const [key, { values }] of options) {
    const others = values.filter((one) => one !== standard[key]);
    found = [...found, ...others.flatMap((one) => found.map((chosen) => ({ ...chosen, [key]: one })))];
  }
  return found;
}

/** A gate in words: `wiring: 3P3W or 3P4W`. */
export function describeWhen(when: When): string {
  return Object.entries(when)
    .map(([key, wanted]) => `${key}: ${Array.isArray(wanted) ? alternatives(wanted) : wanted}`)
    .join(", ");
}

/** `series: b, wiring: 3P4W`, in one order for one meaning. */
export function describeChosen(chosen: Chosen): string {
  return Object.keys(chosen)
    .toSorted()
    .map((key) => `${key}: ${chosen[key]}`)
    .join(", ");
}

function unknownOption(key: string, options: Options, otherwise?: string): Finding {
  const names = [...options.keys()];
  const near = suggest(key, names);
  const hint =
    near !== undefined
      ? `did you mean "${near}"?`
      : (otherwise ??
        (names.length > 0 ? `it offers ${alternatives(names)}` : "it offers none: leave it out"));
  return { code: "unknown-option", message: `the profile has no option "${key}"`, hint };
}

function unknownChoice(key: string, value: string, values: readonly string[]): Finding {
  const near = suggest(value, values);
  const list = `one of ${alternatives(values)}`;
  return {
    code: "unknown-choice",
    message: `"${key}" cannot be ${JSON.stringify(value)}`,
    hint: near === undefined ? list : `did you mean "${near}"? (${list})`,
  };
}
