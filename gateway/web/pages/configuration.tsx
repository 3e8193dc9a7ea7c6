import { lazy } from "../components/lazy.tsx";
import type { PageRoute } from "../routes.ts";

export const configurationRoute: PageRoute = {
  path: "configuration",
  title: ({ pages }) => pages.configuration,
  icon: "code",
  needs: "admin",
  page: lazy(() => import("../configuration/configuration.tsx").then(({ Configuration }) => Configuration)),
};
