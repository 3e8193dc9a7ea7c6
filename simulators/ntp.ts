import { createSocket } from "node:dgram";
import { once } from "node:events";

export interface TimeServer extends AsyncDisposable {
  readonly port: number;
  /** Requests that it answered. */
  readonly asked: number;
  /** While false it hears requests and says nothing. */
  answers: boolean;
}

/** From 1900, which NTP counts from, to 1970. */
const epochS = 2_208_988_800;

/** A server of the time, stratum 1 (RFC 5905 in the small form of section 14, SNTP), on loopback. */
export async function openTimeServer({
  port = 0,
  now = Date.now,
}: {
  readonly port?: number;
  /** Unix ms. */
  readonly now?: () => number;
} = {}): Promise<TimeServer> {
  const socket = createSocket("udp4");
  let asked = 0;
  let answers = true;
  const moment = (into: Buffer, at: number) => {
    const ms = now();
    into.writeUInt32BE((Math.floor(ms / 1000) + epochS) >>> 0, at);
    into.writeUInt32BE(Math.floor(((ms % 1000) / 1000) * 2 ** 32), at + 4);
  };
  socket.on("message", (request, from) => {
    // Mode 3: a client.
    if (!answers || request.length < 48 || ((request[0] ?? 0) & 7) !== 3) return;
    const answer = Buffer.alloc(48);
    answer[0] = ((request[0] ?? 0) & 0x38) | 4;
    answer[1] = 1;
    answer[2] = request[2] ?? 6;
    // About a microsecond.
    answer.writeInt8(-20, 3);
    answer.write("SIM", 12, "ascii");
    moment(answer, 16);
    request.copy(answer, 24, 40, 48);
    moment(answer, 32);
    moment(answer, 40);
    asked++;
    socket.send(answer, from.port, from.address);
  });
  socket.bind(port, "127.0.0.1");
  await once(socket, "listening");
  return {
    port: socket.address().port,
    get asked() {
      return asked;
    },
    get answers() {
      return answers;
    },
    set answers(wanted) {
      answers = wanted;
    },
    [Symbol.asyncDispose]: () => new Promise<void>((resolve) => socket.close(() => resolve())),
  };
}
