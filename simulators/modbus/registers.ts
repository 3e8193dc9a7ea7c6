/** The four tables of the Modbus data model (Application Protocol V1.1b3, section 4.3). */
export type Table = "coil" | "discrete" | "input" | "holding";

/**
 * What a unit holds, as plain data. Keys are wire addresses (0-based; decimal or `0x..`). Words are hex
 * text, consecutive registers in one entry ("4366 3333"), or one number 0..65535. Bits are true, false
 * or text of 0 and 1, consecutive bits in one entry ("0110").
 */
export type RegisterMap = {
  readonly [table in Table]?: Readonly<Record<string, string | number | boolean>>;
};

/** A unit's registers. Addresses that were never set are unmapped. */
export class Registers {
  #tables = new Map<Table, { readonly words: Uint16Array; readonly mapped: Uint8Array }>();

  constructor(map: RegisterMap = {}) {
    for (const table of ["coil", "discrete", "input", "holding"] as const) {
      for (const [address, content] of Object.entries(map[table] ?? {})) {
        this.set(table, Number(address), parse(table, content));
      }
    }
  }

  isMapped(table: Table, address: number, count = 1): boolean {
    const mapped = this.#tables.get(table)?.mapped;
    if (!mapped || address < 0 || address + count > mapped.length) return false;
    for (let i = address; i < address + count; i++) if (!mapped[i]) return false;
    return true;
  }

  /** 0 where nothing is mapped. Bits are 0 or 1. */
  get(table: Table, address: number): number {
    return this.#tables.get(table)?.words[address] ?? 0;
  }

  /** Sets consecutive registers or bits and maps them. */
  set(table: Table, address: number, words: ArrayLike<number>): void {
    if (!Number.isInteger(address) || address < 0 || address + words.length > 0x10000) {
      throw new RangeError(`no register ${table} ${address}..${address + words.length - 1}`);
    }
    let entry = this.#tables.get(table);
    if (!entry) {
      entry = { words: new Uint16Array(0x10000), mapped: new Uint8Array(0x10000) };
      this.#tables.set(table, entry);
    }
    for (let i = 0; i < words.length; i++) {
      entry.words[address + i] = words[i]!;
      entry.mapped[address + i] = 1;
    }
  }

  /** IEEE 754 single, high word first, as most meters send it. */
  setFloat(table: Table, address: number, value: number): void {
    const view = new DataView(new ArrayBuffer(4));
    view.setFloat32(0, value);
    this.set(table, address, [view.getUint16(0), view.getUint16(2)]);
  }

  /** One 16-bit register, signed values as two's complement; rounded to an integer. */
  setInteger(table: Table, address: number, value: number): void {
    this.set(table, address, [Math.round(value) & 0xffff]);
  }
}

function parse(table: Table, content: string | number | boolean): number[] {
  if (typeof content === "boolean") return [Number(content)];
  if (table === "coil" || table === "discrete") {
    const bits = String(content).replaceAll(/\s/g, "");
    if (!/^[01]+$/.test(bits)) throw new TypeError(`not bits: ${content}`);
    return Array.from(bits, Number);
  }
  if (typeof content === "number") {
    if (!Number.isInteger(content) || content < 0 || content > 0xffff) {
      throw new TypeError(`not a register: ${content}`);
    }
    return [content];
  }
  const hex = content.replaceAll(/\s/g, "");
  if (!/^([0-9a-fA-F]{4})+$/.test(hex)) throw new TypeError(`not whole registers in hex: ${content}`);
  return Array.from({ length: hex.length / 4 }, (_, i) => Number.parseInt(hex.slice(i * 4, i * 4 + 4), 16));
}

/** The shape of one file of the meter collection in the golden data. */
export interface GoldenMeter {
  readonly model: string;
  readonly registers: readonly {
    readonly name: string;
    readonly fc: number;
    readonly address: number;
    readonly count: number;
    readonly example_raw: string;
    readonly example_value: number;
  }[];
}

/** A meter whose registers hold the example raw values of a golden file (already parsed). */
export function imageFromGolden(meter: GoldenMeter): RegisterMap {
  const input: Record<string, string> = {};
  const holding: Record<string, string> = {};
  for (const register of meter.registers) {
    if (register.fc !== 3 && register.fc !== 4) throw new TypeError(`function ${register.fc} is no table`);
    (register.fc === 3 ? holding : input)[register.address] = register.example_raw;
  }
  return { input, holding };
}
