import { type AddressInfo, connect, createServer, type Socket } from "node:net";

/** A cable between a client and a broker, which a test can pull out. */
export interface Cable extends AsyncDisposable {
  /** The broker's address at this end. */
  readonly url: string;
  /** Ends all connections without a word; new ones can be made at once. */
  cut(): void;
}

export async function openCable(brokerUrl: string): Promise<Cable> {
  const { hostname, port } = new URL(brokerUrl);
  const ends = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect(Number(port), hostname);
    for (const [end, other] of [
      [near, far],
      [far, near],
    ] as const) {
      ends.add(end);
      end.on("error", () => {});
      end.on("close", () => {
        ends.delete(end);
        other.destroy();
      });
      end.pipe(other);
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const cut = () => {
    for (const end of ends) end.destroy();
  };
  return {
    url: `mqtt://127.0.0.1:${(server.address() as AddressInfo).port}`,
    cut,
    async [Symbol.asyncDispose]() {
      cut();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
