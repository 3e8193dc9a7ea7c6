import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { barriers, desktop, phone, shoot, startBrowser } from "./page-browser.ts";
import { foundMeter, foundRelay, ftdi, openWizardGateway, type WizardGateway } from "./wizard-gateway.ts";

// The commissioning wizard in a real browser, against a gateway that does what the test says.

let browser: Browser;
beforeAll(async () => {
  browser = await startBrowser();
});
afterAll(() => browser?.close());

let gateway: WizardGateway;
let context: BrowserContext;
const problems: string[] = [];
beforeEach(async () => {
  problems.length = 0;
  gateway = await openWizardGateway();
});
afterEach(async (test) => {
  const [page] = context?.pages() ?? [];
  if (test.task.result?.state === "fail" && page) await shoot(page, "failed", true);
  await context?.close();
  await gateway?.[Symbol.asyncDispose]();
  expect(problems).toEqual([]);
});

async function open(
  step: string,
  { locale = "en-GB", viewport = phone, permissions = [] as string[], geolocation = undefined as Place } = {},
): Promise<Page> {
  context = await browser.newContext({
    locale,
    viewport,
    permissions,
    ...(geolocation ? { geolocation } : {}),
    hasTouch: viewport === phone,
  });
  const page = await context.newPage();
  page.setDefaultTimeout(15_000);
  page.on("pageerror", (error) => problems.push(String(error)));
  await page.goto(`${gateway.url}#/commissioning/${step}`);
  return page;
}
type Place = { latitude: number; longitude: number; accuracy?: number } | undefined;

const button = (page: Page, name: string | RegExp) => page.getByRole("button", { name });
const clear = async (page: Page) => expect(await barriers(page)).toEqual([]);

/** A gateway on which a scan has found a meter and a relay board. */
function scanned(): void {
  const job = gateway.begin("scan", ftdi.name, "kim");
  gateway.tell(job.id, { state: "done", findings: [foundMeter, foundRelay] });
}

async function post(path: string, body: unknown): Promise<void> {
  await fetch(`${gateway.url}v1/${path}`, { method: "POST", body: JSON.stringify(body) });
}
const serviced = (id: string, profile: string) =>
  post("commissioning/devices", { id, profile, connection: "line-1", settings: { unit: 1 }, title: id });

describe("the commissioning wizard", () => {
  it("goes on where something is missing, and keeps the step over a reload", async () => {
    scanned();
    await serviced("meter", "eastron/sdm630");
    const doctor = gateway.begin("doctor", "gateway", "kim");
    gateway.tell(doctor.id, { state: "done" });
    gateway.ports = [ftdi];
    const page = await open("");
    await page.getByRole("heading", { level: 2, name: /Devices/ }).waitFor();
    expect(page.url()).toContain("#/commissioning/devices");
    await button(page, /Next/).click();
    await page.getByRole("heading", { level: 2, name: /Check/ }).waitFor();
    await page.reload();
    await page.getByRole("heading", { level: 2, name: /Check/ }).waitFor();
    expect(await page.locator('[aria-current="step"]').textContent()).toContain("Check");
  });

  it("shows what failed at the machine with the exact fix", async () => {
    const page = await open("gateway");
    await page.getByText("Raspberry Pi 4 Model B Rev 1.5").waitFor();
    await button(page, "Run the health check").click();
    await button(page, "Stop").waitFor();
    const [job] = gateway.jobs;
    gateway.tell(job?.id ?? "", {
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
    await clear(page);
    await shoot(page, "1-gateway");
  });

  it("shows an adapter that is plugged in while one looks, and what is wrong with one", async () => {
    gateway.ports = gateway.ports.slice(1);
    const page = await open("ports");
    await page.getByText("ModemManager holds this port.").waitFor();
    gateway.ports = [ftdi, ...gateway.ports];
    await page.getByText("New: FT232R USB UART, FTDI, A10ABCDE").waitFor();
    await page.getByText("free", { exact: true }).waitFor();
    await clear(page);
    await shoot(page, "2-ports");
  });

  it("scans a port, says how long it can take, stops, and offers a diagnosis when nobody answers", async () => {
    gateway.ports = [ftdi];
    const page = await open("lines");
    await page.getByText("120 questions, at most 3 min 20 s if nobody answers").waitFor();
    await button(page, "Find devices").first().click();
    await page.getByText(/at most 3 min 20 s left/).waitFor();
    expect(gateway.asked.at(-1)).toEqual({
      what: "POST /v1/jobs",
      body: { kind: "scan", port: ftdi.name, effort: "quick" },
    });
    await clear(page);
    await shoot(page, "3-scanning");
    await button(page, "Stop").click();
    await page.getByText("Stopped. What was found until then is kept.").waitFor();
    await page.getByRole("radio", { name: "Thorough" }).first().check();
    await button(page, "Find devices").first().click();
    await button(page, "Stop").waitFor();
    const scan = gateway.jobs.at(-1);
    expect(gateway.asked.at(-1)?.body).toMatchObject({ effort: "thorough" });
    gateway.tell(scan?.id ?? "", { state: "done" });
    await page.getByText("No device found").waitFor();
    await button(page, "Diagnose the wiring").click();
    await button(page, "Stop").waitFor();
    const wiring = gateway.jobs.at(-1);
    gateway.tell(wiring?.id ?? "", {
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
    await clear(page);
    await shoot(page, "3-wiring", true);
  });

  it("shows a job that somebody else runs on a line, and goes on when it ends", async () => {
    gateway.ports = [ftdi];
    const page = await open("lines");
    await button(page, "Find devices").first().waitFor();
    gateway.refuse("POST /v1/jobs", 409, {
      error: "line-busy",
      message: "the line is taken by job listen-1",
    });
    const listen = gateway.begin("listen", ftdi.name, "anna");
    await button(page, "Find devices").first().click();
    await page.getByText("This line is taken: Listening. You see it here.").waitFor();
    await page.getByText("by anna").waitFor();
    await clear(page);
    gateway.tell(listen.id, { state: "done", findings: [] });
    await page.getByText(/Nothing was heard/).waitFor();
  });

  it("looks for devices in the network", async () => {
    gateway.ports = [];
    const page = await open("lines");
    await button(page, "Find devices").click();
    await page.getByText("Enter a host name or an IP address.").waitFor();
    await page.getByRole("textbox", { name: "Host name or IP address" }).fill("192.0.2.20");
    await button(page, "Find devices").click();
    await button(page, "Stop").waitFor();
    expect(gateway.asked.at(-1)?.body).toEqual({
      kind: "scan",
      host: "192.0.2.20",
      tcpPort: 502,
      effort: "quick",
    });
    gateway.tell(gateway.jobs.at(-1)?.id ?? "", { state: "done", findings: [foundMeter] });
    await page.getByText("1 device found").waitFor();
    await clear(page);
  });

  it("adds a found device: suggested id, search, options, errors at their field, kept over a reload", async () => {
    scanned();
    const page = await open("devices");
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
    await clear(page);
    await shoot(page, "4-form-problems", true);
    await page.reload();
    expect(await page.getByRole("textbox", { name: "Place" }).inputValue()).toBe("Pumphus Södra");
    await page.getByLabel("transformer").selectOption("65A");
    await button(page, "From the gateway's GNSS receiver").click();
    expect(await page.getByRole("textbox", { name: "Position" }).inputValue()).toBe("59.334591, 18.063240");
    gateway.refuse("POST /v1/commissioning/devices", 422, {
      error: "id-taken",
      message: "the id pumphus-sodra-b23 stands on another gateway",
    });
    await button(page, "Add").click();
    await page.locator(".field-wrong", { hasText: "stands on another gateway" }).waitFor();
    await page.getByLabel("Id", { exact: true }).fill("meter-main");
    await button(page, "Add").click();
    await page.getByText("meter-main is in service.").waitFor();
    expect(gateway.asked.at(-1)?.body).toEqual({
      id: "meter-main",
      profile: "abb/b23",
      connection: "line-1",
      connectionSettings: { protocol: "modbus", serial: { port: ftdi.name, baud: 9600, parity: "none" } },
      settings: { unit: 1 },
      place: "Pumphus Södra",
      position: { lat: 59.334591, lon: 18.06324 },
      options: { transformer: "65A" },
    });
    await clear(page);
    await shoot(page, "4-devices", true);
    await button(page, /Take out of service/).click();
    await page.getByRole("dialog").getByRole("button", { name: "Take out of service" }).click();
    await page.getByText("meter-main is out of service.").waitFor();
  });

  it("takes the phone's position, and says clearly why it cannot", async () => {
    scanned();
    const page = await open("devices", {
      permissions: ["geolocation"],
      geolocation: { latitude: 59.3, longitude: 18.1, accuracy: 7 },
    });
    await page
      .getByRole("link", { name: /Put into service/ })
      .first()
      .click();
    await button(page, "From this phone").click();
    await page.getByText("accurate to 7 m").waitFor();
    expect(await page.getByRole("textbox", { name: "Position" }).inputValue()).toBe("59.300000, 18.100000");
    await context.clearPermissions();
    await button(page, "From this phone").click();
    await page.getByText(/forbidden for this page/).waitFor();
  });

  it("checks every point, problems first, one by one or all good ones at once", async () => {
    await serviced("meter", "eastron/sdm630");
    const page = await open("check");
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
    await shoot(page, "5-check", true);
    await button(page, /All 2 values are right/).click();
    await page.getByText("2 values to look at").waitFor({ state: "detached" });
    await clear(page);
    const checks = gateway.asked.filter(({ what }) => what.endsWith("/checks")).map(({ body }) => body);
    expect(checks).toMatchObject([
      { point: "voltage_l1", result: "confirmed" },
      { point: "power", result: "rejected", note: "display shows 3 kW" },
      { point: "voltage_l2", result: "confirmed" },
      { point: "frequency", result: "confirmed" },
    ]);
  });

  it("moves a thing after a question, asks whether it happened, and offers the way back", async () => {
    await serviced("relays", "wiren-board/wb-mr6c");
    const page = await open("actuators");
    const relay = page.locator(".wz-point").first();
    await relay.getByRole("button", { name: /^Test/ }).click();
    await relay.getByRole("radio", { name: "on" }).check();
    await relay.getByRole("button", { name: "Test", exact: true }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByText("Relay 1 of relays is set to on.").waitFor();
    await clear(page);
    await shoot(page, "6-sure");
    await dialog.getByRole("button", { name: "Do it" }).click();
    await relay.getByText("Did it happen?").waitFor();
    await relay.getByText("read back from the device").waitFor();
    await clear(page);
    await relay.getByRole("button", { name: "Yes", exact: true }).click();
    await relay.getByRole("button", { name: "Back to off" }).click();
    await relay.getByText("Did it happen?").waitFor();
    const tests = gateway.asked.filter(({ what }) => what.endsWith("/test")).map(({ body }) => body);
    expect(tests).toMatchObject([{ value: true }, { value: false }]);
    expect(gateway.devices[0]?.actuators[0]).toMatchObject({ point: "k1", seen: "confirmed" });
  });

  it("arms a two-step point first and moves it only when that is confirmed", async () => {
    await serviced("relays", "wiren-board/wb-mr6c");
    gateway.words = ({ action }) =>
      action === "confirm"
        ? [{ state: "succeeded", value: "open", before: "locked", verified: true, last: true }]
        : [{ state: "accepted", stage: "armed", last: false }];
    const page = await open("actuators", { locale: "sv-SE" });
    const lock = page.locator(".wz-point").nth(1);
    await lock.getByRole("button", { name: /^Prova/ }).click();
    await lock.getByRole("radio", { name: "öppet" }).check();
    await lock.getByRole("button", { name: "Förbered" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Förbered" }).click();
    await lock.getByText("Förberedd. Den rör sig när du bekräftar.").waitFor();
    await shoot(page, "6-armed");
    await clear(page);
    await lock.getByRole("button", { name: "Bekräfta: rör den nu" }).click();
    await lock.getByText("Hände det?").waitFor();
    await lock.getByRole("button", { name: "Nej", exact: true }).click();
    await lock.getByRole("button", { name: "Tillbaka till låst" }).waitFor();
    expect(gateway.asked.filter(({ what }) => what.endsWith("/test")).map(({ body }) => body)).toMatchObject([
      { value: "open" },
      { action: "confirm", confirms: expect.any(String) },
    ]);
    expect(gateway.devices[0]?.actuators[1]).toMatchObject({ point: "lock", seen: "rejected" });
  });

  it("tests the way to the platform layer by layer", async () => {
    const page = await open("platform");
    await button(page, /Test the way there/).click();
    await button(page, "Stop").waitFor();
    const check = (id: string, result: "ok" | "failed", en: string) =>
      ({ kind: "check", id, result, message: { en } }) as const;
    gateway.tell(gateway.jobs[0]?.id ?? "", {
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
    await clear(page);
    await shoot(page, "7-platform");
  });

  it("lists what is missing, and makes the report only with a name and a reason", async () => {
    await serviced("meter", "eastron/sdm630");
    const page = await open("acceptance");
    await page.getByText("3 values not looked at").waitFor();
    await page.getByText("the way to the platform is not tested").waitFor();
    await button(page, "Accept despite this").click();
    await page.getByText("Enter your name.").waitFor();
    await page.getByText("Say why, or finish what is missing.").waitFor();
    await clear(page);
    await shoot(page, "8-missing", true);
    await page.getByRole("textbox", { name: "Your name" }).fill("Kim Berg");
    await page
      .getByRole("textbox", { name: "Why it is accepted all the same" })
      .fill("the platform comes next week");
    await button(page, "Accept despite this").click();
    await page.getByText("The report is made and signed").waitFor();
    await page.getByRole("img", { name: "QR code of the report" }).waitFor();
    expect(gateway.asked.at(-1)?.body).toEqual({
      technician: "Kim Berg",
      despite: "the platform comes next week",
    });
    const link = page.getByRole("link", { name: /Open the report/ });
    expect(await link.getAttribute("href")).toMatch(/\/v1\/commissioning\/reports\/2026-01-01\.html$/);
    await clear(page);
    await shoot(page, "8-report", true);
  });

  it("tells who may only look what is needed", async () => {
    gateway.role = "viewer";
    const page = await open("lines", { locale: "sv-SE" });
    await page
      .getByRole("main")
      .getByText(/tekniker/)
      .waitFor();
    await expect.poll(() => page.locator(".wz-foot").count()).toBe(0);
    await clear(page);
  });

  it("says that the gateway is gone, and goes on when it is back", async () => {
    gateway.ports = [ftdi];
    const page = await open("ports");
    await page.getByText(ftdi.what).waitFor();
    gateway.away();
    await page.getByText("The gateway cannot be reached").waitFor();
    await clear(page);
    gateway.ports = [];
    gateway.back();
    await page.getByText("No serial port found").waitFor();
    await page.getByText("The gateway cannot be reached").waitFor({ state: "detached" });
  });

  it.each([
    ["phone", phone],
    ["desktop", desktop],
  ] as const)("stands on a %s without a line too wide", async (name, viewport) => {
    scanned();
    await serviced("meter", "eastron/sdm630");
    await serviced("relays", "wiren-board/wb-mr6c");
    const page = await open("gateway", { viewport, locale: "sv-SE" });
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
      await page.goto(`${gateway.url}#/commissioning/${step}`);
      await page.locator(".wz-body .card, .wz-body .empty").first().waitFor();
      const wider = await page.evaluate("document.documentElement.scrollWidth - innerWidth");
      expect([step, wider]).toEqual([step, 0]);
      await clear(page);
      await shoot(page, `${name}-${step}`);
    }
  });
});
