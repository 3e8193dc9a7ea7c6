import { type CommandCode, type CommandState, commandFailures, commandRefusals } from "../model/command.ts";
import {
  ConfigError,
  GatewayError,
  LinkError,
  RefusedError,
  TransientError,
  UnsupportedPointError,
} from "../model/errors.ts";

/** How a command ends that did not succeed. */
export interface Ending {
  readonly state: Extract<CommandState, "failed" | "expired">;
  readonly code?: CommandCode | undefined;
  readonly text: string;
}

const known = new Map<string, CommandCode>([
  ...[...commandRefusals, ...commandFailures].map((code) => [code, code] as const),
  // Nothing was asked: the line is somebody else's for a while.
  ["line-borrowed", "unavailable"],
]);

/** What an error of the field means for the command. A code of ours is kept; other errors speak through their class. */
export function endingOf(error: unknown): Ending {
  if (!(error instanceof GatewayError))
    return { state: "failed", code: "internal", text: short(String(error)) };
  const text = short(error.message);
  if (error.code === "expired") return { state: "expired", text };
  return { state: "failed", code: known.get(error.code) ?? codeOfClass(error), text };
}

function codeOfClass(error: GatewayError): CommandCode {
  if (error instanceof RefusedError || error instanceof UnsupportedPointError) return "refused-by-device";
  if (error instanceof TransientError) return "no-answer";
  // Another model answered, or what is configured cannot write.
  if (error instanceof ConfigError) return "unavailable";
  return error instanceof LinkError ? "link" : "internal";
}

const longestText = 300;

function short(text: string): string {
  return text.length > longestText ? `${text.slice(0, longestText - 1)}…` : text;
}
