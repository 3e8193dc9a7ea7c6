/** ChirpStack's DownlinkCommand. */
export interface WrittenDownlink {
  readonly id: string;
  readonly devEui: string;
  readonly confirmed: boolean;
  readonly fPort: number;
  readonly data: Uint8Array;
  /** Unix ms. */
  readonly expiresAt?: number | undefined;
}

/**
 * As protobuf: id 1, dev_eui 2, confirmed 3, f_port 4, data 5, expires_at 7
 * (integration/integration.proto of ChirpStack v4).
 */
export function writeDownlink(command: WrittenDownlink): Uint8Array {
  const { id, devEui, confirmed, fPort, data, expiresAt } = command;
  return Buffer.concat([
    block(1, Buffer.from(id)),
    block(2, Buffer.from(devEui)),
    ...(confirmed ? [scalar(3, 1n)] : []),
    scalar(4, BigInt(fPort)),
    block(5, data),
    ...(expiresAt === undefined ? [] : [block(7, timestamp(expiresAt))]),
  ]);
}

function timestamp(ms: number): Uint8Array {
  const seconds = Math.floor(ms / 1000);
  return Buffer.concat([
    scalar(1, BigInt(seconds)),
    scalar(2, BigInt(Math.round((ms - seconds * 1000) * 1e6))),
  ]);
}

function scalar(field: number, value: bigint): Uint8Array {
  return Buffer.concat([varint(BigInt(field * 8)), varint(BigInt.asUintN(64, value))]);
}

function block(field: number, bytes: Uint8Array): Uint8Array {
  return Buffer.concat([varint(BigInt(field * 8 + 2)), varint(BigInt(bytes.length)), bytes]);
}

function varint(value: bigint): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
  return Uint8Array.from([...bytes, Number(rest)]);
}
