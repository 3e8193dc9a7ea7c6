import { readSchemaText } from "../../codec/payload/index.ts";
import { alternatives, suggest } from "../../codec/suggest.ts";
import type { DeviceProfile } from "../../model/device.ts";
import type { RawKind } from "../../model/write-rule.ts";
import type { ProtocolFinding } from "../protocol.ts";
import { compileHead, fieldKind } from "./layout.ts";
import { misspeltKeys } from "./layout-lint.ts";
import type { LinkWord, LoraAddress, LoraHead } from "./settings.ts";

const linkKinds: Readonly<Record<LinkWord, RawKind>> = {
  rssi: "integer",
  snr: "float",
  gateway: "text",
  gateways: "integer",
  dr: "integer",
  fcnt: "integer",
  fcnt_gap: "integer",
  margin: "integer",
  battery: "float",
  external_power: "boolean",
};

/** The raw type at an address. Throws RangeError for a field that the layout does not have. */
export function rawKindOf(address: LoraAddress, head: LoraHead): RawKind {
  if ("link" in address) return linkKinds[address.link];
  // What a layout can encode it can decode, but a command's fields stand apart.
  if ("set" in address) return "float";
  return fieldKind(address.field, address.type, compileHead(head));
}

/** What the schemas cannot see. Pure. */
export function checkLorawan(profile: DeviceProfile<LoraAddress, LoraHead>): readonly ProtocolFinding[] {
  const head = profile.protocolSettings;
  const { payload, problem, kinds, open } = compileHead(head);
  if (problem) return [headFinding(head, problem)];
  const findings: ProtocolFinding[] = (payload?.notes ?? []).map((note) => ({
    path: ["lorawan", layoutKey(head)],
    code: "layout-note",
    message: note,
    severity: "warning",
  }));
  findings.push(...misspelt(head));
  for (const key of ["setup", "identify"] as const) {
    if ((profile[key]?.length ?? 0) === 0) continue;
    findings.push({
      path: [key],
      code: "cannot-be-asked",
      message: `a device on LoRaWAN cannot be asked when the line opens: \`${key}\` would hold back every uplink`,
      hint: key === "setup" ? "set it with a command, or in the network server" : "its DevEUI says who it is",
    });
  }
  const commands = payload?.commands.map(({ name }) => name) ?? [];
  for (const { name, address } of [...profile.points, ...(profile.commands ?? [])]) {
    const at = ["points", name, "at"];
    if ("field" in address && kinds && !open && !known(() => rawKindOf(address, head))) {
      findings.push({
        path: [...at, "field"],
        code: "unknown-field",
        message: `the payload layout has no field "${address.field}"`,
        hint: hintFor(address.field, [...kinds.keys()]),
      });
    }
    if ("field" in address && head.decoding.kind === "none" && !head.serverDecodes)
      findings.push({
        path: [...at, "field"],
        code: "nothing-decodes",
        message: "nothing decodes this device's payload",
        hint: "give lorawan: a payload, a payloadFile or a codec; or decoder: server as the last resort",
      });
    if ("set" in address && address.command !== undefined && !commands.includes(address.command))
      findings.push({
        path: ["points", name, "write", "at", "command"],
        code: "unknown-command",
        message: `the payload layout has no command "${address.command}"`,
        hint: hintFor(address.command, commands),
      });
  }
  return findings;
}

/** Keys that do nothing, where another one was meant. */
function misspelt(head: LoraHead): ProtocolFinding[] {
  const { decoding } = head;
  if (decoding.kind !== "layout" && decoding.kind !== "layout-file") return [];
  const inline = decoding.kind === "layout";
  const layout = inline ? decoding.schema : readSchemaText(decoding.file.text);
  return misspeltKeys(layout).map(({ path, key, meant }) => ({
    // Of a file beside the profile only its name has a line here.
    path: ["lorawan", layoutKey(head), ...(inline ? path : [])],
    code: "misspelt-key",
    message: `"${key}" does nothing in a payload layout${inline ? "" : `: ${path.join(".")}`}`,
    hint: `did you mean "${meant}"?`,
    severity: "warning",
  }));
}

function headFinding(
  head: LoraHead,
  { code, message, hint }: { code: string; message: string; hint?: string | undefined },
) {
  const [, inside = ""] = /^([\w.[\]]+): /.exec(message) ?? [];
  const steps = head.decoding.kind === "layout" ? inside.split(/[.[\]]+/).filter(Boolean) : [];
  return { path: ["lorawan", layoutKey(head), ...steps], code, message, hint };
}

function layoutKey({ decoding }: LoraHead): string {
  if (decoding.kind === "unread") return decoding.key;
  return decoding.kind === "layout" ? "payload" : decoding.kind === "script" ? "codec" : "payloadFile";
}

function known(look: () => unknown): boolean {
  try {
    look();
    return true;
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}

function hintFor(word: string, words: readonly string[]): string | undefined {
  const near = suggest(word, words);
  if (near !== undefined) return `did you mean "${near}"?`;
  return words.length === 0 ? undefined : `one of ${alternatives(words)}`;
}
