import type { Endpoint } from "../../transport/transport.ts";

/** Milliseconds of one character; 0 behind TCP, where nobody knows. */
export function characterMs(endpoint: Endpoint): number {
  if (endpoint.kind === "tcp") return 0;
  const { baud, dataBits, parity, stopBits } = endpoint;
  return ((1 + dataBits + (parity === "none" ? 0 : 1) + stopBits) * 1000) / baud;
}

/** `9600 8N1`; the host behind TCP. */
export function settingsText(endpoint: Endpoint): string {
  if (endpoint.kind === "tcp") return `${endpoint.host}:${endpoint.port}`;
  const { baud, dataBits, parity, stopBits } = endpoint;
  return `${baud} ${dataBits}${parity[0]?.toUpperCase()}${stopBits}`;
}
