import type { Schema } from "./protobuf.ts";

// The messages of ChirpStack v4's integrations: field names, numbers and kinds as in its public
// api/proto (integration.proto, gw.proto, common.proto; 4.19).

const deviceClass = { enum: { CLASS_A: 0, CLASS_B: 1, CLASS_C: 2 } };
export const logLevel = { INFO: 0, WARNING: 1, ERROR: 2 } as const;
export const logCode = {
  UNKNOWN: 0,
  DOWNLINK_PAYLOAD_SIZE: 1,
  UPLINK_CODEC: 2,
  DOWNLINK_CODEC: 3,
  OTAA: 4,
  UPLINK_F_CNT_RESET: 5,
  UPLINK_MIC: 6,
  UPLINK_F_CNT_RETRANSMISSION: 7,
  DOWNLINK_GATEWAY: 8,
  RELAY_NEW_END_DEVICE: 9,
  F_CNT_DOWN: 10,
  EXPIRED: 11,
} as const;

const deviceInfo: Schema = {
  tenantId: [1, "string"],
  tenantName: [2, "string"],
  applicationId: [3, "string"],
  applicationName: [4, "string"],
  deviceProfileId: [5, "string"],
  deviceProfileName: [6, "string"],
  deviceName: [7, "string"],
  devEui: [8, "string"],
  deviceClassEnabled: [10, deviceClass],
  tags: [9, "map"],
};

const location: Schema = {
  latitude: [1, "double"],
  longitude: [2, "double"],
  altitude: [3, "double"],
  source: [4, { enum: { UNKNOWN: 0, GPS: 1, CONFIG: 2 } }],
  accuracy: [5, "float"],
};

const modulation: Schema = {
  lora: [
    3,
    {
      message: {
        bandwidth: [1, "uint32"],
        spreadingFactor: [2, "uint32"],
        codeRate: [5, { enum: { CR_UNDEFINED: 0, CR_4_5: 1, CR_4_6: 2, CR_4_7: 3, CR_4_8: 4 } }],
        polarizationInversion: [4, "bool"],
      },
    },
  ],
};

const uplinkRxInfo: Schema = {
  gatewayId: [1, "string"],
  uplinkId: [2, "uint32"],
  gwTime: [3, "timestamp"],
  nsTime: [17, "timestamp"],
  timeSinceGpsEpoch: [4, "duration"],
  rssi: [6, "int32"],
  snr: [7, "float"],
  channel: [8, "uint32"],
  rfChain: [9, "uint32"],
  board: [10, "uint32"],
  antenna: [11, "uint32"],
  location: [12, { message: location }],
  context: [13, "bytes"],
  metadata: [15, "map"],
  crcStatus: [16, { enum: { NO_CRC: 0, BAD_CRC: 1, CRC_OK: 2 } }],
};

const uplinkTxInfo: Schema = { frequency: [1, "uint32"], modulation: [2, { message: modulation }] };

const downlinkTxInfo: Schema = {
  frequency: [1, "uint32"],
  power: [2, "int32"],
  modulation: [3, { message: modulation }],
  board: [4, "uint32"],
  antenna: [5, "uint32"],
  timing: [
    6,
    {
      message: {
        immediately: [1, { message: {} }],
        delay: [2, { message: { delay: [1, "duration"] } }],
      },
    },
  ],
  context: [7, "bytes"],
};

/** Events by the last level of their topic. */
export const events = {
  up: {
    deduplicationId: [1, "string"],
    time: [2, "timestamp"],
    deviceInfo: [3, { message: deviceInfo }],
    devAddr: [4, "string"],
    adr: [5, "bool"],
    dr: [6, "uint32"],
    fCnt: [7, "uint32"],
    fPort: [8, "uint32"],
    confirmed: [9, "bool"],
    data: [10, "bytes"],
    object: [11, "struct"],
    rxInfo: [12, { repeated: uplinkRxInfo }],
    txInfo: [13, { message: uplinkTxInfo }],
    regionConfigId: [16, "string"],
  },
  join: {
    deduplicationId: [1, "string"],
    time: [2, "timestamp"],
    deviceInfo: [3, { message: deviceInfo }],
    devAddr: [4, "string"],
    regionConfigId: [7, "string"],
  },
  ack: {
    deduplicationId: [1, "string"],
    time: [2, "timestamp"],
    deviceInfo: [3, { message: deviceInfo }],
    queueItemId: [4, "string"],
    acknowledged: [5, "bool"],
    fCntDown: [6, "uint32"],
  },
  txack: {
    downlinkId: [1, "uint32"],
    time: [2, "timestamp"],
    deviceInfo: [3, { message: deviceInfo }],
    queueItemId: [4, "string"],
    fCntDown: [5, "uint32"],
    gatewayId: [6, "string"],
    txInfo: [7, { message: downlinkTxInfo }],
  },
  log: {
    time: [1, "timestamp"],
    deviceInfo: [2, { message: deviceInfo }],
    level: [3, { enum: logLevel }],
    code: [4, { enum: logCode }],
    description: [5, "string"],
    context: [6, "map"],
  },
  status: {
    deduplicationId: [1, "string"],
    time: [2, "timestamp"],
    deviceInfo: [3, { message: deviceInfo }],
    margin: [5, "int32"],
    externalPowerSource: [6, "bool"],
    batteryLevelUnavailable: [7, "bool"],
    batteryLevel: [8, "float"],
  },
} as const satisfies Record<string, Schema>;

export type EventName = keyof typeof events;

/** What a client publishes on `command/down`. */
export const downlinkCommand: Schema = {
  id: [1, "string"],
  devEui: [2, "string"],
  confirmed: [3, "bool"],
  fPort: [4, "uint32"],
  data: [5, "bytes"],
  object: [6, "struct"],
  expiresAt: [7, "timestamp"],
};
