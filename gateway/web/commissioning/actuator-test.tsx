import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { ApiError } from "../api.ts";
import { expiresIn } from "../commands.ts";
import { Badge } from "../components/badge.tsx";
import { Button } from "../components/button.tsx";
import { Dialog } from "../components/dialog.tsx";
import { Notice } from "../components/error-box.tsx";
import { Choices, Field, Select } from "../components/field.tsx";
import { say, wordOf } from "../text/text.ts";
import type { DeviceVerdict, ResultJson, Text } from "../types.ts";
import { firstValue, inWordsOf, type JsonValue, typedValue, valuesOf, type Writable } from "./actuate.ts";
import { command, confirm, follow } from "./commanding.ts";
import { Refusal, useAction } from "./parts.tsx";
import { valueText, words } from "./words.ts";

interface Props {
  readonly device: DeviceVerdict;
  readonly point: string;
  readonly title: string;
  readonly unit?: string | undefined;
  readonly write: Writable;
  readonly labels?: readonly Text[] | undefined;
  /** What it is now, where that is known. */
  readonly now: JsonValue | undefined;
  readonly judge: (result: "confirmed" | "rejected") => Promise<unknown>;
  readonly close: () => void;
}

/** Moves one thing once: which value, are you sure, what became of it, did you see it, and back again. */
export function ActuatorTest({ device, point, title, unit, write: rule, labels, now, judge, close }: Props) {
  const write = inWordsOf(rule, labels);
  const text = words().actuators;
  const values = valuesOf(write);
  const before = useSignal(now);
  const typed = useSignal(String(firstValue(write, now) ?? ""));
  const sure = useSignal<JsonValue | undefined>(undefined);
  const result = useSignal<ResultJson | undefined>(undefined);
  const answered = useSignal(false);
  const { error, run } = useAction();
  const ended = useRef(new AbortController());
  useEffect(() => () => ended.current.abort(), []);
  const named = (value: JsonValue) => nameOf(value, write, labels, unit);
  const chosen = values
    ? values.find((value) => String(value) === typed.value)
    : typedValue(write, typed.value);
  const asked = {
    device: device.device,
    point,
    accepted: device.accepted !== undefined,
    expiresIn: expiresIn(write),
    reason: text.reason,
  };
  const hear = (word: ResultJson) => {
    result.value = word;
    if (word.before !== undefined) before.value = word.before;
  };
  const go = (value: JsonValue) => {
    sure.value = undefined;
    answered.value = false;
    result.value = undefined;
    return run(async () => {
      const first = await command(asked, value);
      hear(first);
      void follow(first, hear, ended.current.signal);
    });
  };
  const word = result.value;
  const armed = word?.stage === "armed" && !word.last;
  const confirmIt = (id: string) =>
    run(async () => {
      const second = await confirm(asked, id);
      if (second.state === "failed") throw new ApiError(409, second.code ?? "failed", second.text ?? "");
    });
  const done = word?.last && word.state === "succeeded";
  const back = before.value;
  const differs = back !== undefined && word?.value !== undefined && back !== word.value;
  const choices = (values ?? []).map((value) => ({ value: String(value), text: named(value) }));
  return (
    <div class="wz-test">
      {!word &&
        (values ? (
          values.length <= 4 ? (
            <Choices
              label={text.value}
              value={typed.value}
              choose={(value) => {
                typed.value = value;
              }}
              choices={choices}
            />
          ) : (
            <Select
              label={text.value}
              value={typed.value}
              choose={(value) => {
                typed.value = value;
              }}
              choices={choices}
            />
          )
        ) : (
          <Field
            label={text.value}
            value={typed.value}
            unit={unit}
            inputMode={write.takes === "number" ? "decimal" : "text"}
            hint={write.range && text.between(write.range[0], write.range[1], unit ? ` ${unit}` : "")}
            error={typed.value !== "" && chosen === undefined ? text.valueForm : undefined}
            input={(value) => {
              typed.value = value;
            }}
          />
        ))}
      {!word && write.confirm === "two-step" && <p class="quiet">{text.twoStep}</p>}
      {!word && (
        <div class="wz-buttons">
          <Button press={close}>{words().cancel}</Button>
          <Button
            kind="primary"
            disabled={chosen === undefined}
            press={() => {
              sure.value = chosen;
            }}
          >
            {write.confirm === "two-step" ? text.arm : text.test}
          </Button>
        </div>
      )}
      <div role="status">{word && <Word word={word} named={named} />}</div>
      {armed && (
        <Notice tone="warn">
          <p>{text.armed}</p>
          <div class="wz-buttons">
            <Button press={close}>{text.letGo}</Button>
            <Button kind="danger" press={() => confirmIt(word.id)}>
              {text.confirm}
            </Button>
          </div>
        </Notice>
      )}
      <Refusal error={error.value} />
      {word?.last && !answered.value && word.state === "succeeded" && (
        <div class="wz-question">
          <p>
            <strong>{text.did}</strong>
          </p>
          <div class="wz-buttons">
            <Button icon="check" kind="primary" press={() => answer("confirmed")}>
              {text.yes}
            </Button>
            <Button icon="cross" press={() => answer("rejected")}>
              {text.no}
            </Button>
          </div>
        </div>
      )}
      {done && answered.value && differs && (
        <Button press={() => go(back)}>{text.before(named(back))}</Button>
      )}
      {done && answered.value && back === undefined && <p class="quiet">{text.beforeUnknown}</p>}
      {word?.last && (answered.value || !done) && (
        <div class="wz-buttons">
          <Button
            press={() => {
              result.value = undefined;
            }}
          >
            {text.again}
          </Button>
          <Button press={close}>{words().close}</Button>
        </div>
      )}
      {sure.value !== undefined && (
        <Dialog
          title={text.sure}
          close={() => {
            sure.value = undefined;
          }}
          actions={
            <>
              <Button
                press={() => {
                  sure.value = undefined;
                }}
              >
                {words().cancel}
              </Button>
              <Button
                kind="danger"
                press={() => (sure.value === undefined ? undefined : void go(sure.value))}
              >
                {write.confirm === "two-step" ? text.arm : text.go}
              </Button>
            </>
          }
        >
          <p>{text.sureText(title, named(sure.value), device.title ? say(device.title) : device.device)}</p>
          {device.place && (
            <p>
              {text.at}: <strong>{device.place}</strong>
            </p>
          )}
          <p>{text.clear}</p>
        </Dialog>
      )}
    </div>
  );

  async function answer(seen: "confirmed" | "rejected"): Promise<void> {
    await judge(seen);
    answered.value = true;
  }
}

const tones = {
  accepted: "info",
  executing: "info",
  succeeded: "good",
  failed: "bad",
  expired: "warn",
} as const;

/** What became of a command so far. */
function Word({ word, named }: { word: ResultJson; named: (value: JsonValue) => string }) {
  const text = words().actuators;
  const { state, stage, value, verified, unchanged, text: why, code } = word;
  return (
    <>
      <Badge
        tone={tones[state]}
        text={stage && !word.last ? wordOf(text.stages, stage) : text.states[state]}
        {...(word.last ? {} : { icon: "spinner" as const })}
      />
      {value !== undefined && <strong class="numbers"> {named(value)}</strong>}
      {word.last && state === "succeeded" && (
        <p class="quiet">
          {verified ? text.verified : text.notVerified}
          {unchanged ? `, ${text.unchanged}` : ""}
        </p>
      )}
      {(why ?? code) && <p class="wz-trouble">{why ?? code}</p>}
    </>
  );
}

/** A value as people say it: a label in their language, on and off, a number with its unit. */
function nameOf(
  value: JsonValue,
  write: Writable,
  labels: readonly Text[] | undefined,
  unit: string | undefined,
): string {
  if (typeof value === "boolean") return value ? words().actuators.on : words().actuators.off;
  const label = [...(write.labels ?? []), ...(labels ?? [])].find(({ en }) => en === value);
  return label ? say(label) : valueText(value, unit);
}
