import { mkdirSync, mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core";
import { root } from "../system/daemon.ts";
import type { PageGateway } from "./page-gateway/gateway.ts";

// The technician's page in a real Chromium.

const shots = process.env.STADSNOD_SCREENSHOTS ?? mkdtempSync(join(tmpdir(), "stadsnod-page-"));
mkdirSync(shots, { recursive: true });
export const screenshots = shots;

export const sizes = { phone: { width: 360, height: 780 }, desktop: { width: 1280, height: 800 } } as const;
export type Size = keyof typeof sizes;

export function openBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: process.env.STADSNOD_CHROMIUM ?? "/usr/bin/chromium",
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
}

export interface Look {
  readonly size?: Size;
  readonly language?: "en" | "sv";
  readonly theme?: "light" | "dark";
  /** Where the browser is, if it may tell. */
  readonly geolocation?: {
    readonly latitude: number;
    readonly longitude: number;
    readonly accuracy?: number;
  };
}

const axe = readFileSync(join(root, "node_modules/axe-core/axe.min.js"), "utf8");

/** A tab of one browser of its own: no cookie is shared. */
export class Tab implements AsyncDisposable {
  readonly page: Page;
  /** What went wrong in the page's own code, and what the content policy refused. */
  readonly problems: string[] = [];
  /** What the page asked to be changed: `POST /v1/jobs`, and the body. */
  readonly asked: { readonly what: string; readonly body: unknown }[] = [];
  readonly #context: BrowserContext;

  constructor(context: BrowserContext, page: Page) {
    this.#context = context;
    this.page = page;
    page.setDefaultTimeout(20_000);
    page.on("pageerror", (error) => this.problems.push(String(error)));
    page.on("request", (request) => {
      const { pathname } = new URL(request.url());
      if (request.method() === "GET" || pathname.endsWith("/cost")) return;
      this.asked.push({ what: `${request.method()} ${pathname}`, body: request.postDataJSON() });
    });
    page.on("console", (message) => {
      if (/Content Security Policy/i.test(message.text())) this.problems.push(message.text());
    });
  }

  /** Findings of axe-core that are serious or critical, a line each. */
  async violations(): Promise<string[]> {
    await this.page.evaluate(axe);
    const found = await this.page.evaluate<
      { id: string; impact: string; nodes: { html: string; failureSummary: string }[] }[]
    >(
      `axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] }).then(({ violations }) => violations)`,
    );
    return found
      .filter(({ impact }) => impact === "serious" || impact === "critical")
      .flatMap(({ id, nodes }) =>
        nodes.map(
          ({ html, failureSummary }) => `${id}: ${html.slice(0, 200)}: ${failureSummary.slice(0, 300)}`,
        ),
      );
  }

  /** Answers with this error, once, whatever is asked of `METHOD path`. */
  async refuse(what: string, status: number, error: { error: string; message: string }): Promise<void> {
    const [method, path = ""] = what.split(" ");
    let left = 1;
    await this.page.route(`**${path}`, (route) => {
      if (route.request().method() !== method || left-- <= 0) return route.fallback();
      return route.fulfill({ status, json: error });
    });
  }

  async forbidPosition(): Promise<void> {
    await this.#context.clearPermissions();
  }

  /** Waits until nothing is being fetched. */
  async settled(): Promise<void> {
    const loading = this.page.locator(".loading");
    while ((await loading.count()) > 0) await loading.first().waitFor({ state: "detached" });
  }

  async shot(name: string, fullPage = true): Promise<void> {
    await this.page.screenshot({ path: join(shots, `${name}.png`), fullPage });
  }

  /** Whether anything is wider than the window. */
  overflow(): Promise<number> {
    // As a text: tests know nothing of a browser's globals.
    return this.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#context.close();
  }
}

export async function openTab(
  browser: Browser,
  gateway: PageGateway,
  { size = "desktop", language = "en", theme = "light", geolocation }: Look = {},
): Promise<Tab> {
  const context = await browser.newContext({
    ignoreHTTPSErrors: true,
    viewport: sizes[size],
    locale: language === "sv" ? "sv-SE" : "en-GB",
    colorScheme: theme,
    baseURL: `https://127.0.0.1:${gateway.port}`,
    isMobile: size === "phone",
    hasTouch: size === "phone",
    ...(geolocation ? { geolocation, permissions: ["geolocation"] } : {}),
  });
  return new Tab(context, await context.newPage());
}

/** Logs in, with a password of one's own after the first time. */
export async function logIn(tab: Tab, user: string, password: string): Promise<void> {
  const { page } = tab;
  await page.goto("/");
  await page.locator('input[autocomplete="username"]').fill(user);
  await page.locator('input[autocomplete="current-password"]').fill(password);
  await page.locator("form button[type=submit]").click();
}

/** A session without the form: its cookie. */
export async function enter(tab: Tab, user: string, password: string): Promise<void> {
  const answer = await tab.page.request.post("/v1/login", { data: { user, password } });
  if (!answer.ok()) throw new Error(await answer.text());
  await tab.page.goto("/");
  await tab.page.locator("h1").waitFor();
}

/** The password that tests choose. */
export const own = "a-password-of-our-own";

/** The admin's first password becomes `own`. */
export async function takeOver(browser: Browser, gateway: PageGateway): Promise<void> {
  await using tab = await openTab(browser, gateway);
  await tab.page.request.post("/v1/login", { data: { user: "admin", password: gateway.password } });
  await changePassword(tab, gateway.password);
}

/** A tab of somebody with this role, at a page; after `takeOver`. */
export async function tabAs(
  browser: Browser,
  gateway: PageGateway,
  role: "admin" | "operator" | "technician" | "viewer",
  at: string,
  look: Look = {},
): Promise<Tab> {
  const tab = await openTab(browser, gateway, look);
  if (role !== "admin") {
    await using admin = await openTab(browser, gateway);
    await enter(admin, "admin", own);
    const made = await admin.page.request.post("/v1/users", {
      headers: { "x-stadsnod": "1" },
      data: { name: role, role },
    });
    const { password } = await made.json();
    await tab.page.request.post("/v1/login", { data: { user: role, password } });
    await changePassword(tab, password);
  }
  await enter(tab, role, own);
  await tab.page.goto(`/#/${at}`);
  await tab.settled();
  return tab;
}

async function changePassword(tab: Tab, old: string): Promise<void> {
  const changed = await tab.page.request.post("/v1/password", {
    headers: { "x-stadsnod": "1" },
    data: { old, new: own },
  });
  if (!changed.ok()) throw new Error(await changed.text());
}
