// Flows that go wrong, as flows.json: for the bench and for test/ci/node-red-bad-flows.test.ts.

/** Without a place in the editor Node-RED takes a node for a configuration. */
const place = (x: number) => ({ z: "tab", x, y: 100 });

const inject = (once: boolean, repeat: string, to: string) => ({
  id: "inject",
  type: "inject",
  ...place(160),
  props: [{ p: "payload" }],
  payload: "1",
  payloadType: "num",
  once,
  onceDelay: 0.1,
  repeat,
  crontab: "",
  wires: [[to]],
});
const code = (func: string, wires: readonly string[] = []) => ({
  id: "function",
  type: "function",
  ...place(400),
  func,
  outputs: 1,
  libs: [],
  wires: [wires],
});

/** What a flow may do to the machine and the gateway. */
export const badFlowNames = ["endless", "leak", "flood", "throw"] as const;
export type BadFlow = (typeof badFlowNames)[number];

/** The nodes of one; `target`: what the flood commands, 10,000 times a second. */
export function badFlow(
  name: BadFlow,
  target: { readonly device: string; readonly point: string },
): object[] {
  const tab = { id: "tab", type: "tab", label: name };
  switch (name) {
    // In a timer: a loop in a message is cut off after five seconds.
    case "endless":
      return [tab, inject(true, "", "function"), code("setTimeout(() => { for (;;); }, 1000);")];
    case "leak":
      return [
        tab,
        inject(true, "", "function"),
        code("const kept = []; setInterval(() => kept.push(new Array(1e6).fill(kept.length)), 50);"),
      ];
    case "flood":
      return [
        tab,
        {
          id: "gw",
          type: "stadsnod-gateway",
          name: "",
          connection: "socket",
          socket: "",
          url: "",
          fingerprint: "",
        },
        inject(true, "", "function"),
        code("setInterval(() => { for (let n = 0; n < 100; n++) node.send({ payload: n }); }, 10);", [
          "command",
        ]),
        {
          id: "command",
          type: "stadsnod-command",
          ...place(640),
          gateway: "gw",
          ...target,
          value: "",
          valueType: "msg",
          priority: "",
          expiresS: 30,
          reason: "flood",
          confirm: "message",
          inFlight: 10,
          wires: [[], []],
        },
      ];
    case "throw":
      return [
        tab,
        inject(true, "", "function"),
        code('setTimeout(() => { throw new Error("thrown at the start"); }, 1);'),
      ];
  }
}
