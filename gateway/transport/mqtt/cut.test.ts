import type { Socket } from "node:net";
import { Duplex, PassThrough, Readable, Writable } from "node:stream";
import fc from "fast-check";
import { generate, type Packet, parser } from "mqtt-packet";
import { describe, expect, it } from "vitest";
import { cutPublishes } from "./cut.ts";

/** What comes out of a socket with these bytes in it, cut into such pieces. */
async function through(bytes: Buffer, pieces: readonly number[], most: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let at = 0;
  for (let index = 0; at < bytes.length; index++) {
    const size = pieces[index % pieces.length] ?? bytes.length;
    chunks.push(bytes.subarray(at, at + size));
    at += size;
  }
  const socket = Duplex.from({
    readable: Readable.from(chunks),
    writable: new PassThrough(),
  }) as unknown as Socket;
  cutPublishes(socket, most);
  const out: Buffer[] = [];
  const sink = new Writable({
    write(chunk: Buffer, _, done) {
      out.push(chunk);
      done();
    },
  });
  await new Promise((resolve, reject) => socket.pipe(sink).once("finish", resolve).once("error", reject));
  return Buffer.concat(out);
}

function packetsOf(bytes: Buffer): Packet[] {
  const found: Packet[] = [];
  const reading = parser({ protocolVersion: 4 });
  reading.on("packet", (packet) => found.push(packet));
  reading.parse(bytes);
  return found;
}

const message = (topic: string, size: number, messageId = 1) =>
  generate({
    cmd: "publish",
    topic,
    payload: Buffer.alloc(size, 7),
    qos: 1,
    messageId,
    dup: false,
    retain: false,
  });
const suback = generate({ cmd: "suback", messageId: 9, granted: [1] });
const pingresp = generate({ cmd: "pingresp" });

describe("the bound of a packet with MQTT 3.1.1", () => {
  it("leaves what is small as it is, however it comes in pieces", async () => {
    const stream = Buffer.concat([suback, message("a", 0), pingresp, message("a/b", 60_000), suback]);
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 1, max: 5000 }), { minLength: 1, maxLength: 9 }),
        async (pieces) => {
          expect((await through(stream, pieces, 65_536)).equals(stream)).toBe(true);
        },
      ),
      { numRuns: 20 },
    );
  });

  it("drops the end of a large payload, and nothing else", async () => {
    const topic = "t".repeat(65_535);
    const stream = Buffer.concat([
      suback,
      message("a", 3_000_000, 5),
      pingresp,
      message(topic, 100_000, 6),
      message("z", 1, 7),
    ]);
    for (const pieces of [[stream.length], [1000], [65_537, 3, 1]]) {
      const packets = packetsOf(await through(stream, pieces, 70_000));
      expect(packets.map(({ cmd, messageId }) => [cmd, messageId])).toEqual([
        ["suback", 9],
        ["publish", 5],
        ["pingresp", undefined],
        ["publish", 6],
        ["publish", 7],
      ]);
      const lengths = packets.flatMap((packet) => (packet.cmd === "publish" ? packet.payload.length : []));
      expect(lengths).toEqual([70_000 - 5, 70_000 - 65_539, 1]);
    }
  });

  it("never cuts into a topic", async () => {
    const topic = "t".repeat(65_535);
    const [packet] = packetsOf(await through(message(topic, 10), [100], 10));
    expect(packet).toMatchObject({ cmd: "publish", topic, messageId: 1, payload: Buffer.alloc(0) });
  });
});
