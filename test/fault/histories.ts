import { liveThrough, type Sabotage, Violation } from "./gateway-history.ts";
import { type Plan, planOf, shrink } from "./history-plan.ts";

/** Lives the histories of seeds one after the other. Throws an Error that says how to replay the first that fails. */
export async function liveThroughAll(first: number, count: number): Promise<Record<string, number>> {
  const sums: Record<string, number> = {};
  for (let seed = first; seed < first + count; seed++) {
    const broken = await brokenBy(planOf(seed));
    if (broken !== undefined) throw new Error(await replayOf(seed, broken));
  }
  return sums;

  async function brokenBy(plan: Plan): Promise<string | undefined> {
    try {
      const summary = await liveThrough(plan);
      for (const [what, number] of Object.entries(summary)) sums[what] = (sums[what] ?? 0) + number;
      return undefined;
    } catch (error) {
      return messageOf(error);
    }
  }
}

/** What a seed breaks under sabotage, the first of them; undefined when all hold. */
export async function firstViolation(
  sabotage: Sabotage,
  how: RegExp,
  histories: number,
): Promise<string | undefined> {
  for (let seed = 1; seed <= histories; seed++) {
    try {
      await liveThrough(planOf(seed), sabotage);
    } catch (error) {
      const message = messageOf(error);
      // A failure of another kind is no proof that the judge sees this one.
      if (how.test(message)) return `SEED=${seed}: ${message}`;
    }
  }
  return undefined;
}

/** One history, or what is left of it; gives what it did, or throws what it broke. */
export async function replay(seed: number, kept: string | undefined) {
  const plan = planOf(seed);
  const events = kept === undefined ? plan.events : plan.events.filter((_, at) => listed(kept).includes(at));
  return liveThrough({ ...plan, events });
}

function listed(kept: string): number[] {
  return kept.split(",").filter(Boolean).map(Number);
}

/** What broke, what is left of the plan when all is dropped that it does not need, and the command that shows it again. */
async function replayOf(seed: number, broken: string): Promise<string> {
  const { plan, kept } = await shrink(planOf(seed), async (fewer) => {
    const other = await liveThrough(fewer).then(() => undefined, messageOf);
    return other !== undefined && alike(other) === alike(broken);
  });
  const command = `SEED=${seed} KEEP=${kept.join()} npx vitest run test/fault/gateway-history.test.ts`;
  return [broken, `replay: ${command}`, ...plan.events.map((event) => JSON.stringify(event))].join("\n");
}

function messageOf(error: unknown): string {
  if (error instanceof Violation) return error.message;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

function alike(message: string): string {
  return message.replaceAll(/\d+/g, "#");
}
