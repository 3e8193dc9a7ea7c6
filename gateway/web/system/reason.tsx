import { Notice } from "../components/error-box.tsx";
import { words } from "../text/text.ts";
import { codeWord } from "./code-word.ts";
import { updateWords } from "./update.words.ts";

export interface Why {
  readonly code: string;
  readonly message: string;
  readonly hint?: string | undefined;
}

/** Why something is so: in our words where the code is known, and what the gateway says of it. */
export function Reason({
  why,
  codes = updateWords.value.codes,
}: {
  why: Why;
  codes?: Record<string, string>;
}) {
  const known = codeWord(codes, why.code);
  const more = known === undefined ? why.hint : why.message;
  return (
    <>
      <p>
        <strong>{known ?? why.message}</strong>
      </p>
      {more && <p lang="en">{more}</p>}
      <p>{words.value.errors.code(why.code)}</p>
    </>
  );
}

export function WhyNotice({
  tone,
  ...reason
}: {
  tone: "warn" | "bad";
  why: Why;
  codes?: Record<string, string>;
}) {
  return (
    <Notice tone={tone}>
      <Reason {...reason} />
    </Notice>
  );
}
