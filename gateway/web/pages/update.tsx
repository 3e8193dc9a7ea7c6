import type { PageRoute } from "../routes.ts";
import { SystemPage } from "../system/system.tsx";

// Not loaded late: whoever watches an update has the page of the version before, whose parts are gone after the restart.
export const updateRoute: PageRoute = {
  path: "update",
  title: ({ pages }) => pages.update,
  icon: "upload",
  needs: "viewer",
  page: SystemPage,
};
