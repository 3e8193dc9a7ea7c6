import type { Node, NodeAPI, NodeDef } from "node-red";
import { codeOf, describeError } from "../client/client-error.ts";
import { clockOf } from "../clock.ts";
import { linkOf } from "../gateway/gateway-node.ts";
import { inputOf } from "../logic/input.ts";
import {
  awayStatus,
  failedStatus,
  goodStatus,
  noGatewayStatus,
  StatusLine,
  valueText,
  warningStatus,
} from "../status.ts";

interface PublishDef extends NodeDef {
  gateway: string;
  point: string;
}

/** What `POST /v1/points` takes. */
interface PointBody {
  readonly point: string;
  readonly value: number | boolean | string;
  readonly unit?: string;
  /** ISO 8601; without it the gateway takes the present moment. */
  readonly time?: string;
}

/** Values on their way to the gateway; more are refused, so that a gateway that is away fills no memory. */
const mostInFlight = 100;

/** Hands values back to the gateway, which sends them on as readings of a point that its configuration declares. */
export default function register(RED: NodeAPI): void {
  const clock = clockOf(RED);

  function Publish(this: Node, def: PublishDef): void {
    RED.nodes.createNode(this, def);
    const status = new StatusLine(this, clock);
    const link = linkOf(RED, def.gateway);
    let inFlight = 0;
    if (!link) status.show(noGatewayStatus);
    else if (!def.point) status.show(failedStatus("state.no-point"));

    const publish = async (body: PointBody) => {
      if (!link || !def.point) throw new Error("no gateway or no point chosen");
      if (inFlight >= mostInFlight) throw new Error(`more than ${mostInFlight} values on their way`);
      inFlight += 1;
      try {
        await link.client.post("/v1/points", body);
        status.show(goodStatus(valueText(body.value, body.unit)));
      } catch (error) {
        status.show(codeOf(error) === "unreachable" ? awayStatus : failedStatus("state.refused"));
        throw error;
      } finally {
        inFlight -= 1;
      }
    };

    this.on("input", (message, _send, done) => {
      const handle = async () => {
        const { value, unit, quality, reading } = inputOf(message, clock);
        // What is not good has no value, and none is made up: the gateway finds the point stale by itself.
        if (value === undefined) return status.show(warningStatus(`quality.${quality}`));
        const time = reading?.time;
        await publish({ point: def.point, value, ...(unit ? { unit } : {}), ...(time ? { time } : {}) });
      };
      handle().then(
        () => done(),
        (error: unknown) => done(new Error(describeError(error), { cause: error })),
      );
    });
    this.on("close", () => status[Symbol.dispose]());
  }

  RED.nodes.registerType("stadsnod-publish", Publish);
}
