import type { IClientOptions, MqttClient } from "mqtt";

/** A broker's address as options: given the address itself, mqtt.js asks Node for a function that it warns of. */
export function brokerAt(url: string): IClientOptions {
  const { protocol, hostname, port, username, password } = new URL(url);
  const tls = protocol === "mqtts:";
  return {
    protocol: tls ? "mqtts" : "mqtt",
    host: hostname.replace(/^\[|\]$/g, ""),
    port: port === "" ? (tls ? 8883 : 1883) : Number(port),
    ...(username === "" ? {} : { username: decodeURIComponent(username) }),
    ...(password === "" ? {} : { password: decodeURIComponent(password) }),
  };
}

/** Rejects when the first attempt fails; later ones are the client's business. */
export function firstConnect(client: MqttClient): Promise<void> {
  return new Promise((resolve, reject) => {
    client.once("connect", () => resolve());
    client.once("error", reject);
    client.once("close", () => reject(new Error("the broker closed the connection")));
  });
}
