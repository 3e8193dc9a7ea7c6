import type { Node, NodeAPI } from "node-red";
import type { GatewayLink } from "../client/gateway-link.ts";

/** The configuration node of a gateway, for the nodes that use it. */
export interface GatewayNode extends Node {
  /** Undefined while it is not set up: `problem` says why. */
  readonly link: GatewayLink | undefined;
  readonly problem: Error | undefined;
}

/** The link of the gateway that a node has chosen; undefined when there is none or it is not set up. */
export function linkOf(RED: NodeAPI, id: string): GatewayLink | undefined {
  return gatewayNodeOf(RED, id)?.link;
}

export function gatewayNodeOf(RED: NodeAPI, id: string): GatewayNode | undefined {
  const node: Node | null = RED.nodes.getNode(id);
  return node && isGateway(node) ? node : undefined;
}

function isGateway(node: Node): node is GatewayNode {
  return node.type === "stadsnod-gateway" && "link" in node;
}
