import { lazy } from "../components/lazy.tsx";
import type { PageRoute } from "../routes.ts";

export const updateRoute: PageRoute = {
  path: "update",
  title: ({ pages }) => pages.update,
  icon: "upload",
  needs: "viewer",
  page: lazy(() => import("../system/system.tsx").then(({ SystemPage }) => SystemPage)),
};
