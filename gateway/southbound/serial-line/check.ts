import { alternatives, suggest } from "../../codec/suggest.ts";
import type { DeviceProfile } from "../../model/device.ts";
import type { ProtocolFinding } from "../protocol.ts";
import { capturedFields } from "./pattern.ts";
import type { LineAddress, LineHead, MessageSpec } from "./settings.ts";

type RawKind = "integer" | "float" | "boolean" | "text";

/** Fields that a message captures, with the raw type of each. */
export function fieldsOf({ forms, pairs }: MessageSpec): ReadonlyMap<string, RawKind> {
  const patterns = [...forms, ...(pairs?.items.values() ?? [])];
  return new Map(
    patterns.flatMap((steps) =>
      Array.from(capturedFields(steps), ([name, { kind }]) => [name, kind] as const),
    ),
  );
}

/** The raw type at an address. Throws RangeError for one that the profile's messages do not have. */
export function rawKindOf(address: LineAddress, head: LineHead): RawKind {
  const problem = addressProblem(address, head);
  if (problem) throw new RangeError([problem.message, problem.hint].filter(Boolean).join(": "));
  if (address.path !== undefined)
    return (
      { number: "float", time: "float", integer: "integer", text: "text", boolean: "boolean" } as const
    )[address.type];
  const message = head.messages.find(({ name }) => name === address.message);
  return (message && fieldsOf(message).get(address.field ?? "")) ?? "text";
}

/** What is wrong with the points of a profile that the schemas cannot see. Pure. */
export function checkLines(profile: DeviceProfile<LineAddress, LineHead>): readonly ProtocolFinding[] {
  const head = profile.protocolSettings;
  const used = new Set(profile.points.map(({ address }) => address.message));
  const wrong = profile.points.flatMap((point): ProtocolFinding[] => {
    const problem = addressProblem(point.address, head);
    return problem ? [{ path: ["points", point.name, "at"], ...problem }] : [];
  });
  const idle = head.messages
    .filter(({ name, request }) => request && !used.has(name))
    .map(
      ({ name }): ProtocolFinding => ({
        path: ["serial-line", "messages", name],
        code: "unused-message",
        message: `the message "${name}" is never asked for: no point reads it`,
        severity: "warning",
      }),
    );
  return [...wrong, ...idle];
}

function addressProblem(
  { message: name, field, path }: LineAddress,
  head: LineHead,
): { readonly code: string; readonly message: string; readonly hint?: string | undefined } | undefined {
  const names = head.messages.map((one) => one.name);
  const message = head.messages.find((one) => one.name === name);
  if (!message)
    return { code: "unknown-message", message: `there is no message "${name}"`, hint: hintFor(name, names) };
  if (message.json && path === undefined)
    return { code: "bad-address", message: `"${name}" is JSON: say the path, not a field` };
  if (message.json) return undefined;
  if (field === undefined)
    return { code: "bad-address", message: `"${name}" is not JSON: say the field, not a path` };
  const fields = [...fieldsOf(message).keys()];
  if (fields.includes(field)) return undefined;
  return {
    code: "unknown-field",
    message: `the message "${name}" has no field "${field}"`,
    hint: hintFor(field, fields),
  };
}

function hintFor(word: string, known: readonly string[]): string | undefined {
  const near = suggest(word, known);
  if (near !== undefined) return `did you mean "${near}"?`;
  return known.length === 0 ? undefined : `one of ${alternatives(known, 12)}`;
}
