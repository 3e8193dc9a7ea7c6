import type { Node, NodeAPI, NodeDef } from "node-red";
import type { StateJson } from "../client/answers.ts";
import { matches } from "../client/filter.ts";
import type { GatewayLink } from "../client/gateway-link.ts";
import { type Clock, clockOf } from "../clock.ts";
import { linkOf } from "../gateway/gateway-node.ts";
import {
  awayStatus,
  connectingStatus,
  goodStatus,
  noGatewayStatus,
  StatusLine,
  warningStatus,
} from "../status.ts";

interface DeviceStatusDef extends NodeDef {
  readonly gateway: string;
  readonly kind: "all" | StateJson["kind"];
  /** Empty or with `*`: several. */
  readonly device: string;
  readonly initial: boolean;
}

/** States in which nothing needs to be done. */
const fine: ReadonlySet<string> = new Set(["available", "open", "connected"]);

/** What becomes of devices, connections and far sides, into a flow. */
export default function register(RED: NodeAPI): void {
  const clock = clockOf(RED);

  function DeviceStatus(this: Node, def: DeviceStatusDef): void {
    RED.nodes.createNode(this, def);
    const link = linkOf(RED, def.gateway);
    if (link) {
      const watch = watchStates(this, def, link, clock);
      this.on("close", () => watch[Symbol.dispose]());
    } else this.status(noGatewayStatus);
  }

  RED.nodes.registerType("stadsnod-device-status", DeviceStatus);
}

function watchStates(node: Node, def: DeviceStatusDef, link: GatewayLink, clock: Clock): Disposable {
  const { kind, device, initial } = def;
  const stack = new DisposableStack();
  const line = stack.use(new StatusLine(node, clock));
  const states = new Map<string, StateJson>();
  const show = () => {
    const bad = [...states.values()].filter(({ state }) => !fine.has(state));
    const [first] = bad.length > 0 ? bad : states.values();
    if (!first) line.show(goodStatus("status.connected"));
    else if (bad.length > 1) line.show(warningStatus(`${bad.length} / ${states.size}`));
    else
      line.show(
        bad.length > 0 ? warningStatus(textOf(first, states.size)) : goodStatus(textOf(first, states.size)),
      );
  };
  line.show(connectingStatus);
  stack.use(
    link.states({
      items(changes) {
        for (const change of changes) {
          if (kind !== "all" && kind !== change.kind) continue;
          if (!matches({ device }, { device: change.id, point: "" })) continue;
          const key = `${change.kind} ${change.id}`;
          const isNew = !states.has(key);
          if (change.state === "gone") states.delete(key);
          else states.set(key, change);
          if (!isNew || initial) node.send(messageOf(change));
        }
        show();
      },
      state: (open) => (open ? show() : line.show(awayStatus)),
    }),
  );
  return stack;
}

/** The state itself where there is one, in the reader's language; else with its name. */
function textOf({ id, state }: StateJson, of: number): string {
  return of === 1 ? `state.${state}` : fine.has(state) ? `${of} / ${of}` : `${id}: ${state}`;
}

function messageOf(change: StateJson) {
  return {
    payload: change.state,
    topic: `${change.kind}/${change.id}`,
    state: change,
    ok: fine.has(change.state),
  };
}
