import type { CheckDone } from "../model/commissioning.ts";
import type { Text } from "../model/device.ts";

/** A sentence in both languages of our users. */
export interface Said extends Text {
  readonly sv: string;
}

export function said(en: string, sv: string): Said {
  return { en, sv };
}

/** A command is the same in every language. */
export function commandLine(line: string): Said {
  return { en: line, sv: line };
}

export function checkOk(id: string, message: Text, subject?: string): CheckDone {
  return { kind: "check", id, subject, result: "ok", message };
}

export function checkWarning(id: string, message: Text, fix: Text, subject?: string): CheckDone {
  return { kind: "check", id, subject, result: "warning", message, fix };
}

export function checkFailed(id: string, message: Text, fix: Text, subject?: string): CheckDone {
  return { kind: "check", id, subject, result: "failed", message, fix };
}

export function notApplicable(id: string, message: Text, subject?: string): CheckDone {
  return { kind: "check", id, subject, result: "not-applicable", message };
}
