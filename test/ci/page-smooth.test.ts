import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { enter, openBrowser, openTab, own, takeOver } from "./page.ts";
import { manyDevice } from "./page-gateway/devices.ts";
import { openPageGateway, type PageGateway } from "./page-gateway/gateway.ts";

// How smooth the page stays while 2,000 points change every second. Figures are printed, not asserted: they say as
// much of the machine as of the page.

const points = 2000;
const seconds = 20;

let browser: Browser;
let gateway: PageGateway;
beforeAll(async () => {
  browser = await openBrowser();
  gateway = await openPageGateway([await manyDevice("many", points)]);
});
afterAll(async () => {
  await browser?.close();
  await gateway?.[Symbol.asyncDispose]();
});

const nameOf = (index: number) => `p${String(index).padStart(4, "0")}`;

it("shows 2,000 points that change every second, each of them", async () => {
  await takeOver(browser, gateway);
  await using tab = await openTab(browser, gateway);
  const { page } = tab;
  await enter(tab, "admin", own);
  let round = 0;
  const tell = () => {
    round++;
    gateway.tell(
      Array.from({ length: points }, (_, index) => ({
        device: "many",
        point: nameOf(index),
        value: index + round / 10,
        unit: "V",
      })),
    );
  };
  tell();
  await page.goto("/#/devices/many");
  await page.locator(`[data-point="${nameOf(points - 1)}"]`).waitFor({ state: "attached" });
  const wire = await page.context().newCDPSession(page);
  let bytes = 0;
  wire.on("Network.dataReceived", ({ encodedDataLength, dataLength }) => {
    bytes += encodedDataLength || dataLength;
  });
  await wire.send("Network.enable");
  const telling = setInterval(tell, 1000);
  const measured = page.evaluate<{ frames: number[]; long: number[] }>(`new Promise((resolve) => {
    const frames = [];
    const long = [];
    new PerformanceObserver((list) => long.push(...list.getEntries().map((one) => one.duration))).observe({ entryTypes: ["longtask"] });
    const from = performance.now();
    let last = from;
    const step = (now) => {
      frames.push(now - last);
      last = now;
      if (now - from < ${seconds * 1000}) requestAnimationFrame(step);
      else resolve({ frames, long });
    };
    requestAnimationFrame(step);
  })`);
  const { frames, long } = await measured;
  clearInterval(telling);
  const sorted = frames.toSorted((one, other) => one - other);
  const percentile = (part: number) => (sorted[Math.floor(sorted.length * part)] ?? 0).toFixed(1);
  console.log(
    `2,000 points at 1 s: frame time p50 ${percentile(0.5)} ms, p95 ${percentile(0.95)} ms, p99 ${percentile(0.99)} ms, ` +
      `worst ${percentile(0.9999)} ms, ${frames.length} frames in ${seconds} s; ` +
      `long tasks ${long.length}, the longest ${Math.max(0, ...long).toFixed(0)} ms; ` +
      `${(bytes / seconds / 1000).toFixed(0)} kB/s over the wire`,
  );
  tell();
  // Every point has what was told last, also those that were never on the screen.
  for (let index = 0; index < points; index += 133) {
    const row = page.locator(`[data-point="${nameOf(index)}"]`);
    await row.scrollIntoViewIfNeeded();
    const wanted = (index + round / 10).toLocaleString("en-GB", {
      minimumFractionDigits: 1,
      maximumFractionDigits: 1,
    });
    await row.locator(".value", { hasText: wanted }).waitFor();
  }
  expect(await page.locator("[data-point]").count()).toBe(points);
  expect(tab.problems).toEqual([]);
});
