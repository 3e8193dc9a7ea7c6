// biome-ignore-all lint/suspicious/noTemplateCurlyInString: references as gateway.yaml writes them
import { describe, expect, it } from "vitest";
import { formatDiagnostic } from "./diagnostic.ts";

const shown = (line: string): string | undefined =>
  formatDiagnostic(
    { severity: "error", code: "c", message: "m", file: "f", line: 1, column: 1, length: 1 },
    line,
  )
    .split("\n")[1]
    ?.slice("  1 | ".length);

describe("the line below a finding", () => {
  it.each([
    ["password: hunter2", "password: *******"],
    ["  passwort: hunter2 # old", "  passwort: *************"],
    ["{password: hunter2, url: x}", "{password: *******, url: x}"],
    ['{password: "a,}b", url: x}', "{password: ******, url: x}"],
    ["{'password': 'a,b', url: x}", "{'password': *****, url: x}"],
    ['password: "never, closed', "password: **************"],
    ["api_token: [a, b]", "api_token: ******"],
    ["PSK: {a: b}", "PSK: *****}"],
    // A reference is what should stand there, and it helps to see it.
    ["{password: ${file:/run/x}, url: y}", "{password: ${file:/run/x}, url: y}"],
    ['password: "${env:X}"', 'password: "${env:X}"'],
    ["{password: ${env:X}hunter2, url: y}", "{password: ***************, url: y}"],
    ["url: mqtt://x", "url: mqtt://x"],
    ["{url: mqtts://gw:hunter2@x:8883, y: z}", "{url: mqtts://gw:*******@x:8883, y: z}"],
    ['url: "mqtt://gw:p@ss:word@x"', 'url: "mqtt://gw:*********@x"'],
    ["url: mqtt://gw@x, at: me@y", "url: mqtt://gw@x, at: me@y"],
    ["{key: 5F8A1C3E7B2D4096A1B2C3D4E5F60718}", "{key: ********************************}"],
    ['authenticationKey: "0d1e2f3a4b5c6d7e"', 'authenticationKey: "****************"'],
    ["key: keys/city-2026.pem", "key: keys/city-2026.pem"],
  ])("%s", (line, safe) => expect(shown(line)).toBe(safe));

  it("keeps its caret below the place", () => {
    const finding = { severity: "error", code: "c", message: "m", file: "f", line: 1 } as const;
    const line = "{password: hunter2, ulr: x}";
    expect(formatDiagnostic({ ...finding, column: line.indexOf("ulr") + 1, length: 3 }, line)).toBe(
      `f:1:21: error: m [c]\n  1 | {password: *******, ulr: x}\n    |                     ^^^`,
    );
  });
});
