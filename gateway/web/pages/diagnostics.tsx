import { at } from "../api.ts";
import { Button } from "../components/button.tsx";
import { Card } from "../components/card.tsx";
import { ErrorBox } from "../components/error-box.tsx";
import { Icon } from "../components/icon.tsx";
import { Checks, JobView } from "../components/job-view.tsx";
import { Page } from "../components/page.tsx";
import { useJob } from "../components/use-job.ts";
import { formatBytes } from "../format.ts";
import { language } from "../preferences.ts";
import type { PageRoute } from "../routes.ts";
import { status } from "../status.ts";
import { words } from "../text/text.ts";
import { adminWords } from "./admin.words.ts";

export const diagnosticsRoute: PageRoute = {
  path: "diagnostics",
  title: ({ pages }) => pages.diagnostics,
  icon: "tools",
  needs: "technician",
  page: Diagnostics,
};

function Diagnostics() {
  return (
    <Page title={words.value.pages.diagnostics}>
      <Doctor />
      <NorthboundTest />
      <Bundle />
    </Page>
  );
}

function Doctor() {
  const t = adminWords.value;
  const { job, error, start, stop } = useJob("doctor");
  return (
    <Card title={t.doctor}>
      <p>{t.doctorWhy}</p>
      <div class="row">
        <Button kind="primary" disabled={job?.state === "running"} press={() => start("doctor")}>
          {t.startDoctor}
        </Button>
      </div>
      {error !== undefined && <ErrorBox error={error} />}
      {job && (
        <JobView job={job} stop={stop}>
          <Checks findings={job.findings} sorted={job.state !== "running"} />
        </JobView>
      )}
    </Card>
  );
}

function NorthboundTest() {
  const t = adminWords.value;
  const { job, error, start, stop } = useJob("northbound-test");
  const sides = status.value?.northbound ?? [];
  return (
    <Card title={t.northboundTest}>
      <p>{t.northboundWhy}</p>
      {sides.length === 0 && <p class="quiet">{t.noNorthbound}</p>}
      <div class="row">
        {sides.map(({ name }) => (
          <Button
            key={name}
            disabled={job?.state === "running"}
            press={() => start("northbound-test", { northbound: name })}
          >
            {t.test(name)}
          </Button>
        ))}
      </div>
      {error !== undefined && <ErrorBox error={error} />}
      {job && (
        <JobView job={job} stop={stop}>
          <Checks findings={job.findings} />
        </JobView>
      )}
    </Card>
  );
}

function Bundle() {
  const t = adminWords.value;
  const { job, error, start, stop } = useJob("diagnostics");
  const files = job?.findings.filter((one) => one.kind === "file") ?? [];
  return (
    <Card title={t.bundle}>
      <p>{t.bundleWhy}</p>
      <div class="row">
        <Button disabled={job?.state === "running"} press={() => start("diagnostics")}>
          {t.makeBundle}
        </Button>
        {job &&
          files.map(({ name, bytes }) => (
            <a
              key={name}
              class="button button-primary"
              href={at`/v1/jobs/${job.id}/files/${name}`}
              download={name}
            >
              <Icon name="download" />
              {words.value.common.download} {name} ({formatBytes(bytes, language.value)})
            </a>
          ))}
      </div>
      {error !== undefined && <ErrorBox error={error} />}
      {job && <JobView job={job} stop={stop} />}
    </Card>
  );
}
