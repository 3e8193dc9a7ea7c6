import type { Text } from "../../model/device.ts";
import type { Transport } from "../../transport/transport.ts";
import type { ListenInput, ListenStep, SouthboundContext } from "../protocol.ts";
import { scanMeter } from "./scan.ts";
import type { MeterConnection } from "./settings.ts";

/**
 * As `Protocol.listenIn`: meters speak by themselves, so their scan only listens already. Over and over again with
 * all settings, until one was understood, or the time is over.
 */
export async function* listenInMeter(
  connection: MeterConnection,
  { profiles, lines, ms }: ListenInput,
  context: SouthboundContext,
): AsyncGenerator<ListenStep> {
  const over = new AbortController();
  using _timer = context.clock.timer(ms, () => over.abort(new Error("the time is over")));
  let bytes = 0;
  let whole = 0;
  const own: SouthboundContext = {
    ...context,
    signal: AbortSignal.any([context.signal, over.signal]),
    connect: async (endpoint, signal) =>
      counted(await context.connect(endpoint, signal), (count) => {
        bytes += count;
      }),
  };
  // What was heard with the wrong settings is damaged only while no right ones are known.
  const heard = (doing: Text): ListenStep => ({
    bytes,
    whole,
    skipped: whole === 0 ? bytes : 0,
    answers: whole,
    doing,
  });
  try {
    while (whole === 0 && !over.signal.aborted) {
      for await (const step of scanMeter(connection, { profiles, lines, effort: "quick" }, own)) {
        if (!("kind" in step)) yield heard(step.doing);
        else if (step.kind === "settings") {
          whole = step.whole;
          yield step;
        } else {
          const { protocol, settings, profiles: fits, says } = step;
          const requests = [says === undefined ? "speaks by itself" : `speaks by itself: ${says}`];
          yield {
            kind: "traffic",
            protocol,
            connection: step.connection,
            settings,
            requests,
            profiles: fits,
          };
        }
      }
    }
  } catch (error) {
    if (context.signal.aborted || error !== over.signal.reason) throw error;
  }
  yield heard({ en: `${whole} telegrams`, sv: `${whole} telegram` });
}

function counted(transport: Transport, count: (bytes: number) => void): Transport {
  return {
    endpoint: transport.endpoint,
    lost: transport.lost,
    write: (bytes) => transport.write(bytes),
    receive: (receiver) =>
      transport.receive(
        receiver &&
          ((chunk, at) => {
            count(chunk.length);
            receiver(chunk, at);
          }),
      ),
    allowLate: () => transport.allowLate?.(),
    [Symbol.asyncDispose]: () => transport[Symbol.asyncDispose](),
  };
}
