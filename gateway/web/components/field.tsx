import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";

interface Common {
  readonly label: string;
  readonly hint?: string | undefined;
  readonly error?: string | undefined;
}

function Framed({ id, label, hint, error, children }: Common & { id: string; children: ComponentChildren }) {
  return (
    <div class={`field${error ? " field-wrong" : ""}`}>
      <label for={id}>{label}</label>
      {children}
      {hint && (
        <p class="field-hint" id={`${id}-hint`}>
          {hint}
        </p>
      )}
      {error && (
        <p class="field-error" id={`${id}-error`} role="alert">
          {error}
        </p>
      )}
    </div>
  );
}

const describedBy = (id: string, { hint, error }: Common) =>
  [hint && `${id}-hint`, error && `${id}-error`].filter(Boolean).join(" ") || undefined;

interface InputProps {
  readonly id: string;
  readonly value: string;
  readonly required: boolean | undefined;
  readonly placeholder: string | undefined;
  readonly inputMode: "text" | "decimal" | "numeric" | undefined;
  readonly autocomplete: string;
  readonly autocapitalize: "off";
  readonly spellcheck: false;
  readonly "aria-invalid": true | undefined;
  readonly "aria-describedby": string | undefined;
  readonly onInput: (event: { readonly currentTarget: HTMLInputElement }) => void;
}

const inputs = {
  text: (props: InputProps) => <input {...props} type="text" />,
  password: (props: InputProps) => <input {...props} type="password" />,
  search: (props: InputProps) => <input {...props} type="search" />,
  number: (props: InputProps) => <input {...props} type="number" step="any" />,
  "datetime-local": (props: InputProps) => <input {...props} type="datetime-local" />,
};

/** One line of text or a number, with its label, and its hint and error told to screen readers too. */
export function Field({
  value,
  input,
  type = "text",
  required,
  autocomplete,
  unit,
  placeholder,
  inputMode,
  ...common
}: Common & {
  value: string;
  input: (text: string) => void;
  type?: keyof typeof inputs;
  required?: boolean;
  autocomplete?: string;
  unit?: string | undefined;
  placeholder?: string;
  inputMode?: "text" | "decimal" | "numeric";
}) {
  const id = useId();
  return (
    <Framed id={id} {...common}>
      <span class="field-line">
        {inputs[type]({
          id,
          value,
          required,
          placeholder,
          inputMode,
          autocomplete: autocomplete ?? "off",
          autocapitalize: "off",
          spellcheck: false,
          "aria-invalid": common.error ? true : undefined,
          "aria-describedby": describedBy(id, common),
          onInput: ({ currentTarget }) => input(currentTarget.value),
        })}
        {unit && <span class="field-unit">{unit}</span>}
      </span>
    </Framed>
  );
}

export interface Choice {
  readonly value: string;
  readonly text: string;
}

/** One of several, as the device's own list. */
export function Select({
  value,
  choose,
  choices,
  ...common
}: Common & { value: string; choose: (value: string) => void; choices: readonly Choice[] }) {
  const id = useId();
  return (
    <Framed id={id} {...common}>
      <select
        id={id}
        value={value}
        aria-describedby={describedBy(id, common)}
        onChange={({ currentTarget }) => choose(currentTarget.value)}
      >
        {choices.map((choice) => (
          <option key={choice.value} value={choice.value}>
            {choice.text}
          </option>
        ))}
      </select>
    </Framed>
  );
}

/** One of few, all of them seen at once. */
export function Choices({
  label,
  value,
  choose,
  choices,
}: {
  label: string;
  value: string;
  choose: (value: string) => void;
  choices: readonly Choice[];
}) {
  const name = useId();
  return (
    <fieldset class="choices">
      <legend>{label}</legend>
      <div class="choices-row">
        {choices.map((choice) => (
          <label key={choice.value} class="choice">
            <input
              type="radio"
              name={name}
              checked={choice.value === value}
              onChange={() => choose(choice.value)}
            />
            <span>{choice.text}</span>
          </label>
        ))}
      </div>
    </fieldset>
  );
}
