import { parseDuration } from "../../gateway/model/duration.ts";

// What the editor pages of the logic nodes share.

/** Colour of nodes that work on messages alone. */
export const logicColor = "#D8CFA6";

/** `30s`, `15m`, `1h`; empty where that is allowed. */
export function isDuration(text: unknown, allowsEmpty = true): boolean {
  const written = String(text ?? "").replaceAll(/\s/g, "");
  if (written === "") return allowsEmpty;
  try {
    parseDuration(written);
    return true;
  } catch {
    return false;
  }
}

export function isNumber(text: unknown, least = Number.NEGATIVE_INFINITY): boolean {
  const written = String(text ?? "").trim();
  return written !== "" && Number.isFinite(Number(written)) && Number(written) >= least;
}

export const isOptionalDuration = (text: string): boolean => isDuration(text);
export const isDurationWritten = (text: string): boolean => isDuration(text, false);
export const isOptionalNumber = (text: string): boolean => text === "" || isNumber(text);

/** Shows rows of the page only while a choice is among some values. */
export function showWhile(field: string, rows: string, values: readonly string[]): void {
  const choice = $(`#node-input-${field}`);
  const show = () => $(rows).toggle(values.includes(String(choice.val())));
  choice.on("change", show);
  show();
}

/** A second output exactly while a choice is the value that has one. */
export function countOutputs(field: string, value: string): void {
  $("#node-input-outputs").val($(`#node-input-${field}`).val() === value ? 2 : 1);
}
