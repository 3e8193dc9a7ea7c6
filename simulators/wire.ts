/** A byte stream, seen from the simulated device's end. */
export interface Wire {
  /** Sends towards the gateway. Never fails: what a broken wire cannot carry is lost. */
  send(bytes: Uint8Array): void;
  /** Sets the one receiver of what the gateway sends, in chunks of any size. */
  receive(receiver: (chunk: Uint8Array) => void): void;
  /**
   * Instead of `receive`, on wires that know time: whole frames, each after the silence that ends it.
   * What the receiver sends before it returns starts at that very moment of line time.
   */
  receiveFrames?(receiver: (frame: Uint8Array) => void): void;
  /** Breaks off at once (TCP: RST). Absent where a wire cannot. */
  reset?(): void;
}

/** Calls back once after `ms`, unless disposed before. Injected, so that a test can own time. */
export type After = (ms: number, callback: () => void) => Disposable;

/** Real time. */
export const after: After = (ms, callback) => {
  const timer = setTimeout(callback, ms);
  return { [Symbol.dispose]: () => clearTimeout(timer) };
};
