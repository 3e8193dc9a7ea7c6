import { layoutKind } from "../../codec/numbers.ts";
import { isBitTable, layoutOf, type ModbusAddress } from "./settings.ts";

/** What an address yields. */
export function kindOf(address: ModbusAddress): "integer" | "float" | "boolean" | "text" | "bytes" {
  return isBitTable(address.table) ? "boolean" : layoutKind(layoutOf(address));
}
