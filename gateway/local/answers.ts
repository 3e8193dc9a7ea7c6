// What the API answers, for its OpenAPI document. Loaded only for that and by tests, which hold every
// answer against these: the gateway does without their memory.
export * from "./answers/commands.ts";
export * from "./answers/configuration.ts";
export * from "./answers/devices.ts";
export * from "./answers/jobs.ts";
export * from "./answers/machine.ts";
export * from "./answers/readings.ts";
export { error, ok } from "./answers/shared.ts";
export * from "./answers/users.ts";
