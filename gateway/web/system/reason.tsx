import { wordOf, words } from "../text/text.ts";
import { updateWords } from "./update.words.ts";

/** Why something of an update is so: in words where the code is known, and what the gateway says of it. */
export function Reason({ why }: { why: { readonly code: string; readonly message: string } }) {
  const known = wordOf(updateWords.value.codes, why.code);
  const isKnown = known !== why.code;
  return (
    <>
      <p>{isKnown ? known : why.message}</p>
      {isKnown && why.message !== "" && (
        <p class="quiet" lang="en">
          {why.message}
        </p>
      )}
      <p class="quiet">{words.value.errors.code(why.code)}</p>
    </>
  );
}
