import type { Browser } from "playwright-core";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { openBrowser, own, tabAs, takeOver } from "./page.ts";
import { lampDevice } from "./page-gateway/devices.ts";
import { openPageGateway } from "./page-gateway/gateway.ts";

// What people do on the technician's page: commanding in two steps, releasing, configuring, examining, and what
// they see when the gateway goes away.

let browser: Browser;
let gateway: Awaited<ReturnType<typeof openPageGateway>>;

beforeAll(async () => {
  browser = await openBrowser();
});
afterAll(() => browser?.close());

beforeEach(async () => {
  gateway = await openPageGateway([await lampDevice("lamp-1", { en: "Lamp", sv: "Lykta" })]);
  gateway.tell([
    { device: "lamp-1", point: "level", value: 80, unit: "%" },
    { device: "lamp-1", point: "barrier", value: false },
    { device: "lamp-1", point: "voltage", value: 231.4, unit: "V" },
  ]);
  await takeOver(browser, gateway);
  return () => gateway[Symbol.asyncDispose]();
});

const tabOf = (role: "admin" | "viewer" | "technician", at: string, look = {}) =>
  tabAs(browser, gateway, role, at, look);

describe("commands", () => {
  it("sends a number within its range, and shows how it fares", async () => {
    await using tab = await tabOf("admin", "commands/lamp-1", { size: "phone" });
    const level = tab.page.locator('[data-point="level"]');
    await level.getByRole("textbox", { name: "New value" }).fill("120");
    await level.getByText("This must be from 0 to 100.").waitFor();
    expect(await level.getByRole("button", { name: "Send" }).isDisabled()).toBe(true);
    await level.getByRole("textbox", { name: "New value" }).fill("45");
    await level.getByLabel("Why").fill("festival");
    await level.getByRole("button", { name: "Send 45 %" }).click();
    await level.getByText("Accepted").waitFor();
    expect(gateway.desk.submitted).toMatchObject([
      { device: "lamp-1", point: "level", value: 45, issuer: "admin", reason: "festival" },
    ]);
    const [command] = gateway.desk.submitted;
    const told = {
      id: command?.id ?? "",
      device: "lamp-1",
      point: "level",
      issuer: "admin",
      time: { base: "unix" as const, ms: Date.now() },
    };
    gateway.desk.tell({ ...told, state: "executing", last: false });
    await level.getByText("Being carried out").waitFor();
    gateway.desk.tell({ ...told, state: "failed", code: "no-answer", last: true });
    await level.getByText("No answer: nobody knows whether it was done").waitFor();
    await tab.shot("command-failed");
    expect(await tab.violations()).toEqual([]);
  });

  it("asks a second time for what is dangerous, and carries it out only then", async () => {
    await using tab = await tabOf("admin", "commands/lamp-1", { size: "phone", language: "sv" });
    const barrier = tab.page.locator('[data-point="barrier"]');
    await barrier.getByLabel("På", { exact: true }).check({ force: true });
    await barrier.getByRole("button", { name: "Skicka På" }).click();
    const dialog = tab.page.getByRole("dialog", { name: "Bekräfta" });
    await dialog.getByText("Bom: ställa på ”På” nu?").waitFor();
    await dialog
      .getByRole("timer")
      .getByText(/^\d+ s$|^1 min$/)
      .waitFor();
    await tab.shot("command-confirm", false);
    expect(await tab.violations()).toEqual([]);
    // The focus stays inside.
    for (let press = 0; press < 8; press++) await tab.page.keyboard.press("Tab");
    expect(
      await tab.page.evaluate(
        "!document.activeElement || document.activeElement === document.body || document.querySelector('dialog').contains(document.activeElement)",
      ),
    ).toBe(true);
    // The point's profile lets no command live longer.
    expect(gateway.desk.submitted).toMatchObject([{ expiry: { inMs: 30_000 } }]);
    await dialog.getByRole("button", { name: "Ja, gör det" }).click();
    await barrier.getByText("Utfört").waitFor();
    expect(gateway.desk.submitted[1]).toMatchObject({
      action: "confirm",
      confirms: gateway.desk.submitted[0]?.id,
    });
  });

  it("releases what is held", async () => {
    gateway.desk.held.push({
      device: "lamp-1",
      point: "level",
      priority: "operator",
      issuer: "kim",
      value: 80,
    });
    await using tab = await tabOf("admin", "commands");
    await tab.page.getByRole("button", { name: "Release: lamp-1 level" }).click();
    await tab.page.getByText("No point is held.").waitFor();
    expect(gateway.desk.submitted).toMatchObject([{ action: "release", point: "level" }]);
  });

  it("is not offered to who may not, with the reason", async () => {
    await using tab = await tabOf("viewer", "commands/lamp-1");
    await tab.page.getByText("This needs the role operator.").waitFor();
    expect(await tab.page.getByRole("button", { name: "Send" }).count()).toBe(0);
    await tab.page.goto("/#/logs");
    await tab.page.getByRole("main").getByText("This needs the role technician.").waitFor();
    expect(await tab.page.locator('nav a[href="#/users"]').count()).toBe(0);
    await tab.shot("viewer");
    expect(await tab.violations()).toEqual([]);
  });
});

describe("configuration", () => {
  it("finds errors at their line, applies with a note, and goes back", async () => {
    await using tab = await tabOf("admin", "configuration");
    const { page } = tab;
    const text = page.getByLabel("Text of gateway.yaml");
    const before = await text.inputValue();
    await text.fill(before.replace("unit: 1", "wrong: 1"));
    await page.getByRole("button", { name: "Check" }).click();
    await page.locator("button.diagnostic", { hasText: "line 14" }).click();
    await tab.shot("configuration-error");
    expect(await tab.violations()).toEqual([]);
    expect(await page.getByRole("button", { name: "Apply" }).isDisabled()).toBe(true);
    await text.fill(`${before}# refuse me`);
    await page.getByRole("button", { name: "Check" }).click();
    await page.getByRole("button", { name: "Apply" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Apply" }).click();
    await page.getByRole("dialog").getByText("the port is taken").waitFor();
    await page.keyboard.press("Escape");
    await text.fill(before.replace("unit: 1", "unit: 7"));
    await page.getByRole("button", { name: "Check" }).click();
    await page.getByText("lamp-1: changed").waitFor();
    await page.getByRole("button", { name: "Apply" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel(/^Note/).fill("new address");
    await tab.shot("configuration-apply", false);
    await dialog.getByRole("button", { name: "Apply" }).click();
    await page.getByText("Applied.", { exact: true }).waitFor();
    expect(gateway.configuration.applied).toEqual([before.replace("unit: 1", "unit: 7")]);
    await page.getByRole("button", { name: "Compare 1", exact: true }).click();
    await page.getByText("From version 1 to now").waitFor();
    await tab.shot("configuration-compare");
    await page.getByRole("button", { name: "Roll back 1", exact: true }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Roll back" }).click();
    await expect.poll(() => gateway.configuration.applied.length).toBe(2);
    expect(gateway.configuration.applied[1]).toContain("4800");
  });

  it("helps with keys and values of the schema", async () => {
    await using tab = await tabOf("admin", "configuration");
    const { page } = tab;
    const text = page.getByLabel("Text of gateway.yaml");
    await text.fill("gateway:\n  ti");
    await page.getByRole("button", { name: "timeZone" }).click();
    expect(await text.inputValue()).toBe("gateway:\n  timeZone: ");
    await page.getByText("Unless given: Europe/Stockholm").waitFor();
  });
});

describe("users", () => {
  it("shows a new password and a new token once", async () => {
    await using tab = await tabOf("admin", "users");
    const { page } = tab;
    await page.getByLabel("User name").fill("lo");
    await page.getByRole("button", { name: "Add" }).first().click();
    const dialog = page.getByRole("dialog", { name: "Write this down now" });
    await dialog.getByText("Password of lo").waitFor();
    await tab.shot("users-secret", false);
    expect(await tab.violations()).toEqual([]);
    await page.keyboard.press("Escape");
    await page.getByLabel("Name of the token").fill("node-red");
    await page.getByRole("button", { name: "Add" }).last().click();
    expect(await dialog.locator(".secret").textContent()).toMatch(/^sn_/);
    await dialog.getByRole("button", { name: "Close" }).last().click();
    await page.getByRole("button", { name: "Remove: lo" }).click();
    await page.getByRole("dialog", { name: "Remove lo?" }).getByRole("button", { name: "Remove" }).click();
    await page.getByText("lo is removed.").waitFor();
  });
});

describe("diagnostics", () => {
  it("follows the doctor, shows the worst first, and gives a file", async () => {
    gateway.jobs.findings.doctor = [
      {
        kind: "check",
        id: "clock",
        result: "ok",
        message: { en: "The clock is right", sv: "Klockan går rätt" },
      },
      {
        kind: "check",
        id: "serial-group",
        subject: "/dev/ttyUSB0",
        result: "failed",
        message: { en: "No permission", sv: "Behörighet saknas" },
        fix: { en: "sudo usermod -aG dialout stadsnod", sv: "sudo usermod -aG dialout stadsnod" },
      },
    ];
    gateway.jobs.findings.diagnostics = [{ kind: "file", name: "stadsnod-diag.tar.gz", bytes: 123_456 }];
    await using tab = await tabOf("technician", "diagnostics", { size: "phone", language: "sv" });
    const { page } = tab;
    await page.getByRole("button", { name: "Kör hälsokontrollen" }).click();
    await page.getByText("Ser över portarna").waitFor();
    await tab.shot("doctor-running");
    expect(await tab.violations()).toEqual([]);
    gateway.jobs.end("job-1");
    await page.getByText("1 fel, 0 varningar, 1 i ordning").waitFor();
    expect(await page.locator(".check").first().textContent()).toContain("Behörighet saknas");
    await page.getByRole("button", { name: "Gör filen" }).click();
    await expect.poll(() => gateway.jobs.started.length).toBe(2);
    gateway.jobs.end("job-2");
    const link = page.getByRole("link", { name: /Ladda ner stadsnod-diag/ });
    await link.waitFor();
    const download = page.waitForEvent("download");
    await link.click();
    expect((await download).suggestedFilename()).toBe("stadsnod-diag.tar.gz");
    await tab.shot("doctor-done");
  });
});

describe("frames", () => {
  it("shows the bytes of the line", async () => {
    await using tab = await tabOf("technician", "devices/lamp-1", { size: "phone" });
    await tab.page.getByRole("button", { name: "Show frames" }).click();
    await tab.page.getByText("No frame yet.").waitFor();
    await expect
      .poll(async () => {
        gateway.sendFrames([
          {
            at: new Date().toISOString(),
            direction: "sent",
            hex: "01030000000a c5cd".replace(" ", ""),
            bytes: 8,
          },
          { at: new Date().toISOString(), direction: "received", hex: "010314".padEnd(50, "0"), bytes: 25 },
        ]);
        return tab.page.getByText("01 03 00 00 00 0a c5 cd").count();
      })
      .toBeGreaterThan(0);
    await tab.shot("frames");
    expect(await tab.violations()).toEqual([]);
  });
});

describe("a gateway that goes away", () => {
  it("is told at once, makes values old, and comes back by itself", async () => {
    await using tab = await tabOf("admin", "devices/lamp-1", { size: "phone" });
    const { page } = tab;
    const voltage = page.locator('[data-point="voltage"]');
    await voltage.getByText("231.4").waitFor();
    await gateway[Symbol.asyncDispose]();
    await page.getByText("The gateway cannot be reached").waitFor();
    await voltage.locator(".value-old s").getByText("231.4").waitFor();
    await voltage.getByText("Not live").waitFor();
    await tab.shot("gone");
    expect(await tab.violations()).toEqual([]);
    const { port, disk } = gateway;
    gateway = await openPageGateway([await lampDevice("lamp-1", { en: "Lamp", sv: "Lykta" })], {
      port,
      disk,
    });
    gateway.tell([{ device: "lamp-1", point: "voltage", value: 229.9, unit: "V" }]);
    // Sessions do not outlive a restart of the gateway.
    await page.getByText("Your session has ended.").waitFor();
    await page.getByLabel("User").fill("admin");
    await page.getByLabel("Password").fill(own);
    await page.getByRole("button", { name: "Log in" }).click();
    await voltage.locator(".value:not(.value-old)").getByText("229.9").waitFor();
    expect(tab.problems).toEqual([]);
  });
});
