import { signal } from "@preact/signals";

// Pages are told apart by the hash: the gateway serves one file, and every address works after a reload.

export interface Route {
  /** Parts of the path, decoded: `["devices", "lamp-1"]`. */
  readonly path: readonly string[];
  readonly query: URLSearchParams;
}

export function parseHash(hash: string): Route {
  const [path = "", query = ""] = hash.replace(/^#\/?/, "").split("?", 2);
  return {
    path: path.split("/").filter(Boolean).map(decoded),
    query: new URLSearchParams(query),
  };
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** The address of a page, for links: `href("devices", "lamp-1")`. */
export function href(...path: readonly string[]): string {
  return `#/${path.map(encodeURIComponent).join("/")}`;
}

export const route = signal<Route>({ path: [], query: new URLSearchParams() });

export function goTo(...path: readonly string[]): void {
  location.hash = href(...path);
}

export function followHash(): void {
  let address = location.hash;
  const look = () => {
    if (location.hash === "" || location.hash.startsWith("#/")) {
      address = location.hash;
      route.value = parseHash(address);
      // A jump within the page, which the browser has made by now: the address stays the page's.
    } else history.replaceState(null, "", address || "#/");
  };
  addEventListener("hashchange", look);
  look();
}
