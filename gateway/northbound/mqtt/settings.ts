import * as z from "zod";
import { brokerFields, brokerRules } from "../../transport/mqtt/settings.ts";

/** One or more topic levels: no wildcards, no empty level, nothing that a broker keeps for itself. */
const root = z
  .string()
  .max(200)
  .regex(/^[^+#$/\0]+(\/[^+#/\0]+)*$/, {
    error: "not a topic: levels divided by /, without + or #, not beginning with $",
  });

/** `clientId` is `stadsnod-<gateway>` unless given. It must be the gateway's own: a broker ends the older of two. */
export const mqttSettings = z
  .strictObject({
    type: z.literal("mqtt").default("mqtt"),
    ...brokerFields,
    /** Topic levels before `v1`. */
    root: root.default("stadsnod"),
    compression: z.enum(["zstd", "deflate", "none"]).default("zstd"),
    /** How fast stored packs follow after an outage. Bytes are counted before compression. */
    backlog: z
      .strictObject({
        packsPerSecond: z.number().positive().optional(),
        bytesPerSecond: z.number().positive().default(1_000_000),
      })
      .default({ bytesPerSecond: 1_000_000 }),
  })
  .superRefine(brokerRules);

export type MqttSettings = z.output<typeof mqttSettings>;
