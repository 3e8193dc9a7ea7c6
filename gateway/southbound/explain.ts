import { type Device, pollPeriod } from "../model/device.ts";
import { GatewayError } from "../model/errors.ts";
import { advice } from "./advice.ts";
import { feasibility } from "./feasibility.ts";
import { type LinePlanInput, learnedOf, type PlannedRequest, planLine } from "./line-plan.ts";
import { fullest } from "./schedule.ts";

export interface ExplainedRequest {
  readonly device: string;
  readonly label: string;
  readonly costMs: number;
  /** Undefined: once per connect. */
  readonly periodMs: number | undefined;
  /** Part of the line's time. */
  readonly utilisation: number;
  readonly points: readonly string[];
}

export interface ExplainedPoint {
  readonly device: string;
  readonly point: string;
  /** As asked for; undefined: once. */
  readonly periodMs: number | undefined;
  /** Oldest that its value gets, ms; undefined: read once, or heard. */
  readonly worstAgeMs: number | undefined;
  /** The device sends it by itself. */
  readonly heard?: true | undefined;
}

export interface PlanFinding {
  readonly severity: "error" | "warning";
  readonly code: string;
  readonly message: string;
  readonly hint?: string | undefined;
  readonly device?: string | undefined;
}

/** What one connection will do, before or while it does it. Plain JSON. */
export interface Explanation {
  readonly connection: string;
  readonly requests: readonly ExplainedRequest[];
  readonly points: readonly ExplainedPoint[];
  /** Line time of every repeated request once, ms. */
  readonly cycleMs: number;
  readonly utilisation: number;
  /** Factor by which all periods are stretched to fit, at least 1. */
  readonly stretch: number;
  /** Longest wait of a command for the line, ms. */
  readonly writeLatencyMs: number;
  /** What devices taught by refusing reads, by device. */
  readonly learned: Readonly<Record<string, readonly string[]>>;
  readonly findings: readonly PlanFinding[];
}

/** Above this a line is warned about: little is left for commands, repeats and dead units. */
const nearlyFull = 0.8;

/** Plans a connection without touching it: requests, load, worst ages, findings with advice. Pure. */
export function explainConnection(input: LinePlanInput): Explanation {
  const findings: PlanFinding[] = [];
  const devices = input.devices.filter((device) => {
    const problem = planProblem(input, device);
    if (problem) findings.push(problem);
    return problem === undefined;
  });
  const usable = { ...input, devices };
  const { planned, capacity, heard } = planLine(usable);
  const bounds = feasibility(planned, capacity);

  const points: ExplainedPoint[] = [];
  for (const device of devices) {
    const hosts = new Map(
      planned
        .filter((one) => one.device === device)
        .flatMap((one) => one.request.points.map((point) => [point, one] as const)),
    );
    for (const point of device.profile.points) {
      const host = hosts.get(point);
      const periodMs = pollPeriod(device, point);
      if (heard.has(point)) {
        points.push({
          device: device.id,
          point: point.name,
          periodMs: finite(periodMs),
          worstAgeMs: undefined,
          heard: true,
        });
        continue;
      }
      if (!host) {
        findings.push({
          severity: "error",
          code: "point-not-readable",
          device: device.id,
          message: `${device.id}: ${point.name} fits in no permitted read`,
          hint: "look at the profile's read limits, windows and forbidden ranges",
        });
        continue;
      }
      const age = bounds.worstAge({ costMs: host.costMs, periodMs: Math.max(periodMs, host.periodMs) });
      points.push({
        device: device.id,
        point: point.name,
        periodMs: finite(periodMs),
        worstAgeMs: finite(age),
      });
    }
  }
  if (bounds.utilisation > 1) findings.push(overloaded(usable, planned, bounds.utilisation));
  else if (bounds.utilisation > nearlyFull) {
    findings.push({
      severity: "warning",
      code: "line-nearly-full",
      message: `${input.connection}: polling takes ${percent(bounds.utilisation)} of the line`,
      hint: `above ${percent(nearlyFull)} little is left for commands and repeats: ${advice(usable, planned, nearlyFull)}`,
    });
  }
  return {
    connection: input.connection,
    requests: planned.map(({ device, request, costMs, periodMs }) => ({
      device: device.id,
      label: request.label,
      costMs,
      periodMs: finite(periodMs),
      utilisation: costMs / periodMs / capacity,
      points: request.points.map((point) => point.name),
    })),
    points,
    cycleMs: planned.reduce((sum, one) => sum + (finite(one.periodMs) === undefined ? 0 : one.costMs), 0),
    utilisation: bounds.utilisation,
    stretch: bounds.stretch,
    writeLatencyMs: bounds.writeLatencyMs,
    learned: learnedLines(usable),
    findings,
  };
}

/** A device that cannot be planned is named and left out: it must not hide the others. */
function planProblem(input: LinePlanInput, device: Device): PlanFinding | undefined {
  try {
    planLine({ ...input, devices: [device] });
    return undefined;
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    return {
      severity: "error",
      code: error.code,
      device: device.id,
      message: `${device.id}: ${error.message}`,
      hint: error.hint,
    };
  }
}

function overloaded(
  input: LinePlanInput,
  planned: readonly PlannedRequest[],
  utilisation: number,
): PlanFinding {
  return {
    severity: "error",
    code: "line-overloaded",
    message: `${input.connection} needs ${utilisation.toFixed(2)} s per 1 s: ${advice(input, planned, fullest)}`,
    hint: `until then all periods are stretched by ${(utilisation / fullest).toFixed(2)}`,
  };
}

function learnedLines(input: LinePlanInput): Record<string, readonly string[]> {
  const lines: Record<string, readonly string[]> = {};
  for (const device of input.devices) {
    const found = input.protocol.describeLearned?.(learnedOf(input, device)) ?? [];
    if (found.length > 0) lines[device.id] = found;
  }
  return lines;
}

function finite(value: number): number | undefined {
  return Number.isFinite(value) ? value : undefined;
}

function percent(part: number): string {
  return `${Math.round(part * 100)} %`;
}

/** The explanation as a person reads it. */
export function renderExplanation(explanation: Explanation): string {
  const { connection, requests, points, learned, findings } = explanation;
  const ages = new Map<string, number>();
  for (const { device, point, worstAgeMs } of points) {
    if (worstAgeMs !== undefined) ages.set(`${device} ${point}`, worstAgeMs);
  }
  const rows = requests.map((request) => {
    const worst = request.points.flatMap((point) => ages.get(`${request.device} ${point}`) ?? []);
    return [
      request.device,
      request.label,
      request.costMs.toFixed(1),
      request.periodMs === undefined ? "once" : seconds(request.periodMs),
      (request.utilisation * 100).toFixed(1),
      worst.length === 0 ? "" : seconds(Math.max(...worst)),
      pointList(request.points),
    ];
  });
  const lines =
    requests.length === 0
      ? [`${connection}: nothing is asked, and no line time is needed`]
      : [
          `${connection}: ${requests.length} requests, ${explanation.cycleMs.toFixed(1)} ms per cycle, ${percent(explanation.utilisation)} of the line`,
          `a command waits at most ${explanation.writeLatencyMs.toFixed(1)} ms for the line`,
          "",
          ...table(["device", "request", "ms", "every", "% of line", "worst age", "points"], rows),
        ];
  const heard = Map.groupBy(
    points.filter((point) => point.heard),
    ({ device }) => device,
  );
  for (const [device, said] of heard) {
    lines.push("", `${device} sends by itself: ${pointList(said.map(({ point }) => point))}`);
  }
  for (const [device, facts] of Object.entries(learned)) {
    lines.push("", `learned from ${device}:`, ...facts.map((fact) => `  ${fact}`));
  }
  for (const finding of findings) {
    lines.push("", `${finding.severity}: ${finding.message} [${finding.code}]`);
    if (finding.hint) lines.push(`  hint: ${finding.hint}`);
  }
  return `${lines.join("\n")}\n`;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const widths = head.map((title, column) =>
    rows.reduce((width, row) => Math.max(width, row[column]!.length), title.length),
  );
  return [head, ...rows].map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column]!))
      .join("  ")
      .trimEnd(),
  );
}

function pointList(names: readonly string[]): string {
  return names.length <= 4 ? names.join(" ") : `${names.slice(0, 3).join(" ")} and ${names.length - 3} more`;
}

function seconds(ms: number): string {
  return `${Number((ms / 1000).toPrecision(3))} s`;
}
