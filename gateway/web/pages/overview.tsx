import { Badge } from "../components/badge.tsx";
import { Card, Fact, Facts, Loading } from "../components/card.tsx";
import { Page } from "../components/page.tsx";
import { formatDuration } from "../format.ts";
import { language } from "../preferences.ts";
import type { PageRoute } from "../routes.ts";
import { status } from "../status.ts";
import { words } from "../text/text.ts";

export const overviewRoute: PageRoute = {
  path: "overview",
  title: ({ pages }) => pages.overview,
  icon: "home",
  needs: "viewer",
  tab: true,
  page: Overview,
};

function Overview() {
  const now = status.value;
  if (!now)
    return (
      <Page title={words.value.pages.overview}>
        <Loading text={words.value.common.loading} />
      </Page>
    );
  return (
    <Page title={words.value.pages.overview}>
      <Card title={now.gateway}>
        <Facts>
          <Fact name="Version">{now.version}</Fact>
          <Fact name="Uptime">{formatDuration(now.uptimeS * 1000, language.value)}</Fact>
          <Fact name="Clock">
            <Badge tone={now.clock.trusted ? "good" : "warn"} text={String(now.clock.trusted)} />
          </Fact>
        </Facts>
      </Card>
    </Page>
  );
}
