import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Alarm } from "../../gateway/local/commissioning.ts";
import { enter, logIn, openBrowser, openTab, own, type Size, screenshots, type Tab } from "./page.ts";
import { lampDevice } from "./page-gateway/devices.ts";
import { openPageGateway, type PageGateway } from "./page-gateway/gateway.ts";

// Every page of the technician's page, in a real Chromium: at both sizes, in both languages and appearances, with
// axe-core. Screenshots are left in STADSNOD_SCREENSHOTS, or in a new folder.

const alarms: Alarm[] = [
  {
    id: "device lamp-2 not-available",
    severity: "major",
    since: new Date(Date.now() - 754_000).toISOString(),
    message: { en: "Lamp 2 has not answered for 12 minutes", sv: "Lampa 2 har inte svarat på 12 minuter" },
    fix: {
      en: "Look whether it has power, and whether unit 2 is right.",
      sv: "Se efter om den har ström och om enhetsadressen 2 stämmer.",
    },
    device: "lamp-2",
    connection: "roof",
  },
  {
    id: "northbound city away",
    severity: "minor",
    since: new Date(Date.now() - 3_754_000).toISOString(),
    message: { en: "Nothing can be sent to city", sv: "Inget kan skickas till city" },
    northbound: "city",
  },
];

let browser: Browser;
let gateway: PageGateway;

beforeAll(async () => {
  browser = await openBrowser();
  gateway = await openPageGateway([
    await lampDevice("lamp-1", { en: "Lamp at the quay", sv: "Lyktan vid kajen" }),
    await lampDevice("lamp-2", { en: "Lamp at the stairs", sv: "Lyktan vid trappan" }),
    await lampDevice("lamp-3", undefined, "basement"),
  ]);
  tellValues();
});
afterAll(async () => {
  await browser?.close();
  await gateway?.[Symbol.asyncDispose]();
  console.log(`screenshots of the page: ${screenshots}`);
});

function tellValues(): void {
  gateway.tell(
    ["lamp-1", "lamp-2", "lamp-3"].flatMap((device) => [
      { device, point: "level", value: 80, unit: "%" },
      { device, point: "mode", value: "automatic" },
      { device, point: "barrier", value: false },
      { device, point: "voltage", value: 230 + Math.round(Math.random() * 40) / 10, unit: "V" },
      { device, point: "power", value: 41.5, unit: "W" },
      { device, point: "energy", value: 1_234_567, unit: "Wh" },
      { device, point: "temperature", quality: "sentinel", detail: "-3276.8" },
      { device, point: "faults/door", value: true },
      { device, point: "faults/fire", value: false },
    ]),
  );
}

/** An admin's tab on the overview. */
async function adminTab(look: Parameters<typeof openTab>[2]): Promise<Tab> {
  const tab = await openTab(browser, gateway, look);
  await enter(tab, "admin", own);
  return tab;
}

describe("the first login", () => {
  it("asks for a password of one's own before anything else", async () => {
    for (const [size, language] of [
      ["phone", "sv"],
      ["desktop", "en"],
    ] as const) {
      await using tab = await openTab(browser, gateway, { size, language });
      await tab.page.goto("/");
      await tab.page.locator("form").waitFor();
      await tab.shot(`login-${size}`);
      expect(await tab.violations()).toEqual([]);
    }
    await using tab = await openTab(browser, gateway, { size: "phone", language: "sv", theme: "dark" });
    const { page } = tab;
    await logIn(tab, "admin", "something else");
    await page.getByRole("alert").getByText("Fel användare eller lösenord").waitFor();
    await tab.shot("login-wrong");
    await logIn(tab, "admin", gateway.password);
    await page.getByRole("heading", { level: 1, name: "Välj ett eget lösenord" }).waitFor();
    await tab.shot("password-change");
    expect(await tab.violations()).toEqual([]);
    await page.getByLabel("Nuvarande lösenord").fill(gateway.password);
    await page.getByLabel("Nytt lösenord", { exact: true }).fill(own);
    await page.getByLabel("Nytt lösenord, en gång till").fill("another-one-entirely");
    await page.getByRole("button", { name: "Byt lösenord" }).click();
    await page.getByText("Lösenorden är inte lika.").waitFor();
    await page.getByLabel("Nytt lösenord, en gång till").fill(own);
    await page.getByRole("button", { name: "Byt lösenord" }).click();
    await page.getByText("Allt är väl").waitFor();
    expect(tab.problems).toEqual([]);
  });
});

const pages = [
  "overview",
  "devices",
  "devices/lamp-1",
  "commands/lamp-1",
  "alarms",
  "connections",
  "diagnostics",
  "logs",
  "audit",
  "configuration",
  "users",
  "update",
  "more",
] as const;

describe("every page", () => {
  const looks = (["phone", "desktop"] as const satisfies readonly Size[]).flatMap((size) =>
    (["sv", "en"] as const).flatMap((language) =>
      (["light", "dark"] as const).map((theme) => ({ size, language, theme })),
    ),
  );
  it.each(looks)("has no serious finding of axe, and fits: $size $language $theme", async (look) => {
    gateway.alarms = look.theme === "dark" ? alarms : [];
    await using tab = await adminTab(look);
    const found: string[] = [];
    for (const path of pages) {
      await tab.page.goto(`/#/${path}`);
      await tab.page.locator("h1").waitFor();
      await tab.settled();
      tellValues();
      if (path === "devices/lamp-1") {
        await tab.page.locator('[data-point="voltage"] .value', { hasText: "23" }).waitFor();
        await tab.page.locator('[data-point="voltage"] button').click();
        await tab.page.locator(".chart canvas").waitFor();
      }
      if (path === "commands/lamp-1") await tab.page.locator('[data-point="level"]').waitFor();
      const name = [path.replace("/", "-"), look.size, look.language, look.theme].join("-");
      await tab.shot(name);
      found.push(...(await tab.violations()).map((one) => `${name}: ${one}`));
      const wider = await tab.overflow();
      if (wider > 0) found.push(`${name}: ${wider} px wider than the window`);
    }
    expect(found).toEqual([]);
    expect(tab.problems).toEqual([]);
  });
});
