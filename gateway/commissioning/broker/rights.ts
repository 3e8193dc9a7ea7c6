import type { MqttClient } from "mqtt";
import type { CheckDone } from "../../model/commissioning.ts";
import { checkFailed, checkOk, said } from "../words.ts";

/** What a granted or refused request means; `closed`: the broker ended the connection instead of an answer. */
type Answer = { readonly granted: true } | { readonly granted: false; readonly reason?: number | undefined };

/** MQTT 5, tables 3-4 and 3-8, as far as they speak of rights. */
function reasonWords(reason: number | undefined) {
  if (reason === undefined) return said("it closed the connection", "den stängde förbindelsen");
  if (reason === 135) return said("not authorised (reason 135)", "inte behörig (orsak 135)");
  if (reason === 144) return said("topic not accepted (reason 144)", "ämnet godtas inte (orsak 144)");
  return said(`reason ${reason}`, `orsak ${reason}`);
}

const fix = (topic: string, way: "write" | "read") => {
  const right = `topic ${way} ${topic}`;
  return said(
    `Give the gateway's account at the broker this right (mosquitto: ${right}); all that it needs: stadsnod acl --broker mosquitto`,
    `Ge gatewayens konto hos brokern den rättigheten (mosquitto: ${right}); allt den behöver: stadsnod acl --broker mosquitto`,
  );
};

/** Asks for the commands' topics as the gateway does, without what is retained, and gives them back. */
export async function checkSubscribe(
  client: MqttClient,
  filter: string,
  subject: string,
): Promise<CheckDone> {
  const answer = await answered(client, (done) =>
    client.subscribe(filter, { qos: 1, rh: 2 }, (error, _, suback) => {
      const reason = suback?.granted[0];
      const code = typeof reason === "number" ? reason : undefined;
      if (error && !suback) done({ granted: false });
      else if (code !== undefined && code >= 128) done({ granted: false, reason: code });
      else done(error ? { granted: false, reason: 128 } : { granted: true });
    }),
  );
  if (answer.granted) {
    client.unsubscribe(filter);
    return checkOk(
      "broker-subscribe",
      said(
        `The broker takes the subscription to its commands: ${filter} (mosquitto with an ACL file takes it from anybody, and then keeps messages back).`,
        `Brokern godtar prenumerationen på kommandon: ${filter} (mosquitto med ACL-fil godtar den från alla och håller sedan inne meddelandena).`,
      ),
      subject,
    );
  }
  const { en, sv } = reasonWords(answer.reason);
  return checkFailed(
    "broker-subscribe",
    said(
      `The broker does not let it read ${filter}: ${en}.`,
      `Brokern låter den inte läsa ${filter}: ${sv}.`,
    ),
    fix(filter, "read"),
    subject,
  );
}

/** Publishes an empty message that is not kept, where readings go. */
export async function checkPublish(
  client: MqttClient,
  topic: string,
  version: 4 | 5,
  subject: string,
): Promise<CheckDone> {
  const answer = await answered(client, (done) =>
    client.publish(topic, Buffer.alloc(0), { qos: 1, retain: false }, (error) => {
      if (!error) return done({ granted: true });
      const reason = "code" in error ? error.code : undefined;
      // mqtt.js calls 0x01..0x7f an error too; for QoS 1 they mean success.
      if (typeof reason === "number" && reason < 128) done({ granted: true });
      else done({ granted: false, reason: typeof reason === "number" ? reason : undefined });
    }),
  );
  if (answer.granted)
    return checkOk(
      "broker-publish",
      version === 5
        ? said(`May publish: ${topic}`, `Får publicera: ${topic}`)
        : said(
            `The broker took a message to ${topic} (MQTT 3.1.1 has no word for "not allowed": some brokers drop it silently).`,
            `Brokern tog emot ett meddelande till ${topic} (MQTT 3.1.1 saknar svar för "inte tillåtet": vissa brokrar kastar det tyst).`,
          ),
      subject,
    );
  const { en, sv } = reasonWords(answer.reason);
  return checkFailed(
    "broker-publish",
    said(
      `The broker does not take messages to ${topic}: ${en}.`,
      `Brokern tar inte emot meddelanden till ${topic}: ${sv}.`,
    ),
    fix(`${topic.replace(/\/[^/]*$/, "")}/#`, "write"),
    subject,
  );
}

/** The broker's answer, or its hanging up. */
function answered(client: MqttClient, ask: (done: (answer: Answer) => void) => void): Promise<Answer> {
  return new Promise((resolve) => {
    const settle = (answer: Answer) => {
      client.off("close", closed);
      client.off("disconnect", told);
      resolve(answer);
    };
    const closed = () => settle({ granted: false });
    // MQTT 5 says why before it hangs up.
    const told = ({ reasonCode }: { readonly reasonCode?: number }) =>
      settle({ granted: false, reason: reasonCode });
    client.once("close", closed);
    client.once("disconnect", told);
    if (client.connected) ask(settle);
    else closed();
  });
}
