import { href } from "../router.ts";
import type { PageRoute } from "../routes.ts";
import { may } from "../session.ts";
import { words } from "../text/text.ts";
import { Icon } from "./icon.tsx";

/** The pages as a list. What one may not see is named, with the role that it needs. */
export function Menu({ routes, current }: { routes: readonly PageRoute[]; current: string }) {
  return (
    <ul class="menu-list">
      {routes.map(({ path, title, icon, needs, count }) => (
        <li key={path}>
          {may(needs) ? (
            <a href={href(path)} aria-current={path === current ? "page" : undefined}>
              <Icon name={icon} />
              {title(words.value)}
              <Count count={count?.() ?? 0} />
            </a>
          ) : (
            <span class="denied">
              <Icon name={icon} />
              <span>
                {title(words.value)}
                <br />
                <small>{words.value.common.forRole(words.value.roles[needs])}</small>
              </span>
            </span>
          )}
        </li>
      ))}
    </ul>
  );
}

export function Count({ count }: { count: number }) {
  return count > 0 ? <span class="count numbers">{count}</span> : null;
}
