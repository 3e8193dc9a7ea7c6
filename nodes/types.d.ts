// node-red-node-test-helper comes without types; this is what the tests use of it.
declare module "node-red-node-test-helper" {
  import type { EventEmitter } from "node:events";
  import type { Node, NodeAPI } from "node-red";

  export type Register = (RED: NodeAPI) => void;
  export interface FlowItem {
    id: string;
    type: string;
    [property: string]: unknown;
  }
  /** What supertest gives, as far as we ask. */
  export interface Answer {
    status: number;
    // biome-ignore lint/suspicious/noExplicitAny: a test looks at what it likes
    body: any;
    text: string;
  }
  export interface TestHelper {
    init(runtimePath: string, settings?: object): void;
    settings(settings?: object): object;
    load(
      nodes: Register | readonly Register[],
      flow: readonly FlowItem[],
      credentials?: object,
    ): Promise<void>;
    unload(): Promise<void>;
    setFlows(flow: readonly FlowItem[], type?: "full" | "flows" | "nodes"): Promise<void>;
    clearFlows(): Promise<void>;
    getNode(id: string): Node & EventEmitter;
    request(): {
      get(path: string): Promise<Answer>;
      post(path: string): Promise<Answer> & { send(body: object): Promise<Answer> };
    };
    startServer(): Promise<void>;
    stopServer(): Promise<void>;
    url(): string;
  }
  const helper: TestHelper;
  export default helper;
}
