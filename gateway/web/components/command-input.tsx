import { useId } from "preact/hooks";
import type { CommandValue } from "../commands.ts";
import { formatNumber, formatUnit } from "../format.ts";
import { commandWords } from "../pages/commands.words.ts";
import { language } from "../preferences.ts";
import { say, words } from "../text/text.ts";
import type { PointDetail } from "../types.ts";
import { Choices, Field } from "./field.tsx";
import { valueText } from "./live-value.tsx";

/** What was typed or chosen, as a command takes it; or why it cannot be sent. */
export interface Typed {
  readonly value?: CommandValue;
  readonly wrong?: string;
}

export function rangeOf(point: PointDetail): readonly [number, number] | undefined {
  return point.write?.range ?? point.range;
}

/** Reads what a person typed for a point: by the kind that it takes, within its limits. */
export function typedValue(point: PointDetail, text: string): Typed {
  const t = commandWords.value;
  const { write } = point;
  if (!write || text === "") return {};
  if (write.takes === "boolean") return { value: text === "true" };
  if (write.takes === "bytes") {
    const hex = text.replaceAll(/[\s:]/g, "");
    return /^(?:[0-9a-fA-F]{2})+$/.test(hex) ? { value: hex } : { wrong: t.noBytes };
  }
  if (write.takes !== "number") return { value: text };
  const plain = text.trim().replace(",", ".");
  const value = Number(plain);
  if (plain === "" || !Number.isFinite(value)) return { wrong: t.noNumber };
  const range = rangeOf(point);
  if (range && (value < range[0] || value > range[1])) {
    const [low, high] = range.map((one) => formatNumber(one, language.value));
    return { wrong: t.outside(low ?? "", high ?? "") };
  }
  // A whole number that JSON's numbers cannot hold goes as a text.
  if (/^-?\d+$/.test(plain) && !Number.isSafeInteger(value)) return { value: plain };
  return { value };
}

/** A way to say a new value: by the kind that the point takes. */
export function CommandInput({
  point,
  text,
  input,
}: {
  point: PointDetail;
  text: string;
  input: (text: string) => void;
}) {
  const t = commandWords.value;
  const slider = useId();
  const { write } = point;
  if (!write) return null;
  if (write.takes === "boolean")
    return (
      <Choices
        label={t.newValue}
        value={text}
        choose={input}
        choices={[
          { value: "true", text: words.value.common.on },
          { value: "false", text: words.value.common.off },
        ]}
      />
    );
  const labels = write.labels ?? (write.takes === "label" ? point.labels : undefined);
  if (write.allowed || labels) {
    const allowed = write.allowed?.map(String);
    const choices = labels
      ? labels
          .filter(({ en }) => allowed === undefined || allowed.includes(en))
          .map((label) => ({ value: label.en, text: say(label) }))
      : (write.allowed ?? []).map((value) => ({
          value: String(value),
          text: `${valueText(value, point)} ${formatUnit(point.unit)}`.trim(),
        }));
    return <Choices label={t.newValue} value={text} choose={input} choices={choices} />;
  }
  const range = rangeOf(point);
  const { wrong } = typedValue(point, text);
  const limits = range?.map((one) => formatNumber(one, language.value));
  return (
    <div class="stack">
      <Field
        label={t.newValue}
        value={text}
        input={input}
        inputMode={write.takes === "number" ? "decimal" : "text"}
        unit={formatUnit(point.unit) || undefined}
        hint={
          write.takes === "bytes"
            ? t.bytesHint
            : limits
              ? t.range(limits[0] ?? "", limits[1] ?? "")
              : undefined
        }
        error={wrong}
      />
      {range && write.takes === "number" && (
        <div class="slider">
          <span class="quiet numbers" aria-hidden="true">
            {limits?.[0]}
          </span>
          <label class="hidden" for={slider}>
            {t.newValue}
          </label>
          <input
            id={slider}
            type="range"
            min={range[0]}
            max={range[1]}
            step={write.step ?? ((range[1] - range[0]) / 100 >= 1 ? 1 : "any")}
            value={Number.isFinite(Number(text)) && text !== "" ? Number(text) : range[0]}
            onInput={({ currentTarget }) => input(currentTarget.value)}
          />
          <span class="quiet numbers" aria-hidden="true">
            {limits?.[1]}
          </span>
        </div>
      )}
    </div>
  );
}
