import type { Scenario } from "./scenario.ts";

/** What the process that runs a flow is given. */
export interface FlowJob {
  readonly flow: readonly FlowNode[];
  readonly scenario: Scenario;
  /** Of this run, with our nodes in it. */
  readonly folder: string;
}

export interface FlowNode {
  readonly id: string;
  readonly type: string;
  readonly name?: string;
  readonly [property: string]: unknown;
}

/** Whether what a step expected happened. */
export interface StepResult {
  /** Of the scenario's steps, from 0. */
  readonly step: number;
  /** Ms since the start. */
  readonly at: number;
  readonly passed: boolean;
  readonly expected: string;
  /** What happened instead, in the order of time. */
  readonly got: readonly string[];
}

/** What it asks meanwhile: payloads are decoded by whoever has profiles and a sandbox. */
export interface PayloadAsked {
  readonly kind: "payload";
  readonly id: number;
  /** `POST /v1/decode` or `POST /v1/encode`. */
  readonly route: string;
  readonly body: Readonly<Record<string, unknown>>;
}

export interface PayloadAnswer {
  readonly kind: "payload";
  readonly id: number;
  readonly answer?: unknown;
  readonly problem?: { readonly code: string; readonly message: string };
}

/** What it answers. */
export type FlowAnswer =
  | {
      readonly kind: "done";
      readonly results: readonly StepResult[];
      /** Errors of nodes and of the runtime, which may explain what did not happen. */
      readonly problems: readonly string[];
    }
  | { readonly kind: "failed"; readonly message: string };

export function isFlowAnswer(value: unknown): value is FlowAnswer {
  if (typeof value !== "object" || value === null || !("kind" in value)) return false;
  return value.kind === "done" || value.kind === "failed";
}

export function isPayloadAsked(value: unknown): value is PayloadAsked {
  return typeof value === "object" && value !== null && "kind" in value && value.kind === "payload";
}
