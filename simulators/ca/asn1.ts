// ASN.1 as a CA needs it (X.690 DER), independent of the gateway's.

export interface Node {
  readonly tag: number;
  readonly start: number;
  readonly bodyStart: number;
  readonly end: number;
  /** Of constructed ones. */
  readonly children: readonly Node[];
}

/** The tree of one DER value, at most 12 levels deep. Throws Error. */
export function parse(der: Buffer, start = 0, depth = 0): Node {
  if (depth > 12) throw new Error("too deep");
  const tag = der.readUInt8(start);
  const lead = der.readUInt8(start + 1);
  const extra = lead < 0x80 ? 0 : lead - 0x80;
  const length = extra === 0 ? lead : der.readUIntBE(start + 2, extra);
  const bodyStart = start + 2 + extra;
  const end = bodyStart + length;
  if (end > der.length) throw new Error("cut off");
  const children: Node[] = [];
  if ((tag & 0x20) !== 0) {
    for (let at = bodyStart; at < end; ) {
      const child = parse(der, at, depth + 1);
      if (child.end > end) throw new Error("longer than what holds it");
      children.push(child);
      at = child.end;
    }
  }
  return { tag, start, bodyStart, end, children };
}

/** The bytes of a value, its tag and length included. */
export function whole(der: Buffer, node: Node): Buffer {
  return der.subarray(node.start, node.end);
}

export function body(der: Buffer, node: Node): Buffer {
  return der.subarray(node.bodyStart, node.end);
}

export function value(tag: number, ...parts: readonly Buffer[]): Buffer {
  const content = Buffer.concat(parts);
  if (content.length < 0x80) return Buffer.concat([Buffer.of(tag, content.length), content]);
  const hex = content.length.toString(16);
  const length = Buffer.from(hex.length % 2 ? `0${hex}` : hex, "hex");
  return Buffer.concat([Buffer.of(tag, 0x80 + length.length), length, content]);
}

export const list = (...parts: readonly Buffer[]): Buffer => value(0x30, ...parts);

export function oid(text: string): Buffer {
  const [a = 0, b = 0, ...arcs] = text.split(".").map(Number);
  const out: number[] = [];
  for (const arc of [40 * a + b, ...arcs]) {
    let digits = (arc % 128).toString();
    for (let left = Math.trunc(arc / 128); left > 0; left = Math.trunc(left / 128))
      digits = `${(left % 128) + 128} ${digits}`;
    out.push(...digits.split(" ").map(Number));
  }
  return value(0x06, Buffer.from(out));
}

/** RFC 5280 section 4.1.2.5. */
export function moment(ms: number): Buffer {
  const text = `${new Date(ms).toISOString().slice(0, 19).replaceAll(/[-:T]/g, "")}Z`;
  const year = Number(text.slice(0, 4));
  return year < 2050 ? value(0x17, Buffer.from(text.slice(2))) : value(0x18, Buffer.from(text));
}

export function name(commonName: string): Buffer {
  return list(value(0x31, list(oid("2.5.4.3"), value(0x0c, Buffer.from(commonName)))));
}
