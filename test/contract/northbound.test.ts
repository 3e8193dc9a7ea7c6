import { openBroker } from "../../simulators/broker.ts";
import { openMqttFarSide } from "../mqtt/far-side.ts";
import { northboundContract } from "./northbound.contract.ts";

for (const compression of ["zstd", "deflate", "none"])
  northboundContract(`MQTT 3.1.1 on aedes, ${compression}`, () =>
    openMqttFarSide({
      settings: { compression },
      async start(port) {
        const broker = await openBroker({ port });
        return { url: broker.url, stop: async () => broker[Symbol.asyncDispose]() };
      },
    }),
  );
