/**
 * Script that gives a realm the part of Node's Buffer that codecs use (ChirpStack supplies it; few need
 * it). An expression: the class. Written to Node's documentation of Buffer; differential test beside it.
 */
export const bufferShim = String.raw`(function () {
"use strict";
var viewOf = function (bytes) { return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength); };
var kind = function (encoding) {
  var name = String(encoding === undefined || encoding === null ? "utf8" : encoding).toLowerCase();
  if (name === "utf-8") return "utf8";
  if (name === "binary") return "latin1";
  if (name === "ucs2" || name === "ucs-2" || name === "utf-16le") return "utf16le";
  if (["utf8", "hex", "ascii", "latin1", "base64", "base64url", "utf16le"].indexOf(name) < 0)
    throw new TypeError("Unknown encoding: " + encoding);
  return name;
};
var letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
var parseText = function (text, encoding) {
  var bytes = [], i, code;
  switch (kind(encoding)) {
    case "hex":
      for (i = 0; i + 1 < text.length; i += 2) {
        var pair = text.slice(i, i + 2);
        if (!/^[0-9a-fA-F]{2}$/.test(pair)) break;
        bytes.push(parseInt(pair, 16));
      }
      return bytes;
    case "ascii": case "latin1":
      for (i = 0; i < text.length; i++) bytes.push(text.charCodeAt(i) & 255);
      return bytes;
    case "utf16le":
      for (i = 0; i < text.length; i++) { code = text.charCodeAt(i); bytes.push(code & 255, code >> 8); }
      return bytes;
    case "base64": case "base64url":
      var bits = 0, held = 0;
      for (i = 0; i < text.length; i++) {
        var letter = text[i];
        if (letter === "=") break;
        var six = letter === "+" || letter === "-" ? 62 : letter === "/" || letter === "_" ? 63 : letters.indexOf(letter);
        if (six < 0) continue;
        held = ((held << 6) | six) & 0xffff; bits += 6;
        if (bits >= 8) { bits -= 8; bytes.push((held >> bits) & 255); }
      }
      return bytes;
    default:
      for (i = 0; i < text.length; i++) {
        code = text.codePointAt(i);
        if (code > 0xffff) i++;
        if (code >= 0xd800 && code <= 0xdfff) code = 0xfffd;
        if (code < 0x80) bytes.push(code);
        else if (code < 0x800) bytes.push(0xc0 | (code >> 6), 0x80 | (code & 63));
        else if (code < 0x10000) bytes.push(0xe0 | (code >> 12), 0x80 | ((code >> 6) & 63), 0x80 | (code & 63));
        else bytes.push(0xf0 | (code >> 18), 0x80 | ((code >> 12) & 63), 0x80 | ((code >> 6) & 63), 0x80 | (code & 63));
      }
      return bytes;
  }
};
// Encoding Standard, "UTF-8 decoder".
var showUtf8 = function (bytes) {
  var text = "", need = 0, seen = 0, code = 0, low = 0x80, high = 0xbf;
  for (var i = 0; i < bytes.length; i++) {
    var byte = bytes[i];
    if (need === 0) {
      if (byte < 0x80) text += String.fromCharCode(byte);
      else if (byte >= 0xc2 && byte <= 0xdf) { need = 1; code = byte & 0x1f; }
      else if (byte >= 0xe0 && byte <= 0xef) {
        if (byte === 0xe0) low = 0xa0;
        if (byte === 0xed) high = 0x9f;
        need = 2; code = byte & 0xf;
      } else if (byte >= 0xf0 && byte <= 0xf4) {
        if (byte === 0xf0) low = 0x90;
        if (byte === 0xf4) high = 0x8f;
        need = 3; code = byte & 7;
      } else text += "\ufffd";
    } else if (byte < low || byte > high) {
      text += "\ufffd"; need = seen = code = 0; low = 0x80; high = 0xbf; i--;
    } else {
      low = 0x80; high = 0xbf;
      code = (code << 6) | (byte & 63);
      if (++seen === need) { text += String.fromCodePoint(code); need = seen = code = 0; }
    }
  }
  return need ? text + "\ufffd" : text;
};
var showText = function (bytes, encoding) {
  var text = "", i;
  switch (kind(encoding)) {
    case "hex": for (i = 0; i < bytes.length; i++) text += (bytes[i] < 16 ? "0" : "") + bytes[i].toString(16); return text;
    case "ascii": for (i = 0; i < bytes.length; i++) text += String.fromCharCode(bytes[i] & 127); return text;
    case "latin1": for (i = 0; i < bytes.length; i++) text += String.fromCharCode(bytes[i]); return text;
    case "utf16le": for (i = 0; i + 1 < bytes.length; i += 2) text += String.fromCharCode(bytes[i] | (bytes[i + 1] << 8)); return text;
    case "base64": case "base64url":
      var url = kind(encoding) === "base64url", alphabet = letters + (url ? "-_" : "+/");
      for (i = 0; i < bytes.length; i += 3) {
        var three = (bytes[i] << 16) | ((bytes[i + 1] || 0) << 8) | (bytes[i + 2] || 0), left = bytes.length - i;
        text += alphabet[three >> 18] + alphabet[(three >> 12) & 63] +
          (left > 1 ? alphabet[(three >> 6) & 63] : url ? "" : "=") + (left > 2 ? alphabet[three & 63] : url ? "" : "=");
      }
      return text;
    default: return showUtf8(bytes);
  }
};
class Buffer extends Uint8Array {
  constructor(value, second, third) {
    if (typeof value === "string") super(parseText(value, second));
    else super(value, second, third);
  }
  static from(value, second, third) {
    if (value && value.type === "Buffer" && Array.isArray(value.data)) value = value.data;
    if (typeof value === "number") throw new TypeError("Buffer.from takes no number: use Buffer.alloc");
    return new Buffer(value, second, third);
  }
  static alloc(size, fill) { var made = new Buffer(size); return fill === undefined ? made : made.fill(fill); }
  static allocUnsafe(size) { return new Buffer(size); }
  static isBuffer(value) { return value instanceof Buffer; }
  static byteLength(value, encoding) { return typeof value === "string" ? parseText(value, encoding).length : value.byteLength; }
  static concat(list, total) {
    var size = 0, at = 0, i;
    for (i = 0; i < list.length; i++) size += list[i].length;
    if (total === undefined) total = size;
    var made = new Buffer(total);
    for (i = 0; i < list.length && at < total; i++) { made.set(list[i].subarray(0, total - at), at); at += list[i].length; }
    return made;
  }
  toString(encoding, start, end) { return showText(this.subarray(start || 0, end), encoding); }
  toJSON() { return { type: "Buffer", data: Array.from(this) }; }
  slice(start, end) { return this.subarray(start, end); }
  equals(other) {
    if (this.length !== other.length) return false;
    for (var i = 0; i < this.length; i++) if (this[i] !== other[i]) return false;
    return true;
  }
  copy(target, targetStart, start, end) {
    var part = this.subarray(start || 0, end), room = target.length - (targetStart || 0);
    if (part.length > room) part = part.subarray(0, Math.max(0, room));
    target.set(part, targetStart || 0);
    return part.length;
  }
  write(text, offset, length, encoding) {
    if (typeof offset === "string") { encoding = offset; offset = 0; length = undefined; }
    else if (typeof length === "string") { encoding = length; length = undefined; }
    var bytes = parseText(text, encoding), at = offset || 0;
    var room = Math.min(this.length - at, length === undefined ? Infinity : length, bytes.length);
    for (var i = 0; i < room; i++) this[at + i] = bytes[i];
    return Math.max(0, room);
  }
}
var add = function (name, method) {
  var define = function (as) {
    Object.defineProperty(Buffer.prototype, as, { value: method, writable: true, configurable: true });
  };
  define(name);
  if (name.indexOf("UInt") >= 0) define(name.replace("UInt", "Uint"));
};
var inside = function (bytes, offset, size) {
  if (typeof offset !== "number" || offset % 1 !== 0) throw new TypeError("the offset must be a whole number");
  if (offset < 0 || offset + size > bytes.length) throw new RangeError("Attempt to access memory outside buffer bounds");
};
var fits = function (value, min, max) {
  if (value > max || value < min) throw new RangeError("The value " + value + " does not fit");
};
var limits = { Int8: [-0x80, 0x7f], UInt8: [0, 0xff], Int16: [-0x8000, 0x7fff], UInt16: [0, 0xffff],
  Int32: [-0x80000000, 0x7fffffff], UInt32: [0, 0xffffffff],
  BigInt64: [-(2n ** 63n), 2n ** 63n - 1n], BigUInt64: [0n, 2n ** 64n - 1n], Float: [-Infinity, Infinity], Double: [-Infinity, Infinity] };
[["Int8", "Int8", 1], ["UInt8", "Uint8", 1], ["Int16", "Int16", 2], ["UInt16", "Uint16", 2], ["Int32", "Int32", 4],
 ["UInt32", "Uint32", 4], ["BigInt64", "BigInt64", 8], ["BigUInt64", "BigUint64", 8], ["Float", "Float32", 4], ["Double", "Float64", 8]
].forEach(function (row) {
  var name = row[0], inView = row[1], size = row[2];
  (size === 1 ? [""] : ["LE", "BE"]).forEach(function (order) {
    add("read" + name + order, function (offset) {
      if (offset === undefined) offset = 0;
      inside(this, offset, size);
      return viewOf(this)["get" + inView](offset, order === "LE");
    });
    add("write" + name + order, function (value, offset) {
      if (offset === undefined) offset = 0;
      fits(value, limits[name][0], limits[name][1]);
      inside(this, offset, size);
      viewOf(this)["set" + inView](offset, value, order === "LE");
      return offset + size;
    });
  });
});
["LE", "BE"].forEach(function (order) {
  var little = order === "LE";
  var whole = function (bytes, offset, size) {
    if (!(size >= 1 && size <= 6 && size % 1 === 0)) throw new RangeError("between 1 and 6 bytes can be read or written");
    inside(bytes, offset, size);
  };
  var read = function (bytes, offset, size) {
    whole(bytes, offset, size);
    var value = 0;
    for (var i = 0; i < size; i++) value = value * 256 + bytes[offset + (little ? size - 1 - i : i)];
    return value;
  };
  var write = function (bytes, value, offset, size) {
    whole(bytes, offset, size);
    var rest = Math.trunc(value);
    for (var i = 0; i < size; i++) {
      var digit = ((rest % 256) + 256) % 256;
      bytes[offset + (little ? i : size - 1 - i)] = digit;
      rest = (rest - digit) / 256;
    }
    return offset + size;
  };
  add("readUInt" + order, function (offset, size) { return read(this, offset, size); });
  add("readInt" + order, function (offset, size) {
    var value = read(this, offset, size);
    return value >= Math.pow(2, 8 * size - 1) ? value - Math.pow(2, 8 * size) : value;
  });
  add("writeUInt" + order, function (value, offset, size) {
    fits(value, 0, Math.pow(2, 8 * size) - 1);
    return write(this, value, offset, size);
  });
  add("writeInt" + order, function (value, offset, size) {
    fits(value, -Math.pow(2, 8 * size - 1), Math.pow(2, 8 * size - 1) - 1);
    return write(this, value, offset, size);
  });
});
return Buffer;
})()`;
