import type { Socket } from "node:net";
import type { IPublishPacket, MqttClient } from "mqtt";

export interface InboxOptions {
  /** Takes a message over: with QoS 1 it is acknowledged when this resolves, and never when it rejects. */
  readonly take: (packet: IPublishPacket) => Promise<void>;
  /** A message that was not taken; `owed`: the broker will send it again to the next connection. */
  readonly onNotTaken: (cause: unknown, owed: boolean) => void;
  /**
   * Messages that are taken at the same time; when there are more, nothing is read from the socket. More
   * than the receive maximum of MQTT 5, so that there only QoS 0 can come so far.
   */
  readonly mostTaken: number;
  /**
   * Of these, messages with QoS 0; further ones are lost, as QoS 0 may be, so that nobody can stop the
   * reading with them. Absent: they are held up like all others.
   */
  readonly mostUnowed?: number | undefined;
}

interface Owed {
  readonly messageId: number;
  settled: boolean;
}

/**
 * What came and is not acknowledged yet. mqtt.js acknowledges a message when its `handleMessage` is
 * done and reads nothing meanwhile; here many are taken at once, each is acknowledged when it has been
 * taken over, in the order in which they came (MQTT 5 section 4.6). Exists before the connection: the
 * first messages follow its CONNACK at once. QoS 2 is left to mqtt.js: nobody here subscribes with it.
 */
export class Inbox {
  readonly #options: InboxOptions;
  readonly #owed: Owed[] = [];
  #socket: Socket | undefined;
  #taken = 0;
  #unowed = 0;
  #resume: (() => void) | undefined;
  #closed = false;

  constructor(options: InboxOptions) {
    this.#options = options;
  }

  /** To be called before anything is received. */
  attach(client: MqttClient, socket: Socket): void {
    this.#socket = socket;
    client.handleMessage = (packet, done) => {
      if (packet.qos === 2) done();
      else this.#receive(packet, () => done(unacknowledged));
    };
  }

  /** Nothing is acknowledged any more; what is being taken comes again. */
  close(): void {
    this.#closed = true;
    this.#owed.length = 0;
  }

  /** `next` lets the following packet through. */
  #receive(packet: IPublishPacket, next: () => void): void {
    if (this.#closed) {
      next();
      return;
    }
    const owed: Owed | undefined =
      packet.qos === 1 && packet.messageId !== undefined
        ? { messageId: packet.messageId, settled: false }
        : undefined;
    if (!owed && this.#unowed >= (this.#options.mostUnowed ?? Number.POSITIVE_INFINITY)) {
      this.#options.onNotTaken(new Error("too many messages with QoS 0 at once"), false);
      next();
      return;
    }
    if (owed) this.#owed.push(owed);
    else this.#unowed += 1;
    this.#taken += 1;
    this.#options
      .take(packet)
      .then(
        () => {
          if (owed) this.#settle(owed);
        },
        (cause: unknown) => {
          if (!this.#closed) this.#options.onNotTaken(cause, owed !== undefined);
        },
      )
      .finally(() => {
        this.#taken -= 1;
        if (!owed) this.#unowed -= 1;
        this.#resume?.();
      });
    if (this.#taken < this.#options.mostTaken) next();
    else
      this.#resume = () => {
        this.#resume = undefined;
        next();
      };
  }

  #settle(owed: Owed): void {
    owed.settled = true;
    while (this.#owed[0]?.settled && !this.#closed) {
      const first = this.#owed.shift();
      if (first && this.#socket?.writable) this.#socket.write(puback(first.messageId));
    }
  }
}

/** PUBACK with reason 0, which is the same in MQTT 3.1.1 (section 3.4) and 5 (section 3.4.2.1). */
function puback(messageId: number): Uint8Array {
  return Uint8Array.of(0x40, 2, messageId >> 8, messageId & 0xff);
}

/**
 * Told to mqtt.js with each message: it goes on with the next packet and sends no PUBACK of its own
 * (its `handleMessage` may fail so; ours says when a message is acknowledged).
 */
const unacknowledged = new Error("acknowledged later");
