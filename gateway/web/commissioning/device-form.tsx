import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { post } from "../api.ts";
import { Button } from "../components/button.tsx";
import { Card } from "../components/card.tsx";
import { Field, Select } from "../components/field.tsx";
import { tell } from "../messages.ts";
import { href } from "../router.ts";
import type { ProfileSummary } from "../types.ts";
import {
  type Draft,
  type DraftField,
  emptyDraft,
  fieldOf,
  modelOf,
  newDevice,
  problemsOf,
  suggestId,
} from "./draft.ts";
import { dropDraft, keepDraft, keptDraft } from "./drafts.ts";
import { addressText, settingsText } from "./lines.ts";
import { Refusal, useAction } from "./parts.tsx";
import { placementOf } from "./placement.ts";
import { PositionField } from "./position-field.tsx";
import { ProfileChoice } from "./profile-choice.tsx";
import type { Found } from "./steps.ts";
import { loadJobs, loadPorts, loadState, loadStatus, ports, profiles, state, status } from "./store.ts";
import { words } from "./words.ts";

/** One found device on its way into gateway.yaml. */
export function DeviceForm({ found: { found, job, key }, added }: { found: Found; added: () => void }) {
  const text = words().devices;
  const draft = useSignal<Draft>(keptDraft(key) ?? { ...emptyDraft, profile: bestOf(found.profiles) });
  const tried = useSignal(false);
  const { busy, error, run } = useAction();
  const taken = (state.value?.devices ?? []).map(({ device }) => device);
  const all = profiles.value ?? [];
  const change = (more: Partial<Draft>) => {
    const next = { ...draft.value, ...more };
    if (more.profile !== undefined && more.profile !== draft.value.profile) next.options = {};
    if (!next.ownId) next.id = suggestId(next.place, modelOf(next.profile), taken);
    draft.value = next;
    error.value = undefined;
    keepDraft(key, next);
  };
  useEffect(() => {
    if (draft.value.id === "") change({});
  }, []);
  const problems = problemsOf(draft.value, all, taken);
  const placement = placementOf(
    found,
    job.subject,
    (status.value?.connections ?? []).map(({ name }) => name),
    ports.value ?? [],
  );
  const refusedField = error.value && error.value.status !== 0 ? fieldOf(error.value) : undefined;
  const problem = (field: DraftField): string | undefined => {
    if (refusedField === field) return error.value?.message;
    const found = tried.value ? problems.get(field) : undefined;
    return found && text.problems[found];
  };
  const submit = async () => {
    tried.value = true;
    if (problems.size > 0) {
      document.querySelector<HTMLElement>(".wz-form [aria-invalid=true]")?.focus();
      return;
    }
    const device = newDevice(draft.value, found, placement);
    if (!(await run(() => post("/v1/commissioning/devices", device)))) return;
    dropDraft(key);
    tell(text.added(device.id));
    await Promise.all([loadState(), loadStatus(), loadPorts(), loadJobs()]);
    added();
  };
  const profile = all.find(({ id }) => id === draft.value.profile);
  return (
    <form
      class="wz-form"
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        void submit();
      }}
    >
      <p>
        <a href={href("commissioning", "devices")}>{text.cancel}</a>
      </p>
      <p class="wz-name">
        {addressText(found.settings)} ·{" "}
        {placement.kind === "new" ? text.newConnection(placement.connection) : placement.connection} ·{" "}
        {settingsText(found.connection)}
      </p>
      <Card title={text.profile}>
        <ProfileChoice
          found={found}
          value={draft.value.profile}
          choose={(id) => change({ profile: id })}
          problem={problem("profile")}
        />
        {profile && (
          <Options profile={profile} draft={draft.value} change={change} problem={problem("options")} />
        )}
      </Card>
      <Card title={text.whereTitle}>
        <Field
          label={text.place}
          hint={text.placeHint}
          value={draft.value.place}
          input={(place) => change({ place })}
          error={problem("place")}
        />
        <PositionField
          value={draft.value.position}
          input={(position) => change({ position })}
          problem={problem("position")}
        />
      </Card>
      <Card title={text.nameTitle}>
        <Field
          label={text.titleField}
          hint={text.titleHint}
          value={draft.value.title}
          input={(title) => change({ title })}
          error={problem("title")}
        />
        <Field
          label={text.id}
          hint={text.idHint}
          value={draft.value.id}
          input={(id) => change({ id, ownId: id !== "" })}
          error={problem("id")}
        />
        <Field
          label={text.owner}
          hint={text.ownerHint}
          value={draft.value.owner}
          input={(owner) => change({ owner })}
          error={problem("owner")}
        />
      </Card>
      <Refusal error={error.value} />
      <div class="wz-actions">
        <Button type="submit" kind="primary" icon="check" busy={busy.value}>
          {text.add}
        </Button>
      </div>
    </form>
  );
}

function Options({
  profile,
  draft,
  change,
  problem,
}: {
  profile: ProfileSummary;
  draft: Draft;
  change: (more: Partial<Draft>) => void;
  problem: string | undefined;
}) {
  const text = words().devices;
  if (profile.options.length === 0) return null;
  return (
    <fieldset class="wz-options">
      <legend>{text.options}</legend>
      {profile.options.map(({ name, values, default: usual }) => (
        <Select
          key={name}
          label={name}
          value={draft.options[name] ?? ""}
          hint={usual === undefined ? undefined : text.usual(usual)}
          error={usual === undefined && !draft.options[name] ? problem : undefined}
          choose={(value) => {
            const { [name]: _old, ...rest } = draft.options;
            change({ options: value === "" ? rest : { ...rest, [name]: value } });
          }}
          choices={[
            { value: "", text: usual === undefined ? text.choose : text.usual(usual) },
            ...values.map((value) => ({ value, text: value })),
          ]}
        />
      ))}
    </fieldset>
  );
}

function bestOf(matches: Found["found"]["profiles"]): string {
  return matches.toSorted((a, b) => b.fit - a.fit)[0]?.profile ?? "";
}
