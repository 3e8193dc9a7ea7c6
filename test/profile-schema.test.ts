import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { categories } from "../gateway/profiles/category.ts";
import { profileSchema } from "../gateway/profiles/schema.ts";
import { loadProtocols } from "../gateway/southbound/index.ts";
import { cells } from "./fake-protocol.ts";

const protocols = await loadProtocols();

const folder = join(import.meta.dirname, "../device-profiles");

it("device-profiles/profile.schema.json is what the gateway checks (vitest -u writes it again)", async () => {
  const text = `${JSON.stringify(profileSchema(protocols), null, 2)}\n`;
  await expect(text).toMatchFileSnapshot(join(folder, "profile.schema.json"));
});

it("describes what people write, not what comes of it", () => {
  const schema = JSON.stringify(profileSchema([cells]));
  expect(schema).toContain('"$schema":"http://json-schema.org/draft-07/schema#"');
  expect(schema).toContain('"additionalProperties":false');
  // A duration is a text when written, though a number afterwards.
  expect(schema).toMatch(/"within":\{"type":"string","pattern"/);
  // What is required of a protocol's part is not required of its default.
  expect(schema).toContain('"cell"');
});

it("device-profiles/README.md names every category", () => {
  const readme = readFileSync(join(folder, "README.md"), "utf8");
  const missing = Object.entries(categories).filter(
    ([name, text]) => !readme.includes(`| \`${name}\` | ${text} |`),
  );
  expect(missing).toEqual([]);
});
