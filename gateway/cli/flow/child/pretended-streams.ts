import type { ServerResponse } from "node:http";

interface Stream {
  readonly kind: string;
  readonly device: string | null;
  readonly point: string | null;
  readonly response: ServerResponse;
}

/** Server-sent events of the pretended local API. */
export class PretendedStreams {
  readonly #streams = new Set<Stream>();
  readonly #wrote: () => void;

  /** @param wrote something was told, or has arrived */
  constructor(wrote: () => void) {
    this.#wrote = wrote;
  }

  /** @param first what is told at once */
  join(kind: string, url: URL, response: ServerResponse, first: readonly object[]): void {
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.flushHeaders();
    const stream = {
      kind,
      device: url.searchParams.get("device"),
      point: url.searchParams.get("point"),
      response,
    };
    this.#streams.add(stream);
    response.once("close", () => this.#streams.delete(stream));
    this.#write(stream, first);
  }

  tell(kind: string, items: readonly object[]): void {
    for (const stream of this.#streams) if (stream.kind === kind) this.#write(stream, items);
  }

  beat(): void {
    for (const { response } of this.#streams) response.write(":\n\n");
  }

  #write({ kind, device, point, response }: Stream, items: readonly object[]): void {
    const mine = items.filter(
      (one) =>
        (device === null || Reflect.get(one, "device") === device) &&
        (point === null || Reflect.get(one, "point") === point),
    );
    if (mine.length === 0) return;
    this.#wrote();
    const text =
      kind === "results"
        ? mine.map((one) => `data: ${JSON.stringify(one)}\n\n`).join("")
        : `data: ${JSON.stringify(mine)}\n\n`;
    response.write(text, this.#wrote);
  }
}
