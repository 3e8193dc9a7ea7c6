import { checksumNames, checksums, writeChecksum } from "../../codec/checksum.ts";
import { hexBytes, hexPattern } from "../../codec/hex.ts";
import { span } from "./shape.ts";
import { parseSpan } from "./span.ts";
import { wireNumber } from "./wire-number.ts";

/** A request as a profile writes it, ready to be filled in. */
export interface Template {
  /** Bytes before stuffing. */
  readonly length: number;
  /** The names it wants, `address` and `tag` among them. */
  readonly names: readonly string[];
  /** The wire type of each of them. */
  readonly types: ReadonlyMap<string, string>;
  /** Throws RangeError for a value that is missing or does not fit. */
  render(values: Readonly<Record<string, number | string>>): Uint8Array;
}

type Piece =
  | { readonly kind: "bytes"; readonly bytes: Uint8Array }
  | { readonly kind: "value"; readonly name: string; readonly type: string }
  | {
      readonly kind: "checksum";
      readonly name: (typeof checksumNames)[number];
      readonly over: string;
      readonly order: string | undefined;
    };

/**
 * `aab4 06 01 {on:u8} 00 {sum8:2..} ab`: hex bytes; `{name:type}`, a value in the type of
 * `wire-number.ts`; `{checksum:first..last}`, both included, up to the checksum itself when there is no
 * last; a CRC's byte order may follow: `{crc16-modbus:0..:big}`. Throws RangeError.
 */
export function compileTemplate(text: string): Template {
  const pieces = [...parse(text)];
  const fill: ((values: Readonly<Record<string, number | string>>, bytes: Uint8Array) => void)[] = [];
  const sums: ((bytes: Uint8Array) => void)[] = [];
  const types = new Map<string, string>();
  const length = pieces.reduce((total, piece) => total + sizeOf(piece), 0);
  let at = 0;
  for (const piece of pieces) {
    const place = at;
    at += sizeOf(piece);
    if (piece.kind === "bytes") fill.push((_, bytes) => bytes.set(piece.bytes, place));
    else if (piece.kind === "value") {
      const number = wireNumber(piece.type)!;
      const first = types.get(piece.name);
      if (first !== undefined && first !== piece.type)
        throw new RangeError(`{${piece.name}} is ${first} in one place and ${piece.type} in another`);
      types.set(piece.name, piece.type);
      fill.push((values, bytes) => {
        const value = values[piece.name];
        if (value === undefined) throw new RangeError(`the request needs a value for "${piece.name}"`);
        number.write(value, bytes, place);
      });
    } else {
      const checksum = checksums[piece.name];
      const { from: start, to: end } = span(parseSpan(piece.over), length, place);
      if (start < 0 || end > length || end <= start || (start < place + checksum.size && place < end))
        throw new RangeError(
          `{${piece.name}:${piece.over}} counts bytes ${start} to ${end - 1} of ${length}`,
        );
      const order = piece.order === undefined ? undefined : piece.order === "little" ? "little" : "big";
      sums.push((bytes) => writeChecksum(checksum, bytes, { start, end, at: place, order }));
    }
  }
  if (length === 0) throw new RangeError("a request has at least one byte");
  return {
    length,
    names: [...types.keys()],
    types,
    render(values) {
      const bytes = new Uint8Array(length);
      for (const write of fill) write(values, bytes);
      for (const write of sums) write(bytes);
      return bytes;
    },
  };
}

function* parse(text: string): Generator<Piece> {
  const token = /\{([^{}]*)\}|([^{}]+)/gy;
  for (let index = 0; index < text.length; index = token.lastIndex) {
    const [, hole, plain] = token.exec(text) ?? [];
    if (plain !== undefined) {
      if (!hexPattern.test(plain)) throw new RangeError(`"${plain.trim()}" is not pairs of hex digits`);
      yield { kind: "bytes", bytes: hexBytes(plain) };
    } else if (hole !== undefined) yield holeOf(hole);
    else throw new RangeError("a { in a request must be closed by a }");
  }
}

function holeOf(hole: string): Piece {
  const [name = "", what, order, ...rest] = hole.split(":").map((part) => part.trim());
  const checksum = checksumNames.find((one) => one === name);
  if (checksum && checksum !== "none" && what !== undefined && rest.length === 0) {
    if (order !== undefined && order !== "big" && order !== "little")
      throw new RangeError(`the byte order in {${hole}} is big or little`);
    return { kind: "checksum", name: checksum, over: what, order };
  }
  if (!/^[a-z][a-z0-9_]{0,31}$/.test(name) || what === undefined || order !== undefined)
    throw new RangeError(`{${hole}} is neither {name:type} nor {checksum:first..last}`);
  if (!wireNumber(what))
    throw new RangeError(`{${hole}}: "${what}" is no type; write u8, u16le, u16be, u32le, s16, bcd4 or hex4`);
  return { kind: "value", name, type: what };
}

function sizeOf(piece: Piece): number {
  if (piece.kind === "bytes") return piece.bytes.length;
  if (piece.kind === "checksum") return checksums[piece.name].size;
  return wireNumber(piece.type)?.size ?? 0;
}
