import type { RegisterMap } from "./registers.ts";

/** One model of a simulated SunSpec device: its id and the registers after its length, as hex. */
export interface SunspecBlock {
  readonly id: number;
  readonly body: string;
}

export interface SunspecImage {
  /** Wire address of "SunS". Default 40000. */
  readonly base?: number;
  readonly models: readonly SunspecBlock[];
  /** Whether the chain ends with the end model, as it should. Default true. */
  readonly end?: boolean;
}

/** The holding registers of a device that has these models, in this order. */
export function sunspecRegisters({ base = 40_000, models, end = true }: SunspecImage): RegisterMap {
  const words = models.map(({ id, body }) => {
    const hex = body.replaceAll(/\s/g, "");
    if (hex.length % 4 !== 0) throw new TypeError(`model ${id} is not whole registers`);
    return `${word(id)}${word(hex.length / 4)}${hex}`;
  });
  const marker = Buffer.from("SunS", "latin1").toString("hex");
  return { holding: { [base]: marker + words.join("") + (end ? "ffff0000" : "") } };
}

/** The shape of the golden register image. */
export interface GoldenSunspecImage {
  readonly base_address: number;
  readonly register_image_hex: string;
}

/** A device that holds the golden image, at its own base or at another. */
export function registersFromGolden(
  { base_address, register_image_hex }: GoldenSunspecImage,
  base = base_address,
): RegisterMap {
  return { holding: { [base]: register_image_hex } };
}

function word(value: number): string {
  return value.toString(16).padStart(4, "0");
}
