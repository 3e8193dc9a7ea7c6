import { execFileSync } from "node:child_process";
import { closeSync, constants, openSync } from "node:fs";
import { createRequire } from "node:module";
import { type AddressInfo, createServer, type Socket } from "node:net";
import type { ReadStream } from "node:tty";
import { afterAll, describe, expect, it } from "vitest";
import type { LinkError } from "../../gateway/model/errors.ts";
import { connectBy } from "../../gateway/transport/connect.ts";
import { memoryPair } from "../../gateway/transport/memory.ts";
import type { Endpoint } from "../../gateway/transport/transport.ts";
import { realClock } from "./real-clock.ts";
import { type Line, transportContract } from "./transport.contract.ts";

const connect = connectBy(realClock);
const never = new AbortController().signal;

transportContract("memory", async (): Promise<Line> => {
  const [transport, far] = memoryPair(realClock, { chunk: 100 });
  let sending = Promise.resolve();
  const breaks: number[] = [];
  far.onBreak = (ms) => breaks.push(ms);
  return {
    transport,
    break: "heard",
    breaks,
    onFar: (receiver) => far.receive(receiver),
    send: (bytes) => {
      sending = sending.then(() => far.write(bytes)).catch(() => {});
    },
    cut: () => void far[Symbol.asyncDispose](),
    [Symbol.asyncDispose]: () => transport[Symbol.asyncDispose](),
  };
});

transportContract("TCP", async (): Promise<Line> => {
  const peer = Promise.withResolvers<Socket>();
  const server = createServer((socket) => peer.resolve(socket));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const transport = await connect({ kind: "tcp", host: "127.0.0.1", port }, never);
  const socket = await peer.promise;
  socket.on("error", () => {});
  return {
    transport,
    break: "absent",
    onFar: (receiver) => socket.on("data", receiver),
    send: (bytes) => void socket.write(bytes),
    cut: () => void socket.resetAndDestroy(),
    [Symbol.asyncDispose]: async () => {
      await transport[Symbol.asyncDispose]();
      socket.destroy();
      server.close();
    },
  };
});

/** What node-pty's `open()` gives; its types know only `spawn`. */
interface PtyPair {
  readonly _master: ReadStream & { write(bytes: Uint8Array): boolean };
  readonly _slave: ReadStream;
  readonly _pty: string;
}

/** A tty pair, raw; `hold` keeps it alive while nobody has it open. */
function openPty() {
  const { open }: { open(options: { encoding: null }): PtyPair } = createRequire(import.meta.url)(
    "@lydell/node-pty",
  );
  const pair = open({ encoding: null });
  const hold = openSync(pair._pty, constants.O_RDWR | constants.O_NOCTTY);
  // It would steal what is sent to the transport.
  pair._slave.destroy();
  execFileSync("stty", ["-F", pair._pty, "raw", "-echo"]);
  pair._master.on("error", () => {});
  let held = true;
  const close = () => {
    if (held) closeSync(hold);
    held = false;
    pair._master.destroy();
  };
  return { path: pair._pty, master: pair._master, close };
}

const serialAt = (port: string): Endpoint => ({
  kind: "serial",
  port,
  baud: 9600,
  dataBits: 8,
  parity: "none",
  stopBits: 1,
});

transportContract("serial (pty)", async (): Promise<Line> => {
  const { path, master, close } = openPty();
  const transport = await connect(serialAt(path), never);
  return {
    transport,
    break: "refused",
    onFar: (receiver) => master.on("data", receiver),
    send: (bytes) => void master.write(bytes),
    cut: close,
    [Symbol.asyncDispose]: async () => {
      await transport[Symbol.asyncDispose]();
      close();
    },
  };
});

describe("closing TCP", () => {
  const endings = async (late: boolean): Promise<string> => {
    const ending = Promise.withResolvers<string>();
    const server = createServer((socket) => {
      socket.on("error", (error) => ending.resolve("code" in error ? String(error.code) : error.message));
      socket.on("end", () => ending.resolve("end"));
      socket.resume();
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    const transport = await connect({ kind: "tcp", host: "127.0.0.1", port }, never);
    await transport.write(Uint8Array.of(1, 2, 3));
    if (late) transport.allowLate?.();
    await transport[Symbol.asyncDispose]();
    server.close();
    return ending.promise;
  };

  it("takes back what has not arrived, unless it may be late", async () => {
    expect(await endings(false)).toBe("ECONNRESET");
    expect(await endings(true)).toBe("end");
  });
});

describe("opening", () => {
  const failure = async (
    endpoint: Endpoint,
  ): Promise<Pick<LinkError, "name" | "code" | "message" | "hint">> =>
    connect(endpoint, never).then(
      () => ({ name: "none", code: "opened", message: "", hint: undefined }),
      ({ name, code, message, hint }) => ({ name, code, message, hint }),
    );
  const pty = openPty();
  afterAll(() => pty.close());

  it("a port where nobody listens says so", async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    await new Promise((resolve) => server.close(resolve));
    expect(await failure({ kind: "tcp", host: "127.0.0.1", port })).toMatchObject({
      name: "LinkError",
      code: "econnrefused",
      hint: "the host is there, but nothing listens on this port: is Modbus TCP switched on, is the port right?",
    });
  });

  it("a name that is none says so", async () => {
    const { name, code } = await failure({ kind: "tcp", host: "no-such-host.invalid", port: 502 });
    expect(name).toBe("LinkError");
    expect(["enotfound", "eai_again"]).toContain(code);
  });

  it("a serial port that is not there lists what is", async () => {
    const error = await failure(serialAt("/dev/serial/by-id/usb-nothing"));
    expect(error).toMatchObject({
      name: "LinkError",
      code: "no-port",
      message: "there is no serial port /dev/serial/by-id/usb-nothing",
    });
    expect(error.hint).toMatch(/^(here are |this machine has no serial port)/);
  });

  it("a serial port that is in use says who could hold it", async () => {
    const transport = await connect(serialAt(pty.path), never);
    expect(await failure(serialAt(pty.path))).toMatchObject({ name: "LinkError", code: "busy" });
    await transport[Symbol.asyncDispose]();
    const again = await connect(serialAt(pty.path), never);
    await again[Symbol.asyncDispose]();
  });

  it("what is no serial port says so", async () => {
    expect(await failure(serialAt("/dev/null"))).toMatchObject({ name: "LinkError", code: "open-failed" });
  });

  it("stops when it is told to", async () => {
    const stop = new AbortController();
    const opening = connect({ kind: "tcp", host: "127.0.0.1", port: 9 }, stop.signal);
    stop.abort(new Error("enough"));
    await expect(opening).rejects.toThrow("enough");
    await expect(connect(serialAt(pty.path), stop.signal)).rejects.toThrow("enough");
  });
});
