import type { NodeMessage, NodeStatus } from "node-red";
import helper, { type FlowItem, type Register } from "node-red-node-test-helper";
import type { VirtualClock } from "../../test/fault/virtual-clock.ts";
import { type FlowOptions, openFlow, testClock } from "./flow.ts";

/** A message as a test gives it and looks at it. */
// biome-ignore lint/suspicious/noExplicitAny: a test looks at what it likes
export type Told = Record<string, any>;

/** One node on Node-RED with a catcher at each of its outputs, and a clock that the test owns. */
export interface LogicNode extends AsyncDisposable {
  readonly clock: VirtualClock;
  readonly statuses: readonly NodeStatus[];
  readonly errors: readonly string[];
  /** Resolves when it has been dealt with and what came out has arrived. */
  give(...messages: Told[]): Promise<void>;
  /** A deploy of this node alone, with other fields. */
  restart(fields: object): Promise<void>;
  /** Time goes on. */
  advance(ms: number): Promise<void>;
  /** What has come out of an output since the last call. */
  taken(output?: number): Told[];
  /** The payloads of `taken`. */
  payloads(output?: number): unknown[];
}

export interface LogicOptions extends Omit<FlowOptions, "clock"> {
  readonly outputs?: number;
  readonly clock?: ReturnType<typeof testClock>;
  /** Other nodes that it needs. */
  readonly others?: readonly FlowItem[];
}

/** @param fields as the editor writes them */
export async function openLogicNode(
  register: Register,
  type: string,
  fields: object,
  { outputs = 1, clock = testClock(), others = [], ...options }: LogicOptions = {},
): Promise<LogicNode> {
  const ids = Array.from({ length: outputs }, (_, index) => `out${index}`);
  const items: FlowItem[] = [
    { id: "tab", type: "tab", label: "test" },
    ...others,
    { ...fields, id: "node", z: "tab", type, wires: ids.map((id) => [id]) },
    ...ids.map((id) => ({ id, z: "tab", type: "helper", wires: [] })),
  ];
  const flow = await openFlow([register], items, { ...options, clock });
  const seen = ids.map(() => 0);
  const taken = (output = 0): Told[] => {
    const { all } = flow.messages(`out${output}`);
    const news = all.slice(seen[output]);
    seen[output] = all.length;
    return news;
  };
  await settled();
  return {
    clock,
    get statuses() {
      return flow.statuses("node").all;
    },
    get errors() {
      return flow.errors("node").all.map(({ text }) => text.replace(/^\w*Error: /, ""));
    },
    async give(...messages) {
      for (const message of messages) flow.node("node").receive({ _msgid: "m", ...message } as NodeMessage);
      await settled();
    },
    async restart(changed) {
      await helper.setFlows(
        items.map((item) => (item.id === "node" ? { ...item, ...changed } : { ...item })),
        "nodes",
      );
      await settled();
    },
    async advance(ms) {
      await clock.advance(ms);
      await settled();
    },
    taken,
    payloads: (output) => taken(output).map(({ payload }) => payload),
    [Symbol.asyncDispose]: () => flow[Symbol.asyncDispose](),
  };
}

/** Node-RED hands a message on in a later turn of the event loop; a few turns are enough for the hops here. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 8; turn++) await new Promise((resolve) => setImmediate(resolve));
}
