import { alternatives, suggest } from "../../codec/suggest.ts";
import type { DeviceProfile } from "../../model/device.ts";
import { AddressProblem, type ProtocolFinding } from "../protocol.ts";
import { capturedFields, commandField, type Step } from "./pattern.ts";
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

/** The raw type at an address. Throws AddressProblem for one that the profile's messages do not have. */
export function rawKindOf(address: LineAddress, head: LineHead): RawKind {
  const problem = addressProblem(address, head);
  if (problem) throw problem;
  if (address.value !== undefined) return commandField(sentBy(head, address.message))?.type.kind ?? "text";
  if (address.path !== undefined)
    return (
      { number: "float", time: "float", integer: "integer", text: "text", boolean: "boolean" } as const
    )[address.type];
  const message = head.messages.find(({ name }) => name === address.message);
  return (message && fieldsOf(message).get(address.field ?? "")) ?? "text";
}

/** What the schemas and the addresses cannot see. Pure. */
export function checkLines(profile: DeviceProfile<LineAddress, LineHead>): readonly ProtocolFinding[] {
  const head = profile.protocolSettings;
  const used = new Set(profile.points.map(({ address }) => address.message));
  const idle = head.messages
    .filter(({ name, request }) => request && !commandField(request.send) && !used.has(name))
    .map(
      ({ name }): ProtocolFinding => ({
        path: ["serial-line", "messages", name],
        code: "unused-message",
        message: `the message "${name}" is never asked for: no point reads it`,
        severity: "warning",
      }),
    );
  const written = profile.points
    .filter(({ address }) => address.value !== undefined)
    .map(
      ({ name, address }): ProtocolFinding => ({
        path: ["points", name, "at"],
        code: "not-readable",
        message: `"${address.value}" is where a value is written: nothing is read there`,
        hint: "say it under write: {at: ...}",
      }),
    );
  return [...idle, ...written];
}

function sentBy({ messages }: LineHead, name: string): readonly Step[] {
  return messages.find((one) => one.name === name)?.request?.send ?? [];
}

function addressProblem(
  { message: name, field, path, value }: LineAddress,
  head: LineHead,
): AddressProblem | undefined {
  const names = head.messages.map((one) => one.name);
  const message = head.messages.find((one) => one.name === name);
  if (!message) return new AddressProblem("message", `there is no message "${name}"`, hintFor(name, names));
  const carried = commandField(sentBy(head, name))?.name;
  if (value !== undefined)
    return carried === value
      ? undefined
      : new AddressProblem(
          "value",
          `no request of "${name}" carries a {${value}:...}`,
          carried === undefined ? "write the value's place into request:" : `it carries "${carried}"`,
        );
  if (carried !== undefined)
    return new AddressProblem(
      "message",
      `to read from "${name}" would write: its request carries a value`,
      "make a message of its own for what is read",
    );
  if (message.json)
    return path === undefined
      ? new AddressProblem("field", `"${name}" is JSON: say the path, not a field`)
      : undefined;
  if (field === undefined)
    return new AddressProblem("path", `"${name}" is not JSON: say the field, not a path`);
  const fields = [...fieldsOf(message).keys()];
  if (fields.includes(field)) return undefined;
  return new AddressProblem("field", `the message "${name}" has no field "${field}"`, hintFor(field, fields));
}

function hintFor(word: string, known: readonly string[]): string | undefined {
  const near = suggest(word, known);
  if (near !== undefined) return `did you mean "${near}"?`;
  return known.length === 0 ? undefined : `one of ${alternatives(known, 12)}`;
}
