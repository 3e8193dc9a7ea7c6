import { connect } from "node:net";
import { access } from "../../../gateway/local/access.ts";
import { askDoor, openDoors } from "../../system/local-doors.ts";
import { below, pick, type Target, type TargetSource, utf8, Violation } from "../target.ts";
import { changedOften, jsonOf } from "../tree.ts";

// Requests to the local API over its real doors: anything through the socket of this machine, and nearly right ones
// without a login through the other.

const routes = Object.entries(access);
const bodies: readonly unknown[] = [
  { device: "lamp-1", point: "level", value: 80, expiresIn: "30s", id: "c-1" },
  { device: "lamp-1", points: ["level"] },
  { user: "admin", password: "x" },
  { name: "anna", role: "viewer" },
  { profile: "test/lamp", payload: "00", point: "level" },
  { kind: "scan", connection: "roof", input: {} },
  { text: "gateway: {id: gw-1}" },
  [],
];
const paths = routes.map(([route]) => route.split(" ") as [string, string]);

function request(method: string, path: string, body: Uint8Array): Uint8Array {
  const head = `${method} ${path} HTTP/1.1\r\nHost: l\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n`;
  return Buffer.concat([utf8(head), body]);
}

/** The status line of what is answered; empty when the door is shut instead. */
function raw(socket: string, bytes: Uint8Array): Promise<string> {
  return new Promise((resolve) => {
    let text = "";
    const line = connect(socket);
    const done = () => {
      line.destroy();
      resolve(text);
    };
    line.setEncoding("latin1").on("data", (part: string) => {
      text += part;
      if (text.includes("\r\n")) done();
    });
    line.on("error", done);
    line.on("close", done);
    line.end(bytes);
  });
}

const seeds = [
  ...paths.map(([method, path]) => request(method, path.replace(/:\w+/, "lamp-1"), new Uint8Array())),
  ...bodies.map((body) => request("POST", "/v1/commands", jsonOf(body))),
  request("POST", "/v1/points", jsonOf({ points: [{ device: "lamp-1", point: "level" }] })),
];
const words = [
  "\r\n",
  "Content-Length: 9",
  "Transfer-Encoding: chunked\r\n",
  "%2e%2e/",
  "?limit=",
  "Host: ",
  "\r\n\r\n",
  "HTTP/1.1",
  "Upgrade: websocket\r\n",
  "Cookie: ",
  "Origin: http://x\r\n",
];

async function openSocketDoor(): Promise<Target> {
  const doors = await openDoors();
  return {
    name: "api-socket",
    share: 0.2,
    seeds,
    words,
    make(random) {
      const [method, path] = pick(random, paths);
      const place = path.replace(
        /:\w+/,
        pick(random, ["lamp-1", "..%2f..%2fetc", "%00", "x".repeat(3000), "1"]),
      );
      const query =
        random() < 0.3 ? `?${pick(random, ["limit", "from", "device", "lines"])}=${below(random, 1e9)}` : "";
      return request(method, place + query, jsonOf(changedOften(pick(random, bodies), random)));
    },
    async take(input) {
      const head = await raw(doors.socket, input);
      const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(head)?.[1] ?? 0);
      // 503 says what is not there, in a gateway of a test.
      if (status >= 500 && status !== 503)
        throw new Violation(`answered ${head.split("\r\n")[0]}: ${doors.logged.at(-1)}`);
      if (doors.logged.length > 0)
        throw new Violation(`logged ${doors.logged.splice(0).join(" ").slice(0, 500)}`);
      doors.surface.submitted.length = 0;
      doors.audit.length = 0;
    },
    errors: [],
    close: async () => doors[Symbol.asyncDispose](),
  };
}

async function openHttpsDoor(): Promise<Target> {
  const doors = await openDoors();
  const free = new Set(routes.flatMap(([route, who]) => (who === "anyone" ? [route.split("/")[1]] : [])));
  return {
    name: "api-https",
    share: 0.2,
    // A line of a path and a method, one with what stands for a login, then the body.
    seeds: paths.map(([method, path]) => utf8(`${method} ${path.replace(/:\w+/, "lamp-1")}\nBearer x\n{}`)),
    words: [
      "/v1/",
      "//",
      "..",
      "%2f",
      "%00",
      "/assets/",
      "Bearer ",
      "stadsnod_",
      ";",
      "/healthz/../v1/users",
    ],
    async take(input) {
      const [line = "", login = "", ...body] = Buffer.from(input).toString("latin1").split("\n");
      const [method = "", path = ""] = line.split(" ");
      if (!/^(GET|POST|DELETE|PUT|HEAD|OPTIONS)$/.test(method) || !/^\/[!-~]*$/.test(path)) return;
      if (!/^[ -~]*$/.test(login)) return;
      const text = method === "GET" || method === "HEAD" ? undefined : body.join("\n");
      const asked = { door: "https", method, path, headers: { authorization: login }, body: text } as const;
      const { status } = await askDoor(asked, doors);
      if (status >= 500) throw new Violation(`${method} ${path} answered ${status}`);
      const isFree =
        free.has(path.split(/[/?]/)[1] ?? "") || path.startsWith("/v1/openapi.json") || path.startsWith("/?");
      if (status < 300 && !isFree)
        throw new Violation(`${method} ${path} answered ${status} without a login`);
      if (doors.surface.submitted.length > 0)
        throw new Violation(`${method} ${path} commanded without a login`);
    },
    errors: [],
    close: async () => doors[Symbol.asyncDispose](),
  };
}

export const apiTargets: readonly TargetSource[] = [
  { name: "api-socket", share: 0.2, most: 20_000, open: openSocketDoor },
  { name: "api-https", share: 0.2, most: 2000, open: openHttpsDoor },
];
