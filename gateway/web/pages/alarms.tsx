import { AlarmItem } from "../components/alarm-item.tsx";
import { Loading } from "../components/card.tsx";
import { Notice } from "../components/error-box.tsx";
import { Icon } from "../components/icon.tsx";
import { Page } from "../components/page.tsx";
import type { PageRoute } from "../routes.ts";
import { alarms } from "../status.ts";
import { inLanguages, words } from "../text/text.ts";

const en = {
  none: "No alarm",
  noneMore: "The gateway finds nothing wrong.",
  absent: "This gateway does not watch over itself. The overview shows what it knows.",
};
const sv: typeof en = {
  none: "Inga larm",
  noneMore: "Gatewayen hittar inga fel.",
  absent: "Den här gatewayen övervakar inte sig själv. Översikten visar det den vet.",
};
const alarmWords = inLanguages({ en, sv });

export const alarmsRoute: PageRoute = {
  path: "alarms",
  title: ({ pages }) => pages.alarms,
  icon: "bell",
  needs: "viewer",
  tab: true,
  count: () => alarms.value?.length ?? 0,
  page: Alarms,
};

function Alarms() {
  const told = alarms.value;
  const t = alarmWords.value;
  return (
    <Page title={words.value.pages.alarms}>
      {told === undefined && <Loading text={words.value.common.loading} />}
      {told === null && (
        <Notice tone="info">
          <p>{t.absent}</p>
        </Notice>
      )}
      {told?.length === 0 && (
        <div class="wellness tone-good">
          <Icon name="check" size={44} />
          <div>
            <p class="wellness-word">{t.none}</p>
            <p>{t.noneMore}</p>
          </div>
        </div>
      )}
      {told && told.length > 0 && (
        <ul class="stack">
          {told.map((alarm) => (
            <AlarmItem key={alarm.id} alarm={alarm} card />
          ))}
        </ul>
      )}
    </Page>
  );
}
