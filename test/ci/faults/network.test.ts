import { connect, type MqttClient } from "mqtt";
import { afterAll } from "vitest";
import { brokerAt } from "../../../simulators/mqtt-client.ts";
import { makeCertificate } from "../../mqtt/certificates.ts";
import { family } from "./family.ts";
import { type Namespace, openNamespace } from "./namespace.ts";
import { gateway, type Rig } from "./rig.ts";

let net: Namespace;
let other: MqttClient;
afterAll(() => net?.[Symbol.dispose]());

const onTheLine = { to: "line" } as const;
const toBroker = (rig: Rig) => `tcp dport ${rig.path.port}`;
const fromBroker = (rig: Rig) => `tcp sport ${rig.path.port}`;
const open = () => net.filter({});

const errorsOf = async (rig: Rig): Promise<number> =>
  (await rig.daemon.status()).devices.reduce(
    (sum, { errors }) => sum + Object.values(errors).reduce((a, b) => a + b, 0),
    0,
  );

async function timeouts(rig: Rig): Promise<string> {
  const before = await errorsOf(rig);
  while ((await errorsOf(rig)) < before + 3) await rig.polled(["meter-1"]);
  return "status: timeouts are counted at the devices";
}

family(
  "Network",
  "network",
  () => {
    net = openNamespace();
    const { host, through, brokerName } = net;
    return { host, through, brokerName };
  },
  [
    {
      name: "broker stopped and started",
      done: "mosquitto was ended in order and started later",
      inject: (rig) => rig.broker.end(),
      noticed: (rig, begun) => rig.disconnected(begun),
      goesOn: onTheLine,
      heal: (rig) => rig.newBroker(),
    },
    {
      name: "broker killed, and everything forgotten",
      done: "mosquitto was killed (SIGKILL) and started with an empty memory: no sessions, no subscriptions",
      inject: (rig) => rig.broker.stop(),
      noticed: (rig, begun) => rig.disconnected(begun),
      goesOn: onTheLine,
      heal: (rig) => rig.newBroker({ forget: true }),
      brokerForgets: true,
    },
    {
      name: "broker frozen",
      done: "mosquitto was stopped (SIGSTOP): its kernel takes bytes, nobody answers; then SIGCONT",
      inject: (rig) => process.kill(rig.broker.pid, "SIGSTOP"),
      noticed: (rig, begun) => rig.disconnected(begun),
      goesOn: onTheLine,
      heal: (rig) => process.kill(rig.broker.pid, "SIGCONT"),
    },
    {
      name: "network cable pulled",
      done: "the link (veth) to the broker and to both Modbus TCP servers was set down, and up again",
      inject: () => net.cable("down"),
      async noticed(rig, begun) {
        await rig.status(({ devices }) => devices.every(({ state }) => state === "unavailable"));
        return `status: all devices unavailable; ${await rig.disconnected(begun)}`;
      },
      heal: () => net.cable("up"),
    },
    {
      name: "broker partitioned off, half-open connection",
      done: "packets to and from the broker were dropped (nft), without a word to either side",
      inject: (rig) => net.filter({ out: `${toBroker(rig)} drop`, in: `${fromBroker(rig)} drop` }),
      noticed: (rig, begun) => rig.disconnected(begun),
      goesOn: onTheLine,
      heal: open,
    },
    {
      name: "nothing comes back from the broker",
      done: "packets from the broker were dropped (nft), those to it passed",
      inject: (rig) => net.filter({ in: `${fromBroker(rig)} drop` }),
      noticed: (rig, begun) => rig.disconnected(begun),
      goesOn: onTheLine,
      heal: open,
    },
    {
      name: "every third packet lost",
      done: "30 % of all packets in each direction were dropped (nft), at random",
      inject() {
        const some = "meta l4proto tcp numgen random mod 100 < 30 drop";
        net.filter({ out: some, in: some });
      },
      noticed: timeouts,
      goesOn: { to: "platform" },
      heal: open,
      // TCP's own pauses double with every loss in a row: now and then a step takes half a minute.
      patienceMs: 180_000,
    },
    {
      name: "connections reset",
      done: "whatever went to the broker was answered with a TCP reset (nft reject)",
      inject: (rig) => net.filter({ out: `${toBroker(rig)} reject with tcp reset` }),
      noticed: (rig, begun) => rig.disconnected(begun),
      goesOn: onTheLine,
      heal: open,
    },
    {
      name: "hardly any bandwidth",
      done: "the cable carried 16 kbit/s (tbf), for the devices' requests and the packs together",
      inject: () => net.rate("16kbit"),
      noticed: timeouts,
      heal: () => net.rate(undefined),
    },
    {
      name: "a slow way with jitter",
      done: "every piece to and from the broker took 0.4 to 1.2 s",
      inject: (rig) => rig.path.fault({ delayMs: 800 }),
      async noticed(rig) {
        await rig.status(({ northbound }) => (northbound[0]?.outbox.oldestMs ?? 0) > 500);
        return "status: the oldest pack has waited for more than 0.5 s";
      },
      goesOn: { to: "platform" },
      heal: (rig) => rig.path.fault(undefined),
    },
    {
      name: "the gateway gets another address",
      done: "its IP address was exchanged for another, with connections open",
      inject: () => net.address(1),
      noticed: (rig, begun) => rig.disconnected(begun),
      heal: () => net.address(0),
    },
    {
      name: "the broker's name is not known",
      done: "the name could not be looked up any more, and the connection was cut",
      inject(rig) {
        net.names(false);
        rig.path.cut();
      },
      noticed: (rig, begun) => rig.disconnected(begun, { besides: "connection-lost" }),
      goesOn: onTheLine,
      heal: () => net.names(true),
    },
    {
      name: "a captive portal",
      done: "a web server answered at the broker's address",
      inject(rig) {
        rig.path.fault({ accepts: "web" });
        rig.path.cut();
      },
      noticed: (rig, begun) => rig.disconnected(begun, { besides: "connection-lost" }),
      goesOn: onTheLine,
      heal: (rig) => rig.path.fault(undefined),
    },
    {
      name: "a second gateway with the same name",
      done: "a client with this gateway's client id connected (a copied card), and went",
      async inject(rig) {
        const own = makeCertificate(rig.city, { name: gateway });
        other = connect({
          ...brokerAt(rig.broker.url),
          clientId: `stadsnod-${gateway}`,
          protocolVersion: 5,
          clean: false,
          reconnectPeriod: 200,
          ca: rig.city.cert,
          cert: own.cert,
          key: own.key,
        });
        other.on("error", () => {});
        await new Promise<void>((resolve) => other.once("connect", () => resolve()));
      },
      noticed: (rig, begun) => rig.disconnected(begun),
      goesOn: onTheLine,
      heal: () => other.endAsync(true),
      brokerForgets: true,
    },
  ],
);
