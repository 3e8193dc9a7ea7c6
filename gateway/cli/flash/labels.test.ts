import { expect, it } from "vitest";
import { labelsHtml, labelText } from "./labels.ts";

it("makes a page to print, with nothing from elsewhere and everything escaped", () => {
  const html = labelsHtml(
    [
      { gateway: "gw-1", site: 'Slussen <script>alert("1")</script> & co', day: "2026-11-22" },
      { gateway: "gw-2", day: "2026-11-22" },
    ],
    "sv",
  );
  expect(html.match(/<article>/g)).toHaveLength(2);
  expect(html.match(/<svg/g)).toHaveLength(2);
  expect(html).toContain("Slussen &lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt; &amp; co");
  expect(html).not.toMatch(/<script|\bsrc=|<link|url\(/);
  expect(html).toContain('lang="sv"');
  expect(html).toContain("Kort 2026-11-22");
});

it("says gateway and site in its code, and nothing else", () => {
  expect(labelText({ gateway: "gw-1", site: "Södra Slussen" })).toBe(
    "stadsnod:gw-1?site=S%C3%B6dra%20Slussen",
  );
  expect(labelText({ gateway: "gw-1" })).toBe("stadsnod:gw-1");
});
