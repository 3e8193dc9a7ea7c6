/** Bytes of a text of hex digits, white space between them or not. Callers have checked the text by `hexPattern`. */
export function hexBytes(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text.replaceAll(/\s/g, ""), "hex"));
}

/** Hex digits, two per byte; white space only between bytes. */
export const hexPattern = /^\s*([0-9a-fA-F]{2}\s*)*$/;

export function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
