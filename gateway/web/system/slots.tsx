import { Badge } from "../components/badge.tsx";
import { Card, Fact, Facts } from "../components/card.tsx";
import { Table } from "../components/table.tsx";
import { formatMoment } from "../format.ts";
import type { UpdateDesired, UpdateFacts } from "../types.ts";
import { WhyNotice } from "./reason.tsx";
import { updateWords } from "./update.words.ts";

const tones = { good: "good", bad: "bad", unknown: "off" } as const;

export function Slots({ facts: { slots, version } }: { facts: UpdateFacts }) {
  const t = updateWords.value;
  return (
    <Table
      caption={t.slots}
      rows={slots}
      keyOf={({ name }) => name}
      columns={[
        {
          name: t.slotName,
          head: true,
          cell: ({ name, booted }) => (booted ? `${name} (${t.slotRuns})` : name),
        },
        { name: t.slotVersion, cell: (slot) => (slot.booted ? version : (slot.version ?? "–")) },
        { name: t.slotState, cell: ({ state }) => <Badge tone={tones[state]} text={t.slotStates[state]} /> },
        {
          name: t.slotInstalled,
          cell: ({ installedAt }) =>
            installedAt === undefined ? t.fromCard : formatMoment(installedAt).slice(0, 16),
        },
      ]}
    />
  );
}

/** What the city's desired state says for this gateway, and why it is not so. */
export function WantedByCity({
  facts: { version, failed },
  desired,
}: {
  facts: UpdateFacts;
  desired: UpdateDesired;
}) {
  const t = updateWords.value;
  const runs = desired.version === version;
  const why = desired.why ?? failed.find((one) => one.version === desired.version)?.why;
  return (
    <Card title={t.city}>
      <p>{runs ? t.cityRuns(desired.version) : t.cityWants(desired.version)}</p>
      {!runs && (why ? <WhyNotice tone="warn" why={why} /> : <p class="quiet">{t.cityFollows}</p>)}
      <Facts>
        <Fact name={t.cityScope}>{desired.scope}</Fact>
        {desired.rollout && <Fact name={t.cityRollout}>{desired.rollout}</Fact>}
        {desired.window && (
          <Fact name={t.cityWindow}>
            <span class="numbers">{desired.window}</span>
          </Fact>
        )}
        {desired.notBefore && (
          <Fact name={t.cityNotBefore}>
            <span class="numbers">{formatMoment(desired.notBefore).slice(0, 16)}</span>
          </Fact>
        )}
      </Facts>
    </Card>
  );
}
