import { type LineSettings, openPacedLine, type PacedLine } from "./line.ts";
import { openPty } from "./pty.ts";

/** A paced line with a second adapter on its wires, which hears all that is said on it. */
export interface TappedLine extends AsyncDisposable {
  /** Where the master is, and what devices are attached to. */
  readonly line: PacedLine;
  /** The listener's port. */
  readonly path: string;
  /** Bytes that the listener has sent. */
  readonly sent: number;
}

export interface TapOptions extends LineSettings {
  /** How many bytes the listener's adapter hands on at a time, at most; default 7, which fits no frame. */
  readonly chunk?: number;
  /** What the listener hears in place of what is said: a wrong speed, noise. */
  readonly through?: (bytes: Uint8Array) => Uint8Array;
}

/** The listener hears a frame as a whole, later than it was said, and cut anyhow: its adapter keeps no time. */
export function openTappedLine({
  chunk = 7,
  through = (bytes) => bytes,
  ...settings
}: TapOptions): TappedLine {
  const line = openPacedLine(settings);
  const ear = openPty();
  let sent = 0;
  ear.receive((bytes) => {
    sent += bytes.length;
  });
  const tell = (bytes: Uint8Array): void => {
    const heard = through(bytes);
    for (let start = 0; start < heard.length; start += chunk) ear.send(heard.slice(start, start + chunk));
  };
  return {
    line: {
      ...line,
      send: (bytes) => {
        tell(bytes);
        line.send(bytes);
      },
      receiveFrames: (receiver) =>
        line.receiveFrames((frame) => {
          tell(frame);
          receiver(frame);
        }),
    },
    path: ear.path,
    get sent() {
      return sent;
    },
    [Symbol.asyncDispose]: async () => {
      await line[Symbol.asyncDispose]();
      await ear[Symbol.asyncDispose]();
    },
  };
}
