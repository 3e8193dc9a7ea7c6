import { once } from "node:events";
import { writeFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { newFolder, run, startDaemon } from "./daemon.ts";
import { meterProfile, openMeters, writeProfiles } from "./field.ts";

/** A port that nothing listens on: it was free a moment ago and belongs to nobody. */
async function closedPort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  await once(server.close(), "close");
  return port;
}

describe("one part that is bad", () => {
  it("is left out alone and named in the status; everything else runs", async () => {
    await using meters = await openMeters([1]);
    const dead = await closedPort();
    const folder = newFolder();
    writeProfiles(folder, {
      "test/meter": meterProfile,
      "test/broken": meterProfile.replace("test/meter", "test/broken").replace("unit: Cel", "unit: Celsiuz"),
    });
    writeFileSync(join(folder, "no-ca.pem"), "hello");
    const yaml = `gateway: {id: gw-test, pen: 32474}
profiles: [device-profiles]
connections:
  roof: {protocol: modbus, tcp: {host: 127.0.0.1, port: ${meters.port}}}
  cellar: {protocol: modbus, serial: {port: ./no-such-port, baud: 9600}}
  attic: {protocol: modbus, tcp: {host: 127.0.0.1, port: ${dead}}}
  garden: {protocol: modbus, tcp: {host: 127.0.0.1}, serial: {port: x, baud: 9600}}
devices:
  good: {profile: test/meter, connection: roof, unit: 1}
  of-a-broken-profile: {profile: test/broken, connection: roof, unit: 2}
  with-a-wrong-unit: {profile: test/meter, connection: roof, unit: 300}
  without-a-port: {profile: test/meter, connection: cellar, unit: 1}
  behind-a-dead-host: {profile: test/meter, connection: attic, unit: 1}
  on-a-bad-line: {profile: test/meter, connection: garden, unit: 1}
northbound:
  nowhere: {type: mqtt, url: "mqtts://localhost:${dead}", ca: no-ca.pem}
  wrong: {type: pigeon}
poll: {fast: 200ms}
storage: {folder: store}
`;
    await using daemon = await startDaemon({ folder, yaml });
    const status = await daemon.until(
      ({ devices }) =>
        devices.find(({ id }) => id === "good")?.state === "available" &&
        ["without-a-port", "behind-a-dead-host"].every(
          (id) => devices.find((device) => device.id === id)?.state === "unavailable",
        ),
    );
    const shown = (text: string | undefined) =>
      text?.replaceAll(folder, "FOLDER").replaceAll(String(dead), "PORT");
    expect(
      Object.fromEntries(status.devices.map(({ id, state, problem }) => [id, shown(problem) ?? state])),
    ).toEqual({
      good: "available",
      "without-a-port": "no-port: there is no serial port ./no-such-port",
      "behind-a-dead-host": expect.stringMatching(/^[a-z-]+: .*127\.0\.0\.1:PORT/),
    });
    expect(status.quarantined.map(({ kind, id, reason }) => `${kind} ${id}: ${shown(reason)}`)).toEqual([
      'profile test/broken: FOLDER/device-profiles/test/broken.yaml:13:52: error: unknown unit "Celsiuz" [unknown-unit]',
      'connection garden: FOLDER/gateway.yaml:7:11: error: "garden": a connection has either serial or tcp [invalid]',
      'device of-a-broken-profile: FOLDER/gateway.yaml:10:34: error: the profile "test/broken" has errors [bad-profile]',
      'device with-a-wrong-unit: FOLDER/gateway.yaml:11:68: error: "unit" must be at most 255, but is 300 [out-of-range]',
      'device on-a-bad-line: FOLDER/gateway.yaml:14:52: error: the connection "garden" has errors [bad-connection]',
      'northbound wrong: FOLDER/gateway.yaml:17:17: error: unknown type "pigeon" [unknown-type]',
      "northbound nowhere: ca: no-ca.pem is not a PEM file",
    ]);
    // The same for people.
    const { out, code } = await run(["status", "--socket", join(folder, "s.sock")]);
    expect(code).toBe(0);
    expect(out).toContain("Not started:\n  profile test/broken: ");
    expect(out).toContain("no-port");
    // And once each in the log, not at every attempt.
    expect(
      daemon.log.filter(
        ({ msg, device }) => msg === "the device is not available" && device === "without-a-port",
      ),
    ).toHaveLength(1);
    expect((await daemon.end("SIGTERM")).code).toBe(0);
  });
});
