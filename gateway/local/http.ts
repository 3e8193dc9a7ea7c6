/**
 * `node:http` without what an `import` of it drags along: that reads every export, also those that load
 * all of fetch and WebSocket when they are read. 14 MB and 25 ms on Node 24, for nothing.
 */
export const { createServer, request } = process.getBuiltinModule("node:http");

/** `node:https`, loaded (with TLS: 5 MB) only where the second door is opened. */
export function secureHttp(): typeof import("node:https") {
  return process.getBuiltinModule("node:https");
}
