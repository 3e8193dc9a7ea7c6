import type { Wire } from "../../../simulators/wire.ts";
import type { Clock } from "../../model/clock.ts";
import type { SimulatedDevice } from "../../southbound/protocol.ts";

/** A request is over after so many ms without a byte. */
const requestOverMs = 3;
const mostAsked = 4096;

/** Speaks and answers on a wire until disposed. */
export function live(wire: Wire, device: SimulatedDevice, clock: Clock): AsyncDisposable {
  const opened = clock.monotonic();
  let asked: Uint8Array = new Uint8Array();
  let pause: Disposable | undefined;
  // A request may come in pieces: it is over when no more come.
  wire.receive((chunk) => {
    pause?.[Symbol.dispose]();
    asked = Buffer.concat([asked, chunk]).subarray(-mostAsked);
    pause = clock.timer(requestOverMs, () => {
      const answer = device.answer?.(asked, (clock.monotonic() - opened) / 1000);
      asked = new Uint8Array();
      if (answer) wire.send(answer);
    });
  });
  const words = device.words ?? [];
  let next = 0;
  let timer: Disposable | undefined;
  const speak = () => {
    const word = words[next++ % words.length];
    if (word) wire.send(word);
    timer = clock.timer(device.everyMs ?? 1000, speak);
  };
  if (words.length > 0) timer = clock.timer(1, speak);
  return {
    [Symbol.asyncDispose]: async () => {
      timer?.[Symbol.dispose]();
      pause?.[Symbol.dispose]();
      wire.receive(() => {});
    },
  };
}
