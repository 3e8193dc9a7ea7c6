import type { Role } from "../types.ts";

export const roles: readonly Role[] = ["viewer", "technician", "operator", "admin"];

export interface Secret {
  readonly title: string;
  readonly text: string;
}

/** What is asked before it is done. */
export interface Question {
  readonly text: string;
  readonly word: string;
  readonly act: () => Promise<void>;
}

export interface Shows {
  readonly show: (secret: Secret) => void;
  readonly ask: (question: Question) => void;
}
