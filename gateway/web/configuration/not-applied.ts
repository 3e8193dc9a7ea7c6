import { ApiError } from "../api.ts";
import { configurationWords } from "./configuration.words.ts";

/** Of a text that was not applied, the answer says what is wrong with it; of other errors they say it themselves. */
export function reasonOf(error: unknown, title: string): unknown {
  if (!(error instanceof ApiError) || error.status !== 422) return error;
  const { answer } = error;
  const findings: unknown =
    answer && typeof answer === "object" ? Reflect.get(answer, "diagnostics") : undefined;
  const sections: unknown =
    answer && typeof answer === "object" ? Reflect.get(answer, "restartNeeded") : undefined;
  if (Array.isArray(sections) && sections.length > 0)
    return new ApiError(
      422,
      "not-applied",
      title,
      configurationWords.peek().restartHow(sections.map(String).map(sectionOf).join(", ")),
    );
  const [first]: unknown[] = Array.isArray(findings) ? findings : [];
  const message: unknown = first && typeof first === "object" ? Reflect.get(first, "message") : undefined;
  return typeof message === "string" ? new ApiError(422, "not-applied", title, message) : error;
}

/** A part of gateway.yaml as it is called there. */
export const sectionOf = (part: string): string => (part === "derived" ? "derivedPoints" : part);
