import { Button } from "../components/button.tsx";
import { Card } from "../components/card.tsx";
import { Menu } from "../components/menu.tsx";
import { Page } from "../components/page.tsx";
import { Preferences } from "../components/preferences.tsx";
import type { PageRoute } from "../routes.ts";
import { logOut, session } from "../session.ts";
import { words } from "../text/text.ts";
import { PasswordForm } from "./login.tsx";

/** What does not fit into the bar at the bottom, and what belongs to who is logged in. */
export function More({ routes, current }: { routes: readonly PageRoute[]; current: string }) {
  const { pages, login, roles } = words.value;
  const who = session.value;
  return (
    <Page title={pages.more}>
      <Card>
        <nav aria-label={pages.more}>
          <Menu routes={routes.filter(({ tab }) => !tab)} current={current} />
        </nav>
      </Card>
      <Card title={pages.settings}>
        <Preferences />
      </Card>
      {who && (
        <Card
          title={login.as(who.user, roles[who.role])}
          actions={<Button press={logOut}>{login.out}</Button>}
        >
          <details class="fold">
            <summary>{login.change}</summary>
            <PasswordForm />
          </details>
        </Card>
      )}
    </Page>
  );
}
