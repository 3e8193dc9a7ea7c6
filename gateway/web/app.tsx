import { useEffect, useState } from "preact/hooks";
import { loginNeeded, unreachable } from "./api.ts";
import { after, second, type Timer } from "./browser.ts";
import { Badge } from "./components/badge.tsx";
import { Empty, Loading } from "./components/card.tsx";
import { ErrorBox, Notice } from "./components/error-box.tsx";
import { Icon } from "./components/icon.tsx";
import { Count, Menu } from "./components/menu.tsx";
import { Page } from "./components/page.tsx";
import { Toasts } from "./components/toast.tsx";
import { formatAge } from "./format.ts";
import { followGateway, leftOut, link, lostAt } from "./live.ts";
import { ForcedPasswordChange, Login } from "./pages/login.tsx";
import { More } from "./pages/more.tsx";
import { language } from "./preferences.ts";
import { href, route } from "./router.ts";
import { routes } from "./routes.ts";
import { findSession, loggedIn, may, session } from "./session.ts";
import { followStatus, health, status } from "./status.ts";
import { words } from "./text/text.ts";

export function App() {
  return (
    <>
      <Door />
      <Toasts />
    </>
  );
}

/** Who is not logged in sees the login, and nothing else. */
function Door() {
  const [error, setError] = useState<unknown>();
  useEffect(() => {
    let timer: Timer | undefined;
    const look = () =>
      findSession().then(
        () => setError(undefined),
        (caught: unknown) => {
          setError(caught);
          timer = after(3000, () => void look());
        },
      );
    void look();
    return () => timer?.stop();
  }, []);
  if (loginNeeded.value && session.value) session.value = null;
  if (session.value === undefined)
    return (
      <main class="alone" id="content">
        <h1>{words.value.name}</h1>
        {error === undefined ? <Loading text={words.value.link.connecting} /> : <ErrorBox error={error} />}
      </main>
    );
  if (session.value === null) return <Login />;
  if (session.value.mustChange) return <ForcedPasswordChange />;
  return <Shell />;
}

function Shell() {
  useEffect(() => {
    if (!loggedIn.peek()) return;
    const stream = followGateway();
    const stop = followStatus();
    return () => {
      stream.close();
      stop();
    };
  }, []);
  const [first = "overview", ...rest] = route.value.path;
  const found = routes.find(({ path }) => path === first);
  const { pages, skip } = words.value;
  useEffect(() => scrollTo(0, 0), [first, rest.join("/")]);
  return (
    <>
      <a class="skip" href="#content">
        {skip}
      </a>
      <div class="shell">
        <header class="top">
          <span class="top-name">{status.value?.gateway ?? words.value.name}</span>
          <HealthBadge />
        </header>
        <nav class="side" aria-label={pages.more}>
          <Menu routes={routes} current={first} />
          <div class="side-foot">
            <a href={href("more")} aria-current={first === "more" ? "page" : undefined}>
              {pages.settings}
            </a>
            {session.value && (
              <span class="quiet">
                {words.value.login.as(session.value.user, words.value.roles[session.value.role])}
              </span>
            )}
          </div>
        </nav>
        <main class="main" id="content" tabIndex={-1}>
          <div class="main-inner">
            <LinkBanner />
            {first === "more" ? (
              <More routes={routes} current={first} />
            ) : found && may(found.needs) ? (
              <found.page key={found.path} rest={rest} />
            ) : (
              <Page title={found ? found.title(words.value) : pages.notFound}>
                <Empty
                  text={
                    found
                      ? words.value.common.needsRole(words.value.roles[found.needs])
                      : words.value.errors["not-found"]
                  }
                />
              </Page>
            )}
          </div>
        </main>
        <nav class="tabs" aria-label={words.value.name}>
          {routes
            .filter(({ tab }) => tab)
            .map(({ path, title, icon, count }) => (
              <a key={path} href={href(path)} aria-current={path === first ? "page" : undefined}>
                <Icon name={icon} size={24} />
                <span>{title(words.value)}</span>
                <Count count={count?.() ?? 0} />
              </a>
            ))}
          <a
            href={href("more")}
            aria-current={first === "more" || (found && !found.tab) ? "page" : undefined}
          >
            <Icon name="menu" size={24} />
            <span>{pages.more}</span>
          </a>
        </nav>
      </div>
    </>
  );
}

/** Whether all is well, on every page. */
function HealthBadge() {
  const { tone, wrong } = health.value;
  const { overall } = words.value;
  if (unreachable.value || link.value === "lost") return <Badge tone="off" text={words.value.quality.link} />;
  if (tone === "unknown") return <Badge tone="off" text={words.value.state.unknown} />;
  return <Badge tone={tone} text={tone === "good" ? overall.short : overall.wrong(wrong)} />;
}

/** Says that what is seen is old, and since when. */
function LinkBanner() {
  const { link: told } = words.value;
  const lost = lostAt.value;
  return (
    <div role="status" class="stack">
      {link.value === "lost" && lost !== undefined && (
        <Notice tone="bad">
          <p>
            <strong>{told.lost}</strong>
          </p>
          <p>{told.lostSince(formatAge(Math.max(1000, second.value - lost), language.value))}</p>
        </Notice>
      )}
      {leftOut.value > 0 && (
        <Notice tone="warn">
          <p>{told.leftOut}</p>
        </Notice>
      )}
    </div>
  );
}
