import { useEffect, useState } from "preact/hooks";
import { ApiError } from "../api.ts";
import { Card, Fact, Facts, Loading } from "../components/card.tsx";
import { ErrorBox } from "../components/error-box.tsx";
import { Page } from "../components/page.tsx";
import { useAsk } from "../components/use-ask.ts";
import { may } from "../session.ts";
import { status } from "../status.ts";
import { words } from "../text/text.ts";
import type { MachineFacts, UpdateFacts } from "../types.ts";
import { Identity } from "./identity.tsx";
import { InstallCard } from "./install.tsx";
import { Slots, WantedByCity } from "./slots.tsx";
import { isUnderWay } from "./steps.ts";
import { UpdateCard } from "./update.tsx";
import { updateWords } from "./update.words.ts";

const busyMs = 1500;
const restMs = 5000;

/** Who this gateway is, and what runs on it. */
export function SystemPage() {
  const [busy, setBusy] = useState(false);
  const update = useAsk<UpdateFacts>("/v1/update", busy ? busyMs : restMs);
  const { data, error } = update;
  const phase = data?.phase;
  useEffect(() => setBusy(isUnderWay(phase)), [phase]);
  const plain = data === undefined && error instanceof ApiError && error.code === "no-updater";
  return (
    <Page title={words.value.pages.update}>
      {data && <UpdateCard facts={data} reload={update.reload} />}
      {data?.desired && <WantedByCity facts={data} desired={data.desired} />}
      <Identity />
      <Running update={data} />
      {update.loading && <Loading text={words.value.common.loading} />}
      {plain && <Plain />}
      {data === undefined && error !== undefined && !plain && (
        <ErrorBox error={error} retry={update.reload} />
      )}
      {data && may("admin") && <InstallCard busy={isUnderWay(phase)} reload={update.reload} />}
    </Page>
  );
}

/** What runs, on which machine. */
function Running({ update }: { update: UpdateFacts | undefined }) {
  const t = updateWords.value;
  const machine = useAsk<MachineFacts>("/v1/machine");
  const version = update?.version ?? status.value?.version;
  const slot = update?.slots.find(({ booted }) => booted)?.name;
  return (
    <Card title={t.title}>
      {version === undefined && <Loading text={words.value.common.loading} />}
      <Facts>
        {version !== undefined && (
          <Fact name={t.version}>
            <span class="numbers">{version}</span>
          </Fact>
        )}
        {slot !== undefined && <Fact name={t.slot}>{slot}</Fact>}
        {update && <Fact name={t.compatible}>{update.compatible}</Fact>}
        {machine.data && (
          <>
            <Fact name={t.node}>
              <span class="numbers">{machine.data.node}</span>
            </Fact>
            <Fact name={t.system}>{machine.data.os}</Fact>
          </>
        )}
      </Facts>
      {update && <Slots facts={update} />}
    </Card>
  );
}

/** A gateway that was installed as a program: somebody else updates it. */
function Plain() {
  const t = updateWords.value;
  return (
    <Card title={t.update}>
      <p>{t.plain}</p>
      <p class="quiet">{t.keeps}</p>
    </Card>
  );
}
