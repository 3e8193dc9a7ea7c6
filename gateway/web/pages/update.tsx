import { Card, Fact, Facts, Loading } from "../components/card.tsx";
import { Page } from "../components/page.tsx";
import { useAsk } from "../components/use-ask.ts";
import type { PageRoute } from "../routes.ts";
import { status } from "../status.ts";
import { words } from "../text/text.ts";
import type { MachineFacts } from "../types.ts";
import { adminWords } from "./admin.words.ts";

export const updateRoute: PageRoute = {
  path: "update",
  title: ({ pages }) => pages.update,
  icon: "upload",
  needs: "viewer",
  page: Update,
};

/** What runs here, and who can bring a newer one. */
function Update() {
  const t = adminWords.value;
  const machine = useAsk<MachineFacts>("/v1/machine");
  const image = machine.data?.image;
  const version = status.value?.version;
  return (
    <Page title={words.value.pages.update}>
      <Card title={t.version}>
        {version === undefined && <Loading text={words.value.common.loading} />}
        <Facts>
          {version !== undefined && (
            <Fact name={words.value.name}>
              <span class="numbers">{version}</span>
            </Fact>
          )}
          {machine.data && (
            <>
              <Fact name={t.node}>
                <span class="numbers">{machine.data.node}</span>
              </Fact>
              <Fact name={t.system}>{machine.data.os}</Fact>
            </>
          )}
          {image && (
            <>
              <Fact name={t.slot}>{image.slot}</Fact>
              <Fact name={t.imageVersion}>{image.version}</Fact>
              {image.other && <Fact name={t.otherSlot}>{image.other}</Fact>}
            </>
          )}
        </Facts>
      </Card>
      <Card title={t.howTitle}>
        <p>{image ? t.howImage : t.howPlain}</p>
        <ol class="numbered">
          {t.steps.map((step) => (
            <li key={step}>{step}</li>
          ))}
        </ol>
        <p class="quiet">{t.keeps}</p>
      </Card>
    </Page>
  );
}
