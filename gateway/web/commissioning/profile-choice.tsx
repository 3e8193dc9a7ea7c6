import { useSignal } from "@preact/signals";
import { useId } from "preact/hooks";
import { Field } from "../components/field.tsx";
import { say } from "../text/text.ts";
import type { DeviceFound } from "../types.ts";
import { choicesFor } from "./draft.ts";
import { Match } from "./found-list.tsx";
import { profiles } from "./store.ts";
import { wordOfStatus, words } from "./words.ts";

const shown = 12;

/** Which model it is: what the scan proposes first, and any other by its words. */
export function ProfileChoice({
  found,
  value,
  choose,
  problem,
}: {
  found: DeviceFound;
  value: string;
  choose: (id: string) => void;
  problem: string | undefined;
}) {
  const text = words().devices;
  const name = useId();
  const query = useSignal("");
  const all = profiles.value ?? [];
  const choices = choicesFor(found, all, query.value);
  const chosen = all.find(({ id }) => id === value);
  // What is chosen stays in sight, whatever is searched for.
  const visible = [
    ...(chosen && !choices.some(({ profile }) => profile.id === value) ? [{ profile: chosen }] : []),
    ...choices,
  ].slice(0, shown);
  return (
    <>
      <fieldset
        class="wz-profiles"
        aria-invalid={problem ? true : undefined}
        tabIndex={problem ? -1 : undefined}
      >
        <legend class="hidden">{text.profile}</legend>
        {visible.map(({ profile, match }) => (
          <label key={profile.id} class={`wz-profile${profile.id === value ? " wz-chosen" : ""}`}>
            <input
              type="radio"
              name={name}
              checked={profile.id === value}
              onChange={() => choose(profile.id)}
            />
            <span>
              <strong>{say(profile.title)}</strong>
              <span class="wz-name">{profile.id}</span>
              <span class="quiet">{wordOfStatus(profile.status)}</span>
              {match && <Match match={match} />}
            </span>
          </label>
        ))}
      </fieldset>
      {choices.length === 0 && query.value.trim() !== "" && <p role="status">{text.noMatch}</p>}
      {choices.length > shown && <p class="quiet">{text.more(choices.length - shown)}</p>}
      {problem && (
        <p class="field-error" role="alert">
          {problem}
        </p>
      )}
      <Field
        label={text.search}
        hint={text.searchHint}
        type="search"
        value={query.value}
        input={(value) => {
          query.value = value;
        }}
      />
    </>
  );
}
