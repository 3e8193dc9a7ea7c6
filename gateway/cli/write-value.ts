import { alternatives, suggest } from "../codec/suggest.ts";
import { ConfigError } from "../model/errors.ts";

/** A point as `GET /v1/devices/<id>` tells it, as far as writing is concerned. */
export interface PointJson {
  readonly name: string;
  readonly unit?: string;
  readonly range?: readonly [number, number];
  readonly labels?: readonly LabelJson[];
  readonly write?: {
    readonly takes: "label" | "number" | "boolean" | "text" | "bytes";
    readonly range?: readonly [number, number];
    readonly allowed?: readonly (number | boolean | string)[];
    readonly labels?: readonly LabelJson[];
    readonly step?: number;
    readonly longestMs?: number;
    readonly confirm: "none" | "two-step";
  };
}

interface LabelJson {
  readonly en: string;
  readonly sv?: string;
}

/** The point of that name that can be written. Throws ConfigError (`unknown-point`, `read-only`) with what was meant. */
export function pointToWrite(device: string, points: readonly PointJson[], name: string): PointJson {
  const writable = points.filter(({ write }) => write).map((point) => point.name);
  const found = points.find((point) => point.name === name);
  if (found?.write) return found;
  const others =
    writable.length === 0
      ? `nothing of ${device} can be written`
      : `${device} takes writes of ${alternatives(writable)}`;
  if (found) throw new ConfigError(`"${name}" can only be read`, { code: "read-only", hint: others });
  const near = suggest(name, writable);
  throw new ConfigError(`${device} has no point "${name}"`, {
    code: "unknown-point",
    hint: near === undefined ? others : `did you mean "${near}"?`,
  });
}

/**
 * What somebody typed, as the kind of value that the point takes: a label in English or Swedish, a number with or
 * without the point's unit, on or off. Throws ConfigError (`bad-value`), and says what would be taken.
 */
export function valueTyped(point: PointJson, typed: string): number | string | boolean {
  switch (point.write?.takes) {
    case "label":
      return labelTyped(point, typed);
    case "number":
      return numberTyped(point, typed);
    case "boolean":
      return switchTyped(point, typed);
    case "bytes":
      if (/^(?:[0-9a-f]{2})*$/i.test(typed)) return typed;
      throw wrong(point, typed, "write bytes in hexadecimal, such as 01ff");
    default:
      return typed;
  }
}

function labelTyped(point: PointJson, typed: string): string {
  const labels = point.write?.labels ?? point.labels ?? [];
  const wanted = typed.toLowerCase();
  const found =
    labels.find(({ en }) => en === typed) ??
    labels.find(({ en, sv }) => en.toLowerCase() === wanted || sv?.toLowerCase() === wanted);
  if (found) return found.en;
  const near = suggest(
    typed,
    labels.flatMap(({ en, sv }) => (sv === undefined ? [en] : [en, sv])),
  );
  throw wrong(
    point,
    typed,
    near === undefined ? takenBy(point) : `did you mean "${near}"? ${takenBy(point)}`,
  );
}

const switches: ReadonlyMap<string, boolean> = new Map([
  ["true", true],
  ["on", true],
  ["yes", true],
  ["1", true],
  ["false", false],
  ["off", false],
  ["no", false],
  ["0", false],
]);

function switchTyped(point: PointJson, typed: string): boolean {
  const found = switches.get(typed.toLowerCase());
  if (found === undefined) throw wrong(point, typed, takenBy(point));
  return found;
}

const number = /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d+)?$/i;

/** Whole numbers that a double does not hold stay a text: the gateway reads all their digits. */
function numberTyped(point: PointJson, typed: string): number | string {
  const [, digits = "", unit = ""] = /^([+-]?[\d.,]*(?:e[+-]?\d+)?)\s*(.*)$/i.exec(typed.trim()) ?? [];
  if (unit !== "" && digits !== "" && unit !== point.unit)
    throw wrong(
      point,
      typed,
      point.unit === undefined ? "it has no unit: write the number alone" : `it is in ${point.unit}`,
    );
  const dotted = digits.replace(",", ".");
  if (digits.includes(",") && number.test(dotted)) throw wrong(point, typed, `did you mean ${dotted}?`);
  if (!number.test(digits)) throw wrong(point, typed, takenBy(point));
  const value = Number(digits);
  if (!Number.isFinite(value)) throw wrong(point, typed, takenBy(point));
  return Number.isInteger(value) && !Number.isSafeInteger(value) && /^[+-]?\d+$/.test(digits)
    ? digits.replace(/^\+/, "")
    : value;
}

/** What the point takes, in a sentence. */
export function takenBy(point: PointJson): string {
  const { write, unit } = point;
  const labels = write?.labels ?? point.labels ?? [];
  if (write?.allowed) return `it takes ${alternatives(write.allowed.map(String))}`;
  switch (write?.takes) {
    case "label":
      return `it takes ${alternatives(labels.map(({ en }) => `"${en}"`))}`;
    case "boolean":
      return "it takes on or off";
    case "number": {
      const range = write.range ?? point.range;
      const within = range ? `${range[0]} to ${range[1]}` : "a number";
      const steps = write.step === undefined ? "" : `, in steps of ${write.step}`;
      return `it takes ${within}${unit === undefined ? "" : ` ${unit}`}${steps}`;
    }
    case "bytes":
      return "it takes bytes in hexadecimal";
    default:
      return "it takes a text";
  }
}

function wrong({ name }: PointJson, typed: string, hint: string): ConfigError {
  return new ConfigError(`"${typed}" is no value of ${name}`, { code: "bad-value", hint });
}
