import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { connect as tlsConnect } from "node:tls";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { access } from "../../gateway/local/access.ts";
import { maxStreams } from "../../gateway/local/events.ts";
import { VirtualClock } from "../fault/virtual-clock.ts";
import { type Doors, openDoors } from "./local-doors.ts";

describe("whatever is sent", () => {
  let doors: Doors;
  let admin = "";
  beforeAll(async () => {
    doors = await openDoors();
    admin = await doors.tokenOf("admin");
  });
  afterAll(() => doors[Symbol.asyncDispose]());

  const posts = Object.keys(access).filter((route) => route.startsWith("POST "));
  // Near to what is expected: the names of the fields with values of every kind.
  const field = fc.constantFrom(
    "id",
    "device",
    "point",
    "points",
    "value",
    "action",
    "confirms",
    "expiresIn",
    "priority",
    "reason",
    "name",
    "role",
    "user",
    "old",
    "new",
    "text",
    "__proto__",
    "constructor",
    "toString",
  );
  const near = fc.constantFrom<unknown>(
    "lamp-1",
    "level",
    "30s",
    "-1ms",
    "operator",
    "write",
    80,
    1e308,
    -0,
    true,
    null,
    [],
    {},
    "\u0000",
    "\ud800",
  );
  const body = fc.oneof(
    fc.dictionary(field, fc.oneof(near, fc.jsonValue())).map((one) => JSON.stringify(one)),
    fc.json(),
    fc.string({ unit: "binary", maxLength: 500 }),
    fc.constant("[".repeat(60_000)),
    fc.constant('{"__proto__": {"role": "admin"}, "device": "lamp-1"}'),
  );

  it("is answered, never with 500", { timeout: 120_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...posts), body, fc.boolean(), async (route, text, typed) => {
        const path = route.slice(5).replace(":name", "nobody");
        // The password of the admin is asked for slowly: those routes are fuzzed without one.
        const headers = {
          authorization: `Bearer ${admin}`,
          "content-type": typed ? "application/json" : "application/json; charset=utf-8",
        };
        const { status, json } = await doors.ask({ method: "POST", path, headers, body: text });
        expect(status, `${route} ${text}`).toBeLessThan(500);
        if (status >= 400 && status !== 422)
          expect(json).toEqual({
            error: expect.stringMatching(/^[a-z0-9-]+$/),
            message: expect.any(String),
            ...(json.hint === undefined ? {} : { hint: expect.any(String) }),
          });
      }),
      { numRuns: 600 },
    );
    expect(doors.logged).toEqual([]);
  });

  it("also in the path and the query", { timeout: 60_000 }, async () => {
    const gets = Object.keys(access).filter((route) => route.startsWith("GET "));
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...gets),
        fc.string({ unit: "binary", maxLength: 300 }),
        fc.dictionary(
          fc.constantFrom("device", "point", "from", "to", "limit", "lines", "open", "x"),
          fc.string(),
        ),
        async (route, part, query) => {
          const path = route.slice(4).replace(/:\w+/, encodeURIComponent(part.toWellFormed()));
          const search = new URLSearchParams(query);
          const { status } = await doors.ask({ door: "socket", path: `${path}?${search}` });
          expect(status, `${path}?${search}`).toBeLessThan(500);
        },
      ),
      { numRuns: 400 },
    );
    for (const path of [
      "/v1/devices/%",
      "/v1/devices/%ff%fe",
      "/v1/status?%",
      "//",
      "/%2e%2e/%2e%2e/etc/passwd",
      `/${"a".repeat(9000)}`,
    ])
      expect((await doors.ask({ door: "socket", path })).status, path).toBeLessThan(500);
    expect(doors.logged).toEqual([]);
  });

  it("is refused when it is too large, before it is read", async () => {
    const large = await doors.ask({
      method: "POST",
      path: "/v1/read",
      headers: { authorization: `Bearer ${admin}` },
      body: { device: "x".repeat(70_000) },
    });
    expect([large.status, large.json.error]).toEqual([413, "body-too-large"]);
    // Gigabytes are announced; nobody waits for them.
    const socket = connect(doors.socket);
    socket.write(
      "POST /v1/read HTTP/1.1\r\nHost: l\r\nContent-Type: application/json\r\nContent-Length: 9999999999\r\n\r\n{",
    );
    expect(await untilClosed(socket)).toContain(" 413 ");
    // And chunks without an end, and without a login.
    const chunked = tlsConnect({ port: doors.port, host: "127.0.0.1", rejectUnauthorized: false });
    chunked.write(
      "POST /v1/login HTTP/1.1\r\nHost: l\r\nTransfer-Encoding: chunked\r\nContent-Type: application/json\r\n\r\n",
    );
    const chunk = `4000\r\n${"x".repeat(0x4000)}\r\n`;
    for (let n = 0; n < 8; n++) chunked.write(chunk);
    expect(await untilClosed(chunked)).toContain(" 413 ");
  });
});

async function untilClosed(socket: Socket): Promise<string> {
  let text = "";
  socket.setEncoding("latin1").on("data", (part: string) => {
    text += part;
  });
  socket.on("error", () => {});
  await once(socket, "close");
  return text;
}

describe("slow clients", () => {
  it("are let go when the head or the body of a request does not come", async () => {
    await using doors = await openDoors({ limits: { headersMs: 300, requestMs: 600, checkEveryMs: 50 } });
    const open = {
      socket: () => connect(doors.socket),
      https: () => tlsConnect({ port: doors.port, host: "127.0.0.1", rejectUnauthorized: false }),
    };
    for (const door of ["socket", "https"] as const) {
      const head = open[door]();
      head.write("GET /v1/status HTTP/1.1\r\nHost: l\r\nX-Slow: ");
      const body = open[door]();
      body.write(
        "POST /v1/login HTTP/1.1\r\nHost: l\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{",
      );
      const texts = await Promise.all([untilClosed(head), untilClosed(body)]);
      for (const text of texts) expect(text).toMatch(/^(HTTP\/1\.1 408 |$)/);
    }
    // A connection that never speaks TLS.
    const mute = connect({ port: doors.port, host: "127.0.0.1" });
    mute.write("GET / HTTP/1.1\r\n\r\n");
    await untilClosed(mute);
    expect((await doors.ask({ path: "/healthz" })).status).toBe(200);
  });
});

interface Stream {
  readonly socket: Socket;
  /** The last of what came. */
  readonly text: string;
  /** Resolves when what came has it. */
  until(text: string): Promise<void>;
}

const keptText = 20_000;

/** An event stream by the socket, read by hand; resolves when its head is there. */
async function openStream(path: string, target: string, header = ""): Promise<Stream> {
  const socket = connect(path);
  let text = "";
  let look = () => {};
  socket.on("error", () => {});
  socket.setEncoding("latin1").on("data", (part: string) => {
    text = (text + part).slice(-keptText);
    look();
  });
  socket.write(`GET ${target} HTTP/1.1\r\nHost: l\r\n${header}\r\n`);
  const stream: Stream = {
    socket,
    get text() {
      return text;
    },
    until: (wanted) =>
      new Promise((resolve) => {
        look = () => {
          if (text.includes(wanted)) resolve();
        };
        look();
      }),
  };
  await stream.until("\r\n\r\n");
  return stream;
}

describe("a thousand event streams", () => {
  it("hold no more than one when half of them stall", { timeout: 120_000 }, async () => {
    await using doors = await openDoors();
    const { server, surface } = doors;
    const streams: Stream[] = [];
    while (streams.length < maxStreams) {
      const batch = Array.from({ length: 100 }, () => openStream(doors.socket, "/v1/readings"));
      streams.push(...(await Promise.all(batch)));
    }
    expect(server.streams.size).toBe(maxStreams);
    // One more is told to come again.
    const more = await doors.ask({ door: "socket", path: "/v1/states" });
    expect([more.status, more.json.error]).toEqual([503, "too-many-streams"]);
    expect(surface.listeners).toBe(1);

    const lazy = streams.filter((_, n) => n % 2 === 0);
    const eager = streams.filter((_, n) => n % 2 === 1);
    for (const { socket } of lazy) socket.pause();
    const last = `"value":${rounds - 1}`;
    const all = eager.map((stream) => stream.until(last));
    let most = 0;
    for (let round = 0; round < rounds; round++) {
      surface.tell(
        Array.from({ length: 50 }, (_, n) => ({ device: "lamp-1", point: `p${n}`, value: round })),
      );
      await new Promise((resolve) => setImmediate(resolve));
      most = Math.max(most, server.streams.waitingBytes);
    }
    await Promise.all(all);
    // Of each stalled one an event (50 readings, less than 5 kB) waits here, whatever goes by.
    expect(most).toBeLessThan(maxStreams * 5000);
    expect(server.streams.waitingBytes).toBeLessThan((maxStreams / 2) * 5000);
    expect(server.streams.waitingBytes).toBeGreaterThan(0);

    // A stalled one that reads again is told what it missed, and then has the newest.
    const one = lazy[0]!;
    const told: string[] = [];
    one.socket.on("data", (part: string) => told.push(part)).resume();
    await one.until(last);
    expect(told.join("")).toMatch(/event: lost\ndata: [1-9]\d*\n/);

    for (const { socket } of streams) socket.destroy();
    while (server.streams.size > 0 || surface.listeners > 0)
      await new Promise((resolve) => setImmediate(resolve));
  });
  const rounds = 300;
});

describe("event streams", () => {
  it("begin with what is, filter, beat, and end with the login that opened them", async () => {
    const clock = new VirtualClock();
    await using doors = await openDoors({ clock });
    const stream = await openStream(doors.socket, "/v1/readings?point=level");
    await stream.until('"point":"mode"');
    doors.surface.tell([
      { device: "lamp-1", point: "mode", value: 7 },
      { device: "lamp-1", point: "level", value: 42 },
    ]);
    await stream.until('data: [{"device":"lamp-1","point":"level","value":42,"quality":"good"}]\n\n');
    expect(stream.text).not.toContain('"value":7');
    await clock.advance(15_000);
    await stream.until(":\n\n");
    stream.socket.destroy();

    const states = await openStream(doors.socket, "/v1/states");
    await states.until('{"kind":"device","id":"lamp-1","state":"available"}');
    const { status } = doors.surface;
    doors.surface.status = () => ({ ...status(), devices: [] });
    await clock.advance(1000);
    await states.until('data: [{"kind":"device","id":"lamp-1","state":"gone"}]');
    states.socket.destroy();

    const secret = await doors.tokenOf("viewer");
    const own = await openStream(doors.socket, "/v1/results", `Authorization: Bearer ${secret}\r\n`);
    const [{ name }] = (await doors.ask({ door: "socket", path: "/v1/tokens" })).json;
    await doors.ask({ door: "socket", method: "DELETE", path: `/v1/tokens/${name}` });
    const over = own.until("\r\n0\r\n\r\n");
    await clock.advance(15_000);
    await over;
    own.socket.destroy();
  });
});
