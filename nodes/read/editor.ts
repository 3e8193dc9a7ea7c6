import { pickPoint } from "../editor/pick.ts";
import { red } from "../editor/red.ts";

red.nodes.registerType("stadsnod-read", {
  category: "stadsnod",
  color: "#9FD6C2",
  icon: "stadsnod-read.svg",
  defaults: {
    name: { value: "" },
    gateway: { value: "", type: "stadsnod-gateway", required: true },
    device: { value: "" },
    point: { value: "" },
    what: { value: "latest" },
    minutes: { value: 60, validate: (text: string) => Number(text) > 0 },
    limit: { value: 1000, validate: (text: string) => Number(text) >= 1 && Number(text) <= 5000 },
    quality: { value: "all" },
    outputs: { value: 1 },
  },
  inputs: 1,
  outputs: 1,
  paletteLabel() {
    return this._("label.palette");
  },
  label() {
    return this.name || (this.device ? `${this.device}/${this.point}` : this._("label.palette"));
  },
  labelStyle() {
    return this.name ? "node_label_italic" : "";
  },
  outputLabels(index: number) {
    return this._(index === 0 ? "output.answer" : "output.bad");
  },
  oneditprepare() {
    pickPoint({ words: (key, values) => this._(key, values) });
    const what = $("#node-input-what");
    const show = () => {
      $(".stadsnod-history").toggle(what.val() === "history");
      $(".stadsnod-single").toggle(what.val() !== "history");
    };
    what.on("change", show);
    show();
  },
  oneditsave() {
    const isRouted = $("#node-input-quality").val() === "route" && $("#node-input-what").val() !== "history";
    $("#node-input-outputs").val(isRouted ? 2 : 1);
  },
});
