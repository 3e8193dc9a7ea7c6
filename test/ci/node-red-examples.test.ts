import { mkdirSync, mkdtempSync, readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Browser, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { root } from "../system/daemon.ts";
import { type NodeRed, startNodeRed } from "./node-red.ts";

// Every example flow in the editor, taken from the library that the import menu shows. Screenshots are left in
// STADSNOD_SCREENSHOTS, or in a new folder.

const shots = process.env.STADSNOD_SCREENSHOTS ?? mkdtempSync(join(tmpdir(), "stadsnod-screenshots-"));
const examples = readdirSync(join(root, "nodes/examples"))
  .filter((file) => file.endsWith(".json"))
  .map((file) => file.replace(/\.json$/, ""));
/** How far a wire may run behind a node that it does not belong to, px. */
const mostBehind = 20;

let nodeRed: NodeRed;
let browser: Browser;
beforeAll(async () => {
  mkdirSync(shots, { recursive: true });
  nodeRed = await startNodeRed();
  browser = await chromium.launch({
    executablePath: process.env.STADSNOD_CHROMIUM ?? "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu"],
  });
});
afterAll(async () => {
  await browser?.close();
  await nodeRed?.[Symbol.asyncDispose]();
});

/** The editor's own objects, as far as they are looked at. */
interface EditorNode {
  readonly name: string;
  readonly type: string;
  readonly z: string;
  readonly valid?: boolean;
  readonly x: number;
  readonly y: number;
  readonly w: number;
  readonly h: number;
}
interface Editor {
  readonly RED: {
    readonly view: { importNodes(flow: object, options: object): void; redraw(...all: boolean[]): void };
    readonly workspaces: { show(id: string): void; active(): string };
    readonly nodes: { eachNode(callback: (node: EditorNode) => void): void };
  };
  readonly $: { getJSON(url: string): Promise<readonly { readonly id: string; readonly type: string }[]> };
  readonly document: {
    querySelectorAll(selector: string): Iterable<{
      readonly parentNode: unknown;
      getTotalLength(): number;
      getPointAtLength(at: number): { readonly x: number; readonly y: number };
    }>;
  };
  readonly d3: {
    select(element: unknown): {
      datum(): { readonly source?: EditorNode; readonly target: EditorNode } | undefined;
    };
  };
}

/** What the test knows of a node. */
interface Drawn {
  readonly name: string;
  readonly type: string;
  readonly valid: boolean;
  readonly known: boolean;
  readonly box: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
}

describe("example flows in the editor", () => {
  it("are all in the import menu", async () => {
    const listed = await nodeRed.get<object>("/library/examples/flows/node-red-contrib-stadsnod");
    for (const name of examples) expect(JSON.stringify(listed)).toContain(name);
  });

  it.each(examples)("draws %s without unknown nodes, errors and overlaps", async (name) => {
    const page = await browser.newPage({ locale: "en-US", viewport: { width: 1900, height: 1000 } });
    page.setDefaultTimeout(30_000);
    try {
      await page.goto(nodeRed.url);
      await page.locator('[data-palette-type="stadsnod-reading"]').waitFor();
      await bring(page, name);
      await page.locator(".red-ui-flow-node-group").first().waitFor();
      await page.screenshot({ path: join(shots, `example-${name}.png`), animations: "disabled" });
      const nodes = await drawn(page);
      expect(nodes.length).toBeGreaterThan(3);
      expect(nodes.filter(({ known, valid }) => !known || !valid).map((one) => one.name)).toEqual([]);
      expect(overlaps(nodes)).toEqual([]);
      expect(await wiresBehind(page)).toEqual([]);
      // Little is beyond the right edge of a usual screen.
      expect(Math.max(...nodes.map(({ box }) => box.x + box.w / 2))).toBeLessThan(1960);
    } finally {
      await page.close();
    }
  });
});

/** As the import menu does. */
async function bring(page: Page, name: string): Promise<void> {
  await page.evaluate(async (example) => {
    const { RED, $ } = globalThis as unknown as Editor;
    const flow = await $.getJSON(`library/examples/flows/node-red-contrib-stadsnod/${example}`);
    RED.view.importNodes(flow, { generateIds: false, addFlow: false, notify: false });
    RED.workspaces.show(flow.find(({ type }) => type === "tab")?.id ?? "");
    RED.view.redraw(true, true);
  }, name);
}

function drawn(page: Page): Promise<Drawn[]> {
  return page.evaluate(() => {
    const { RED } = globalThis as unknown as Editor;
    const found: Drawn[] = [];
    RED.nodes.eachNode((node) => {
      if (node.z !== RED.workspaces.active()) return;
      found.push({
        name: node.name || node.type,
        type: node.type,
        valid: node.valid !== false,
        known: node.type !== "unknown",
        box: { x: node.x, y: node.y, w: node.w, h: node.h },
      });
    });
    return found;
  });
}

/** Pairs of nodes that lie on each other; a name's width is that of its drawn box. */
function overlaps(nodes: readonly Drawn[]): string[] {
  return nodes.flatMap((one, index) =>
    nodes
      .slice(index + 1)
      .filter(
        (other) =>
          Math.abs(one.box.x - other.box.x) < (one.box.w + other.box.w) / 2 &&
          Math.abs(one.box.y - other.box.y) < (one.box.h + other.box.h) / 2,
      )
      .map((other) => `${one.name} on ${other.name}`),
  );
}

/** Wires that run behind nodes that they do not belong to, and how far. */
function wiresBehind(page: Page): Promise<string[]> {
  return page.evaluate((most) => {
    const { RED, d3, document } = globalThis as unknown as Editor;
    const nodes: EditorNode[] = [];
    RED.nodes.eachNode((node) => {
      if (node.z === RED.workspaces.active()) nodes.push(node);
    });
    const found: string[] = [];
    for (const path of document.querySelectorAll(".red-ui-flow-link-line")) {
      const link = d3.select(path.parentNode).datum();
      if (!link?.source) continue;
      const behind = new Map<EditorNode, number>();
      for (let at = 0; at < path.getTotalLength(); at += 2) {
        const { x, y } = path.getPointAtLength(at);
        for (const node of nodes)
          if (
            node !== link.source &&
            node !== link.target &&
            Math.abs(x - node.x) < node.w / 2 &&
            Math.abs(y - node.y) < node.h / 2
          )
            behind.set(node, (behind.get(node) ?? 0) + 2);
      }
      for (const [node, length] of behind)
        if (length > most)
          found.push(`${link.source.name} to ${link.target.name} behind ${node.name}: ${length} px`);
    }
    return found;
  }, mostBehind);
}
