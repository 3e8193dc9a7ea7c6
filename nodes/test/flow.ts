import { createRequire } from "node:module";
import { join, resolve } from "node:path";
import type { Node, NodeMessage, NodeStatus } from "node-red";
import helper, { type FlowItem, type Register } from "node-red-node-test-helper";
import { VirtualClock } from "../../test/fault/virtual-clock.ts";
import type { Clock } from "../clock.ts";
import gateway from "../gateway/gateway.ts";
import type { LocalGateway } from "./local-gateway.ts";

// A flow on the Node-RED runtime, without its editor.

/** What a node was sent or said, in order; taken one by one, waiting where need be. */
export class Inbox<T> {
  readonly all: T[] = [];
  #next = 0;
  #waiting: (() => void) | undefined;

  push(item: T): void {
    this.all.push(item);
    this.#waiting?.();
  }

  async take(): Promise<T> {
    while (this.#next >= this.all.length) {
      await new Promise<void>((resolve) => {
        this.#waiting = resolve;
      });
    }
    return this.all[this.#next++]!;
  }

  /** The first from here on that passes. */
  async until(passes: (item: T) => boolean): Promise<T> {
    for (;;) {
      const item = await this.take();
      if (passes(item)) return item;
    }
  }
}

export interface TestFlow extends AsyncDisposable {
  node(id: string): Node;
  /** What arrived at a node of type `helper`. */
  messages(id: string): Inbox<NodeMessage>;
  /** What a node shows. */
  statuses(id: string): Inbox<NodeStatus>;
  /** Errors that a node told. */
  errors(id: string): Inbox<{ readonly text: string; readonly msg: NodeMessage | undefined }>;
  request: typeof helper.request;
}

export interface FlowOptions {
  readonly clock?: Clock;
  readonly credentials?: Readonly<Record<string, object>>;
}

/** Time that a test owns, for nodes. */
export function testClock(): VirtualClock & Clock {
  return Object.assign(new VirtualClock(), { random: () => 0.5 });
}

/** A gateway node `gw` on a test's gateway. */
export function gatewayItem({ socket }: LocalGateway): FlowItem {
  return { id: "gw", type: "stadsnod-gateway", name: "", connection: "socket", socket };
}

// Another release than ours: STADSNOD_NODE_RED names a folder where it is installed (test/ci/node-red-4.test.ts).
const { STADSNOD_NODE_RED } = process.env;
const from =
  STADSNOD_NODE_RED === undefined ? import.meta.url : join(resolve(STADSNOD_NODE_RED), "package.json");
export const nodeRedFile = createRequire(from).resolve("node-red");
helper.init(nodeRedFile);

/** Starts a flow; the type `stadsnod-gateway` is there, others are to be given. */
export async function openFlow(
  registers: readonly Register[],
  items: readonly FlowItem[],
  { clock, credentials = {} }: FlowOptions = {},
): Promise<TestFlow> {
  helper.settings(clock ? { stadsnodClock: clock } : {});
  // A node's words are to be caught from its first one on.
  const statuses = new Map(items.map(({ id }) => [id, new Inbox<NodeStatus>()]));
  const errors = new Map(
    items.map(({ id }) => [id, new Inbox<{ text: string; msg: NodeMessage | undefined }>()]),
  );
  const watched =
    (register: Register): Register =>
    (RED) => {
      const { createNode } = RED.nodes;
      register({
        ...RED,
        nodes: {
          ...RED.nodes,
          createNode(node, def) {
            createNode(node, def);
            node.status = (status) =>
              statuses.get(def.id)?.push(typeof status === "string" ? { text: status } : status);
            const error = node.error.bind(node);
            node.error = (text, msg) => {
              errors.get(def.id)?.push({ text: String(text), msg });
              error(text, msg);
            };
          },
        },
      });
    };
  await helper.load(
    [gateway, ...registers].map(watched),
    items.map((one) => ({ ...one })),
    credentials,
  );
  const inboxes = new Map<string, Inbox<NodeMessage>>();
  for (const { id, type } of items) {
    if (type !== "helper") continue;
    const inbox = new Inbox<NodeMessage>();
    inboxes.set(id, inbox);
    helper.getNode(id).on("input", (msg: NodeMessage, _send, done) => {
      inbox.push(msg);
      done();
    });
  }
  const found = <T>(map: ReadonlyMap<string, T>, id: string): T => {
    const one = map.get(id);
    if (!one) throw new Error(`no node ${id}`);
    return one;
  };
  return {
    node: (id) => helper.getNode(id),
    messages: (id) => found(inboxes, id),
    statuses: (id) => found(statuses, id),
    errors: (id) => found(errors, id),
    request: () => helper.request(),
    [Symbol.asyncDispose]: () => helper.unload(),
  };
}
