import { post } from "../editor/lists.ts";
import { red, type Words } from "../editor/red.ts";
import type { TestAnswer } from "./routes.ts";

red.nodes.registerType<
  { name: string; connection: string; socket: string; url: string; fingerprint: string },
  { token: string }
>("stadsnod-gateway", {
  category: "config",
  defaults: {
    name: { value: "" },
    connection: { value: "socket" },
    socket: { value: "" },
    url: {
      value: "",
      validate(url) {
        return this.connection !== "https" || /^https:\/\/[^/\s]+\/?$/.test(url) || /^\$\{\w+\}$/.test(url);
      },
    },
    fingerprint: { value: "", validate: (text) => /^(([0-9A-Fa-f]{2}[:\s]*){32})?$/.test(text) },
  },
  credentials: { token: { type: "password" } },
  label() {
    return (
      this.name || (this.connection === "https" ? this.url : this.socket) || this._("label.this-machine")
    );
  },
  oneditprepare() {
    const words: Words = (key, values) => this._(key, values);
    const connection = $("#node-config-input-connection");
    const show = () => {
      $(".stadsnod-socket").toggle(connection.val() !== "https");
      $(".stadsnod-https").toggle(connection.val() === "https");
    };
    connection.on("change", show);
    show();
    $("#stadsnod-test").on("click", () => void test(this.id, words));
  },
});

async function test(id: string, words: Words): Promise<void> {
  const field = (name: string) => String($(`#node-config-input-${name}`).val() ?? "");
  const settings = {
    id,
    connection: field("connection"),
    socket: field("socket"),
    url: field("url"),
    fingerprint: field("fingerprint"),
    token: field("token"),
  };
  const found = $("#stadsnod-found").show().text(words("common.loading"));
  try {
    const { gateway, version, devices } = await post<TestAnswer>("stadsnod/test", settings);
    found.text(words("found.gateway", { gateway, version, devices }));
  } catch (error) {
    found.text(words("found.nothing", { message: error instanceof Error ? error.message : String(error) }));
  }
}
