import { mkdirSync, mkdtempSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Browser, chromium, type Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { testDevice } from "../../nodes/test/lamp.ts";
import { type LocalGateway, openLocalGateway } from "../../nodes/test/local-gateway.ts";
import { type NodeRed, startNodeRed } from "./node-red.ts";
import { operatorsFlow, operatorsWords } from "./operators-flow.ts";

// An operator's first steps, in a real browser. Screenshots are left in STADSNOD_SCREENSHOTS, or in a new folder;
// those named operators-* are the pictures of docs/operators.md and docs/operators.sv.md, and are copied to docs/images/.

const shots = process.env.STADSNOD_SCREENSHOTS ?? mkdtempSync(join(tmpdir(), "stadsnod-screenshots-"));
mkdirSync(shots, { recursive: true });

let gateway: LocalGateway;
let nodeRed: NodeRed;
let browser: Browser;
beforeAll(async () => {
  gateway = await openLocalGateway();
  gateway.tell(
    { device: "lamp-1", point: "level", value: 80, unit: "%" },
    { device: "lamp-1", point: "power", value: 41.5, unit: "W" },
    { device: "lamp-1", point: "mode", value: "auto" },
    { device: "lamp-1", point: "relay", value: true },
    { device: "lamp-2", point: "level", value: 0, unit: "%" },
  );
  nodeRed = await startNodeRed();
  browser = await chromium.launch({
    executablePath: process.env.STADSNOD_CHROMIUM ?? "/usr/bin/chromium",
    args: ["--no-sandbox"],
  });
});
afterAll(async () => {
  await browser?.close();
  await nodeRed?.[Symbol.asyncDispose]();
  await gateway?.[Symbol.asyncDispose]();
});

async function openEditor(locale: string, viewport = { width: 1360, height: 860 }): Promise<Page> {
  const page = await browser.newPage({ locale, viewport });
  page.setDefaultTimeout(20_000);
  page.on("pageerror", (error) => problems.push(String(error)));
  await page.goto(nodeRed.url);
  await page.locator("#red-ui-header-button-deploy").waitFor();
  await page.locator('[data-palette-type="stadsnod-reading"]').waitFor();
  return page;
}

/** What went wrong in a page's own code. */
const problems: string[] = [];

async function place(page: Page, type: string, x: number, y: number): Promise<void> {
  const before = await page.locator(".red-ui-flow-node-group").count();
  const item = page.locator(`[data-palette-type="${type}"]`);
  await item.scrollIntoViewIfNeeded();
  await item.hover();
  await page.mouse.down();
  await page.mouse.move(x - 20, y - 20, { steps: 5 });
  await page.mouse.move(x, y, { steps: 5 });
  await page.mouse.up();
  await page.locator(".red-ui-flow-node-group").nth(before).waitFor();
}

const shoot = (page: Page, name: string) =>
  page.screenshot({ path: join(shots, `${name}.png`), animations: "disabled" });
const done = (page: Page) => page.locator("#node-dialog-ok").click();
async function deploy(page: Page): Promise<void> {
  const deployed = page.waitForResponse(
    (answer) => answer.url().endsWith("/flows") && answer.request().method() === "POST",
  );
  await page.locator("#red-ui-header-button-deploy").click();
  expect((await deployed).ok()).toBe(true);
  await page.locator("#red-ui-header-button-deploy.disabled").waitFor();
}
const node = (page: Page, index: number) => page.locator(".red-ui-flow-node-group").nth(index);
const openNode = async (page: Page, index: number) => {
  await node(page, index).dblclick();
  await page.locator("#node-dialog-ok").waitFor();
};
const status = (page: Page, text: string) =>
  page.locator(".red-ui-flow-node-status-label", { hasText: text });

describe("the editor in Chromium", () => {
  afterEach(async (test) => {
    const [page] = browser.contexts().flatMap((context) => context.pages());
    if (test.task.result?.state === "fail" && page) await shoot(page, "failed");
    await page?.close();
  });

  it("adds a gateway, picks a device from the list, deploys and shows the value", async () => {
    const page = await openEditor("sv-SE");
    await place(page, "stadsnod-reading", 520, 200);
    await openNode(page, 0);
    await page.locator("#node-input-btn-gateway-add").click();
    await page.locator("#node-config-input-socket").fill(gateway.socket);
    await page.locator("#stadsnod-test").click();
    await page.getByText("Gatewayen gw-test svarar: version 0.0.0, 2 enheter.").waitFor();
    await shoot(page, "1-gateway");
    await page.locator("#node-config-dialog-ok").click();
    await page.locator("#node-input-device").click();
    const menu = page.locator(".red-ui-autoComplete-container");
    await menu.getByText("Lampa lamp-1").waitFor();
    await shoot(page, "2-device");
    await menu.getByText("Lampa lamp-1").click();
    await page.locator("#node-input-point").click();
    await menu.getByText("Ljusnivå").waitFor();
    expect(await menu.innerText()).toContain("80 %");
    // A trial waits until the list stands still.
    await menu.getByText("relay").click({ trial: true });
    await shoot(page, "3-point");
    await menu.getByText("Ljusnivå").click();
    expect(await page.locator("#node-input-device").inputValue()).toBe("lamp-1");
    expect(await page.locator("#node-input-point").inputValue()).toBe("level");
    await shoot(page, "4-reading");
    await done(page);
    await deploy(page);
    await status(page, "80 %").waitFor();
    gateway.tell({ device: "lamp-1", point: "level", value: 65, unit: "%" });
    await status(page, "65 %").waitFor();
    gateway.tell({ device: "lamp-1", point: "level", quality: "stale" });
    await status(page, "inaktuellt värde").waitFor();
    await shoot(page, "5-status");
    await page.close();
  });

  it("offers a lamp's writable points with what its profile allows, and operates it", async () => {
    const page = await openEditor("sv-SE");
    await place(page, "inject", 420, 320);
    await place(page, "stadsnod-command", 700, 320);
    await openNode(page, 2);
    const menu = page.locator(".red-ui-autoComplete-container");
    await page.locator("#node-input-device").click();
    await menu.getByText("Lampa lamp-1").click();
    await page.locator("#node-input-point").click();
    await menu.getByText("Ljusnivå").waitFor();
    expect(await menu.innerText()).not.toContain("power");
    await menu.getByText("relay").click({ trial: true });
    await shoot(page, "6-writable-points");
    await menu.getByText("Ljusnivå").click();
    await page.getByText("0 till 100 %").waitFor();
    await page.locator(".red-ui-typedInput-type-select").click();
    await page.locator(".red-ui-typedInput-options").getByText("tal (%)").click();
    await page.locator("input.red-ui-typedInput-input").fill("35");
    await page.keyboard.press("Tab");
    await shoot(page, "7-command");
    await done(page);
    // From the inject node's output to the command node's input.
    await node(page, 1).locator(".red-ui-flow-port-output .red-ui-flow-port").hover();
    await page.mouse.down();
    await node(page, 2).locator(".red-ui-flow-port-input .red-ui-flow-port").hover();
    await page.mouse.up();
    await deploy(page);
    await node(page, 1).locator(".red-ui-flow-node-button-button").click();
    expect(await gateway.commanded(1)).toMatchObject([{ device: "lamp-1", point: "level", value: 35 }]);
    await status(page, "✓ 35").waitFor();
    // Clicking has scrolled.
    await page.locator("#red-ui-workspace-chart").evaluate((chart) => chart.scrollTo(0, 0));
    await shoot(page, "8-operated");
    await page.close();
  });

  it("speaks the reader's language: palette, pages and help", async () => {
    for (const [locale, words] of [
      ["sv-SE", { palette: "avläsning", page: "Målgrupp", help: "Skickar det som gatewayens enheter mäter" }],
      ["en-GB", { palette: "reading", page: "Audience", help: "Sends what a gateway's devices measure" }],
    ] as const) {
      const page = await openEditor(locale);
      expect(await page.locator('[data-palette-type="stadsnod-reading"]').innerText()).toContain(
        words.palette,
      );
      await openNode(page, 0);
      await page.getByText(words.page, { exact: true }).waitFor();
      await page
        .locator(".red-ui-tray-footer .fa-book, .red-ui-tray-footer button:has(.fa-book)")
        .first()
        .click();
      await page.getByText(words.help).waitFor();
      await shoot(page, `9-help-${locale}`);
      await page.close();
    }
    expect(problems).toEqual([]);
  });

  it.each(["sv", "en"] as const)("draws the pictures of the operators' manual (%s)", async (language) => {
    const words = operatorsWords[language];
    gateway.devices.splice(
      0,
      gateway.devices.length,
      await testDevice("street-1", { sv: "Gatlampa Götgatan 12", en: "Street lamp Götgatan 12" }),
      await testDevice("street-2", { sv: "Gatlampa Götgatan 14", en: "Street lamp Götgatan 14" }),
      await testDevice("cabinet", { sv: "Skåpet på Götgatan", en: "Cabinet on Götgatan" }),
    );
    gateway.answer(({ point, value }) =>
      point === "lock"
        ? [{ state: "accepted", stage: "armed" }]
        : [{ state: "succeeded", value, verified: true }],
    );
    await nodeRed.deploy(operatorsFlow(gateway.socket, words));
    gateway.tell(
      { device: "street-1", point: "power", value: 86.5, unit: "W" },
      { device: "street-1", point: "level", value: 100, unit: "%" },
      { device: "street-1", point: "mode", value: "auto" },
      { device: "street-2", point: "level", quality: "stale" },
      { device: "cabinet", point: "lock", value: "locked" },
    );
    const page = await openEditor(language === "sv" ? "sv-SE" : "en-US", { width: 1120, height: 560 });
    const shows = (id: string, text: string) =>
      page.locator(`#${id} .red-ui-flow-node-status-label`, { hasText: text }).waitFor();
    await shows("reading", "86.5 W");
    await page.locator("#unlock .red-ui-flow-node-button-button").click();
    await shows("command", "✓ 40");
    await shows("alarm", words.raised);
    await shows("second", words.stale);
    await shows("lock", words.armed);
    await page.locator(".red-ui-notification").waitFor({ state: "hidden" });
    await page.evaluate('RED.actions.invoke("core:toggle-sidebar", false)');
    await page.locator('[data-palette-type="stadsnod-command"]').scrollIntoViewIfNeeded();
    const open = async (id: string) => {
      await page.locator(`#${id}`).dblclick();
      await page.locator("#node-dialog-ok").waitFor();
    };
    const picture = async (name: string) => {
      await page.locator("#red-ui-workspace-chart").evaluate((chart) => chart.scrollTo(0, 0));
      const file = `operators-${name}.${language}`;
      await shoot(page, file);
      expect(statSync(join(shots, `${file}.png`)).size).toBeLessThan(120_000);
    };
    await picture("flow");

    await open("reading");
    const menu = page.locator(".red-ui-autoComplete-container");
    await page.locator("#node-input-point").fill("");
    await page.locator("#node-input-point").click();
    await menu.getByText(words.level).waitFor();
    await menu.getByText("relay").click({ trial: true });
    await menu.getByText(words.level).hover();
    await picture("pick");
    await page.keyboard.press("Escape");
    await page.locator("#node-dialog-cancel").click();

    await open("command");
    await page.getByText(words.range).waitFor();
    await picture("command");
    await page.close();
  });

  it("offers points and profiles in the nodes that combine and decode", async () => {
    const page = await openEditor("en-US");
    // Earlier tests have left a gateway and nodes.
    const openLast = async (type: string, x: number, y: number) => {
      await place(page, type, x, y);
      await openNode(page, (await page.locator(".red-ui-flow-node-group").count()) - 1);
    };
    await openLast("stadsnod-combine", 620, 560);
    await page.locator(".red-ui-editableList-addButton").click();
    const topic = page.locator("#stadsnod-terms .stadsnod-topic");
    const menu = page.locator(".red-ui-autoComplete-container");
    await topic.pressSequentially("street-1/le");
    // The list of a busy gateway may come when the tray, which is still opening, has taken the focus.
    await expect
      .poll(
        async () => {
          await topic.press("End");
          return menu.getByText("street-1/level").count();
        },
        { timeout: 60_000 },
      )
      .toBeGreaterThan(0);
    await menu.getByText("street-1/level").click();
    expect(await topic.inputValue()).toBe("street-1/level");
    await shoot(page, "combine-pick");
    await page.locator("#node-dialog-cancel").click();
    await openLast("stadsnod-senml", 620, 640);
    await page.locator("#node-input-direction").selectOption("decode-payload");
    await page.locator("#node-input-profile").click();
    await menu.getByText("test/lamp").first().click();
    expect(await page.locator("#node-input-profile").inputValue()).toMatch(/\//);
    await shoot(page, "senml-payload");
    await done(page);
    expect(problems).toEqual([]);
  });
});
