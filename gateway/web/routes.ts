import type { ComponentType } from "preact";
import { commissioningRoute } from "./commissioning/wizard.tsx";
import type { IconName } from "./components/icon.tsx";
import { alarmsRoute } from "./pages/alarms.tsx";
import { auditRoute } from "./pages/audit.tsx";
import { commandsRoute } from "./pages/commands.tsx";
import { configurationRoute } from "./pages/configuration.tsx";
import { connectionsRoute } from "./pages/connections.tsx";
import { devicesRoute } from "./pages/devices.tsx";
import { diagnosticsRoute } from "./pages/diagnostics.tsx";
import { logsRoute } from "./pages/logs.tsx";
import { overviewRoute } from "./pages/overview.tsx";
import { updateRoute } from "./pages/update.tsx";
import { usersRoute } from "./pages/users.tsx";
import type { Words } from "./text/text.ts";
import type { Role } from "./types.ts";

/** One page of the menu. */
export interface PageRoute {
  /** First part of the address. */
  readonly path: string;
  readonly title: (words: Words) => string;
  readonly icon: IconName;
  readonly needs: Role;
  /** Stands in the bar at the bottom of a phone; all others under "More". */
  readonly tab?: boolean;
  /** Number in the menu beside it, e.g. of alarms. */
  readonly count?: () => number;
  /** Shows itself by the rest of the address: `rest` of `#/devices/lamp-1` is `["lamp-1"]`. */
  readonly page: ComponentType<{ readonly rest: readonly string[] }>;
}

/** In the order of the menu. */
export const routes: readonly PageRoute[] = [
  overviewRoute,
  commissioningRoute,
  devicesRoute,
  commandsRoute,
  alarmsRoute,
  connectionsRoute,
  diagnosticsRoute,
  logsRoute,
  auditRoute,
  configurationRoute,
  usersRoute,
  updateRoute,
];
