import { render } from "preact";
import { App } from "./app.tsx";
import { followPreferences } from "./preferences.ts";
import { followHash } from "./router.ts";
import "./style/tokens.css";
import "./style/base.css";
import "./style/components.css";
import "./style/shell.css";
import "./style/pages.css";

followPreferences();
followHash();
const root = document.getElementById("app");
if (root) render(<App />, root);
