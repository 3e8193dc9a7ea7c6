import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type Look, openBrowser, type Size, type Tab, tabAs, takeOver } from "./page.ts";
import { foundMeter, foundRelay, ftdi } from "./page-gateway/found.ts";
import { openPageGateway, type PageGateway } from "./page-gateway/gateway.ts";

// The commissioning wizard in a real browser, against a gateway that does what the test says: what a
// real one does seldom and late, such as refusals, jobs of others, positions and doors.

let browser: Browser;
beforeAll(async () => {
  browser = await openBrowser();
});
afterAll(() => browser?.close());

let gateway: PageGateway;
let opened: Tab | undefined;
beforeEach(async () => {
  gateway = await openPageGateway([]);
  await takeOver(browser, gateway);
});
afterEach(async (test) => {
  if (test.task.result?.state === "fail") await opened?.shot("failed");
  const problems = opened?.problems;
  await opened?.[Symbol.asyncDispose]();
  opened = undefined;
  await gateway?.[Symbol.asyncDispose]();
  expect(problems).toEqual([]);
});

async function open(
  step: string,
  { role = "technician" as "technician" | "viewer", ...look }: Look & { role?: "technician" | "viewer" } = {},
): Promise<Tab> {
  opened = await tabAs(browser, gateway, role, `commissioning/${step}`, { size: "phone", ...look });
  return opened;
}

const button = (page: Page, name: string | RegExp) => page.getByRole("button", { name });
const clear = async (one: Tab) => expect(await one.violations()).toEqual([]);
const lastJob = () => gateway.jobs.list().at(-1)?.id ?? "";

/** A gateway on which a scan has found a meter and a relay board. */
function scanned(): void {
  const job = gateway.jobs.begin("scan", ftdi.name, "kim");
  gateway.jobs.tell(job.id, { state: "done", findings: [foundMeter, foundRelay] });
}

const serviced = (id: string, profile: string) =>
  gateway.commissioning.add({ id, profile, connection: "line-1", settings: { unit: 1 }, title: id });
/** These ports and no others. */
const plugIn = (...ports: PageGateway["ports"]) =>
  void gateway.ports.splice(0, gateway.ports.length, ...ports);

describe("the commissioning wizard", () => {
  it("goes on where something is missing, and keeps the step over a reload", async () => {
    scanned();
    await serviced("meter", "eastron/sdm630");
    const doctor = gateway.jobs.begin("doctor", "gateway", "kim");
    gateway.jobs.tell(doctor.id, { state: "done" });
    plugIn(ftdi);
    const tab = await open("");
    const { page } = tab;
    await page.getByRole("heading", { level: 2, name: /Devices/ }).waitFor();
    expect(page.url()).toContain("#/commissioning/devices");
    await button(page, /Next/).click();
    await page.getByRole("heading", { level: 2, name: /Check/ }).waitFor();
    await page.reload();
    await page.getByRole("heading", { level: 2, name: /Check/ }).waitFor();
    expect(await page.locator('[aria-current="step"]').textContent()).toContain("Check");
  });

  it("shows what failed at the machine with the exact fix", async () => {
    const tab = await open("gateway");
    const { page } = tab;
    await page.getByText("Raspberry Pi 4 Model B Rev 1.5").waitFor();
    await button(page, "Run the health check").click();
    await button(page, "Stop").waitFor();
    gateway.jobs.tell(lastJob(), {
      state: "done",
      findings: [
        { kind: "check", id: "clock", result: "ok", message: { en: "The clock is kept by chrony." } },
        {
          kind: "check",
          id: "serial-group",
          result: "failed",
          message: { en: "The service may not open serial ports." },
          fix: { en: "`sudo usermod -aG dialout stadsnod`, then restart the service" },
        },
      ],
    });
    await page.getByText("1 check failed").waitFor();
    expect(await page.locator("code").first().innerText()).toBe("sudo usermod -aG dialout stadsnod");
    await clear(tab);
    await tab.shot("1-gateway");
  });

  it("shows an adapter that is plugged in while one looks, and what is wrong with one", async () => {
    plugIn(...gateway.ports.slice(1));
    const tab = await open("ports");
    const { page } = tab;
    await page.getByText("ModemManager holds this port.").waitFor();
    plugIn(ftdi, ...gateway.ports);
    await page.getByText("New: FT232R USB UART, FTDI, A10ABCDE").waitFor();
    await page.getByText("free", { exact: true }).waitFor();
    await clear(tab);
    await tab.shot("2-ports");
  });

  it("scans a port, says how long it can take, stops, and offers a diagnosis when nobody answers", async () => {
    plugIn(ftdi);
    const tab = await open("lines");
    const { page } = tab;
    await page.getByText("120 questions, at most 3 min 20 s if nobody answers").waitFor();
    await button(page, "Find devices").first().click();
    await page.getByText(/at most 3 min 20 s left/).waitFor();
    expect(tab.asked.at(-1)).toEqual({
      what: "POST /v1/jobs",
      body: { kind: "scan", port: ftdi.name, effort: "quick" },
    });
    await clear(tab);
    await tab.shot("3-scanning");
    await button(page, "Stop").click();
    await page.getByText("Stopped. What was found until then is kept.").waitFor();
    await page.getByRole("radio", { name: "Thorough" }).first().check();
    await button(page, "Find devices").first().click();
    await button(page, "Stop").waitFor();
    expect(tab.asked.at(-1)?.body).toMatchObject({ effort: "thorough" });
    gateway.jobs.tell(lastJob(), { state: "done" });
    await page.getByText("No device found").waitFor();
    await button(page, "Diagnose the wiring").click();
    await button(page, "Stop").waitFor();
    gateway.jobs.tell(lastJob(), {
      state: "done",
      findings: [
        {
          kind: "wiring",
          fault: "swapped",
          likely: 0.9,
          message: { en: "The two wires of the line are probably the wrong way round." },
          fixes: [{ en: "Swap A and B at the gateway." }, { en: "Then scan again." }],
          evidence: [{ en: "20 of 20 answers began with a framing error" }],
        },
      ],
    });
    await page.getByRole("heading", { name: "A and B are swapped" }).waitFor();
    await page.getByText("90 % likely").waitFor();
    await clear(tab);
    await tab.shot("3-wiring");
  });

  it("shows a job that somebody else runs on a line, and goes on when it ends", async () => {
    plugIn(ftdi);
    const tab = await open("lines");
    const { page } = tab;
    await button(page, "Find devices").first().waitFor();
    await tab.refuse("POST /v1/jobs", 409, {
      error: "line-busy",
      message: "the line is taken by job listen-1",
    });
    const listen = gateway.jobs.begin("listen", ftdi.name, "anna");
    await button(page, "Find devices").first().click();
    await page.getByText("This line is taken: Listening. You see it here.").waitFor();
    await page.getByText("by anna").waitFor();
    await clear(tab);
    gateway.jobs.tell(listen.id, { state: "done", findings: [] });
    await page.getByText(/Nothing was heard/).waitFor();
  });

  it("looks for devices in the network", async () => {
    plugIn();
    const tab = await open("lines");
    const { page } = tab;
    await button(page, "Find devices").click();
    await page.getByText("Enter a host name or an IP address.").waitFor();
    await page.getByRole("textbox", { name: "Host name or IP address" }).fill("192.0.2.20");
    await button(page, "Find devices").click();
    await button(page, "Stop").waitFor();
    expect(tab.asked.at(-1)?.body).toEqual({
      kind: "scan",
      host: "192.0.2.20",
      tcpPort: 502,
      effort: "quick",
    });
    gateway.jobs.tell(lastJob(), { state: "done", findings: [foundMeter] });
    await page.getByText("1 device found").waitFor();
    await clear(tab);
  });

  it("adds a found device: suggested id, search, options, errors at their field, kept over a reload", async () => {
    scanned();
    gateway.tell([
      { device: "gnss", point: "latitude", value: 59.334591, unit: "lat" },
      { device: "gnss", point: "longitude", value: 18.06324, unit: "lon" },
    ]);
    const tab = await open("devices");
    const { page } = tab;
    await page
      .getByRole("link", { name: /Put into service/ })
      .first()
      .click();
    await page.getByRole("textbox", { name: "Place" }).fill("Pumphus Södra");
    expect(await page.getByLabel("Id", { exact: true }).inputValue()).toBe("pumphus-sodra-sdm630");
    await page.getByLabel("Search all profiles").fill("abb");
    await page.getByText("Three-phase meter B23").click();
    expect(await page.getByLabel("Id", { exact: true }).inputValue()).toBe("pumphus-sodra-b23");
    await page.getByRole("textbox", { name: "Position" }).fill("here");
    await button(page, "Add").click();
    await page.getByText("Choose a value for each setting.").waitFor();
    await page.getByText("Write latitude and longitude, for example 59.3150, 18.0710.").waitFor();
    await clear(tab);
    await tab.shot("4-form-problems");
    await page.reload();
    expect(await page.getByRole("textbox", { name: "Place" }).inputValue()).toBe("Pumphus Södra");
    await page.getByLabel("transformer").selectOption("65A");
    await button(page, "From the gateway's GNSS receiver").click();
    expect(await page.getByRole("textbox", { name: "Position" }).inputValue()).toBe("59.334591, 18.063240");
    await tab.refuse("POST /v1/commissioning/devices", 422, {
      error: "id-taken",
      message: "the id pumphus-sodra-b23 stands on another gateway",
    });
    await button(page, "Add").click();
    await page.locator(".field-wrong", { hasText: "stands on another gateway" }).waitFor();
    await page.getByLabel("Id", { exact: true }).fill("meter-main");
    await button(page, "Add").click();
    await page.getByText("meter-main is in service.").waitFor();
    expect(tab.asked.at(-1)?.body).toEqual({
      id: "meter-main",
      profile: "abb/b23",
      connection: "line-1",
      connectionSettings: { protocol: "modbus", serial: { port: ftdi.name, baud: 9600, parity: "none" } },
      settings: { unit: 1 },
      place: "Pumphus Södra",
      position: { lat: 59.334591, lon: 18.06324 },
      options: { transformer: "65A" },
    });
    await clear(tab);
    await tab.shot("4-devices");
    await button(page, /Take out of service/).click();
    await page.getByRole("dialog").getByRole("button", { name: "Take out of service" }).click();
    await page.getByText("meter-main is out of service.").waitFor();
  });

  it("takes the phone's position, and says clearly why it cannot", async () => {
    scanned();
    const tab = await open("devices", {
      geolocation: { latitude: 59.3, longitude: 18.1, accuracy: 7 },
    });
    const { page } = tab;
    await page
      .getByRole("link", { name: /Put into service/ })
      .first()
      .click();
    await button(page, "From this phone").click();
    await page.getByText("accurate to 7 m").waitFor();
    expect(await page.getByRole("textbox", { name: "Position" }).inputValue()).toBe("59.300000, 18.100000");
    await tab.forbidPosition();
    await button(page, "From this phone").click();
    await page.getByText(/forbidden for this page/).waitFor();
  });

  it("checks every point, problems first, one by one or all good ones at once", async () => {
    await serviced("meter", "eastron/sdm630");
    const tab = await open("check");
    const { page } = tab;
    const points = page.locator(".wz-point");
    await points.nth(3).waitFor();
    expect(await points.first().innerText()).toMatch(/power[\s\S]*no answer/i);
    await points
      .nth(1)
      .getByRole("button", { name: /^Right/ })
      .click();
    await page.getByText("2 values to look at").waitFor();
    await points
      .first()
      .getByRole("button", { name: /^Wrong/ })
      .click();
    await page.getByRole("textbox", { name: "What is wrong?" }).fill("display shows 3 kW");
    await button(page, "Mark as wrong").click();
    await page.getByText("Seen: wrong").waitFor();
    await tab.shot("5-check");
    await button(page, /All 2 values are right/).click();
    await page.getByText("2 values to look at").waitFor({ state: "detached" });
    await clear(tab);
    const checks = tab.asked.filter(({ what }) => what.endsWith("/checks")).map(({ body }) => body);
    expect(checks).toMatchObject([
      { point: "voltage_l1", result: "confirmed" },
      { point: "power", result: "rejected", note: "display shows 3 kW" },
      { point: "voltage_l2", result: "confirmed" },
      { point: "frequency", result: "confirmed" },
    ]);
  });

  it("moves a thing after a question, asks whether it happened, and offers the way back", async () => {
    await serviced("relays", "wiren-board/wb-mr6c");
    const tab = await open("actuators");
    const { page } = tab;
    const relay = page.locator(".wz-point").first();
    await relay.getByRole("button", { name: /^Test/ }).click();
    await relay.getByRole("radio", { name: "on" }).check();
    await relay.getByRole("button", { name: "Test", exact: true }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByText("Relay 1 of relays is set to on.").waitFor();
    await clear(tab);
    await tab.shot("6-sure");
    await dialog.getByRole("button", { name: "Do it" }).click();
    await relay.getByText("Did it happen?").waitFor();
    await relay.getByText("read back from the device").waitFor();
    await clear(tab);
    await relay.getByRole("button", { name: "Yes", exact: true }).click();
    await relay.getByRole("button", { name: "Back to off" }).click();
    await relay.getByText("Did it happen?").waitFor();
    const tests = tab.asked.filter(({ what }) => what.endsWith("/test")).map(({ body }) => body);
    expect(tests).toMatchObject([{ value: true }, { value: false }]);
    expect(gateway.commissioning.verdicts[0]?.actuators[0]).toMatchObject({ point: "k1", seen: "confirmed" });
  });

  it("arms a two-step point first and moves it only when that is confirmed", async () => {
    await serviced("relays", "wiren-board/wb-mr6c");
    gateway.commissioning.words = ({ action }) =>
      action === "confirm"
        ? [{ state: "succeeded", value: "open", before: "locked", verified: true, last: true }]
        : [{ state: "accepted", stage: "armed", last: false }];
    const tab = await open("actuators", { language: "sv" });
    const { page } = tab;
    const lock = page.locator(".wz-point").nth(1);
    await lock.getByRole("button", { name: /^Prova/ }).click();
    await lock.getByRole("radio", { name: "öppet" }).check();
    await lock.getByRole("button", { name: "Förbered" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Förbered" }).click();
    await lock.getByText("Förberedd. Den rör sig när du bekräftar.").waitFor();
    await tab.shot("6-armed");
    await clear(tab);
    await lock.getByRole("button", { name: "Bekräfta: rör den nu" }).click();
    await lock.getByText("Hände det?").waitFor();
    await lock.getByRole("button", { name: "Nej", exact: true }).click();
    await lock.getByRole("button", { name: "Tillbaka till låst" }).waitFor();
    expect(tab.asked.filter(({ what }) => what.endsWith("/test")).map(({ body }) => body)).toMatchObject([
      { value: "open" },
      { action: "confirm", confirms: expect.any(String) },
    ]);
    expect(gateway.commissioning.verdicts[0]?.actuators[1]).toMatchObject({
      point: "lock",
      seen: "rejected",
    });
  });

  it("tests the way to the platform layer by layer", async () => {
    const tab = await open("platform");
    const { page } = tab;
    await button(page, /Test the way there/).click();
    await button(page, "Stop").waitFor();
    const check = (id: string, result: "ok" | "failed", en: string) =>
      ({ kind: "check", id, result, message: { en } }) as const;
    gateway.jobs.tell(lastJob(), {
      state: "done",
      findings: [
        check("dns", "ok", "The name leads to 192.0.2.1."),
        check("tcp", "ok", "Port 8883 answers."),
        {
          ...check("tls", "failed", "The certificate ended on 2026-01-01."),
          fix: { en: "Ask the platform for a new one." },
        },
      ],
    });
    await page.getByText("Ask the platform for a new one.").waitFor();
    const lines = await page.locator(".wz-check").allInnerTexts();
    expect(lines.map((line) => line.split("\n")[0]?.trim())).toEqual(["All right:", "All right:", "Failed:"]);
    await clear(tab);
    await tab.shot("7-platform");
  });

  it("lists what is missing, and makes the report only with a name and a reason", async () => {
    await serviced("meter", "eastron/sdm630");
    const tab = await open("acceptance");
    const { page } = tab;
    await page.getByText("3 values not looked at").waitFor();
    await page.getByText("the way to the platform is not tested").waitFor();
    await button(page, "Accept despite this").click();
    await page.getByText("Enter your name.").waitFor();
    await page.getByText("Say why, or finish what is missing.").waitFor();
    await clear(tab);
    await tab.shot("8-missing");
    await page.getByRole("textbox", { name: "Your name" }).fill("Kim Berg");
    await page
      .getByRole("textbox", { name: "Why it is accepted all the same" })
      .fill("the platform comes next week");
    await button(page, "Accept despite this").click();
    await page.getByText("The report is made and signed").waitFor();
    await page.getByRole("img", { name: "QR code of the report" }).waitFor();
    expect(tab.asked.at(-1)?.body).toEqual({
      technician: "Kim Berg",
      despite: "the platform comes next week",
    });
    const link = page.getByRole("link", { name: /Open the report/ });
    expect(await link.getAttribute("href")).toMatch(/\/v1\/commissioning\/reports\/2026-01-01\.html$/);
    await clear(tab);
    await tab.shot("8-report");
  });

  it("tells who may only look what is needed", async () => {
    const tab = await open("lines", { role: "viewer", language: "sv" });
    const { page } = tab;
    await page
      .getByRole("main")
      .getByText(/tekniker/)
      .waitFor();
    await expect.poll(() => page.locator(".wz-foot").count()).toBe(0);
    await clear(tab);
  });

  it("says that the gateway is gone, and goes on when it is back", async () => {
    plugIn(ftdi);
    const tab = await open("ports");
    const { page } = tab;
    await page.getByText(ftdi.what).waitFor();
    await gateway.wire.cut();
    await page.getByText("The gateway cannot be reached").waitFor();
    await clear(tab);
    plugIn();
    await gateway.wire.mend();
    await page.getByText("No serial port found").waitFor();
    await page.getByText("The gateway cannot be reached").waitFor({ state: "detached" });
  });

  it.each<Size>(["phone", "desktop"])("stands on a %s without a line too wide", async (size) => {
    scanned();
    await serviced("meter", "eastron/sdm630");
    await serviced("relays", "wiren-board/wb-mr6c");
    const tab = await open("gateway", { size, language: "sv" });
    const { page } = tab;
    for (const step of [
      "gateway",
      "ports",
      "lines",
      "devices",
      "check",
      "actuators",
      "platform",
      "acceptance",
    ]) {
      await page.goto(`/#/commissioning/${step}`);
      await page.locator(".wz-body .card, .wz-body .empty").first().waitFor();
      expect([step, await tab.overflow()]).toEqual([step, 0]);
      await clear(tab);
      await tab.shot(`wizard-${size}-${step}`);
    }
  });
});
