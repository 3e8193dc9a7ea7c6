/** A page of WebAssembly memory, bytes. */
export const pageBytes = 65_536;

const memorySection = 5;

/**
 * The WebAssembly binary with an upper bound on its own memory (WebAssembly 1.0, 5.5.8: memory
 * section; 5.3.7: limits), so that the machine and not only the program in it says no.
 *
 * @throws RangeError when the binary has no memory of its own, or already asks for more than `pages`
 */
export function capMemory(binary: Uint8Array, pages: number): Uint8Array<ArrayBuffer> {
  let at = 8;
  while (at < binary.length) {
    const id = binary[at];
    const size = readLeb(binary, at + 1);
    const end = size.next + size.value;
    if (id === memorySection) {
      const count = readLeb(binary, size.next);
      const initial = readLeb(binary, count.next + 1);
      if (count.value !== 1 || initial.value > pages) throw new RangeError("the memory does not fit the cap");
      const body = [1, 1, ...leb(initial.value), ...leb(pages)];
      return Buffer.concat([
        binary.subarray(0, at + 1),
        Uint8Array.from([...leb(body.length), ...body]),
        binary.subarray(end),
      ]);
    }
    at = end;
  }
  throw new RangeError("the binary has no memory of its own");
}

function readLeb(bytes: Uint8Array, at: number): { value: number; next: number } {
  let value = 0;
  let next = at;
  for (let shift = 0; ; shift += 7) {
    const byte = bytes[next++];
    if (byte === undefined || shift > 28) throw new RangeError("not a WebAssembly binary");
    value |= (byte & 0x7f) << shift;
    if (byte < 0x80) return { value: value >>> 0, next };
  }
}

function leb(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 0x7f; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80);
  return [...bytes, rest];
}
