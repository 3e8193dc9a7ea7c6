import type { IncomingMessage, ServerResponse } from "node:http";

// Bodies and refusals of the pretended local API.

const largestBody = 64 * 1024;

export class Refusal extends Error {
  readonly status: number;
  readonly code: string;
  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

/** Throws Refusal. */
export async function bodyOf(asked: IncomingMessage): Promise<Record<string, unknown>> {
  let text = "";
  for await (const chunk of asked.setEncoding("utf8")) {
    text += chunk;
    if (text.length > largestBody) throw new Refusal(413, "body-too-large", "the body is too large");
  }
  if (text === "") return {};
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null) return { ...value };
  } catch {
    // Told below.
  }
  throw new Refusal(400, "bad-request", "the body is no JSON object");
}

export function send(answer: ServerResponse, status: number, value: unknown): void {
  answer.writeHead(status, { "content-type": "application/json" });
  answer.end(JSON.stringify(value));
}
