import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import { testClock } from "../test/flow.ts";
import { openClient } from "./client.ts";
import { EventParser } from "./event-parser.ts";
import { matches } from "./filter.ts";
import { SharedStream } from "./shared-stream.ts";

let server: Server | undefined;
let folder: string | undefined;
afterEach(() => {
  server?.closeAllConnections();
  server?.close();
  if (folder) rmSync(folder, { recursive: true, force: true });
});

/** A server that is no gateway. */
async function serve(
  answer: (path: string) => { status?: number; body: string; open?: boolean },
): Promise<string> {
  folder = mkdtempSync(join(tmpdir(), "stadsnod-client-"));
  const socket = join(folder, "s.sock");
  server = createServer((request, response) => {
    const { status = 200, body, open } = answer(request.url ?? "");
    response.writeHead(status);
    if (open) response.write(body);
    else response.end(body);
  });
  await new Promise<void>((resolve) => server!.listen(socket, resolve));
  return socket;
}

describe("Client", () => {
  it("takes refusals in the gateway's words", async () => {
    const body = JSON.stringify({ error: "unknown-device", message: "no device x", hint: "look" });
    using client = openClient(
      { kind: "socket", path: await serve(() => ({ status: 404, body })) },
      testClock(),
    );
    await expect(client.get("/v1/latest")).rejects.toMatchObject({
      code: "unknown-device",
      message: "no device x",
      hint: "look",
    });
  });

  it("believes nobody who is no gateway", async () => {
    const path = await serve((asked) => ({
      body: asked === "/huge" ? "x".repeat(17 * 1024 * 1024) : "<html>",
    }));
    using client = openClient({ kind: "socket", path }, testClock());
    await expect(client.get("/page")).rejects.toMatchObject({ code: "bad-answer" });
    await expect(client.get("/huge")).rejects.toMatchObject({
      code: "bad-answer",
      message: "the answer is too large",
    });
  });

  it("does not wait for ever", async () => {
    const clock = testClock();
    using client = openClient(
      { kind: "socket", path: await serve(() => ({ body: "{", open: true })) },
      clock,
    );
    const asked = client.get("/v1/status").catch((error: unknown) => error);
    let isOver = false;
    void asked.then(() => {
      isOver = true;
    });
    while (!isOver) await clock.advance(5000);
    expect(await asked).toMatchObject({ code: "no-answer-yet" });
  });
});

describe("SharedStream", () => {
  it("opens again after pauses that grow, and after silence", async () => {
    const opened: number[] = [];
    const clock = testClock();
    const path = await serve(() => {
      opened.push(clock.monotonic());
      return opened.length <= 4 ? { body: "data: [1]\n\n" } : { body: "data: [2]\n\n", open: true };
    });
    using client = openClient({ kind: "socket", path }, clock);
    const states: boolean[] = [];
    const items: number[] = [];
    using stream = new SharedStream<number>({ client, clock, path: "/v1/readings" });
    stream.join({ items: (some) => items.push(...some), state: (open) => states.push(open) });
    while (opened.length < 6) await clock.advance(1000);
    expect(items.slice(0, 5)).toEqual([1, 1, 1, 1, 2]);
    // The fifth stayed open and fell silent.
    expect(opened[5]! - opened[4]!).toBeGreaterThanOrEqual(45_000);
    expect(states.slice(0, 4)).toEqual([true, false, true, false]);
  });
});

describe("EventParser", () => {
  it("gives the same events however the bytes are cut", () => {
    const event = fc.record({ event: fc.constantFrom("message", "lost"), data: fc.json() });
    fc.assert(
      fc.property(fc.array(event), fc.array(fc.nat(200)), (events, cuts) => {
        const text = events
          .map(
            ({ event: name, data }) =>
              `${name === "message" ? "" : `event: ${name}\n`}data: ${data}\n\n:\n\n`,
          )
          .join("");
        const bytes = Buffer.from(text);
        const parser = new EventParser();
        const found = [];
        let at = 0;
        for (const cut of [...cuts, bytes.length]) {
          found.push(...parser.push(bytes.subarray(at, at + cut)));
          at += cut;
        }
        expect(found).toEqual(events);
      }),
    );
  });

  it("gives up a line without an end", () => {
    const parser = new EventParser(1000);
    expect(() => {
      for (let count = 0; count < 100; count++) parser.push(Buffer.from("data: [1,2,3,4"));
    }).toThrow(/longer than 1000/);
  });
});

describe("matches", () => {
  it("takes * for any text and everything else for itself", () => {
    const one = { device: "lamp-1", point: "alarms/door" };
    const yes = [
      {},
      { device: "*" },
      { device: "lamp-*" },
      { device: "*1" },
      { point: "alarms" },
      { point: "*door" },
      { point: "a*/d*" },
    ];
    const no = [
      { device: "lamp-" },
      { device: "lamp.1" },
      { point: "alarm" },
      { point: "doo*" },
      { device: "(lamp" },
    ];
    expect(yes.filter((filter) => !matches(filter, one))).toEqual([]);
    expect(no.filter((filter) => matches(filter, one))).toEqual([]);
  });
});
