import type { ProfileSummary } from "../../../gateway/local/commissioning.ts";
import type { Finding, PortFacts } from "../../../gateway/model/commissioning.ts";

// What a technician finds on the pole: ports, and devices behind them.

export const ftdi: PortFacts = {
  name: "/dev/serial/by-id/usb-FTDI_FT232R_USB_UART_A10ABCDE-if00-port0",
  names: ["/dev/ttyUSB0"],
  what: "FT232R USB UART, FTDI, A10ABCDE",
  stable: true,
};

export const modem: PortFacts = {
  name: "/dev/serial/by-id/usb-Prolific_PL2303-if00-port0",
  names: ["/dev/ttyUSB1"],
  what: "PL2303, Prolific",
  stable: true,
  problem: {
    message: { en: "ModemManager holds this port.", sv: "ModemManager håller porten." },
    fix: {
      en: "`sudo systemctl disable --now ModemManager`",
      sv: "`sudo systemctl disable --now ModemManager`",
    },
  },
};

const serial = { serial: { port: ftdi.name, baud: 9600, parity: "none" } };

export const foundMeter: Finding = {
  kind: "device",
  protocol: "modbus",
  connection: serial,
  settings: { unit: 1 },
  says: "SDM630",
  profiles: [
    {
      profile: "eastron/sdm630",
      title: { en: "Three-phase meter SDM630", sv: "Trefasmätare SDM630" },
      by: "identified",
      fit: 1,
      evidence: ["voltage 231.4 V", "frequency 50.0 Hz"],
    },
  ],
};
export const foundRelay: Finding = {
  kind: "device",
  protocol: "modbus",
  connection: serial,
  settings: { unit: 3 },
  profiles: [
    {
      profile: "wiren-board/wb-mr6c",
      title: { en: "Relay board WB-MR6C", sv: "Reläkort WB-MR6C" },
      by: "plausible",
      fit: 0.8,
      evidence: [],
    },
  ],
};

export const profiles: readonly ProfileSummary[] = [
  ["eastron/sdm630", "Three-phase meter SDM630", "Trefasmätare SDM630", "energy"],
  ["eastron/sdm120", "Single-phase meter SDM120", "Enfasmätare SDM120", "energy"],
  ["wiren-board/wb-mr6c", "Relay board WB-MR6C", "Reläkort WB-MR6C", "actuator"],
  ["abb/b23", "Three-phase meter B23", "Trefasmätare B23", "energy"],
].map(([id = "", en = "", sv = "", category = ""]) => ({
  id,
  version: "1.0.0",
  title: { en, sv },
  manufacturer: id.split("/")[0] ?? "",
  models: [],
  category,
  status: "bench-tested",
  protocol: "modbus",
  points: [],
  options: id === "abb/b23" ? [{ name: "transformer", values: ["5A", "65A"] }] : [],
}));
