import { aliveEveryMs } from "../messages.ts";

// Loaded before Node-RED in its own process: signs of life for the supervisor, which stop when a flow
// loops for ever; and an end when the supervisor has gone.

if (process.send) {
  const tell = () => process.connected && process.send?.({ kind: "alive", bytes: process.memoryUsage.rss() });
  tell();
  setInterval(tell, aliveEveryMs).unref();
  process.on("disconnect", () => process.exit(0));
}
