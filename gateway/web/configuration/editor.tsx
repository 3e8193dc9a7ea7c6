import { useRef, useState } from "preact/hooks";
import { words } from "../text/text.ts";
import type { Diagnostic } from "../types.ts";
import { configurationWords } from "./configuration.words.ts";
import { cursorAt } from "./cursor.ts";
import { helpAt, keysAt } from "./schema.ts";

/** A text area with line numbers, marks at lines with errors, and the schema's help beside it. */
export function Editor({
  text,
  input,
  diagnostics,
  schema,
}: {
  text: string;
  input: (text: string) => void;
  diagnostics: readonly Diagnostic[];
  schema: unknown;
}) {
  const t = configurationWords.value;
  const area = useRef<HTMLTextAreaElement>(null);
  const numbers = useRef<HTMLPreElement>(null);
  const [cursor, setCursor] = useState(0);
  const wrong = new Set(diagnostics.filter(({ severity }) => severity === "error").map(({ line }) => line));
  const look = () => setCursor(area.current?.selectionStart ?? 0);

  const goToLine = (line: number, column: number) => {
    const element = area.current;
    if (!element) return;
    const start =
      text
        .split("\n")
        .slice(0, line - 1)
        .reduce((sum, one) => sum + one.length + 1, 0) +
      column -
      1;
    element.focus();
    element.setSelectionRange(start, start);
    element.scrollTop = Math.max(0, (line - 5) * Number.parseFloat(getComputedStyle(element).lineHeight));
    look();
  };
  const insert = (word: string, replaces: number) => {
    const element = area.current;
    if (!element) return;
    element.focus();
    element.setRangeText(word, cursor - replaces, cursor, "end");
    input(element.value);
    look();
  };
  return (
    <div class="editor-layout">
      <div class="stack">
        <div class="editor">
          <pre class="editor-numbers" ref={numbers} aria-hidden="true">
            {text.split("\n").map((_, index) => (
              <span key={index} class={wrong.has(index + 1) ? "wrong" : undefined}>
                {`${index + 1}\n`}
              </span>
            ))}
          </pre>
          <textarea
            ref={area}
            aria-label={t.text}
            spellcheck={false}
            autocapitalize="off"
            autocomplete="off"
            wrap="off"
            value={text}
            onInput={({ currentTarget }) => {
              input(currentTarget.value);
              look();
            }}
            onKeyUp={look}
            onClick={look}
            onScroll={({ currentTarget }) => {
              if (numbers.current) numbers.current.scrollTop = currentTarget.scrollTop;
            }}
          />
        </div>
        {diagnostics.length > 0 && (
          <ul class="stack">
            {diagnostics.map((one) => (
              <li key={`${one.line} ${one.column} ${one.code}`}>
                <button
                  type="button"
                  class={`button diagnostic ${one.severity === "error" ? "button-danger" : ""}`}
                  onClick={() => goToLine(one.line, one.column)}
                >
                  <span>
                    <strong>
                      {one.severity === "error" ? t.error : t.warning} · {t.line(String(one.line))}
                    </strong>
                    <br />
                    {one.message}
                    {one.hint && (
                      <>
                        <br />
                        {words.value.common.hint}: {one.hint}
                      </>
                    )}
                  </span>
                </button>
              </li>
            ))}
          </ul>
        )}
      </div>
      {schema !== undefined && <SchemaHelp schema={schema} text={text} cursor={cursor} insert={insert} />}
    </div>
  );
}

const mostSuggestions = 24;

function SchemaHelp({
  schema,
  text,
  cursor,
  insert,
}: {
  schema: unknown;
  text: string;
  cursor: number;
  insert: (word: string, replaces: number) => void;
}) {
  const t = configurationWords.value;
  const { parents, key, typed, inValue } = cursorAt(text, cursor);
  const path = key === undefined ? parents : [...parents, key];
  const known = helpAt(schema, path);
  const help = known ?? helpAt(schema, parents);
  const suggestions = inValue
    ? (known?.values ?? []).map((value) => ({ word: value, insert: value, description: "" }))
    : keysAt(schema, parents).map((one) => ({
        word: one.key,
        insert: `${one.key}: `,
        description: one.description,
      }));
  const fitting = suggestions.filter(({ word }) => word.startsWith(typed.trim()) && word !== typed.trim());
  const shownPath = (known ? path : parents).filter((part) => part !== "0").join(" › ");
  return (
    <section class="stack schema-help" aria-label={t.help}>
      <h3>{t.help}</h3>
      <p class="mono">{shownPath || "gateway.yaml"}</p>
      {help?.descriptions.map((one) => (
        <p key={one}>{one}</p>
      ))}
      {help && help.kinds.length > 0 && <p class="quiet mono">{help.kinds.join(" | ")}</p>}
      {help?.standard !== undefined && <p class="quiet">{t.standard(help.standard)}</p>}
      {help && help.required.length > 0 && <p class="quiet">{t.required(help.required.join(", "))}</p>}
      {!help && <p class="quiet">{t.noHelp}</p>}
      {fitting.length > 0 && (
        <>
          <p class="quiet">{t.insert}</p>
          <div class="row">
            {fitting.slice(0, mostSuggestions).map((one) => (
              <button
                key={one.word}
                type="button"
                class="button mono"
                title={one.description || undefined}
                onClick={() => insert(one.insert, typed.length)}
              >
                {one.word}
              </button>
            ))}
          </div>
        </>
      )}
    </section>
  );
}
