import { describe, expect, it } from "vitest";
import { loadProtocols } from "../southbound/index.ts";
import { documentHtml } from "./document-html.ts";
import { loadProfile } from "./load.ts";

const protocols = await loadProtocols();

const loaded = loadProfile(
  `profile: acme/m1
version: 1.0.0
title: {en: "Meter <b>&</b>", sv: Mätare}
manufacturer: "A\\"B"
models: [M1]
category: energy-meter
sources: [{document: Manual, url: "https://example.org/a?b=1&c=2", pages: 3}]
status: draft
caveats: ["<script>alert(1)</script>"]
deprecated: {since: 1.0.0, use: acme/m2}
protocol: modbus
modbus: {addressing: protocol}
points:
  voltage:
    title: {en: Voltage, sv: Spänning}
    at: {input: 0, type: f32}
    unit: V
    resolution: 0.1
examples: [{given: {input: {0: "4366 3333"}}, expect: {voltage: 230.2}}]
`,
  "device-profiles/acme/m1.yaml",
  protocols,
);
const plan = {
  line: "9600 baud",
  heard: 2,
  requests: [{ label: "FC4 0..1", points: 1, classes: ["normal"], costMs: 24.4 }],
};

describe("documentHtml", () => {
  const page = documentHtml(loaded.profile!, loaded.about!, "sv", plan);

  it("holds both languages, the wanted one first", () => {
    expect(page).toContain('<html lang="sv">');
    expect(page).toContain("<title>Mätare</title>");
    expect(page).toContain('id="sv" checked>');
    expect(page).not.toContain('id="en" checked>');
    expect(page).toContain("<h2>Points</h2>");
    expect(page).toContain("<h2>Mätpunkter</h2>");
    expect(page.match(/<main lang="(en|sv)">/g)).toHaveLength(2);
  });

  it("keeps what a profile says as text, but for the addresses of its sources", () => {
    expect(page).toContain("Meter &lt;b&gt;&amp;&lt;/b&gt;");
    expect(page).toContain("A&quot;B");
    expect(page).toContain("&lt;script&gt;alert(1)&lt;/script&gt;");
    expect(page).not.toMatch(/<script|<b>/);
    expect(page).toContain('<a href="https://example.org/a?b=1&amp;c=2" rel="noreferrer">');
    expect(page).toContain('<p class="warning">');
  });

  it("loads nothing and runs nothing", () => {
    expect(page).toContain("default-src 'none'");
    expect(page).not.toMatch(/<(script|link|img|iframe)|@import|url\(|\son\w+=/);
  });

  it("sums up how the device is read", () => {
    expect(page).toContain("<td>FC4 0..1</td><td>1</td><td>normal</td><td>24</td>");
    expect(page).toContain("All of them once: 24 ms (9600 baud); 2 points that the device sends by itself");
    expect(documentHtml(loaded.profile!, loaded.about!)).not.toContain("How it is read");
    const silent = documentHtml(loaded.profile!, loaded.about!, "en", { requests: [], heard: 3 });
    expect(silent).toContain("<li>3 points that the device sends by itself</li>");
  });

  it("closes every element that it opens", () => {
    const open: string[] = [];
    for (const [, slash, tag] of page.matchAll(/<(\/?)([a-z][a-z0-9]*)\b[^>]*>/g)) {
      if (["meta", "input"].includes(tag!)) continue;
      if (slash) expect(open.pop()).toBe(tag);
      else open.push(tag!);
    }
    expect(open).toEqual([]);
  });
});
