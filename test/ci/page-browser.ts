import { mkdirSync, mkdtempSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Browser, chromium, type Page } from "playwright-core";

// The technician's page in a real browser. Screenshots are left in STADSNOD_SCREENSHOTS, or in a new folder; those
// named technician-* are the pictures of docs/technician.md and docs/technician.sv.md, and are copied to docs/images/.

export const shots = process.env.STADSNOD_SCREENSHOTS ?? mkdtempSync(join(tmpdir(), "stadsnod-screenshots-"));
mkdirSync(shots, { recursive: true });

export const phone = { width: 390, height: 780 };
export const desktop = { width: 1360, height: 860 };

export const startBrowser = (): Promise<Browser> =>
  chromium.launch({
    executablePath: process.env.STADSNOD_CHROMIUM ?? "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"],
  });

export const shoot = (page: Page, name: string, fullPage = false) =>
  page.screenshot({ path: join(shots, `${name}.png`), animations: "disabled", fullPage });

const axeSource = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** What axe-core finds against WCAG 2.2 A and AA that is serious or critical: rule and elements, a line each. */
export async function barriers(page: Page): Promise<readonly string[]> {
  await page.evaluate(axeSource);
  return page.evaluate(`axe.run(document, {
    runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
  }).then(({ violations }) => violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .map(({ id, nodes }) => id + ": " + nodes.map(({ target }) => target.join(" ")).join(", ")))`);
}
