import type { Node, NodeAPI, NodeDef } from "node-red";
import { type AddressSettings, addressOf } from "../client/address.ts";
import { describeError } from "../client/client-error.ts";
import { GatewayLink } from "../client/gateway-link.ts";
import { clockOf } from "../clock.ts";
import type { GatewayNode } from "./gateway-node.ts";
import { addRoutes } from "./routes.ts";

type GatewayDef = NodeDef & AddressSettings;
interface Credentials {
  token?: string;
}
type Settable = Node<Credentials> & { -readonly [K in "link" | "problem"]: GatewayNode[K] };

/** A gateway of Stadsnod: what all nodes that use it share. */
export default function register(RED: NodeAPI): void {
  const clock = clockOf(RED);
  addRoutes(RED, clock);

  function Gateway(this: Settable, def: GatewayDef): void {
    RED.nodes.createNode(this, def);
    this.link = undefined;
    this.problem = undefined;
    try {
      this.link = new GatewayLink(addressOf(def, this.credentials?.token), clock);
    } catch (error) {
      this.problem = error instanceof Error ? error : new Error(String(error));
      this.error(describeError(error));
    }
    this.on("close", () => this.link?.[Symbol.dispose]());
  }

  RED.nodes.registerType<Settable, GatewayDef, object, Credentials>("stadsnod-gateway", Gateway, {
    credentials: { token: { type: "password" } },
  });
}
