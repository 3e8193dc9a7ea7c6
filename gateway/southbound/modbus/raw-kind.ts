import { layoutKind } from "../../codec/numbers.ts";
import { isBitTable, layoutOf, type ModbusAddress } from "./settings.ts";
import { sunspecKind } from "./sunspec-address.ts";

/** What an address yields. */
export function kindOf(address: ModbusAddress): "integer" | "float" | "boolean" | "text" | "bytes" {
  if (address.sunspec) return sunspecKind(address.sunspec);
  return isBitTable(address.table) ? "boolean" : layoutKind(layoutOf(address));
}
