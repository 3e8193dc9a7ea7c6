import type { MessageSchema } from "./protobuf.ts";

// The parts that are used of integration/integration.proto and gw/gw.proto of ChirpStack v4
// (github.com/chirpstack/chirpstack, api/proto): field numbers, names and types.

const deviceInfo: MessageSchema = {
  3: ["applicationId", "string"],
  5: ["deviceProfileId", "string"],
  6: ["deviceProfileName", "string"],
  7: ["deviceName", "string"],
  8: ["devEui", "string"],
};

const rxInfo: MessageSchema = {
  1: ["gatewayId", "string"],
  6: ["rssi", "int32"],
  7: ["snr", "float"],
};

/** Which modulation it was; its parameters do not matter here. */
const modulation: MessageSchema = {
  3: ["lora", { message: {} }],
  4: ["fsk", { message: {} }],
  5: ["lrFhss", { message: {} }],
};

const txInfo: MessageSchema = { 2: ["modulation", { message: modulation }] };

const head: MessageSchema = {
  1: ["deduplicationId", "string"],
  2: ["time", "timestamp"],
  3: ["deviceInfo", { message: deviceInfo }],
};

/** By the last level of the topic. */
export const eventSchemas: Readonly<Record<string, MessageSchema>> = {
  up: {
    ...head,
    5: ["adr", "bool"],
    6: ["dr", "uint32"],
    7: ["fCnt", "uint32"],
    8: ["fPort", "uint32"],
    9: ["confirmed", "bool"],
    10: ["data", "bytes"],
    11: ["object", "struct"],
    12: ["rxInfo", { message: rxInfo, repeated: true }],
    13: ["txInfo", { message: txInfo }],
    15: ["joinServerContext", { message: {} }],
  },
  join: head,
  ack: { ...head, 4: ["queueItemId", "string"], 5: ["acknowledged", "bool"], 6: ["fCntDown", "uint32"] },
  txack: {
    2: ["time", "timestamp"],
    3: ["deviceInfo", { message: deviceInfo }],
    4: ["queueItemId", "string"],
  },
  log: {
    1: ["time", "timestamp"],
    2: ["deviceInfo", { message: deviceInfo }],
    3: ["level", { words: ["INFO", "WARNING", "ERROR"] }],
    4: [
      "code",
      {
        words: [
          "UNKNOWN",
          "DOWNLINK_PAYLOAD_SIZE",
          "UPLINK_CODEC",
          "DOWNLINK_CODEC",
          "OTAA",
          "UPLINK_F_CNT_RESET",
          "UPLINK_MIC",
          "UPLINK_F_CNT_RETRANSMISSION",
          "DOWNLINK_GATEWAY",
          "RELAY_NEW_END_DEVICE",
          "F_CNT_DOWN",
          "EXPIRED",
        ],
      },
    ],
    5: ["description", "string"],
    6: ["context", "map"],
  },
  status: {
    ...head,
    5: ["margin", "int32"],
    6: ["externalPowerSource", "bool"],
    7: ["batteryLevelUnavailable", "bool"],
    8: ["batteryLevel", "float"],
  },
};
