import { format, inspect } from "node:util";
import { expect, it } from "vitest";
import { Secret } from "./secret.ts";

it("shows itself only to who reveals it", () => {
  const secret = new Secret("planted-secret", "env:KEY");
  const shown = [
    String(secret),
    `${secret}`,
    JSON.stringify({ secret }),
    inspect({ deep: [secret] }, { depth: 9, showHidden: true }),
    format("%s %o %j", secret, secret, secret),
    JSON.stringify(structuredCloneOrNothing(secret)),
    Object.entries(secret).join(),
  ].join("\n");
  expect(shown).not.toContain("planted");
  expect(shown).toContain("[redacted]");
  expect(secret.reveal()).toBe("planted-secret");
  expect(secret.equals(new Secret("planted-secret", "file:x"))).toBe(true);
  expect(secret.equals(new Secret("other", "env:KEY"))).toBe(false);
});

function structuredCloneOrNothing(value: unknown): unknown {
  return structuredClone(value);
}
