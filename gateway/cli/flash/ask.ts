import { createInterface } from "node:readline/promises";
import type { CliContext } from "../context.ts";
import { problem } from "./problems.ts";

/** What somebody answers at the terminal, or undefined where nobody can be asked. Rejects when it is interrupted. */
export async function ask(context: CliContext, question: string): Promise<string | undefined> {
  if (context.input === undefined || context.columns === undefined) return undefined;
  context.out(question);
  const lines = createInterface({ input: context.input, output: undefined, terminal: false });
  const closed = new Promise<string>((resolve) => {
    lines.once("close", () => resolve(""));
  });
  try {
    return await Promise.race([lines.question("", { signal: context.signal }), closed]);
  } catch (error) {
    if (context.signal.aborted) throw problem("interrupted");
    throw error;
  } finally {
    lines.close();
  }
}
