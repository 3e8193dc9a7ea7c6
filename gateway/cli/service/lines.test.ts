import { describe, expect, it } from "vitest";
import { cells } from "../../../test/fake-protocol.ts";
import type { ConnectionConfig, GatewayConfig } from "../../config/config.ts";
import { loadProtocols } from "../../southbound/index.ts";
import { configuredPorts, jobLine } from "./lines.ts";

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

  it("is no file that is not a serial port", () => {
    for (const port of ["/dev/ttyUSB1", "/dev/ttymxc2", "/dev/pts/3", "/dev/serial/by-id/usb-1", "COM3"])
      expect(line({ port }).subject).toBe(port);
    const wrong = ["/dev/watchdog", "/dev/sda", "/dev/tty1", "/dev/tty", "/etc/shadow", "/dev/../etc/x", "x"];
    for (const port of wrong)
      expect(() => line({ port }), port).toThrow(expect.objectContaining({ code: "bad-job" }));
  });

  it("is nothing that is not there", () => {
    expect(() => line({ connection: "cellar" })).toThrow(
      expect.objectContaining({ code: "unknown-connection" }),
    );
    expect(() => line({})).toThrow(expect.objectContaining({ code: "bad-job" }));
  });
});

describe("what a connection has, of every protocol there is", () => {
  it("is found by its port or host", async () => {
    const protocols = await loadProtocols();
    const serial = protocols.flatMap((protocol) => {
      const settings = protocol.connection.safeParse({ serial: { port: "/dev/ttyUSB0", baud: 9600 } }).data;
      return settings ? [{ name: protocol.name, protocol, settings, port: "/dev/ttyUSB0" }] : [];
    });
    expect(serial.length).toBeGreaterThan(5);
    for (const { port, ...one } of serial) {
      const gateway = { config: { connections: new Map([[one.name, one]]) } } as unknown as {
        config: GatewayConfig;
      };
      expect(jobLine(gateway, { port }, (path) => path).connection?.name).toBe(one.name);
      expect(configuredPorts(gateway)).toEqual([{ connection: one.name, port }]);
    }
    const [modbus] = protocols.filter(({ name }) => name === "modbus");
    const settings = modbus?.connection.parse({ tcp: { host: "Lamp.local" } });
    const connections = new Map([["roof", { name: "roof", protocol: modbus, settings }]]);
    const gateway = { config: { connections } } as unknown as { config: GatewayConfig };
    expect(jobLine(gateway, { host: "lamp.local" }).connection?.name).toBe("roof");
    expect(configuredPorts(gateway)).toEqual([]);
  });
});
