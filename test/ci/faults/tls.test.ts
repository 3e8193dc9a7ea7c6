import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { makeAuthority, makeCertificate } from "../../mqtt/certificates.ts";
import { type Fault, family } from "./family.ts";
import { type Begun, gateway, type Rig } from "./rig.ts";

const dayMs = 86_400_000;
const stranger = makeAuthority("Stranger CA");

/** The broker with other settings than before, while the gateway is kept away from it. */
async function broker(rig: Rig, options: Parameters<Rig["startBroker"]>[0] = {}): Promise<void> {
  rig.path.fault({ accepts: "reset" });
  await rig.broker.end();
  await rig.startBroker(options);
  rig.path.fault(undefined);
}

async function notConnected(rig: Rig, begun: Begun, code: string): Promise<string> {
  const line = await rig.said(begun, (one) => one.code === code);
  return rig.shown(line);
}

const onTheLine = { to: "line" } as const;

/** The broker shows a certificate that is not good. */
function badServer(
  name: string,
  done: string,
  code: string,
  certificate: (rig: Rig) => ReturnType<Rig["serverCertificate"]>,
): Fault {
  return {
    name,
    done,
    inject: (rig) => broker(rig, { server: certificate(rig) }),
    noticed: (rig, begun) => notConnected(rig, begun, code),
    goesOn: onTheLine,
    heal: (rig) => rig.newBroker(),
  };
}

/** The gateway has files that are not good. */
function badFiles(
  name: string,
  done: string,
  code: string,
  files: (rig: Rig) => Record<string, string | undefined>,
): Fault {
  const kept = new Map<string, string>();
  return {
    name,
    done,
    inject(rig) {
      for (const [file, text] of Object.entries(files(rig))) {
        const path = join(rig.folder, file);
        kept.set(path, readFileSync(path, "utf8"));
        if (text === undefined) rmSync(path);
        else writeFileSync(path, text);
      }
      rig.path.cut();
    },
    noticed: (rig, begun) => notConnected(rig, begun, code),
    goesOn: onTheLine,
    heal() {
      for (const [path, text] of kept) writeFileSync(path, text);
    },
  };
}

family("TLS", "tls", {}, [
  badServer(
    "broker's certificate expired",
    "the broker came back with a certificate of yesterday",
    "tls-expired",
    (rig) => rig.serverCertificate({ from: 0, to: Date.now() - dayMs }),
  ),
  badServer(
    "broker's certificate not valid yet",
    "the broker came back with a certificate of tomorrow",
    "tls-not-yet-valid",
    (rig) => rig.serverCertificate({ from: Date.now() + dayMs, to: Date.now() + 2 * dayMs }),
  ),
  badServer(
    "broker's certificate for another host",
    "the broker came back as other.example",
    "tls-wrong-host",
    (rig) => rig.serverCertificate({ names: ["other.example"] }),
  ),
  badServer(
    "broker's certificate of a strange CA",
    "somebody else answered at the broker's address",
    "tls-unknown-ca",
    () => makeCertificate(stranger, { name: "broker", names: ["localhost"] }),
  ),
  badFiles(
    "gateway's certificate expired",
    "its certificate was exchanged for one of yesterday, and the connection cut",
    "tls-client-refused",
    (rig) => {
      const own = makeCertificate(rig.city, { name: gateway, from: 0, to: Date.now() - dayMs });
      return { "own.pem": own.cert, "own.key": own.key };
    },
  ),
  badFiles("gateway's key is gone", "its key file was removed, and the connection cut", "tls-file", () => ({
    "own.key": undefined,
  })),
  badFiles(
    "city's CA file is damaged",
    "the CA file was cut off in the middle, and the connection cut",
    "tls-file",
    (rig) => ({
      "ca.pem": rig.city.cert.slice(0, 200),
    }),
  ),
  {
    name: "bits turn over inside the TLS connection",
    done: "one bit in 3,000 bytes towards the broker was turned over",
    inject: (rig) => rig.path.fault({ flipEvery: 3000 }),
    noticed: (rig, begun) => rig.disconnected(begun),
    goesOn: onTheLine,
    heal: (rig) => rig.path.fault(undefined),
  },
]);
