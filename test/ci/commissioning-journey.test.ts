import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Job } from "../../gateway/model/job.ts";
import { createDaliLamp } from "../../simulators/actuators/dali-lamp.ts";
import { createPump } from "../../simulators/actuators/pump.ts";
import { openBroker } from "../../simulators/broker.ts";
import { openMixedPort } from "../../simulators/mixed-port.ts";
import { openModbusServer } from "../../simulators/modbus/server.ts";
import { sdm630 } from "../../simulators/scenes/energy-meter.ts";
import { seededRandom } from "../../simulators/scenes/nature.ts";
import { ask, type Daemon, root, startDaemon } from "../system/daemon.ts";
import { barriers, desktop, phone, shoot, startBrowser } from "./page-browser.ts";

// From the box to a signed report, by a technician with a phone and by one at a desk: the built gateway, its page,
// a paced serial line with a meter and a pump, a lamp in the network, and a broker. gateway.yaml names a line and a
// platform, and no device. Nothing is told to the page but what its user does.

let browser: Browser;
beforeAll(async () => {
  browser = await startBrowser();
});
afterAll(() => browser?.close());

const words = {
  en: {
    login: "Log in",
    user: "User",
    password: "Password",
    doctor: "Run the health check",
    again: "Run it again",
    next: /^Next/,
    find: "Find devices",
    diagnose: "Diagnose the wiring",
    host: "Host name or IP address",
    tcpPort: "TCP port",
    inNetwork: "In the network",
    use: /Put into service/,
    place: "Place",
    title: "Title",
    owner: "Owner",
    search: "Search all profiles",
    gateway: "Same as the gateway",
    add: "Add",
    allRight: /values are right|1 values are right/,
    test: /^Test/,
    go: "Do it",
    did: "Yes",
    platform: /Test the way there/,
    acknowledged: "The platform has acknowledged a message.",
    name: "Your name",
    ready: "Everything is in order.",
    make: "Make the report",
    made: "The report is made and signed",
    open: /Open the report/,
    places: { meter: "Switch room", pump: "Pump pit", lamp: "Götgatan 12" },
    titles: { meter: "Main meter", pump: "Pump 1", lamp: "Lamp 12" },
  },
  sv: {
    login: "Logga in",
    user: "Användare",
    password: "Lösenord",
    doctor: "Kör hälsokontrollen",
    again: "Kör den igen",
    next: /^Nästa/,
    find: "Sök enheter",
    diagnose: "Felsök kablaget",
    host: "Värdnamn eller IP-adress",
    tcpPort: "TCP-port",
    inNetwork: "I nätverket",
    use: /Ta i drift/,
    place: "Plats",
    title: "Benämning",
    owner: "Ägare",
    search: "Sök bland alla profiler",
    gateway: "Samma som gatewayen",
    add: "Lägg till",
    allRight: /värden är rätt/,
    test: /^Prova/,
    go: "Gör det",
    did: "Ja",
    platform: /Pröva vägen dit/,
    acknowledged: "Plattformen har kvitterat ett meddelande.",
    name: "Ditt namn",
    ready: "Allt är i sin ordning.",
    make: "Skapa protokollet",
    made: "Protokollet är skapat och underskrivet",
    open: /Öppna protokollet/,
    places: { meter: "Ställverk", pump: "Pumpgrop", lamp: "Götgatan 12" },
    titles: { meter: "Huvudmätare", pump: "Pump 1", lamp: "Lampa 12" },
  },
} as const;

const password = "granit-badkar-37-lugn";
const ownPassword = "tretton-blyga-tranor";

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** The gateway in its box, and everything around it. */
async function openPlace(stack: AsyncDisposableStack) {
  const from = performance.now();
  const nature = { now: () => Date.UTC(2026, 2, 3, 9) + performance.now() - from, random: seededRandom(7) };
  const pump = createPump();
  const lamp = createDaliLamp();
  const line = stack.use(
    await openMixedPort([{ baud: 9600, units: { 1: sdm630(nature, 42_000), 7: pump.settings } }]),
  );
  const network = stack.use(await openModbusServer({ listen: { tcp: 0 }, units: { 1: lamp.settings } }));
  const broker = stack.use(await openBroker({ port: 0 }));
  const https = await freePort();
  const daemon = stack.use(
    await startDaemon({
      yaml: `gateway: {id: sodermalm-07, pen: 32474, position: {lat: 59.3150, lon: 18.0710}}
profiles: [${join(root, "device-profiles")}]
storage: {folder: store}
local: {socket: s.sock, https: {port: ${https}, host: 127.0.0.1}}
connections:
  cabinet: {protocol: modbus, serial: {port: ${line.pathAt({ baud: 9600 })}, baud: 9600, parity: none}}
northbound:
  city: {type: mqtt, url: ${broker.url}}
`,
    }),
  );
  await post(daemon, "/v1/users", { name: "kim", role: "technician", password });
  return { daemon, url: `https://127.0.0.1:${https}/`, line, network, lamp, pump };
}

async function post(daemon: Daemon, path: string, body: unknown): Promise<void> {
  const { request } = await import("node:http");
  const asked = request({
    socketPath: daemon.socket,
    method: "POST",
    path,
    headers: { "content-type": "application/json" },
  });
  asked.end(JSON.stringify(body));
  const [answer] = await once(asked, "response");
  answer.resume();
  expect(answer.statusCode).toBeLessThan(300);
}

describe("the whole commissioning on a real gateway", () => {
  it.each([
    ["phone", "sv", phone],
    ["phone", "en", phone],
    ["desktop", "sv", desktop],
  ] as const)(
    "goes from a gateway without devices to a signed report (%s, %s)",
    {
      timeout: 800_000,
    },
    async (size, language, viewport) => {
      await using stack = new AsyncDisposableStack();
      const place = await openPlace(stack);
      const { daemon, url } = place;
      const say = words[language];
      const context = await browser.newContext({
        locale: language === "sv" ? "sv-SE" : "en-GB",
        viewport,
        ignoreHTTPSErrors: true,
        hasTouch: size === "phone",
      });
      stack.defer(() => context.close());
      const problems: string[] = [];
      const page = await context.newPage();
      page.setDefaultTimeout(90_000);
      page.on("pageerror", (error) => problems.push(String(error)));
      const button = (name: string | RegExp) => page.getByRole("button", { name });
      const field = (name: string) => page.getByRole("textbox", { name });
      const picture = async (name: string) => {
        expect([name, await barriers(page)]).toEqual([name, []]);
        await page.mouse.move(0, 0);
        // At once: each that goes changes the number of the others, and they also go by themselves.
        await page.locator(".toast button").evaluateAll((all) => {
          for (const one of all as unknown as { click(): void }[]) one.click();
        });
        await page.locator(".toast").first().waitFor({ state: "detached" });
        await shoot(page, size === "phone" ? `technician-${name}.${language}` : `${size}-real-${name}`);
      };
      const at = async (step: string) => {
        await page.goto(`${url}#/commissioning/${step}`);
        await page.locator(".wz-body .card").first().waitFor();
      };
      const job = async (kind: string): Promise<Job> => {
        const { body } = await ask<readonly Job[]>(daemon.socket, "GET", "/v1/jobs");
        const found = body.find((one) => one.kind === kind);
        if (!found) throw new Error(`no job ${kind}`);
        return found;
      };

      try {
        await page.goto(url);
        await field(say.user).fill("kim");
        await page.getByLabel(say.password).fill(password);
        await picture("login");
        await button(say.login).click();
        // Somebody else gave the password: the page asks for one's own.
        const chosen = page.locator('input[autocomplete="new-password"]');
        await chosen.first().waitFor();
        await page.locator('input[autocomplete="current-password"]').fill(password);
        for (const again of await chosen.all()) await again.fill(ownPassword);
        await page.locator('button[type="submit"]').click();
        await page.locator(".top").waitFor();

        // 1: the gateway. This machine fails some checks: they are shown with what to do, and one goes on.
        await at("gateway");
        await button(say.doctor).click();
        await button(say.again).waitFor();
        expect((await job("doctor")).state).toBe("done");
        await picture("gateway");

        // 2: ports of this machine, if there are any.
        await button(say.next).click();
        await page.locator(".wz-body .card, .wz-body .empty").first().waitFor();
        await picture("ports");

        // 3: the line of gateway.yaml, then a host.
        await at("lines");
        const cabinet = page.locator(".card", { hasText: "cabinet" }).first();
        await cabinet.getByRole("button", { name: say.find }).click();
        await page.locator(".wz-job progress").waitFor();
        await picture("scan");
        await cabinet.locator(".wz-found > li").nth(1).waitFor({ timeout: 240_000 });
        await cabinet.getByRole("button", { name: say.find }).waitFor({ timeout: 240_000 });
        const scan = await job("scan");
        expect(scan).toMatchObject({ state: "done", subject: "cabinet", by: "kim" });
        await cabinet.locator(".wz-found").scrollIntoViewIfNeeded();
        await picture("found");
        const inNetwork = page.locator(".card", { hasText: say.inNetwork }).last();
        await inNetwork.getByRole("textbox", { name: say.host }).fill("127.0.0.1");
        await inNetwork.getByRole("textbox", { name: say.tcpPort }).fill(String(place.network.port));
        await inNetwork.getByRole("button", { name: say.find }).click();
        await inNetwork.locator(".wz-found > li").first().waitFor({ timeout: 240_000 });
        await inNetwork.getByRole("button", { name: say.find }).waitFor({ timeout: 240_000 });

        // 4: each found device gets a profile, a place and a name.
        const wanted = [
          ["meter", "eastron/sdm630", "unit 1,", "cabinet"],
          ["pump", "generic/pump", "unit 7,", "cabinet"],
          ["lamp", "generic/dali-lamp", `127.0.0.1:${place.network.port}`, "network"],
        ] as const;
        for (const [name, profile, where] of wanted) {
          await at("devices");
          const found = page.locator(".wz-device", { hasText: where }).first();
          if (name === "meter") await picture("devices");
          await found.getByRole("link", { name: say.use }).click();
          const chosen = page.locator(`.wz-profile:has(.wz-name:text-is("${profile}"))`);
          if ((await chosen.count()) === 0)
            await page.getByRole("searchbox", { name: say.search }).fill(profile);
          await chosen.getByRole("radio").check();
          await field(say.place).fill(say.places[name]);
          await button(say.gateway).click();
          await field(say.title).fill(say.titles[name]);
          await field(say.owner).fill("Stockholm");
          if (name === "meter") {
            await field(say.place).scrollIntoViewIfNeeded();
            await picture("device");
          }
          await button(say.add).click();
          await page.waitForURL(/#\/commissioning\/devices$/);
        }
        const yaml = await import("node:fs").then(({ readFileSync }) =>
          readFileSync(join(daemon.folder, "gateway.yaml"), "utf8"),
        );
        for (const [, profile] of wanted) expect(yaml).toContain(profile);
        await daemon.until(
          ({ devices }) => devices.length === 3 && devices.every(({ state }) => state === "available"),
        );

        // 5: every value, live.
        await at("check");
        const cards = page.locator(".wz-body .card");
        await page.getByText("231").or(page.getByText("230")).or(page.getByText("229")).first().waitFor();
        await picture("check");
        for (let index = 0; index < 3; index++) {
          const all = cards.nth(index).getByRole("button", { name: say.allRight });
          await all.click();
          await all.waitFor({ state: "detached", timeout: 60_000 });
        }

        // 6: the lamp and the pump really move.
        await at("actuators");
        for (const title of [say.titles.lamp, say.titles.pump]) {
          const card = page.locator(".wz-body .card", { hasText: title });
          const point = card.locator(".wz-point").first();
          await point.getByRole("button", { name: say.test }).click();
          await point.locator(".wz-test").getByRole("button", { name: say.test }).click();
          const dialog = page.getByRole("dialog");
          await dialog.getByText(title).first().waitFor();
          if (title === say.titles.lamp) await picture("sure");
          await dialog.getByRole("button", { name: say.go }).click();
          await point.getByRole("button", { name: say.did, exact: true }).waitFor();
          if (title === say.titles.lamp) await picture("did");
          await point.getByRole("button", { name: say.did, exact: true }).click();
          await point.locator(".tone-good").first().waitFor();
        }
        expect(place.lamp.written.length).toBeGreaterThan(0);
        expect(place.pump.written.length).toBeGreaterThan(0);

        // 7: the way to the city.
        await at("platform");
        await button(say.platform).click();
        await page.getByText(say.acknowledged).waitFor();
        await picture("platform");

        // 8: the report.
        await at("acceptance");
        await page.getByText(say.ready).waitFor();
        await field(say.name).fill("Kim Berg");
        await picture("accept");
        await button(say.make).click();
        await page.getByText(say.made).waitFor();
        await page.locator(".wz-qr img").waitFor();
        await picture("report");
        const [opened] = await Promise.all([
          context.waitForEvent("page"),
          page.getByRole("link", { name: say.open }).click(),
        ]);
        await opened.getByText("Kim Berg").first().waitFor();
        await shoot(opened, `${size}-${language}-report-page`);
        const { body: state } = await ask<{ devices: { ok: boolean; accepted?: string }[] }>(
          daemon.socket,
          "GET",
          "/v1/commissioning",
        );
        expect(state.devices.map(({ ok, accepted }) => [ok, accepted !== undefined])).toEqual(
          Array(3).fill([true, true]),
        );
        expect(problems).toEqual([]);
      } catch (error) {
        await failed(page, daemon);
        throw error;
      }
    },
  );
});

async function failed(page: Page, daemon: Daemon): Promise<void> {
  await shoot(page, "failed-real", true);
  process.stderr.write(`${daemon.output.slice(-4000)}\n`);
}
