import type { Browser } from "playwright-core";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { EnrolmentFacts } from "../../gateway/local/commissioning.ts";
import { RefusedError } from "../../gateway/model/errors.ts";
import { type Look, openBrowser, type Tab, tabAs, takeOver } from "./page.ts";
import { certificateOf, enrolled } from "./page-gateway/enrolment.ts";
import { openPageGateway, type PageGateway } from "./page-gateway/gateway.ts";

// Who the gateway is and what runs on it: the steps of the enrolment, the certificate, an update while it goes.

let browser: Browser;
let gateway: PageGateway;
beforeAll(async () => {
  browser = await openBrowser();
});
afterAll(() => browser?.close());
beforeEach(async () => {
  gateway = await openPageGateway([]);
  await takeOver(browser, gateway);
  return () => gateway[Symbol.asyncDispose]();
});

const open = (role: "admin" | "viewer" | "technician", look: Look = {}) =>
  tabAs(browser, gateway, role, "update", { size: "phone", ...look });

/** Nothing is wider than the window, nothing keeps anybody out. */
async function isClear(tab: Tab): Promise<void> {
  expect(await tab.overflow()).toBe(0);
  expect(await tab.violations()).toEqual([]);
  expect(tab.problems).toEqual([]);
}

describe("the enrolment", () => {
  it("shows where it stands and what to do, and goes on by itself to the certificate", async () => {
    gateway.enrolment = {
      state: "waiting-for-network",
      gateway: "sodermalm-07",
      why: {
        code: "est-unreachable",
        message: "connect ETIMEDOUT 192.0.2.20:443",
        hint: "look at the cable",
      },
      nextS: 240,
      at: new Date().toISOString(),
    };
    await using tab = await open("viewer", { language: "sv" });
    const { page } = tab;
    const here = page.locator('[aria-current="step"]');
    await here.getByText("Stadens CA nås").waitFor();
    await page.getByText("CA:n går inte att nå: kabel, adress, brandvägg?").waitFor();
    await page.getByText(/Nästa försök om (4 min|3 min \d+ s)/).waitFor();
    await tab.shot("enrolment-network");
    await isClear(tab);
    gateway.enrolment = { state: "waiting-for-approval", gateway: "sodermalm-07" };
    await here.getByText("CA:n svarar").waitFor();
    await here.getByText(/stadens it-avdelning ska godkänna/).waitFor();
    await tab.shot("enrolment-approval");
    gateway.enrolment = enrolled();
    await page.getByText("Har sitt certifikat").waitFor();
    await page.getByText(/^(69|70) d kvar$/).waitFor();
    expect(await here.count()).toBe(0);
    await tab.shot("enrolment-done");
    await isClear(tab);
  });

  it.each<[string, EnrolmentFacts, string, string]>([
    [
      "a token that is too old",
      { state: "failed", why: { code: "token-expired", message: "the token was good until yesterday" } },
      "Settings on the card",
      "A new token is needed.",
    ],
    [
      "a server that is not the CA",
      { state: "failed", why: { code: "est-tls", message: "self-signed certificate" } },
      "The city's CA is reached",
      "The server is not the CA",
    ],
    [
      "what this page knows nothing of",
      { state: "failed", why: { code: "disk-io", message: "the disk fails", hint: "exchange the card" } },
      "The CA answers",
      "exchange the card",
    ],
  ])("stops at %s and says what to do", async (name, facts, step, help) => {
    gateway.enrolment = facts;
    await using tab = await open("technician");
    await tab.page.locator(".step-wrong").getByText(step, { exact: true }).waitFor();
    await tab.page.getByText(help).first().waitFor();
    await tab.shot(`enrolment-${name.replaceAll(" ", "-")}`);
    await isClear(tab);
  });

  it("warns of a certificate that was not renewed, and shows no steps where none is wanted", async () => {
    gateway.enrolment = {
      ...enrolled(85),
      state: "renewing",
      why: { code: "est-unreachable", message: "connect ETIMEDOUT" },
      certificate: certificateOf(85),
    };
    await using tab = await open("viewer");
    await tab.page.getByText("It should have been renewed by now.").waitFor();
    await tab.shot("certificate-late");
    await isClear(tab);
    gateway.enrolment = { state: "not-wanted" };
    await tab.page.getByText("No certificate is wanted").waitFor();
    expect(await tab.page.locator(".step-list").count()).toBe(0);
    gateway.enrolment = undefined;
    await tab.page.reload();
    await tab.page.getByText("Nobody has asked for a certificate here.").waitFor();
  });
});

describe("an update", () => {
  it("is installed by an admin after a question, and followed to its end", async () => {
    await using tab = await open("admin", { language: "sv" });
    const { page } = tab;
    await page.getByText("Ingen uppdatering pågår.").waitFor();
    await tab.shot("update-idle");
    await page.getByRole("button", { name: "Installera" }).click();
    const dialog = page.getByRole("dialog", { name: "Installera stadsnod-pi-1.4.0.raucb?" });
    await dialog.getByText(/kommer den förra tillbaka av sig själv/).waitFor();
    await tab.shot("update-question", false);
    await isClear(tab);
    await dialog.getByRole("button", { name: "Avbryt" }).click();
    expect(gateway.updates.asked).toEqual([]);
    await page.getByRole("button", { name: "Installera" }).click();
    await dialog.getByRole("button", { name: "Installera" }).click();
    await page.getByText("Hämtas och kontrolleras").first().waitFor();
    expect(gateway.updates.asked).toEqual([{ what: "install stadsnod-pi-1.4.0.raucb", by: "admin" }]);
    expect(await page.getByRole("button", { name: "Installera" }).isDisabled()).toBe(true);
    const here = page.locator('[aria-current="step"]');
    gateway.updates.tell({ phase: "installing", target: "1.4.0", progress: 40 });
    await page.getByText("Installeras: 40 % klart").waitFor();
    await here.getByText("Skriv den andra platsen").waitFor();
    await tab.shot("update-installing");
    await isClear(tab);
    gateway.updates.tell({
      phase: "trying",
      version: "1.4.0",
      why: { code: "waiting", message: "line meter worked before and is not open" },
    });
    await here.getByText("Prova, 2 till 10 minuter").waitFor();
    await page.getByText("line meter worked before and is not open").waitFor();
    await tab.shot("update-trying");
    await isClear(tab);
    await page.getByRole("button", { name: "Behåll nu" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Behåll nu" }).click();
    await expect.poll(() => gateway.updates.asked.at(-1)?.what).toBe("commit");
    gateway.updates.tell({ phase: "committed" });
    await page.getByText("Version 1.4.0 har visat att den fungerar").waitFor();
    await page.getByRole("button", { name: "Tillbaka till förra versionen" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Tillbaka till förra versionen" }).click();
    await page.getByText("Går tillbaka till förra versionen").first().waitFor();
    expect(gateway.updates.asked.at(-1)).toEqual({ what: "roll-back", by: "admin" });
  });

  it("comes from an address with its hash, or says why not", async () => {
    await using tab = await open("admin");
    const { page } = tab;
    await page.getByRole("radio", { name: "On a server" }).check();
    const begin = page.getByRole("button", { name: "Install", exact: true });
    await page.getByLabel("Address (https)").fill("http://updates.example.org/x.raucb");
    await page.getByText("The address begins with https://").waitFor();
    expect(await begin.isDisabled()).toBe(true);
    await page.getByLabel("Address (https)").fill("https://updates.example.org/x.raucb");
    await page.getByLabel("SHA-256 (may be left out)").fill("12ab");
    await page.getByText("64 digits and letters from a to f").waitFor();
    await page.getByLabel("SHA-256 (may be left out)").fill("AB".repeat(32));
    gateway.updates.refusal = new RefusedError("an update is under way", { code: "update-busy" });
    const confirm = page.getByRole("dialog").getByRole("button", { name: "Install" });
    await begin.click();
    await confirm.click();
    await page.getByRole("alert").getByText("Another update is under way.").waitFor();
    await tab.shot("update-refused");
    await isClear(tab);
    await begin.click();
    await confirm.click();
    await expect
      .poll(() => gateway.updates.asked)
      .toEqual([{ what: `install https://updates.example.org/x.raucb ${"ab".repeat(32)}`, by: "admin" }]);
  });

  it("that went back says why; what the city wants stands beside it; who may not decide is offered nothing", async () => {
    const why = {
      code: "unhealthy",
      message: "line meter worked before and is not open; city was connected before and is not",
    };
    gateway.updates.tell({
      phase: "rolled-back",
      target: "1.4.0",
      by: "city-2026",
      why,
      failed: [
        { version: "1.4.0", why },
        { version: "1.3.9", why: { code: "not-started", message: "the new system did not start" } },
      ],
      desired: {
        version: "1.4.0",
        scope: "group/pilot",
        serial: 12,
        rollout: "1.4.0",
        window: "01:00-04:00",
      },
    });
    await using tab = await open("technician");
    const { page } = tab;
    await page.getByText("Version 1.4.0 did not work here, and the former one is back.").waitFor();
    await page.getByText("It did not do well enough within 10 minutes:").first().waitFor();
    await page.getByText("The city wants version 1.4.0.").waitFor();
    await page.getByText("01:00-04:00").waitFor();
    await page.getByText("Versions that are not tried again").click();
    await page.getByText("1.3.9").waitFor();
    expect(await page.getByRole("button", { name: "Install" }).count()).toBe(0);
    await tab.shot("update-rolled-back");
    await isClear(tab);
    gateway.updates.tell({ phase: "trying" });
    await page.getByText("This needs the role administrator.").waitFor();
    expect(await page.getByRole("button", { name: "Keep it now" }).count()).toBe(0);
  });

  it("is somebody else's where the gateway is no image of ours", async () => {
    gateway.updates.facts = undefined;
    gateway.enrolment = undefined;
    await using tab = await open("admin", { size: "desktop" });
    await tab.page.getByText(/runs as a program/).waitFor();
    expect(await tab.page.getByRole("button", { name: "Install" }).count()).toBe(0);
    await tab.shot("update-plain");
    await isClear(tab);
  });
});
