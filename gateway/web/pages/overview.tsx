import { second } from "../browser.ts";
import { AlarmItem } from "../components/alarm-item.tsx";
import { Badge, stateTone } from "../components/badge.tsx";
import { Card, Fact, Facts, Loading } from "../components/card.tsx";
import { Icon } from "../components/icon.tsx";
import { Page } from "../components/page.tsx";
import { useAsk } from "../components/use-ask.ts";
import {
  formatAge,
  formatBytes,
  formatDuration,
  formatFingerprint,
  formatMoment,
  formatNumber,
} from "../format.ts";
import { clockAhead, link } from "../live.ts";
import { language } from "../preferences.ts";
import { href } from "../router.ts";
import type { PageRoute } from "../routes.ts";
import { alarms, health, status } from "../status.ts";
import { wordOf, words } from "../text/text.ts";
import type { GatewayStatus, MachineFacts, NorthboundSummary } from "../types.ts";
import { overviewWords } from "./overview.words.ts";
import { Machine } from "./overview-machine.tsx";

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
  const machine = useAsk<MachineFacts>("/v1/machine", 10_000);
  return (
    <Page title={words.value.pages.overview}>
      {now ? (
        <>
          <Wellness now={now} />
          <div class="grid">
            <Field now={now} />
            <Clock now={now} machine={machine.data} />
            <Northbound sides={now.northbound} />
            <Gateway now={now} />
            {machine.data && <Machine machine={machine.data} />}
            <Quarantined now={now} />
          </div>
        </>
      ) : (
        <Loading text={words.value.common.loading} />
      )}
    </Page>
  );
}

/** The one thing to see from a ladder. */
function Wellness({ now }: { now: GatewayStatus }) {
  const t = overviewWords.value;
  const { tone, wrong } = health.value;
  const told = alarms.value ?? [];
  if (link.value === "lost")
    return (
      <div class="wellness tone-off">
        <Icon name="question" size={44} />
        <p class="wellness-word">{words.value.quality.link}</p>
      </div>
    );
  if (tone === "good")
    return (
      <div class="wellness tone-good">
        <Icon name="check" size={44} />
        <div>
          <p class="wellness-word">{t.allWell}</p>
          <p>{t.allWellMore}</p>
        </div>
      </div>
    );
  return (
    <div class={`wellness tone-${tone === "bad" ? "bad" : "warn"}`}>
      <Icon name={tone === "bad" ? "stop" : "warning"} size={44} />
      <div>
        <p class="wellness-word">{t.trouble(wrong)}</p>
        <ul class="stack wellness-list">
          {told.slice(0, 3).map((alarm) => (
            <AlarmItem key={alarm.id} alarm={alarm} />
          ))}
          {told.length === 0 && <Problems now={now} />}
        </ul>
        <p class="links">
          <a href={href(alarms.value ? "alarms" : "devices")}>{alarms.value ? t.seeAlarms : t.seeDevices}</a>
        </p>
      </div>
    </div>
  );
}

/** Of a gateway that tells no alarms. */
function Problems({ now }: { now: GatewayStatus }) {
  const lines = [
    ...now.devices.filter(({ problem }) => problem).map(({ id, problem }) => `${id}: ${problem}`),
    ...now.connections.filter(({ error }) => error).map(({ name, error }) => `${name}: ${error}`),
    ...now.northbound.filter(({ error }) => error).map(({ name, error }) => `${name}: ${error}`),
  ];
  return lines.slice(0, 5).map((line) => <li key={line}>{line}</li>);
}

function Field({ now }: { now: GatewayStatus }) {
  const t = overviewWords.value;
  const { of } = words.value.common;
  const available = now.devices.filter(({ state }) => state === "available").length;
  const wanted = now.connections.filter(({ state }) => state !== "idle");
  const open = wanted.filter(({ state }) => stateTone(state) === "good" || state === "borrowed").length;
  const tone = (part: number, whole: number) => (part === whole ? "good" : part === 0 ? "bad" : "warn");
  return (
    <Card title={t.fieldTitle}>
      <Facts>
        <Fact name={t.devices}>
          <Badge
            tone={tone(available, now.devices.length)}
            text={of(String(available), String(now.devices.length))}
          />
        </Fact>
        <Fact name={t.connections}>
          <Badge tone={tone(open, wanted.length)} text={of(String(open), String(wanted.length))} />
        </Fact>
      </Facts>
    </Card>
  );
}

function Clock({ now, machine }: { now: GatewayStatus; machine: MachineFacts | undefined }) {
  const t = overviewWords.value;
  const { trusted } = now.clock;
  const ahead = clockAhead.value;
  const gatewayNow = ahead === undefined ? undefined : second.value + ahead;
  return (
    <Card title={t.clock} {...(trusted ? {} : { tone: "warn" as const })}>
      <Facts>
        <Fact name={t.clockState}>
          <Badge tone={trusted ? "good" : "warn"} text={trusted ? t.trusted : t.untrusted} />
        </Fact>
        {gatewayNow !== undefined && (
          <Fact name={t.gatewayTime}>
            <span class="numbers">{formatMoment(gatewayNow)}</span>
          </Fact>
        )}
        {machine && <Fact name={t.keeper}>{machine.timeKeeper ?? t.nobody}</Fact>}
      </Facts>
      {!trusted && <p>{t.untrustedWhy}</p>}
      {trusted && ahead !== undefined && Math.abs(ahead) > 5000 && (
        <p class="quiet">{t.differs(formatDuration(Math.abs(ahead), language.value))}</p>
      )}
    </Card>
  );
}

function Northbound({ sides }: { sides: readonly NorthboundSummary[] }) {
  const t = overviewWords.value;
  const number = (value: number) => formatNumber(value, language.value);
  return (
    <Card title={t.northbound}>
      {sides.length === 0 && <p class="quiet">{t.noNorthbound}</p>}
      {sides.map(({ name, connected, peer, error, outbox }) => (
        <div key={name} class="stack part">
          <div class="row spread">
            <h3>{name}</h3>
            <Badge
              tone={connected ? "good" : "bad"}
              text={connected ? words.value.state.connected : words.value.state.away}
            />
          </div>
          <p class="quiet mono">{peer}</p>
          {error && <p class="problem">{error}</p>}
          <Facts>
            <Fact name={t.outbox}>
              <span class="numbers">
                {outbox.packs === 0 ? t.empty : t.readings(number(outbox.readings))}
              </span>
            </Fact>
            {outbox.packs > 0 && (
              <Fact name={t.oldest}>
                <span class="numbers">
                  {words.value.common.ago(formatAge(outbox.oldestMs, language.value))} ·{" "}
                  {formatBytes(outbox.bytes, language.value)}
                </span>
              </Fact>
            )}
            <Fact name={t.diskState}>
              <Badge tone={outbox.disk === "ok" ? "good" : "bad"} text={wordOf(t.diskWords, outbox.disk)} />
            </Fact>
          </Facts>
          {outbox.volatile > 0 && <p class="problem">{t.volatile(number(outbox.volatile))}</p>}
          {outbox.quarantined > 0 && <p class="problem">{t.putAside(number(outbox.quarantined))}</p>}
        </div>
      ))}
    </Card>
  );
}

function Gateway({ now }: { now: GatewayStatus }) {
  const t = overviewWords.value;
  return (
    <Card title={t.gateway}>
      <Facts>
        <Fact name={t.gateway}>{now.gateway}</Fact>
        <Fact name={t.version}>
          <span class="numbers">{now.version}</span>
        </Fact>
        <Fact name={t.uptime}>
          <span class="numbers">{formatDuration(now.uptimeS * 1000, language.value)}</span>
        </Fact>
        <Fact name={t.process}>
          <span class="numbers">{formatNumber(now.memoryMB, language.value)} MB</span>
        </Fact>
      </Facts>
      {now.https && (
        <div>
          <h3>{t.fingerprint}</h3>
          <p class="mono fingerprint">{formatFingerprint(now.https.fingerprint)}</p>
          <p class="quiet">{t.fingerprintWhy}</p>
        </div>
      )}
    </Card>
  );
}

function Quarantined({ now }: { now: GatewayStatus }) {
  const t = overviewWords.value;
  if (now.quarantined.length === 0) return null;
  return (
    <Card title={t.quarantined} tone="bad">
      <p>{t.quarantinedWhy}</p>
      <ul class="stack">
        {now.quarantined.map(({ kind, id, reason }) => (
          <li key={`${kind} ${id}`}>
            <strong>
              {kind} {id}
            </strong>
            <p class="mono">{reason}</p>
          </li>
        ))}
      </ul>
    </Card>
  );
}
