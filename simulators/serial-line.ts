import type { Wire } from "./wire.ts";

export interface LineInstrumentOptions {
  /** What ends every line that it sends; CR LF unless given. */
  readonly end?: string | undefined;
  /** What ends a command to it; LF unless given. */
  readonly commandEnd?: string | undefined;
  /** Lines that it answers, by command without its end; what is not here stays unanswered. */
  readonly answers?: Readonly<Record<string, string | (() => string | undefined)>> | undefined;
}

/** A simulated instrument that speaks in lines of text. */
export interface LineInstrument {
  /** Says lines by itself. */
  say(...lines: readonly string[]): void;
  /** Sends bytes as they are: noise, halves of lines. */
  noise(text: string): void;
  /** The commands that it was given, without their ends. */
  readonly heard: readonly string[];
}

/** Puts an instrument at the end of a wire. Text is Latin-1: one byte per character. */
export function openLineInstrument(wire: Wire, options: LineInstrumentOptions = {}): LineInstrument {
  const { end = "\r\n", commandEnd = "\n", answers = {} } = options;
  const heard: string[] = [];
  const send = (text: string) => wire.send(Buffer.from(text, "latin1"));
  let partial = "";
  wire.receive((chunk) => {
    partial += Buffer.from(chunk).toString("latin1");
    const commands = partial.split(commandEnd);
    partial = commands.pop() ?? "";
    for (const command of commands.map((one) => one.trim())) {
      heard.push(command);
      const answer = Object.hasOwn(answers, command) ? answers[command] : undefined;
      const line = typeof answer === "function" ? answer() : answer;
      if (line !== undefined) send(line + end);
    }
  });
  return {
    heard,
    say: (...lines) => {
      for (const line of lines) send(line + end);
    },
    noise: send,
  };
}
