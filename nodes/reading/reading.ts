import type { Node, NodeAPI, NodeDef } from "node-red";
import type { ReadingJson } from "../../gateway/model/json.ts";
import type { GatewayLink } from "../client/gateway-link.ts";
import { type Clock, clockOf } from "../clock.ts";
import { linkOf } from "../gateway/gateway-node.ts";
import { ageOf, readingMessage } from "../message.ts";
import { awayStatus, connectingStatus, noGatewayStatus, readingStatus, StatusLine } from "../status.ts";
import { Choice, type Emit } from "./choice.ts";
import { Pump } from "./pump.ts";

interface ReadingDef extends NodeDef {
  readonly gateway: string;
  readonly device: string;
  readonly point: string;
  /** Empty: all. */
  readonly audience: string;
  readonly emit: Emit;
  readonly everyS: number | string;
  /** What happens to readings that are not good: `all` go the same way, `good` leaves them out, `route` is a second output. */
  readonly quality: "all" | "good" | "route";
  readonly initial: boolean;
}

/** The age under a node goes on while nothing comes. */
const ageEveryMs = 10_000;

/** Readings as they come, into a flow. */
export default function register(RED: NodeAPI): void {
  const clock = clockOf(RED);

  function Reading(this: Node, def: ReadingDef): void {
    RED.nodes.createNode(this, def);
    const link = linkOf(RED, def.gateway);
    if (link) {
      const reader = read(this, def, link, clock);
      this.on("close", () => reader[Symbol.dispose]());
    } else this.status(noGatewayStatus);
  }

  RED.nodes.registerType("stadsnod-reading", Reading);
}

function read(node: Node, def: ReadingDef, link: GatewayLink, clock: Clock): Disposable {
  const { device, point, audience, emit, quality, initial } = def;
  const everyMs = Math.max(1, Number(def.everyS) || 60) * 1000;
  const stack = new DisposableStack();
  const line = stack.use(new StatusLine(node, clock));
  let latest: ReadingJson | undefined;
  const show = () => {
    if (latest) line.show(readingStatus(latest, ageOf(latest, clock)));
  };
  const pump = stack.use(
    new Pump<ReadingJson>(clock, (reading, lost) => {
      const message = readingMessage(reading, clock);
      const told = lost > 0 ? { ...message, lost } : message;
      node.send(quality === "route" && reading.quality !== "good" ? [null, told] : [told]);
    }),
  );
  const emitted = (readings: readonly ReadingJson[]) =>
    pump.push(quality === "good" ? readings.filter((one) => one.quality === "good") : readings);
  const choice = stack.use(new Choice({ emit, everyMs, initial, clock, emitted }));
  const isMine = (one: ReadingJson) => audience === "" || link.catalog.audienceOf(one) === audience;
  const join = () => {
    const joined = link.readings(
      { device, point },
      {
        items(readings) {
          const mine = audience === "" ? readings : readings.filter(isMine);
          latest = mine.at(-1) ?? latest;
          show();
          choice.take(mine);
        },
        lost: (count) => pump.lose(count),
        state(open) {
          if (!open) line.show(awayStatus);
          else show();
        },
      },
    );
    if (stack.disposed) joined[Symbol.dispose]();
    else stack.use(joined);
  };
  line.show(connectingStatus);
  // Who may read a point is known only with the catalogue: what is not known is not let through.
  if (audience === "") join();
  else link.catalog.devices().then(join, join);
  const age = () => {
    timer = clock.timer(ageEveryMs, age);
    if (link.isReading) show();
  };
  let timer = clock.timer(ageEveryMs, age);
  stack.defer(() => timer[Symbol.dispose]());
  return stack;
}
