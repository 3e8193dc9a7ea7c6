import { bufferShim } from "./buffer-shim.ts";

/** The name that a script has in its own stack traces. */
export const scriptFile = "codec.js";

/**
 * Script run in every realm before the codec; its value is the function that calls one. It keeps the
 * built-ins that it needs for itself, so that a codec which replaces them confuses only its own code.
 * What it returns is text, and checked outside all the same: a realm is not trusted.
 *
 *     run(found, "names", "")         -> '["decodeUplink", ...]'
 *     run(found, "decodeUplink", json) -> '{"data": ..., "errors": [...], "warnings": [...], "printed": 0}'
 *                                      or '{"failure": "threw" | ..., "message": ..., "stack": ...}'
 */
export const prelude = `(function () {
"use strict";
var parse = JSON.parse, stringify = JSON.stringify, isArray = Array.isArray, RealDate = Date, RealPromise = Promise;
var RealError = Error, isView = ArrayBuffer.isView, text = String, whole = globalThis;
var printed = 0;
var swallow = function () { printed++; };
var hidden = function (name, value) {
  Object.defineProperty(whole, name, { value: value, writable: true, configurable: true, enumerable: false });
};
hidden("console", { log: swallow, info: swallow, warn: swallow, error: swallow, debug: swallow, trace: swallow });
hidden("Buffer", ${bufferShim});
["queueMicrotask", "SharedArrayBuffer", "Atomics", "DOMException"].forEach(function (name) { delete whole[name]; });

var say = function (value) {
  try {
    return typeof value === "string" ? value : typeof value === "object" && value !== null ? stringify(value) || "" : text(value);
  } catch (error) { return "something that cannot be shown"; }
};
var clip = function (value, length) {
  var said = say(value), short = "";
  for (var i = 0; i < said.length && i < length; i++) short += said[i];
  return short;
};
var thrown = function (error, failure) {
  var name = "", message = "", stack = "";
  try {
    if (error instanceof RealError) { name = clip(error.name, 100); message = clip(error.message, 500); stack = clip(error.stack, 1000); }
    else message = clip(error, 500);
  } catch (other) { message = "something that cannot be shown"; }
  return stringify({ failure: failure, name: name, message: message, stack: stack, printed: printed });
};
var bad = function (message) { return stringify({ failure: "bad-output", message: message, printed: printed }); };
// Lists are built as text: a script may have put setters where a list keeps its entries.
var texts = function (list) {
  if (list === undefined || list === null || list === "") return "[]";
  if (!isArray(list)) return "[" + stringify(clip(list, 300)) + "]";
  var out = "";
  for (var i = 0; i < list.length && i < 20; i++) out += (i ? "," : "") + stringify(clip(list[i], 300));
  return "[" + out + "]";
};
var what = function (value) {
  return value === null ? "null" : value instanceof RealPromise ? "a Promise" : isArray(value) ? "a list" :
    isView(value) ? "a typed array" : typeof value === "object" ? "an object" : typeof value === "function" ? "a function" : typeof value;
};
var call = function (found, kind, input) {
  if (kind === "encodeDownlink") return (0, found.encodeDownlink)(input);
  if (input.recvTime !== undefined) input.recvTime = new RealDate(input.recvTime);
  if (found[kind]) return (0, found[kind])(input);
  if (found.Decode) return { data: (0, found.Decode)(input.fPort, input.bytes, input.variables) };
  return { data: (0, found.Decoder)(input.bytes, input.fPort) };
};
var bytesOf = function (list) {
  var out = "";
  for (var i = 0; i < list.length && i < 300; i++) {
    if (typeof list[i] !== "number") return undefined;
    out += (i ? "," : "") + stringify(list[i]);
  }
  return "[" + out + "]";
};
return function run(found, kind, given) {
  printed = 0;
  if (kind === "names") {
    var names = "";
    for (var name in found) if (found[name]) names += (names ? "," : "") + stringify(name);
    return "[" + names + "]";
  }
  var output, errors, warnings, result, port;
  try { output = call(found, kind, parse(given)); } catch (error) { return thrown(error, "threw"); }
  if (typeof output !== "object" || output === null || output instanceof RealPromise || isArray(output) || isView(output))
    return bad(kind + " returned " + what(output) + ", not an object");
  try {
    errors = texts(output.errors);
    warnings = texts(output.warnings);
    if (errors !== "[]") result = undefined;
    else if (kind === "encodeDownlink") {
      var bytes = output.bytes;
      if (!isArray(bytes) && !isView(bytes)) return bad("encodeDownlink returned " + what(bytes) + " for bytes, not a list of numbers");
      result = bytesOf(bytes);
      if (result === undefined) return bad("encodeDownlink returned bytes that are not numbers");
      port = output.fPort;
    } else {
      var data = output.data;
      if (typeof data !== "object" || data === null || data instanceof RealPromise || isArray(data) || isView(data))
        return bad(kind + " returned " + what(data) + " for data, not an object");
      result = stringify(data);
      if (result === undefined) return bad(kind + " returned data that JSON cannot say");
    }
    return '{"errors":' + errors + ',"warnings":' + warnings + ',"printed":' + printed +
      (typeof port === "number" ? ',"fPort":' + stringify(port) : "") +
      (result === undefined ? "}" : (kind === "encodeDownlink" ? ',"bytes":' : ',"data":') + result + "}");
  } catch (error) { return thrown(error, "bad-output"); }
};
})()`;

/**
 * Script run after the codec: what it defines, as functions. By name and not as properties of the
 * global object, because `const decodeUplink = ...` makes no property. `Decode` is ChirpStack v3's,
 * `Decoder` The Things Network v2's, both still found in makers' files.
 */
export const lookup = `({ __proto__: null,
decodeUplink: typeof decodeUplink === "function" ? decodeUplink : undefined,
decodeDownlink: typeof decodeDownlink === "function" ? decodeDownlink : undefined,
encodeDownlink: typeof encodeDownlink === "function" ? encodeDownlink : undefined,
Decode: typeof Decode === "function" ? Decode : undefined,
Decoder: typeof Decoder === "function" ? Decoder : undefined })`;
