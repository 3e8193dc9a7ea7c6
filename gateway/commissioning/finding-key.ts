import type { Finding } from "../model/commissioning.ts";

/** What a finding is about: two with the same key say something of the same thing, the later one knows better. */
export function findingKey(finding: Finding): string {
  switch (finding.kind) {
    case "device":
    case "traffic":
      return keyOf(finding.kind, finding.protocol, sorted(finding.connection), sorted(finding.settings));
    case "settings":
      return keyOf(finding.kind, finding.protocol, sorted(finding.connection));
    case "wiring":
      return keyOf(finding.kind, finding.fault, finding.unit ?? "");
    case "check":
      return keyOf(finding.kind, finding.id, finding.subject ?? "");
    case "file":
      return keyOf(finding.kind, finding.name);
  }
}

function keyOf(...parts: readonly unknown[]): string {
  return JSON.stringify(parts);
}

/** The order of keys says nothing. */
function sorted(record: Readonly<Record<string, unknown>>): readonly (readonly [string, unknown])[] {
  return Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1));
}
