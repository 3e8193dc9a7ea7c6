import { countOutputs, isDuration, logicColor } from "../editor/logic.ts";
import { topicOffers } from "../editor/pick.ts";
import { red, type Words } from "../editor/red.ts";
import { Combination, type Term } from "./combination.ts";

interface WrittenTerm {
  name: string;
  topic: string;
  type: string;
  maxAge: string;
}

interface CombineFields {
  name: string;
  terms: WrittenTerm[];
  expression: string;
  topic: string;
  unit: string;
  onChange: boolean;
  quality: string;
  outputs: number;
}

red.nodes.registerType<CombineFields>("stadsnod-combine", {
  category: "stadsnod",
  color: logicColor,
  icon: "stadsnod-combine.svg",
  defaults: {
    name: { value: "" },
    terms: {
      value: [],
      validate: (terms: unknown) => Array.isArray(terms) && terms.every(({ maxAge }) => isDuration(maxAge)),
    },
    expression: {
      value: "",
      required: true,
      validate(text: string) {
        return problemOf(text, this.terms) === undefined;
      },
    },
    topic: { value: "" },
    unit: { value: "" },
    onChange: { value: false },
    quality: { value: "all" },
    outputs: { value: 1 },
  },
  inputs: 1,
  outputs: 1,
  paletteLabel() {
    return this._("label.palette");
  },
  label() {
    return this.name || this.expression || this._("label.palette");
  },
  labelStyle() {
    return this.name ? "node_label_italic" : "";
  },
  outputLabels(index: number) {
    return this._(index === 0 ? "output.value" : "output.bad");
  },
  oneditprepare() {
    const words: Words = (key, values) => this._(key, values);
    const offerTopics = topicOffers(words);
    const check = () => {
      const text = String($("#node-input-expression").val() ?? "");
      $("#stadsnod-problem").text(text === "" ? "" : (problemOf(text, writtenTerms()) ?? ""));
    };
    $("#stadsnod-terms")
      .css({ minHeight: "120px" })
      .editableList({
        removable: true,
        sortable: true,
        addItem: (row, _index, term) => offerTopics(addTerm(row, term as Partial<WrittenTerm>, words, check)),
        removeItem: check,
      });
    for (const term of this.terms) $("#stadsnod-terms").editableList("addItem", term);
    $("#node-input-expression").on("input", check);
    check();
  },
  oneditsave() {
    this.terms = writtenTerms();
    countOutputs("quality", "route");
  },
});

/** What is wrong with an expression over these points, in the words of the language. */
function problemOf(text: string, terms: readonly WrittenTerm[]): string | undefined {
  try {
    new Combination(text, terms.map(termOf));
    return undefined;
  } catch (error) {
    if (!(error instanceof Error)) return String(error);
    const hint: unknown = Reflect.get(error, "hint");
    return typeof hint === "string" ? `${error.message} (${hint})` : error.message;
  }
}

function termOf({ name, topic, type }: WrittenTerm): Term {
  return { name, topic, type: type === "boolean" || type === "text" ? type : "number", maxAgeMs: undefined };
}

function addTerm(row: JQuery, term: Partial<WrittenTerm>, words: Words, changed: () => void): JQuery {
  const line = $("<div>").css({ display: "flex", gap: "6px" }).appendTo(row);
  const field = (name: keyof WrittenTerm, grow: number, value: string) =>
    $("<input>", { type: "text", class: `stadsnod-${name}`, placeholder: words(`placeholder.${name}`) })
      .css({ flex: `${grow} 1 0`, minWidth: 0 })
      .val(value)
      .on("input", changed)
      .appendTo(line);
  field("name", 1, term.name ?? "");
  const topic = field("topic", 3, term.topic ?? "").on("change", changed);
  const type = $("<select>", { class: "stadsnod-type" }).css({ flex: "1.5 1 0", minWidth: 0 }).appendTo(line);
  for (const kind of ["number", "boolean", "text"])
    $("<option>", { value: kind })
      .text(words(`type.${kind}`))
      .appendTo(type);
  type.val(term.type ?? "number").on("change", changed);
  field("maxAge", 1.5, term.maxAge ?? "");
  return topic;
}

function writtenTerms(): WrittenTerm[] {
  const rows = $("#stadsnod-terms").editableList("items");
  return rows.toArray().map((row) => {
    const text = (name: string) => String($(row).find(`.stadsnod-${name}`).val() ?? "").trim();
    return { name: text("name"), topic: text("topic"), type: text("type"), maxAge: text("maxAge") };
  });
}
