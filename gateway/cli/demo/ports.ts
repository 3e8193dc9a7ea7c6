import { createServer } from "node:net";

/** On 127.0.0.1: the usual port when nobody has it, else any. */
export async function portNear(usual: number): Promise<number> {
  const port = (await freePort(usual)) ?? (await freePort(0));
  if (port === undefined) throw new Error("no port is free on 127.0.0.1");
  return port;
}

function freePort(wanted: number): Promise<number | undefined> {
  return new Promise((resolve) => {
    const server = createServer().once("error", () => resolve(undefined));
    server.listen(wanted, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" ? address?.port : undefined));
    });
  });
}
