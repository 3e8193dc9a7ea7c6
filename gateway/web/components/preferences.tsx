import { language, languages, theme, themes } from "../preferences.ts";
import { words } from "../text/text.ts";
import { Choices } from "./field.tsx";

/** Language and appearance, kept in this browser. */
export function Preferences() {
  const { settings } = words.value;
  return (
    <div class="alone-foot">
      <Choices
        label={settings.language}
        value={language.value}
        choose={(chosen) => {
          language.value = languages.find((one) => one === chosen) ?? "en";
        }}
        choices={languages.map((value) => ({ value, text: settings.languages[value] }))}
      />
      <Choices
        label={settings.theme}
        value={theme.value}
        choose={(chosen) => {
          theme.value = themes.find((one) => one === chosen) ?? "system";
        }}
        choices={themes.map((value) => ({ value, text: settings.themes[value] }))}
      />
    </div>
  );
}
