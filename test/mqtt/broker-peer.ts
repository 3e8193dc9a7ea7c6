import { type AddressInfo, createServer, type Socket } from "node:net";

// The far end of an MQTT connection, byte by byte, for what no broker at hand can be made to do: it
// answers exactly what a test tells it to. Written from the MQTT 5 specification.

export interface PeerConnect {
  readonly version: number;
  readonly cleanStart: boolean;
  readonly keepalive: number;
  readonly clientId: string;
}

export interface PeerPublish {
  readonly topic: string;
  readonly retain: boolean;
  readonly id: number;
  readonly alias: number | undefined;
  readonly contentType: string | undefined;
  readonly payloadFormat: number | undefined;
  readonly userProperties: Readonly<Record<string, string>>;
  readonly correlation: Buffer | undefined;
  readonly payload: Buffer;
  /** Whole packet, bytes. */
  readonly size: number;
}

export interface PeerScript {
  /** Bytes to answer CONNECT with; undefined: close without a word. */
  connect(packet: PeerConnect): Buffer | undefined;
  /** Bytes to answer PUBLISH with; undefined: say nothing. */
  publish?(packet: PeerPublish, socket: Socket): Buffer | undefined;
}

export interface Peer extends AsyncDisposable {
  readonly url: string;
  readonly connects: PeerConnect[];
  readonly publishes: PeerPublish[];
  /** PINGREQ that came. */
  readonly pings: number;
  /** Resolves when `holds` does; looked at after every packet. */
  until(holds: () => boolean): Promise<void>;
}

export async function openPeer(script: PeerScript): Promise<Peer> {
  const connects: PeerConnect[] = [];
  const publishes: PeerPublish[] = [];
  let pings = 0;
  let waiters: { holds: () => boolean; resolve: () => void }[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    let version = 4;
    let rest: Buffer = Buffer.alloc(0);
    socket.on("data", (chunk) => {
      rest = Buffer.concat([rest, chunk]);
      for (;;) {
        const frame = takeFrame(rest);
        if (!frame) return;
        rest = rest.subarray(frame.size);
        let answer: Buffer | undefined;
        switch (frame.type) {
          case 1: {
            const packet = readConnect(frame.body);
            version = packet.version;
            connects.push(packet);
            answer = script.connect(packet);
            if (!answer) socket.destroy();
            break;
          }
          case 3: {
            const packet = readPublish(frame, version);
            publishes.push(packet);
            answer = script.publish ? script.publish(packet, socket) : puback(packet.id);
            break;
          }
          case 12:
            pings++;
            answer = Buffer.from([0xd0, 0]);
            break;
          case 14:
            socket.end();
            break;
        }
        if (answer && !socket.destroyed) socket.write(answer);
        const ready = waiters.filter(({ holds }) => holds());
        waiters = waiters.filter((waiter) => !ready.includes(waiter));
        for (const { resolve } of ready) resolve();
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `mqtt://127.0.0.1:${(server.address() as AddressInfo).port}`,
    connects,
    publishes,
    get pings() {
      return pings;
    },
    until: (holds) =>
      holds() ? Promise.resolve() : new Promise((resolve) => waiters.push({ holds, resolve })),
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** CONNACK of MQTT 5 with properties (section 3.2). */
export function connack5(reason: number, properties: Buffer = Buffer.alloc(0)): Buffer {
  return Buffer.concat([
    Buffer.from([0x20, 3 + properties.length, 0, reason, properties.length]),
    properties,
  ]);
}

/** CONNACK of MQTT 3.1.1 (section 3.2). */
export function connack311(code: number): Buffer {
  return Buffer.from([0x20, 2, 0, code]);
}

export function puback(id: number, reason?: number): Buffer {
  const body = [id >> 8, id & 0xff, ...(reason === undefined ? [] : [reason, 0])];
  return Buffer.from([0x40, body.length, ...body]);
}

/** DISCONNECT from the server (MQTT 5 section 3.14). */
export function disconnect(reason: number): Buffer {
  return Buffer.from([0xe0, 2, reason, 0]);
}

export const property = {
  receiveMaximum: (value: number) => Buffer.from([0x21, value >> 8, value & 0xff]),
  topicAliasMaximum: (value: number) => Buffer.from([0x22, value >> 8, value & 0xff]),
  maximumQos: (value: number) => Buffer.from([0x24, value]),
  serverKeepAlive: (value: number) => Buffer.from([0x13, value >> 8, value & 0xff]),
  maximumPacketSize: (value: number) => {
    const bytes = Buffer.alloc(5, 0x27);
    bytes.writeUInt32BE(value, 1);
    return bytes;
  },
};

interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly body: Buffer;
  readonly size: number;
}

function takeFrame(bytes: Buffer): Frame | undefined {
  const length = readVarint(bytes, 1);
  const first = bytes[0];
  if (!length || first === undefined || bytes.length < length.next + length.value) return undefined;
  const size = length.next + length.value;
  return { type: first >> 4, flags: first & 15, body: bytes.subarray(length.next, size), size };
}

function readVarint(bytes: Buffer, at: number): { value: number; next: number } | undefined {
  let value = 0;
  for (let index = 0; index < 4; index++) {
    const byte = bytes[at + index];
    if (byte === undefined) return undefined;
    value |= (byte & 0x7f) << (7 * index);
    if (byte < 0x80) return { value, next: at + index + 1 };
  }
  throw new Error("a length of more than four bytes");
}

function readText(bytes: Buffer, at: number): { text: string; next: number } {
  const next = at + 2 + bytes.readUInt16BE(at);
  return { text: bytes.toString("utf8", at + 2, next), next };
}

function readConnect(body: Buffer): PeerConnect {
  const version = body[6] ?? 0;
  const flags = body[7] ?? 0;
  let at = 10;
  if (version === 5) {
    const properties = readVarint(body, at);
    at = (properties?.next ?? 0) + (properties?.value ?? 0);
  }
  return {
    version,
    cleanStart: (flags & 2) !== 0,
    keepalive: body.readUInt16BE(8),
    clientId: readText(body, at).text,
  };
}

function readPublish({ flags, body, size }: Frame, version: number): PeerPublish {
  const topic = readText(body, 0);
  let at = topic.next;
  const id = body.readUInt16BE(at);
  at += 2;
  let alias: number | undefined;
  let contentType: string | undefined;
  let payloadFormat: number | undefined;
  let correlation: Buffer | undefined;
  const userProperties: Record<string, string> = {};
  if (version === 5) {
    const length = readVarint(body, at);
    if (!length) throw new Error("no properties");
    at = length.next;
    const end = at + length.value;
    while (at < end) {
      const kind = body[at++];
      if (kind === 0x01) payloadFormat = body[at++];
      else if (kind === 0x23) {
        alias = body.readUInt16BE(at);
        at += 2;
      } else if (kind === 0x03) {
        const value = readText(body, at);
        contentType = value.text;
        at = value.next;
      } else if (kind === 0x09) {
        const next = at + 2 + body.readUInt16BE(at);
        correlation = body.subarray(at + 2, next);
        at = next;
      } else if (kind === 0x26) {
        const name = readText(body, at);
        const value = readText(body, name.next);
        userProperties[name.text] = value.text;
        at = value.next;
      } else throw new Error(`property ${kind} is not expected in a PUBLISH of ours`);
    }
  }
  return {
    topic: topic.text,
    retain: (flags & 1) !== 0,
    id,
    alias,
    contentType,
    payloadFormat,
    userProperties,
    correlation,
    payload: body.subarray(at),
    size,
  };
}
