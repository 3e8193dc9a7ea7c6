import { StringDecoder } from "node:string_decoder";
import { ClientError } from "./client-error.ts";

export interface ServerEvent {
  /** `message` unless said otherwise. */
  readonly event: string;
  readonly data: string;
}

/** Server-sent events (WHATWG HTML section 9.2) as the gateway writes them: LF, one `data` line an event. */
export class EventParser {
  readonly #decoder = new StringDecoder("utf8");
  readonly #longest: number;
  #rest = "";
  #event = "message";
  #data: string | undefined;

  /** @param longest characters of a line, after which the sender is not to be believed */
  constructor(longest = 1024 * 1024) {
    this.#longest = longest;
  }

  /** Events that are whole now. Throws ClientError `bad-answer`. */
  push(chunk: Uint8Array): ServerEvent[] {
    const lines = (this.#rest + this.#decoder.write(Buffer.from(chunk))).split("\n");
    this.#rest = lines.pop() ?? "";
    if (this.#rest.length > this.#longest)
      throw new ClientError("bad-answer", `an event is longer than ${this.#longest} characters`);
    return lines.flatMap((line) => this.#line(line));
  }

  #line(line: string): ServerEvent[] {
    if (line.startsWith("event: ")) this.#event = line.slice(7);
    else if (line.startsWith("data: ")) this.#data = line.slice(6);
    else if (line === "") {
      const found = this.#data === undefined ? [] : [{ event: this.#event, data: this.#data }];
      this.#event = "message";
      this.#data = undefined;
      return found;
    }
    return [];
  }
}
