/** The other end of `startChild`: settings from the command line, answers over IPC. */
export function settings<T>(): T {
  return JSON.parse(process.argv[2] ?? "null");
}

export function tell(message: unknown): void {
  process.send?.(message);
}

/** Answers each question by name until the parent goes. */
export function answer(answers: Readonly<Record<string, () => unknown>>): void {
  process.on("disconnect", () => process.exit(0));
  process.on("message", (question) => {
    Promise.resolve()
      .then(() => answers[String(question)]!())
      .then(
        (found) => tell(found ?? null),
        (error: unknown) => tell({ problem: error instanceof Error ? error.message : String(error) }),
      );
  });
}
