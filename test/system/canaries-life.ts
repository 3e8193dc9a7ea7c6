// biome-ignore-all lint/suspicious/noTemplateCurlyInString: references as gateway.yaml writes them
// Long: one life of one gateway, in the order in which it happens.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { globSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { Decoder } from "cbor-x";
import { vi } from "vitest";
import { actuatorUnits } from "../../simulators/actuators/open.ts";
import { type Broker, openBroker } from "../../simulators/broker.ts";
import { CityCa } from "../../simulators/ca/city-ca.ts";
import { chirpstack } from "../../simulators/lorawan/chirpstack.ts";
import { createNetwork } from "../../simulators/lorawan/network.ts";
import { openModbusServer } from "../../simulators/modbus/server.ts";
import { openNetworkServer } from "../../simulators/network-server.ts";
import { readPack, unpack } from "../../simulators/senml.ts";
import { freePort } from "../ci/supervised.ts";
import { makeAuthority, makeCertificate } from "../mqtt/certificates.ts";
import { type CanaryName, canaries, type Outlet, outlets } from "./canaries.ts";
import { newFolder, program, root, run, startDaemon } from "./daemon.ts";
import { writeProfiles } from "./field.ts";
import { askDoor, type Told } from "./local-doors.ts";

/** What came out of a gateway, and the values of all canaries. */
export interface Life {
  readonly heard: ReadonlyMap<Outlet, readonly string[]>;
  readonly values: ReadonlyMap<CanaryName, string>;
}

const homeProfile = `profile: test/home
version: 1.0.0
title: Home of the tests
manufacturer: Test
models: [H]
category: presence
sources: [{document: made for the tests}]
status: draft
protocol: modbus
modbus: {addressing: protocol}
points:
  presence: {at: {holding: 0, type: u32}, unit: count, class: fast, personal: true}
  power: {at: {holding: 2, type: u32}, unit: W, class: fast, personal: true}
  temperature: {at: {holding: 4, type: s16}, unit: Cel, scale: 0.1, class: fast}
  level: {at: {holding: 5}, unit: "%", range: [0, 100], class: fast, write: {range: [0, 100]}}
`;

const radioProfile = `profile: test/radio
version: 1.0.0
title: Radio sensor of the tests
manufacturer: Test
models: [R]
category: climate
sources: [{document: made for the tests}]
status: draft
protocol: lorawan
lorawan:
  payload: {endian: big, fields: [{name: bedroom, type: u32}, {name: humidity, type: u8}]}
points:
  bedroom: {at: {field: bedroom}, unit: count, personal: true}
  humidity: {at: {field: humidity}, unit: "%RH"}
`;

const words = (value: string) => {
  const hex = Number(value).toString(16).padStart(8, "0");
  return `${hex.slice(0, 4)} ${hex.slice(4)}`;
};
const decoder = new Decoder({ mapsAsObjects: true, useRecords: false });
const json = (value: unknown): string =>
  JSON.stringify(value, (_, one: unknown) => (typeof one === "bigint" ? String(one) : one));

/** What a message says, as bytes and as text: packs are compressed, and numbers in CBOR are no digits. */
function messageTexts(topic: string, payload: Buffer): string[] {
  const raw = `${topic} ${payload.toString("latin1")}`;
  const format = topic.split("/").at(-1) ?? "";
  if (format.startsWith("112")) {
    const bytes = unpack(format, payload);
    return [raw, Buffer.from(bytes).toString("latin1"), `${topic} ${json(readPack(bytes))}`];
  }
  try {
    return [raw, `${topic} ${json(decoder.decode(payload))}`];
  } catch {
    return [raw];
  }
}

/** A broker that takes these accounts and keeps what clients publish. */
async function openListener(
  accounts: Readonly<Record<string, string>>,
  said: string[],
  tls?: { readonly cert: string; readonly key: string; readonly ca: string },
): Promise<Broker> {
  return openBroker({
    port: 0,
    ...(tls ? { tls: { ...tls, requestCert: true, rejectUnauthorized: true } } : {}),
    hooks: {
      authenticate: (_client, username, password, done) => {
        const good = tls !== undefined || accounts[String(username)] === password?.toString();
        done(good ? null : Object.assign(new Error("no"), { returnCode: 4 }), good);
      },
      authorizePublish: (client, packet, done) => {
        if (client !== null && !client.id.startsWith("network-"))
          said.push(...messageTexts(packet.topic, Buffer.from(packet.payload)));
        done(null);
      },
    },
  });
}

const patience = { timeout: 25_000, interval: 20 };

async function bytesOf(path: string, socketPath: string): Promise<Buffer> {
  const asked = request({ socketPath, path });
  asked.end();
  const [response] = await once(asked, "response");
  const parts: Buffer[] = [];
  for await (const part of response) parts.push(part);
  return Buffer.concat(parts);
}

/** Lives through everything that a gateway is asked and told, with canaries in all of it. */
export async function live(): Promise<Life> {
  await using stack = new AsyncDisposableStack();
  const values = new Map<CanaryName, string>(
    canaries.flatMap((one) => ("value" in one ? [[one.name, one.value] as const] : [])),
  );
  const canary = (name: CanaryName): string => {
    const value = values.get(name);
    if (value === undefined) throw new Error(`${name} is not known yet`);
    return value;
  };
  const learn = (name: CanaryName, value: string | undefined): string => {
    if (value === undefined || value.length < 8) throw new Error(`${name} was not told`);
    values.set(name, value);
    return value;
  };
  const heard = new Map<Outlet, string[]>(outlets.map((outlet) => [outlet, []]));
  const hear = (outlet: Outlet, ...texts: readonly string[]) => heard.get(outlet)?.push(...texts);
  const said = { city: heard.get("MQTT to the city")!, lora: heard.get("MQTT to the network server")! };

  // The far sides.
  const authority = makeAuthority("City CA");
  const server = makeCertificate(authority, { name: "localhost", names: ["localhost", "127.0.0.1"] });
  const client = makeCertificate(authority, { name: "gw-canary" });
  learn("TLS client key towards the broker", client.key.split("\n")[1]);
  const city = stack.use(
    await openListener(
      {
        filed: canary("broker password in a file"),
        named: canary("broker password in the environment"),
        written: canary("broker password in gateway.yaml"),
      },
      said.city,
    ),
  );
  const secure = stack.use(
    await openListener({}, said.city, { cert: server.cert, key: server.key, ca: authority.cert }),
  );
  const lora = stack.use(
    await openListener(
      { lora: canary("password of the network server's broker"), server: "network" },
      said.lora,
    ),
  );
  const field = stack.use(
    await openModbusServer({
      listen: { tcp: 0 },
      units: {
        [actuatorUnits.lamp]: {
          registers: {
            holding: {
              0: words(canary("presence in a home")),
              2: words(canary("power of a home")),
              4: 215,
              5: 10,
            },
          },
        },
      },
    }),
  );
  const model = { profile: "Radio", brand: "test", model: "radio" };
  const sensor = (devEui: string, name: string, bytes: Buffer) => ({
    devEui,
    name,
    model,
    tags: { app_key: canary("AppKey among the tags of a device") },
    payload: () => ({ fPort: 2, bytes: Uint8Array.from(bytes) }),
  });
  const network = stack.use(
    createNetwork({
      deduplicationMs: 0,
      devices: [
        sensor(
          canary("DevEUI of a household's device"),
          canary("neighbour's device name"),
          Buffer.from(`${words(canary("bedroom of a household's radio sensor")).replace(" ", "")}2d`, "hex"),
        ),
        sensor(
          canary("neighbour's DevEUI"),
          canary("neighbour's device name"),
          Buffer.from(canary("bytes of a neighbour's uplink"), "hex"),
        ),
      ],
    }),
  );
  const dialect = chirpstack(1);
  const networkServer = stack.use(
    await openNetworkServer({
      url: lora.url,
      network,
      dialect,
      client: { clientId: "network-1", username: "server", password: "network" },
    }),
  );

  // The gateway.
  const folder = newFolder();
  const at = (...parts: string[]) => join(folder, ...parts);
  writeProfiles(folder, { "test/home": homeProfile, "test/radio": radioProfile });
  const httpsPort = await freePort();
  const editorPort = await freePort();
  const files = {
    "broker-password": `${canary("broker password in a file")}\n`,
    "meter-key": `${canary("encryption key of a smart meter")}\n`,
    "short-key": canary("key of a smart meter that is too short"),
    "client.key": client.key,
    "client.pem": client.cert,
    "ca.pem": authority.cert,
  };
  const env = {
    BROKER: canary("broker password in the environment"),
    METER: canary("authentication key of a smart meter"),
  };
  const household = `owner: ${canary("owner of a device")}, place: "${canary("place of a device")}", purpose: ${canary("purpose of a device")}`;
  const yaml = `# formerly password: ${canary("password in a comment of gateway.yaml")}
gateway: {id: gw-canary, pen: 32474, title: Control finch}
profiles: [device-profiles, ${join(root, "device-profiles")}]
connections:
  roof: {protocol: modbus, tcp: {host: 127.0.0.1, port: ${field.port}}}
  han: {protocol: smart-meter, serial: {port: ${at("no-such-tty")}}}
  radio: {protocol: lorawan, server: chirpstack, application: ${dialect.application}, mqtt: {url: "${lora.url}", username: lora, password: ${canary("password of the network server's broker")}}}
audiences: {household: {personal: true}, lighting: {}}
devices:
  home-1:
    profile: test/home
    connection: roof
    unit: ${actuatorUnits.lamp}
    audience: household
    audiences: {temperature: open, level: lighting}
    ${household.replaceAll(", place", "\n    place").replaceAll(", purpose", "\n    purpose")}
    legalBasis: consent
    privacy:
      presence: {raw: drop, crowd: {to: open, steps: [{aggregate: mean, over: 15m}, {round: 1000000}]}}
      power: {raw: drop}
  meter-1: {profile: kaifa/ma304, connection: han, audience: household, key: "\${file:meter-key}", authenticationKey: "\${env:METER}", ${household}}
  sensor-1: {profile: test/radio, connection: radio, devEui: "${canary("DevEUI of a household's device")}", audience: household, audiences: {humidity: open}, privacy: {bedroom: drop}, ${household}}
northbound:
  filed: {type: mqtt, url: "${city.url}", clientId: a, username: filed, password: "\${file:broker-password}"}
  named: {type: mqtt, url: "${city.url}", clientId: b, username: named, password: "\${env:BROKER}"}
  written: {type: mqtt, url: "${city.url}", clientId: c, username: written, password: ${canary("broker password in gateway.yaml")}}
  refused: {type: mqtt, url: "${city.url}", clientId: d, username: filed, password: ${canary("broker password that is wrong")}}
  secure: {type: mqtt, url: "${secure.url}", clientId: e, ca: ${at("ca.pem")}, cert: ${at("client.pem")}, key: ${at("client.key")}}
local: {socket: s.sock, https: {port: ${httpsPort}, host: 127.0.0.1}}
nodeRed: {enabled: true, port: ${editorPort}, userDir: node-red, memory: 128MB}
poll: {fast: 200ms, normal: 500ms, slow: 1s}
storage: {folder: store, maxBytes: 50MB}
history: {maxAge: 1d, maxBytes: 20MB}
telemetry: {maxAge: 100ms}
log: {level: debug}
`;
  const daemon = stack.use(await startDaemon({ folder, yaml, files, env }));
  const cli = async (args: readonly string[], outlet: Outlet = "command line", input?: string) => {
    const ran = await run(args, { cwd: folder, env, ...(input === undefined ? {} : { input }) });
    hear(outlet, `$ ${args.join(" ")}\n${ran.out}${ran.err}`);
    return ran;
  };
  const socket = ["--socket", daemon.socket];

  // Who may do what at its doors.
  const door = async (asked: Parameters<typeof askDoor>[0]): Promise<Told> => {
    const told = await askDoor(asked, { socket: daemon.socket, port: httpsPort });
    const quiet =
      asked.path.startsWith("/v1/logs") || asked.path === "/metrics" || asked.path.includes("/files/");
    if (!quiet) hear("local API", `${asked.method ?? "GET"} ${asked.path}\n${told.text}`);
    return told;
  };
  const post = (path: string, body: object, token?: string) =>
    door({ method: "POST", path, body, ...(token ? { headers: { authorization: `Bearer ${token}` } } : {}) });
  const login = async (user: string, password: string): Promise<string> =>
    (await post("/v1/login", { user, password })).json.token;
  const ownPassword = async (user: string, given: string, own: CanaryName): Promise<string> => {
    const token = await login(user, given);
    await post("/v1/password", { old: given, new: canary("new password that is too short") }, token);
    await post("/v1/password", { old: given, new: canary(own) }, token);
    return token;
  };
  const first = learn(
    "first password of admin",
    /first password of user admin is (\S+) /.exec(daemon.output)?.[1],
  );
  const admin = learn("session token of admin", await ownPassword("admin", first, "own password of admin"));
  const added = await cli(["users", "add", "sparv-1", "--role", "operator", ...socket]);
  const operator = learn(
    "session token of an operator",
    await ownPassword(
      "sparv-1",
      learn("password made up for an operator", added.out.trim()),
      "own password of an operator",
    ),
  );
  const made = await post("/v1/users", { name: "sparv-2", role: "technician" }, admin);
  await ownPassword(
    "sparv-2",
    learn("password made up for a technician", made.json.password),
    "own password of a technician",
  );
  const token = await cli(["users", "token", "add", "scripts", ...socket]);
  learn("API token", token.out.trim());
  const gone = await post("/v1/tokens", { name: "gone", role: "viewer", priority: "automation" }, admin);
  learn("API token that was taken away", gone.json.secret);
  await door({ method: "DELETE", path: "/v1/tokens/gone", headers: { authorization: `Bearer ${admin}` } });

  // Mistakes at the doors.
  await login("sparv-1", canary("password that was guessed"));
  await login(canary("password typed as a user's name"), "x-and-something");
  for (const name of ["bearer token of nobody", "API token that was taken away"] as const)
    await door({ path: "/v1/status", headers: { authorization: `Bearer ${canary(name)}` } });
  await door({ path: "/v1/status", headers: { cookie: `__Host-stadsnod=${canary("cookie of nobody")}` } });
  // What somebody sends, he is told: only where it goes beside that counts.
  for (const path of [
    `/v1/status?token=${canary("token in an address")}`,
    `/v1/nothing/${canary("token in a path")}`,
    `/v1/devices/${canary("token in a path")}`,
  ])
    await askDoor(
      { path, headers: { authorization: `Bearer ${admin}` } },
      { socket: daemon.socket, port: httpsPort },
    );

  // It works: readings, radio, a command, changes.
  await daemon.until(
    ({ northbound, devices }) =>
      northbound.filter(({ connected }) => connected).length === 4 &&
      northbound.some(({ error }) => error !== undefined) &&
      devices.find(({ id }) => id === "home-1")?.state === "available",
  );
  for (const device of network.devices) device.send();
  await networkServer.until(() => network.uplinks.every(({ heard: came }) => came));
  await daemon.until(({ devices }) => devices.find(({ id }) => id === "sensor-1")?.state === "available");
  await post(
    "/v1/commands?wait=10s",
    { device: "home-1", point: "level", value: 40, reason: canary("reason of a command") },
    operator,
  );
  const { json: configuration } = await door({
    path: "/v1/configuration",
    headers: { authorization: `Bearer ${admin}` },
  });
  await post(
    "/v1/configuration/apply",
    {
      text: `${configuration.text}# later\n`,
      hash: configuration.hash,
      note: canary("note at a change of gateway.yaml"),
    },
    admin,
  );

  // Node-RED.
  const nodeRed = spawn(process.execPath, [program, "node-red", "gateway.yaml"], {
    cwd: folder,
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  stack.defer(async () => {
    if (nodeRed.exitCode !== null || nodeRed.signalCode !== null) return;
    nodeRed.kill("SIGTERM");
    await once(nodeRed, "close");
  });
  await new Promise<void>((resolve, reject) => {
    let text = "";
    const take = (chunk: Buffer) => {
      text += chunk.toString();
      hear("Node-RED", chunk.toString());
      if (text.includes("Node-RED is there")) resolve();
    };
    nodeRed.stdout.on("data", take);
    nodeRed.stderr.on("data", take);
    nodeRed.once("close", () => reject(new Error(`Node-RED ended:\n${text}`)));
  });
  const editor = async (path: string, body?: object) => {
    const response = await fetch(`http://127.0.0.1:${editorPort}${path}`, {
      method: body ? "POST" : "GET",
      headers: {
        "node-red-api-version": "v2",
        accept: "application/json",
        authorization: `Bearer ${operator}`,
        ...(body ? { "content-type": "application/json" } : {}),
      },
      ...(body ? { body: JSON.stringify(body) } : {}),
    });
    const text = await response.text();
    hear("Node-RED", `${response.status} ${path}\n${text}`);
    return response.status;
  };
  const flows = [
    { id: "tab-1", type: "tab", label: "Control finch" },
    { id: "gw", type: "stadsnod-gateway", connection: "socket", socket: "", url: "", fingerprint: "" },
    {
      ...{ id: "in", type: "stadsnod-reading", z: "tab-1", gateway: "gw", device: "home-1", point: "level" },
      ...{ audience: "", emit: "all", everyS: 60, quality: "good", initial: true, wires: [[]] },
    },
    {
      ...{
        id: "ask",
        type: "http request",
        z: "tab-1",
        method: "GET",
        url: "http://127.0.0.1:9/",
        ret: "txt",
      },
      ...{ authType: "basic", wires: [[]] },
      credentials: { user: "lamp", password: canary("credential in a flow") },
    },
  ];
  if ((await editor("/flows", { flows })) !== 200) throw new Error("Node-RED did not take the flow");
  for (const path of ["/flows", "/settings", "/credentials/http%20request/ask", "/diagnostics"])
    await editor(path);
  learn(
    "secret that encrypts Node-RED's credentials",
    readFileSync(at("node-red", "credential-secret"), "utf8").trim(),
  );
  // Made when the flow's node asks for the first time.
  learn(
    "token of Node-RED's gate",
    await vi.waitFor(
      () => /^sn_\S+$/.exec(readFileSync(at("node-red", "token"), "utf8").trim())![0],
      patience,
    ),
  );
  await cli(["node-red", "status", "gateway.yaml", "--json"]);
  await cli(["node-red", "flows", "list", "gateway.yaml"]);

  // The card of a gateway that is to be enrolled, with nobody at the other end.
  writeFileSync(
    at("provision.json"),
    JSON.stringify({
      format: 1,
      gateway: "gw-canary",
      network: {
        wifi: { ssid: "Control finch", psk: canary("key of the Wi-Fi on the card"), country: "SE" },
      },
      enrolment: {
        url: `https://127.0.0.1:${await freePort()}`,
        ca: new CityCa({ now: () => Date.now() }).pem,
        token: canary("enrolment token on the card"),
      },
    }),
  );
  const places = ["--provision", "provision.json", "--state", "enrolment"];
  await cli(["enrol", "--once", "--progress", "enrolment.json", ...places], "enrolment");
  await cli(["enrol", "--once", "--json", "--progress", "enrolment.json", ...places], "enrolment");
  hear("enrolment", readFileSync(at("enrolment.json"), "utf8"));
  await cli(["identity", "--json", ...places], "enrolment");
  writeFileSync(at("wrong.json"), readFileSync(at("provision.json"), "utf8").replace('"SE"', '"Sweden"'));
  await cli(["identity", "--provision", "wrong.json", "--state", "enrolment"], "enrolment");
  await cli(
    ["enrol", "--once", "--provision", "wrong.json", "--state", "enrolment", "--progress", "p.json"],
    "enrolment",
  );

  // Wrong versions of gateway.yaml, with a secret at what is wrong, by every way in.
  const plain = canary("broker password in gateway.yaml");
  const url = city.url.replace("mqtt://", "");
  const wrong = [
    yaml.replace(`password: ${plain}`, `passwort: ${canary("broker password at a misspelt key")}`),
    yaml.replace(`password: ${plain}`, `password: [${canary("broker password in a list")}]`),
    yaml.replace(
      `password: ${plain}}`,
      `password: ${canary("broker password of a line that ends too early")}`,
    ),
    yaml.replace(
      `"${city.url}", clientId: c`,
      `"mqtt://written:${canary("broker password in a URL")}@${url}", clientId: c`,
    ),
    yaml.replace('"${file:meter-key}"', canary("encryption key of a smart meter")),
    yaml.replace("file:meter-key", "file:short-key"),
    yaml.replace("file:broker-password", "file:client.key"),
    yaml.replace("unit: ", `password: ${canary("broker password in a list")}\n    unit: `),
  ];
  for (const text of wrong) {
    await post("/v1/configuration/check", { text }, admin);
    daemon.write(text);
    await cli(["reload", ...socket]);
    await Promise.all([cli(["check"]), cli(["check", "--json"])]);
  }
  await Promise.all([
    cli(["reload", "--json", ...socket]),
    cli(["diag", "gateway.yaml", ...socket, "-o", "wrong.tar.gz"]),
  ]);
  daemon.write(yaml);
  await cli(["reload", ...socket]);
  await daemon.until(({ northbound }) => northbound.filter(({ connected }) => connected).length === 4);

  // Everything that is asked of it, by people and by tools.
  const whole = [
    ["status"],
    ["read", "home-1"],
    ["history", "home-1", "temperature"],
    ["users", "list"],
    ["command", "list"],
    ["doctor", "gateway.yaml"],
    ["lorawan", "devices"],
    ["update", "status"],
  ];
  for (const args of whole) {
    const where = args[0] === "doctor" ? [] : socket;
    await Promise.all([cli([...args, ...where]), cli([...args, ...where, "--json"])]);
  }
  for (const args of [["check"], ["explain"], ["outbox", "-n", "filed"], ["ports"], ["acl"], ["catalogue"]]) {
    await Promise.all([cli(args), cli([...args, "--json"])]);
  }
  const headers = { authorization: `Bearer ${admin}` };
  for (const path of [
    ..."status devices latest connections accounting commands holds machine alarms update enrolment".split(
      " ",
    ),
    ..."users tokens session configuration configuration/generations configuration/schema commissioning".split(
      " ",
    ),
    ..."configuration/generations/1 configuration/generations/2 ports jobs profiles openapi.json".split(" "),
  ])
    await door({ path: `/v1/${path}`, headers });
  hear("metrics", (await door({ path: "/metrics", headers })).text);
  hear("log over the local API", (await door({ path: "/v1/logs?lines=500", headers })).text);
  hear("audit log", (await door({ path: "/v1/audit-log", headers })).text);
  await cli(["audit-log", "--json", ...socket], "audit log");
  await cli(["audit-log", "--verify", "--export", "audit.jsonl", "--folder", "store"], "audit log");
  hear("audit log", readFileSync(at("audit.jsonl"), "utf8"));

  // What leaves the house when something is wrong.
  await cli(["diag", "gateway.yaml", ...socket, "-o", "diag.tar.gz"]);
  const { json: job } = await post("/v1/jobs", { kind: "diagnostics" }, admin);
  const file = await vi.waitFor(async () => {
    const { json: now } = await door({ path: `/v1/jobs/${job.id}`, headers });
    return String(now.findings.find(({ kind }: { kind: string }) => kind === "file").name);
  }, patience);
  const bundle = await bytesOf(`/v1/jobs/${job.id}/files/${file}`, daemon.socket);
  for (const packed of [bundle, ...globSync("*.tar.gz", { cwd: folder }).map((one) => readFileSync(at(one)))])
    hear("diagnostics bundle", gunzipSync(packed).toString("latin1"), gunzipSync(packed).toString("utf8"));

  for (const pid of [daemon.pid, nodeRed.pid ?? 0])
    hear("command lines of processes", readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " "));
  const keyBody = (file: string) => readFileSync(file, "utf8").replaceAll("\\n", "\n").split("\n")[1];
  learn("the gateway's own key", keyBody(at(globSync("**/key.pem", { cwd: folder })[0] ?? "none")));
  const certificate = JSON.parse(readFileSync(at("store", "local", "certificate.json"), "utf8"));
  learn("TLS key of the local door", certificate.key.split("\n")[1]);
  await daemon.end("SIGTERM");
  hear("stdout and stderr", daemon.output);
  // What a thief of the card reads; gateway.yaml and the keys of the gateway itself are what they are.
  for (const name of globSync("store/**", { cwd: folder, exclude: ["store/configuration/**"] })) {
    if (!statSync(at(name)).isFile() || /(certificate\.json|key\.pem)$/.test(name)) continue;
    const bytes = readFileSync(at(name));
    hear(
      "outbox, history, ledger and accounts",
      `${name} ${bytes.toString("latin1")}`,
      bytes.toString("utf8"),
    );
  }
  return { heard, values };
}
