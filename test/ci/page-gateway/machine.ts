import type { MachineFacts } from "../../../gateway/local/commissioning.ts";

/** The machine on the pole, as it says of itself. */
export const machine: MachineFacts = {
  model: "Raspberry Pi 4 Model B Rev 1.5",
  os: "Debian GNU/Linux 13 (trixie)",
  hostname: "sodermalm-07",
  addresses: ["192.0.2.17", "fe80::1"],
  uptimeS: 1_234_567,
  load: 0.42,
  memory: { totalMB: 3800, freeMB: 2900 },
  disk: { totalMB: 29_000, freeMB: 21_500 },
  temperatureC: 51.1,
  undervoltage: "earlier",
  timeKeeper: "systemd-timesyncd",
  node: "v24.21.0",
};
