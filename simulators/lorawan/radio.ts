// What the air over a Swedish city does to LoRa frames: EU868 data rates and channels (LoRaWAN Regional
// Parameters RP002), time on air (Semtech's formula), and which of the network's gateways hear a device.

export interface DataRate {
  readonly spreadingFactor: 7 | 8 | 9 | 10 | 11 | 12;
  readonly bandwidth: 125_000;
  /** Bytes of FRMPayload that fit (no repeater). */
  readonly maxPayload: number;
  /** Signal-to-noise ratio in dB from which on the frame can be read. */
  readonly floor: number;
}

/** EU868 by data rate index, DR0..DR5. */
export const dataRates: readonly DataRate[] = [
  { spreadingFactor: 12, bandwidth: 125_000, maxPayload: 51, floor: -20 },
  { spreadingFactor: 11, bandwidth: 125_000, maxPayload: 51, floor: -17.5 },
  { spreadingFactor: 10, bandwidth: 125_000, maxPayload: 51, floor: -15 },
  { spreadingFactor: 9, bandwidth: 125_000, maxPayload: 115, floor: -12.5 },
  { spreadingFactor: 8, bandwidth: 125_000, maxPayload: 242, floor: -10 },
  { spreadingFactor: 7, bandwidth: 125_000, maxPayload: 242, floor: -7.5 },
];

export const uplinkFrequencies = [
  868_100_000, 868_300_000, 868_500_000, 867_100_000, 867_300_000, 867_500_000, 867_700_000, 867_900_000,
] as const;

/** The second receive window of EU868, which class C devices keep open. */
export const rx2 = { frequency: 869_525_000, dataRate: 0, power: 27 } as const;

export interface RadioGateway {
  /** EUI-64, 16 hex digits, lower case. */
  readonly id: string;
  readonly latitude: number;
  readonly longitude: number;
  readonly altitude: number;
}

/** What one gateway heard. */
export interface Reception {
  readonly gateway: RadioGateway;
  /** dBm */
  readonly rssi: number;
  /** dB, in quarters */
  readonly snr: number;
  readonly channel: number;
  readonly uplinkId: number;
  /** The concentrator's counter, which a downlink must name. */
  readonly context: Uint8Array;
}

export interface RadioPath {
  /** Mean loss in dB to each gateway, in the order of the gateways. */
  readonly losses: readonly number[];
  readonly dataRate: number;
}

const transmitPower = 14;
const noise = -117;
/** dB above the floor that ADR leaves. */
const margin = 10;

/** Where a device stands for good: its path losses, and the data rate that ADR would settle on. */
export function settle(gateways: readonly RadioGateway[], random: () => number): RadioPath {
  const nearest = 95 + random() * 50;
  const losses = gateways.map((_, index) => nearest + (index === 0 ? 0 : random() * 30));
  // The nearest is not always the first.
  for (let index = losses.length - 1; index > 0; index--) {
    const other = Math.floor(random() * (index + 1));
    [losses[index], losses[other]] = [losses[other] ?? 0, losses[index] ?? 0];
  }
  const best = transmitPower - Math.min(...losses) - noise;
  const dataRate = dataRates.findLastIndex(({ floor }) => best - floor >= margin);
  return { losses, dataRate: Math.max(0, dataRate) };
}

/** Who hears a frame, the best first; the best always hears it. */
export function receive(
  gateways: readonly RadioGateway[],
  path: RadioPath,
  channel: number,
  random: () => number,
): readonly Reception[] {
  const floor = dataRates[path.dataRate]?.floor ?? 0;
  const heard = gateways.map((gateway, index): Reception => {
    const strength = transmitPower - (path.losses[index] ?? 140) + (random() - 0.5) * 6;
    const counter = Math.floor(random() * 2 ** 32);
    const context = new Uint8Array(4);
    new DataView(context.buffer).setUint32(0, counter);
    return {
      gateway,
      rssi: Math.round(Math.max(strength, noise - 8)),
      snr: Math.round(Math.min(strength - noise, 11 + random() * 3) * 4) / 4,
      channel,
      uplinkId: Math.floor(random() * 2 ** 16),
      context,
    };
  });
  heard.sort((a, b) => b.snr - a.snr || b.rssi - a.rssi);
  return heard.filter(({ snr }, index) => index === 0 || snr >= floor);
}

/** Milliseconds that a frame of so many payload bytes is in the air: 13 bytes of MAC header, port and check around them, coding rate 4/5, explicit header, CRC. */
export function airtimeMs(dataRate: number, payloadBytes: number): number {
  const { spreadingFactor, bandwidth } = dataRates[dataRate] ?? dataRates[0]!;
  const symbol = (2 ** spreadingFactor / bandwidth) * 1000;
  const slow = spreadingFactor >= 11 ? 2 : 0;
  const bits = 8 * (payloadBytes + 13) - 4 * spreadingFactor + 28 + 16;
  const symbols = 8 + Math.max(Math.ceil(bits / (4 * (spreadingFactor - slow))) * 5, 0);
  return (12.25 + symbols) * symbol;
}
