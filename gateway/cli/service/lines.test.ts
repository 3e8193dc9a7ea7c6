import { describe, expect, it } from "vitest";
import { cells } from "../../../test/fake-protocol.ts";
import type { ConnectionConfig, GatewayConfig } from "../../config/config.ts";
import { loadProtocols } from "../../southbound/index.ts";
import { jobLine } from "./lines.ts";

const connection = (name: string, settings: object): [string, ConnectionConfig] => [
  name,
  { name, protocol: cells, settings },
];
const config = {
  connections: new Map([
    connection("meters", { port: "/dev/serial/by-id/usb-FTDI", baud: 9600 }),
    connection("roof", { host: "Lamp.local", port: 502 }),
    connection("radio", { url: "mqtt://x" }),
  ]),
} as unknown as GatewayConfig;
const real = (path: string) => (path === "/dev/serial/by-id/usb-FTDI" ? "/dev/ttyUSB0" : path);
const line = (what: Record<string, unknown>) => jobLine({ config }, what, real);

describe("the line of a job", () => {
  it("is a connection, by its own name or any name of what it has", () => {
    for (const what of [
      { connection: "meters" },
      { port: "/dev/ttyUSB0" },
      { port: "/dev/serial/by-id/usb-FTDI" },
    ])
      expect(line(what)).toMatchObject({
        subject: "meters",
        connection: { name: "meters" },
        keys: ["connection meters", "serial /dev/ttyUSB0"],
      });
    for (const what of [{ connection: "roof" }, { host: "lamp.LOCAL" }, { host: "lamp.local", tcpPort: 502 }])
      expect(line(what)).toMatchObject({
        connection: { name: "roof" },
        keys: ["connection roof", "tcp lamp.local:502"],
      });
    expect(line({ connection: "radio" }).keys).toEqual(["connection radio"]);
  });

  it("is the same port or host whatever protocol speaks there", async () => {
    const protocols = await loadProtocols(({ name }) => /modbus|mbus|smart-meter|nmea|serial/.test(name));
    expect(protocols.length).toBeGreaterThan(5);
    for (const protocol of protocols)
      for (const [written, what, key] of [
        [
          { serial: { port: "/dev/serial/by-id/usb-FTDI", baud: 9600 } },
          { port: "/dev/ttyUSB0" },
          "serial /dev/ttyUSB0",
        ],
        [
          { tcp: { host: "Box.local", port: 4001 } },
          { host: "box.local", tcpPort: 4001 },
          "tcp box.local:4001",
        ],
      ] as const) {
        const { name } = protocol;
        const one: ConnectionConfig = { name, protocol, settings: protocol.connection.parse(written) };
        const gateway = { config: { connections: new Map([[name, one]]) } as unknown as GatewayConfig };
        expect([name, jobLine(gateway, what, real)]).toMatchObject([
          name,
          { subject: name, connection: { name }, keys: [`connection ${name}`, key] },
        ]);
      }
  });

  it("is a port or host that no connection has", () => {
    expect(line({ port: "/dev/ttyUSB1" })).toEqual({
      subject: "/dev/ttyUSB1",
      keys: ["serial /dev/ttyUSB1"],
      connection: undefined,
      port: "/dev/ttyUSB1",
    });
    expect(line({ host: "lamp.local", tcpPort: 503 })).toMatchObject({
      subject: "lamp.local:503",
      keys: ["tcp lamp.local:503"],
      connection: undefined,
    });
  });

  it("is nothing that is not there", () => {
    expect(() => line({ connection: "cellar" })).toThrow(
      expect.objectContaining({ code: "unknown-connection" }),
    );
    expect(() => line({})).toThrow(expect.objectContaining({ code: "bad-job" }));
  });
});
