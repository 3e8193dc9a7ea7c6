/** A line of the log, as pino writes it, or as it stands where it is none. */
export interface LogLine {
  readonly level: number;
  /** ISO 8601. */
  readonly time: string | undefined;
  readonly message: string;
  /** What else it says. */
  readonly fields: Readonly<Record<string, unknown>>;
}

export function parseLogLine(text: string): LogLine {
  const parsed = objectOf(text);
  if (!parsed) return { level: 30, time: undefined, message: text, fields: {} };
  const { level, time, msg, ...fields } = parsed;
  return {
    level: typeof level === "number" ? level : 30,
    time: typeof time === "string" ? time : undefined,
    message: typeof msg === "string" ? msg : "",
    fields,
  };
}

/** A JSON object, or undefined for anything else. */
export function objectOf(text: string): Record<string, unknown> | undefined {
  try {
    const parsed: unknown = JSON.parse(text);
    return parsed && typeof parsed === "object" && !Array.isArray(parsed) ? { ...parsed } : undefined;
  } catch {
    return undefined;
  }
}

/** Fields as words: `device=lamp-1 code=timeout`; what is nested as JSON. */
export function fieldsText(fields: Readonly<Record<string, unknown>>): string {
  return Object.entries(fields)
    .map(([key, value]) => `${key}=${typeof value === "string" ? value : JSON.stringify(value)}`)
    .join("  ");
}
